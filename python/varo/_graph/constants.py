# SPDX-License-Identifier: Apache-2.0
"""Constants: numbers and arrays with an element type."""

from __future__ import annotations

from typing import Any, Optional

import numpy as np

from .._dtypes import DALIDataType, as_type, constant_array, to_dali_type, to_numpy_type
from .current import current
from .declare import call, constant
from .node import DataNode
from .subscript import subscript_steps
from .values import ConstantValue


class ScalarConstant(ConstantValue):
    """A number with an element type, for arithmetic with nodes and for arguments."""

    def __init__(self, value: Any, dtype: Any = None) -> None:
        if dtype is None:
            kind = DALIDataType.BOOL if isinstance(value, (bool, np.bool_)) else (
                DALIDataType.INT32 if isinstance(value, (int, np.integer)) else DALIDataType.FLOAT)
            dtype = kind
        self.value = as_type(np.asarray(value), to_numpy_type(dtype)).item()
        self.dtype = DALIDataType(dtype)
        self.shape = []

    array = property(lambda self: np.asarray(self.value, to_numpy_type(self.dtype)))

    def as_argument(self):
        return self.value

    def _apply(self, op, inputs, kwargs):
        return call(op, inputs, kwargs)

    def __repr__(self):
        return f"ScalarConstant({self.value}, {self.dtype.name})"

    def __float__(self):
        return float(self.value)

    def __int__(self):
        return int(self.value)

    def __bool__(self):
        return bool(self.value)


class ArrayConstant(ConstantValue):
    """An array with an element type and axis letters, made before there is a pipeline to hold it."""

    __array_ufunc__ = None

    def __init__(self, array, layout, device=None):
        self.array, self.dtype, self.layout, self.device = array, to_dali_type(array.dtype), layout, device

    def _apply(self, op, inputs, kwargs):
        return call(op, inputs, kwargs)

    def __getitem__(self, index):
        out = self
        for op, args in subscript_steps(index, DataNode):
            out = call(op, [out], args)
        return out

    def __array__(self, dtype=None):
        return self.array if dtype is None else self.array.astype(dtype)

    def gpu(self):
        return ArrayConstant(self.array, self.layout, "gpu")

    def cpu(self):
        return ArrayConstant(self.array, self.layout, "cpu")

    def __repr__(self):
        return f"ArrayConstant({self.array!r})"


def Constant(value: Any, dtype: Any = None, shape: Any = None, layout: Optional[str] = None, device: Optional[str] = None,
             **kwargs: Any) -> Any:
    """A constant: a ScalarConstant for a plain number, else a node whose samples are all `value`.

    Lists become FLOAT if they hold a float, else INT32, or BOOL if all are bool. Arrays keep their
    dtype except float64 -> FLOAT, int64 -> INT32 and uint64 -> UINT32.
    """
    if np.ndim(value) == 0 and not shape and layout is None and device is None and not isinstance(value, np.ndarray):
        return ScalarConstant(value, dtype)
    array, pipeline = constant_array(value, dtype, shape), current()
    return ArrayConstant(array, layout, device) if pipeline is None else constant(pipeline, array, layout, device)
