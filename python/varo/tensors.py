# SPDX-License-Identifier: Apache-2.0
"""Tensors and lists of tensors."""

from ._core import TensorCPU, TensorListCPU

__all__ = ["TensorCPU", "TensorListCPU"]
