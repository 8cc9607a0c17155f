# SPDX-License-Identifier: Apache-2.0
"""Element types, interpolation kinds, and the arrays that constants are made of: what the graph knows of varo.types."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np

from .errors import ArgumentTypeError, ParamError


class NamedInt(enum.IntEnum):
    """Members that print their names."""

    def __str__(self):
        return f"{type(self).__name__}.{self.name}"

    __repr__ = __str__

    def __format__(self, spec):
        return format(str(self) if not spec or spec[-1] in "s<>^0123456789" else int(self), spec)


class DALIDataType(NamedInt):
    """Element types. UINT8 is 0, ..., BOOL is 11."""

    NO_TYPE = -1
    UINT8 = 0
    UINT16 = 1
    UINT32 = 2
    UINT64 = 3
    INT8 = 4
    INT16 = 5
    INT32 = 6
    INT64 = 7
    FLOAT16 = 8
    FLOAT = 9
    FLOAT64 = 10
    BOOL = 11
    STRING = 12


class DALIInterpType(NamedInt):
    """How values between voxels are found. INTERP_BSPLINE is Varo's own, the others are DALI's."""

    INTERP_NN = 0
    INTERP_LINEAR = 1
    INTERP_CUBIC = 2
    INTERP_LANCZOS3 = 3
    INTERP_TRIANGULAR = 4
    INTERP_GAUSSIAN = 5
    INTERP_BSPLINE = 6


_NUMPY_NAMES = {
    DALIDataType.UINT8: "uint8",
    DALIDataType.UINT16: "uint16",
    DALIDataType.UINT32: "uint32",
    DALIDataType.UINT64: "uint64",
    DALIDataType.INT8: "int8",
    DALIDataType.INT16: "int16",
    DALIDataType.INT32: "int32",
    DALIDataType.INT64: "int64",
    DALIDataType.FLOAT16: "float16",
    DALIDataType.FLOAT: "float32",
    DALIDataType.FLOAT64: "float64",
    DALIDataType.BOOL: "bool",
}
_FROM_NUMPY = {name: dtype for dtype, name in _NUMPY_NAMES.items()}


def to_numpy_type(dtype: int) -> type:
    """The NumPy scalar type of an element type."""
    try:
        return np.dtype(_NUMPY_NAMES[DALIDataType(dtype)]).type
    except (KeyError, ValueError):
        raise ParamError(f"{dtype!r} has no NumPy type") from None


def to_dali_type(framework_type: Any) -> DALIDataType:
    """The element type of a NumPy or torch dtype."""
    name = str(framework_type)
    if name.startswith("torch."):
        name = name[len("torch."):]
    else:
        name = np.dtype(framework_type).name
    try:
        return _FROM_NUMPY[name]
    except KeyError:
        raise ParamError(f"{framework_type!r} has no element type in Varo") from None


def numpy_of(tensor):
    """The NumPy array of a torch tensor."""
    tensor = tensor.detach().cpu()
    try:
        return tensor.numpy()
    except TypeError:
        raise ArgumentTypeError(f"a tensor of {tensor.dtype} has no element type in Varo\n"
                                "  try      tensor.float(), or another type") from None


def element_type(value):
    """`value` of an argument dtype, with NumPy's and torch's types as Varo's."""
    if isinstance(value, (type, np.dtype)) or type(value).__module__ == "torch":
        return int(to_dali_type(value))
    return value


def as_type(array, dtype):
    """`array` as `dtype`, which must hold its integers."""
    if array.dtype.kind == "O":
        raise ArgumentTypeError(f"a constant cannot hold {type(array.flat[0]).__name__}")
    if array.dtype.kind in "iu" and np.dtype(dtype).kind in "iu" and array.size:
        limits = np.iinfo(dtype)
        for number in (int(array.min()), int(array.max())):
            if not limits.min <= number <= limits.max:
                raise ParamError(f"the constant {number} is no {np.dtype(dtype).name}\n"
                                 f"  allowed  {limits.min} to {limits.max}\n"
                                 "  try      an external_source of int64, or a float constant")
    return array.astype(dtype)


def constant_array(value, dtype=None, shape=None):
    """`value` as the array that Constant's rules make of it."""
    array = value
    if hasattr(array, "detach"):
        array = numpy_of(array)
    was_array = hasattr(array, "dtype")
    array = np.asarray(array)
    if dtype is not None:
        array = as_type(array, to_numpy_type(dtype))
    elif was_array:
        narrow = {"float64": np.float32, "int64": np.int32, "uint64": np.uint32}
        array = as_type(array, narrow.get(array.dtype.name, array.dtype))
    elif array.dtype.kind == "f" or array.size == 0:
        array = array.astype(np.float32)
    elif array.dtype.kind in "iu":
        array = as_type(array, np.int32)
    elif array.dtype.kind != "b":
        raise ArgumentTypeError(f"a constant cannot hold {array.dtype}")
    if shape is not None:
        shape = tuple(shape) if np.ndim(shape) else (int(shape),)
        array = np.broadcast_to(array, shape) if array.size == 1 else array.reshape(shape)
    return array
