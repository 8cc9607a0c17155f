# SPDX-License-Identifier: Apache-2.0
import numpy as np

from case import Case, ErrorCase, noise

NUMBERS = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float32", "float64", "bool")


def reference(data, axis=None, axis_name=None, keep_dims=False, dtype="int32", layout=""):
    axis = layout.index(axis_name) if axis_name else axis
    return np.argmax(data, axis, keepdims=keep_dims).astype(dtype)


HOLES = np.array([[1, np.nan, 3], [np.inf, 2, np.nan]], np.float32)

CASES = [
    Case("labels of channels", "reductions.argmax", [noise(3, 5, 6, 7)], ["CDHW"], dict(axis_name="C"), reference,
         dtypes=NUMBERS, docs=True),
    Case("channels last", "reductions.argmax", [noise(5, 6, 4)], ["HWC"], dict(axis=-1), reference),
    Case("the axis in the middle", "reductions.argmax", [noise(5, 9, 3, dtype="int16")], [""], dict(axis=1), reference),
    Case("it stays", "reductions.argmax", [noise(3, 4, 5)], ["CHW"], dict(axis=0, keep_dims=True), reference),
    Case("as bytes", "reductions.argmax", [noise(4, 700)], ["CW"], dict(axis=0, dtype="uint8"), reference),
    Case("rows longer than a piece", "reductions.argmax", [noise(2, 3, 1300)], [""], dict(axis=0), reference),
    Case("a row", "reductions.argmax", [noise(9)], [""], dict(axis=0), reference),
    Case("the first of equals", "reductions.argmax", [np.zeros((3, 4), np.float32)], [""], dict(axis=0), reference),
    Case("nan is the largest", "reductions.argmax", [HOLES], [""], dict(axis=0), reference),
    Case("the first nan", "reductions.argmax", [HOLES], [""], dict(axis=1), reference),
    Case("no results", "reductions.argmax", [noise(3, 0, 4)], [""], dict(axis=0), reference),
    Case("nothing of nothing", "reductions.argmax", [noise(0, 0, 4)], [""], dict(axis=0),
         lambda data, axis: np.zeros((0, 4), np.int32)),
    ErrorCase("nothing to choose from", "reductions.argmax", [noise(0, 4)], ["CW"], dict(axis=0), "ShapeError", ["C", "0", "1"]),
    ErrorCase("axis out of range", "reductions.argmax", [noise(3, 4)], [""], dict(axis=2), "ParamError", ["axis 2", "-2 to 1"]),
    ErrorCase("a letter that is not there", "reductions.argmax", [noise(3, 4)], ["HW"], dict(axis_name="C"), "LayoutError",
              ["C", "HW"]),
    ErrorCase("no axis", "reductions.argmax", [noise(3, 4)], [""], {}, "ParamError", ["axis", "axis_name"]),
    ErrorCase("positions as floats", "reductions.argmax", [noise(3, 4)], [""], dict(axis=0, dtype="float32"), "ParamError",
              ["float32", "integer"]),
    ErrorCase("too many for bytes", "reductions.argmax", [noise(300)], [""], dict(axis=0, dtype="uint8"), "ParamError",
              ["uint8", "300"]),
]
