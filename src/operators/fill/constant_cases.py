# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import ALL, Case, ErrorCase, ramp


def uniform(value):
    return lambda shape=(), dtype="int32", layout="": np.full(shape, value, dtype)


def uniform_like(value):
    return lambda data, dtype=None, layout="": np.full(data.shape, value, dtype or data.dtype)


def full(fill, shape=None, dtype=None, layout=""):
    return np.broadcast_to(fill, fill.shape if shape is None else shape).astype(dtype or fill.dtype)


def full_like(data, fill, dtype=None, layout=""):
    return np.broadcast_to(fill, data.shape).astype(dtype or data.dtype)


def constant(fdata=None, idata=None, shape=None, dtype=None, layout=None):
    values = np.atleast_1d(np.array(idata if fdata is None else fdata))
    values = values.astype(dtype or ("int32" if fdata is None else "float32"))
    if shape is None:
        return values
    return np.full(shape, values[0]) if values.size == 1 else values.reshape(shape)


CASES = [
    Case("zeros", "zeros", [], [], dict(shape=(2, 3)), uniform(0), docs=True),
    Case("zeros, a scalar", "zeros", [], [], {}, uniform(0)),
    Case("zeros of a type", "zeros", [], [], dict(shape=(2, 0, 3), dtype="float16"), uniform(0)),
    Case("ones", "ones", [], [], dict(shape=4), uniform(1), docs=True),
    *[Case(f"ones of {t}", "ones", [], [], dict(shape=(5, 7), dtype=t), uniform(1)) for t in ALL],
    Case("zeros like a volume", "zeros_like", [ramp(2, 3, 4)], ["DHW"], {}, uniform_like(0), dtypes=ALL, docs=True),
    Case("ones like a volume", "ones_like", [ramp(2, 3, 4)], ["DHW"], {}, uniform_like(1), dtypes=ALL),
    Case("ones like, of another type", "ones_like", [ramp(2, 3, 4)], ["DHW"], dict(dtype="uint8"), uniform_like(1)),
    Case("full", "full", [np.array(2.5, np.float32)], [""], dict(shape=(2, 3)), full, dtypes=ALL, docs=True),
    Case("full, of another type", "full", [np.array(300.0, np.float64)], [""], dict(shape=(2, 3), dtype="int16"), full),
    Case("full, a row repeated", "full", [ramp(3)], [""], dict(shape=(2, 3)), full),
    Case("full, a column repeated", "full", [ramp(2, 1)], [""], dict(shape=(2, 3)), full),
    Case("full, of the value's own shape", "full", [ramp(2, 3)], ["HW"], {}, full, dtypes=ALL),
    Case("zeros with letters", "zeros", [], [], dict(shape=(2, 3), layout="HW"), uniform(0)),
    Case("ones with other letters", "ones_like", [ramp(2, 3)], ["HW"], dict(layout="DW"), uniform_like(1)),
    Case("full with letters", "full", [ramp()], [""], dict(shape=(2, 3), layout="HW"), full),
    Case("full, a scalar", "full", [ramp()], [""], {}, full),
    Case("full like", "full_like", [ramp(2, 3), np.array(7, np.int32)], ["HW", ""], {}, full_like, docs=True),
    Case("full like, of another type", "full_like", [ramp(2, 3), np.array(7, np.int32)], ["HW", ""], dict(dtype="int64"), full_like),
    Case("whole numbers", "constant", [], [], dict(idata=[1, 2, 3]), constant, docs=True),
    Case("real numbers in a shape", "constant", [], [], dict(fdata=[1.5, 2, 3, 4], shape=(2, 2), layout="HW"), constant),
    Case("one for all", "constant", [], [], dict(idata=7, shape=(2, 3), dtype="uint8"), constant),
    ErrorCase("negative extent", "zeros", [], [], dict(shape=(2, -3)), "ShapeError", ["-3", "at least 0"]),
    ErrorCase("too many axes", "ones", [], [], dict(shape=[1] * 9), "ShapeError", ["9", "8"]),
    ErrorCase("does not broadcast", "full", [ramp(2)], [""], dict(shape=(2, 3)), "ShapeError", ["[2]", "[2, 3]"]),
    ErrorCase("does not broadcast to the like", "full_like", [ramp(2, 3), ramp(3, 2)], ["", ""], {}, "ShapeError", ["[3, 2]", "[2, 3]"]),
    ErrorCase("a letter too few", "zeros", [], [], dict(shape=(2, 3), layout="W"), "LayoutError", ['"W"', "2 letters"]),
    ErrorCase("a letter too many", "full", [ramp(2)], [""], dict(layout="HW"), "LayoutError", ['"HW"', "1 letters"]),
    ErrorCase("a letter twice", "ones", [], [], dict(shape=(2, 3), layout="WW"), "LayoutError", ['"WW"', "once"]),
    ErrorCase("no values", "constant", [], [], {}, "ParamError", ["fdata", "idata"]),
    ErrorCase("both kinds of values", "constant", [], [], dict(fdata=1.0, idata=1), "ParamError", ["fdata, idata"]),
    ErrorCase("too few values", "constant", [], [], dict(idata=[1, 2, 3], shape=(2, 2)), "ShapeError", ["3 values", "4"]),
    ErrorCase("too few letters", "constant", [], [], dict(idata=[1, 2, 3], layout="HW"), "LayoutError", ['"HW"', "1 letters"]),
]
