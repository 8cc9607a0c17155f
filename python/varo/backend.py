# SPDX-License-Identifier: Apache-2.0
"""What programs look up in DALI's module of this name."""

from ._core import TensorCPU, TensorListCPU

__cuda_version__ = 0  # built without CUDA

__all__ = ["TensorCPU", "TensorListCPU"]
