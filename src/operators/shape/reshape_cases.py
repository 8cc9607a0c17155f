# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import ALL, Case, ErrorCase, ramp


def reference(data, shape_input=None, shape=None, rel_shape=None, src_dims=None, layout=None, dtype=None):
    flat = np.ascontiguousarray(data)
    source = data.shape if src_dims is None else [1 if d < 0 else data.shape[d] for d in np.atleast_1d(src_dims)]
    target = shape_input if shape_input is not None else shape
    if target is None:
        target = source
        if rel_shape is not None:
            source = [*source, 1]
            target = [-1 if r < 0 else int(np.floor(r * n + 0.5)) for r, n in zip(np.atleast_1d(rel_shape), source)]
        elif dtype is not None:
            return flat.view(dtype)
    if dtype is not None:
        flat = flat.view(np.uint8).reshape(-1).view(dtype)
    return flat.reshape(tuple(int(n) for n in np.atleast_1d(target)))


CASES = [
    Case("to one axis", "reshape", [ramp(2, 3, 4)], ["DHW"], dict(shape=24), reference, dtypes=ALL, docs=True),
    Case("one extent follows", "reshape", [ramp(2, 3, 4)], ["DHW"], dict(shape=(4, -1)), reference),
    Case("letters only", "reshape", [ramp(2, 3, 4)], [""], dict(layout="DHW"), reference, docs=True),
    Case("letters removed", "reshape", [ramp(2, 3)], ["HW"], dict(layout=""), reference),
    Case("shape and letters", "reshape", [ramp(2, 12)], [""], dict(shape=(2, 3, 4), layout="DHW"), reference),
    Case("shape as an input", "reshape", [ramp(2, 3, 4), np.array([6, 4], np.int64)], ["DHW", ""], {}, reference),
    Case("relative", "reshape", [ramp(2, 3, 4)], [""], dict(rel_shape=(1, 0.34, 3)), reference),
    Case("relative, one follows", "reshape", [ramp(2, 3, 4)], [""], dict(rel_shape=(0.5, -1)), reference),
    Case("relative, one more that follows", "reshape", [ramp(4, 6)], [""], dict(rel_shape=(0.5, 1, -1)), reference),
    Case("extents by axis, a new one", "reshape", [ramp(2, 1, 4)], [""], dict(src_dims=(0, -1, 2)), reference),
    Case("extents by axis, one left out", "reshape", [ramp(2, 1, 4)], [""], dict(src_dims=(0, 2)), reference),
    Case("relative extents by axis", "reshape", [ramp(2, 3, 4)], [""], dict(src_dims=(1, 0, 2), rel_shape=(1, 0.5, 2)), reference),
    Case("to a scalar", "reshape", [ramp(1, 1)], [""], dict(shape=[]), reference),
    Case("empty", "reshape", [ramp(0, 3)], [""], dict(src_dims=(1, 0)), reference),
    Case("bytes as floats", "reinterpret", [ramp(2, 3, 8, dtype="uint8")], ["DHW"], dict(dtype="float32"), reference, docs=True),
    Case("floats as bytes", "reinterpret", [ramp(2, 3)], ["HW"], dict(dtype="uint8"), reference),
    Case("another type of the same size", "reinterpret", [ramp(2, 3)], ["HW"], dict(dtype="int32"), reference),
    Case("type and shape", "reinterpret", [ramp(2, 6, dtype="int16")], [""], dict(dtype="int32", shape=(3, -1)), reference),
    Case("letters only, no other type", "reinterpret", [ramp(2, 6)], [""], dict(layout="HW"), reference),
    ErrorCase("another number of elements", "reshape", [ramp(2, 3, 4)], [""], dict(shape=(5, 5)), "ShapeError", ["[5, 5]", "24 elements"]),
    ErrorCase("not divisible", "reshape", [ramp(2, 3, 4)], [""], dict(shape=(5, -1)), "ShapeError", ["[5, -1]", "24 elements"]),
    ErrorCase("two follow", "reshape", [ramp(2, 3)], [""], dict(shape=(-1, -1)), "ParamError", ["2 negative", "at most 1"]),
    ErrorCase("extent 0", "reshape", [ramp(2, 3)], [""], dict(shape=(0, -1)), "ParamError", ["[0, -1]", "at least 1"]),
    Case("one that follows is 0", "reshape", [ramp(0, 6)], [""], dict(shape=(2, -1, 3)), lambda data, **_: data.reshape(2, 0, 3)),
    ErrorCase("one that follows from 0", "reshape", [ramp(0, 3), np.array([0, -1])], ["", ""], {}, "ShapeError", ["[0, -1]", "beside a 0"]),
    ErrorCase("one that follows from 0 times an extent", "reshape", [ramp(0, 3)], [""], dict(rel_shape=(1, -1)), "ShapeError",
              ["[0, -1]", "beside a 0"]),
    ErrorCase("a letter twice", "reshape", [ramp(2, 3)], [""], dict(layout="WW"), "LayoutError", ['"WW"', "once"]),
    ErrorCase("nothing said", "reshape", [ramp(2, 3)], [""], {}, "ParamError", ["data alone", "rel_shape"]),
    ErrorCase("shape and rel_shape", "reshape", [ramp(2, 3)], [""], dict(shape=6, rel_shape=[1.0]), "ParamError", ["shape, rel_shape"]),
    ErrorCase("shape and an input", "reshape", [ramp(2, 3), np.array([6])], ["", ""], dict(shape=6), "ParamError", ["an input and shape"]),
    ErrorCase("rel_shape too long", "reshape", [ramp(2, 3)], [""], dict(rel_shape=(1, 1, 1)), "ShapeError", ["3 values", "2"]),
    ErrorCase("src_dims out of range", "reshape", [ramp(2, 3)], [""], dict(src_dims=(0, 2)), "ParamError", ["2", "0 to 1"]),
    ErrorCase("too few letters", "reshape", [ramp(2, 3)], [""], dict(layout="DHW"), "LayoutError", ["DHW", "2 letters"]),
    ErrorCase("not whole elements", "reinterpret", [ramp(2, 3, dtype="uint8")], [""], dict(dtype="float32"), "ShapeError",
              ["3 bytes", "multiple of 4"]),
    ErrorCase("another number of bytes", "reinterpret", [ramp(2, 4, dtype="uint8")], [""], dict(dtype="float32", shape=3), "ShapeError",
              ["[3] of float32", "2 elements"]),
]
