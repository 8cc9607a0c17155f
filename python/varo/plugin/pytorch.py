# SPDX-License-Identifier: Apache-2.0
"""Batches as torch tensors, without a copy.

GenericIterator, ClassificationIterator and RaggedIterator are also here under DALI's names.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence

import torch

try:  # what torch.from_dlpack ends in
    from torch._C import _from_dlpack as _from_capsule
except ImportError:
    _from_capsule = torch.from_dlpack

from .. import types
from .._core import TensorCPU, TensorListCPU, dlpack_of
from ..errors import ArgumentTypeError, ParamError, ShapeError
from .._graph.functions import declare_function
from .base_iterator import BaseIterator, LastBatchPolicy

_TORCH = {
    types.UINT8: torch.uint8, types.INT8: torch.int8, types.INT16: torch.int16, types.INT32: torch.int32,
    types.INT64: torch.int64, types.FLOAT16: torch.float16, types.FLOAT: torch.float32,
    types.FLOAT64: torch.float64, types.BOOL: torch.bool,
}

# torch's DLPack refuses bool.
_DLPACK = tuple(t for t in _TORCH if t != types.BOOL)
_DLPACK_BITS = sum(1 << int(t) for t in _DLPACK)

to_torch_type = dict(_TORCH)


def _to_torch(tensor, what):
    """A torch tensor on the memory of a TensorCPU."""
    dtype = tensor.dtype
    if dtype not in _TORCH:
        raise ArgumentTypeError(f"output {what!r} is {types.to_numpy_type(dtype).__name__}, which torch does not have; "
                                "use fn.cast in the pipeline")
    if dtype == types.BOOL:
        return torch.from_dlpack(TensorCPU(tensor).reinterpret(types.UINT8)).view(torch.bool)
    return torch.from_dlpack(tensor)


def torch_python_function(*inputs, function, num_outputs=1, batch_processing=False, output_layouts=None, device="cpu", name=None,
                          preserve=False, bytes_per_sample_hint=None):
    """varo.fn.python_function with torch CPU tensors instead of NumPy arrays; also fn.torch_python_function here.

    Of the element types those that torch has. The tensors are the function's own, and what it returns may be
    torch tensors (detached, copied to the host where they are elsewhere) or arrays.
    """
    return declare_function(lambda tensor: _to_torch(tensor, "torch_python_function"), inputs, function, num_outputs,
                            batch_processing, output_layouts, device, name)


fn = SimpleNamespace(torch_python_function=torch_python_function)


def feed_ndarray(dali_tensor, arr, cuda_stream=None, non_blocking=False):
    """Copies a TensorCPU or dense TensorListCPU into the torch tensor `arr` of the same shape and dtype."""
    source = dali_tensor if isinstance(dali_tensor, TensorCPU) else dali_tensor.as_tensor()
    if list(arr.shape) != list(source.shape()) or arr.dtype != _TORCH.get(source.dtype):
        raise ShapeError(f"feed_ndarray: the tensors differ\n  got      {tuple(arr.shape)} {arr.dtype}\n"
                         f"  allowed  {tuple(source.shape())} {types.to_numpy_type(source.dtype).__name__}")
    arr.copy_(_to_torch(source, "feed_ndarray"))
    return arr


class GenericIterator(BaseIterator):
    """Iterates over pipelines; a step is a list with one dict a pipeline: {name: tensor [batch, ...]}.

    pipelines           a Pipeline, or a list of them that step together
    output_map          a name for each pipeline output
    size                samples in an epoch; -1: until the pipeline ends (see reader_name)
    reader_name         the reader whose data set makes the epoch
    auto_reset          True or "yes": the next epoch begins by itself after StopIteration
    last_batch_padded   with size: the pipeline repeats samples to fill the last batch
    last_batch_policy   LastBatchPolicy
    prepare_first_batch the first batch is made when the iterator is

    All samples of a batch must have one shape. uint16, uint32 and uint64 have no torch type here.
    """

    def __init__(self, pipelines: Any, output_map: Sequence[str], size: int = -1, reader_name: Optional[str] = None,
                 auto_reset: Any = False, fill_last_batch: Optional[bool] = None, dynamic_shape: Any = False,
                 last_batch_padded: bool = False, last_batch_policy: LastBatchPolicy = LastBatchPolicy.FILL,
                 prepare_first_batch: bool = True) -> None:
        self._names = list(output_map)
        if len(set(self._names)) != len(self._names):
            raise ParamError(f"output_map has a name twice: {self._names}")
        super().__init__(pipelines, size, reader_name, auto_reset, fill_last_batch, last_batch_padded, last_batch_policy,
                         prepare_first_batch)
        for pipe in self._pipes:
            if pipe.num_outputs != len(self._names):
                raise ParamError(f"output_map has {len(self._names)} names for {pipe.num_outputs} outputs")

    if TYPE_CHECKING:
        def __iter__(self) -> GenericIterator:
            ...

        def __next__(self) -> List[Dict[str, torch.Tensor]]:
            ...

    _dlpack_types = _DLPACK

    def _tensor(self, name, batch):
        capsule = dlpack_of(batch, _DLPACK_BITS)
        if capsule is not None:
            return _from_capsule(capsule)
        shapes = set(batch.shape())
        if len(shapes) > 1:
            raise ShapeError(f"the samples of output {name!r} have different shapes\n  got      "
                             + ", ".join(str(s) for s in sorted(shapes)[:4])
                             + "\n  try      fn.pad or fn.crop in the pipeline, or RaggedIterator")
        return _to_torch(batch.as_tensor(), name)

    def _convert(self, outputs, kept):
        # Loops rather than comprehensions: where the consumer has slept, each further function takes microseconds.
        step = []
        for batches in outputs:
            named = {}
            for name, batch in zip(self._names, batches):
                named[name] = self._tensor(name, batch) if type(batch) is TensorListCPU else _from_capsule(batch)
            step.append(named)
        if kept is not None:
            step = [{name: tensor[:n] for name, tensor in named.items()} for named, n in zip(step, kept)]
        return step


class ClassificationIterator(GenericIterator):
    """GenericIterator whose outputs are named "data" and "label"."""

    def __init__(self, pipelines, size=-1, reader_name=None, auto_reset=False, fill_last_batch=None, dynamic_shape=False,
                 last_batch_padded=False, last_batch_policy=LastBatchPolicy.FILL, prepare_first_batch=True):
        super().__init__(pipelines, ["data", "label"], size, reader_name, auto_reset, fill_last_batch, dynamic_shape,
                         last_batch_padded, last_batch_policy, prepare_first_batch)


class RaggedIterator(GenericIterator):
    """GenericIterator for outputs whose samples differ in shape.

    output_types  for each output DENSE_TAG (one tensor) or SPARSE_LIST_TAG (a list of tensors)
    """

    DENSE_TAG = "dense"
    SPARSE_LIST_TAG = "list"
    SPARSE_COO_TAG = "coo"

    def __init__(self, pipelines, output_map, size=-1, reader_name=None, output_types=None, *args, **kwargs):
        output_types = list(output_types) if output_types is not None else [self.DENSE_TAG] * len(output_map)
        if len(output_types) != len(output_map):
            raise ParamError(f"output_types has {len(output_types)} entries for {len(output_map)} outputs")
        if self.SPARSE_COO_TAG in output_types:
            raise ParamError("SPARSE_COO_TAG is not supported yet; use SPARSE_LIST_TAG")
        self._kinds = dict(zip(output_map, output_types))
        if self.SPARSE_LIST_TAG in output_types:
            self._dlpack_types = ()
        super().__init__(pipelines, output_map, size, reader_name, *args, **kwargs)

    if TYPE_CHECKING:
        def __iter__(self) -> RaggedIterator:
            ...

        def __next__(self) -> List[Dict[str, Any]]:
            ...

    def _tensor(self, name, batch):
        if self._kinds[name] == self.DENSE_TAG:
            return super()._tensor(name, batch)
        return [_to_torch(batch[i], name) for i in range(len(batch))]


DALIGenericIterator = GenericIterator
DALIClassificationIterator = ClassificationIterator
DALIRaggedIterator = RaggedIterator
