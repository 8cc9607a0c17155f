# SPDX-License-Identifier: Apache-2.0
"""Varo: loads and augments volumes for deep learning, ahead of the training loop, from all cores.

    import varo
    from varo import fn, types

    @varo.pipeline_def(batch_size=2, num_threads=4, seed=1)
    def train():
        volume = fn.readers.nifti(file_root="data", random_shuffle=True, name="reader")
        volume = fn.rotate(volume, angle=fn.random.uniform(range=(-15, 15)), axis=(0, 0, 1), keep_size=True)
        return fn.cast(volume, dtype=types.FLOAT)

    volumes, = train().run()
"""

from . import errors, types
from ._core import PoolStats, pool_stats
from ._run.eager import as_tensor
from ._graph.loose import eager
from .data_node import DataNode, newaxis
from .errors import *  # noqa: F401,F403
from .pipeline import Pipeline, pipeline_def
from .tensors import TensorCPU, TensorListCPU
from . import backend, fn, math, ops

__version__ = "0.1.0"

__all__ = ["DataNode", "Pipeline", "PoolStats", "TensorCPU", "TensorListCPU", "as_tensor", "backend", "eager", "errors", "fn", "math",
           "newaxis", "ops", "pipeline_def", "pool_stats", "types", *errors.__all__]
