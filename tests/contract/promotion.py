# SPDX-License-Identifier: Apache-2.0
"""The types of results of arithmetic, written down pair by pair, for the references of cases."""

import numpy as np

_NAMES = "uint8 uint16 uint32 uint64 int8 int16 int32 int64 float32 float64 bool".split()
_TABLE = """
u8  u16 u32 u64 i16 i16 i32 i64 f32 f64 u8
u16 u16 u32 u64 i32 i32 i32 i64 f32 f64 u16
u32 u32 u32 u64 i64 i64 i64 i64 f32 f64 u32
u64 u64 u64 u64 i64 i64 i64 i64 f32 f64 u64
i16 i32 i64 i64 i8  i16 i32 i64 f32 f64 i8
i16 i32 i64 i64 i16 i16 i32 i64 f32 f64 i16
i32 i32 i64 i64 i32 i32 i32 i64 f32 f64 i32
i64 i64 i64 i64 i64 i64 i64 i64 f32 f64 i64
f32 f32 f32 f32 f32 f32 f32 f32 f32 f64 f32
f64 f64 f64 f64 f64 f64 f64 f64 f64 f64 f64
u8  u16 u32 u64 i8  i16 i32 i64 f32 f64 b
"""
_SHORT = dict(zip("u8 u16 u32 u64 i8 i16 i32 i64 f32 f64 b".split(), _NAMES))
_ROWS = [line.split() for line in _TABLE.split("\n") if line]

# What arithmetic accepts: everything but float16.
ARITHMETIC = tuple(_NAMES)
NUMBERS = ARITHMETIC[:-1]


def promoted(*dtypes):
    """The type that arithmetic on operands of these types computes in."""
    names = [np.dtype(d).name for d in dtypes]
    result = names[0]
    for name in names[1:]:
        result = _SHORT[_ROWS[_NAMES.index(result)][_NAMES.index(name)]]
    return np.dtype(result)


def real(*dtypes):
    """The type of functions over real numbers."""
    return np.dtype("float64") if promoted(*dtypes) == np.float64 else np.dtype("float32")
