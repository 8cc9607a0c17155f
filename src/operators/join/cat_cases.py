# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import ALL, Case, ErrorCase, ramp


def joined(*inputs, axis=0, axis_name=None, layout=""):
    axis = layout.index(axis_name) if axis_name else axis
    ndim = max((i for i in inputs), key=lambda i: i.size).ndim
    return np.concatenate([i for i in inputs if i.ndim == ndim], axis)


def stacked(*inputs, axis=0, axis_name=None):
    return np.stack(inputs, axis)


def typed(shape, dtype):
    return ramp(*shape, dtype=dtype)


CASES = [
    Case("along depth", "cat", [ramp(2, 3, 4), ramp(1, 3, 4)], ["DHW", "DHW"], {}, joined, docs=True),
    *[Case(f"channels of {t}", "cat", [typed((2, 3, 2), t), typed((2, 3, 1), t), typed((2, 3, 3), t)], ["HWC"] * 3, dict(axis=-1), joined)
      for t in ALL],
    Case("by letter", "cat", [ramp(2, 3, 4), ramp(2, 5, 4)], ["DHW", "DHW"], dict(axis_name="H"), joined),
    Case("one input", "cat", [ramp(2, 3)], ["HW"], {}, joined),
    Case("an input without elements", "cat", [ramp(2, 3), ramp(0), ramp(1, 3)], ["HW", "", "HW"], {}, joined),
    Case("an input of extent 0", "cat", [ramp(0, 3), ramp(2, 3)], ["", ""], {}, joined),
    Case("lines", "cat", [ramp(2), ramp(3), ramp(1)], ["", "", ""], {}, joined),
    Case("new axis first", "stack", [ramp(3, 4), ramp(3, 4) + 1], ["HW", "HW"], {}, stacked, docs=True),
    Case("new axis last", "stack", [ramp(3, 4), ramp(3, 4) + 1, ramp(3, 4) + 2], ["HW"] * 3, dict(axis=-1), stacked),
    Case("new axis in the middle, named", "stack", [ramp(3, 4), ramp(3, 4) + 1], ["DW", "DW"], dict(axis=1, axis_name="H"), stacked),
    Case("counted from the end", "stack", [ramp(3, 4), ramp(3, 4) + 1], ["", ""], dict(axis=-2), stacked),
    Case("scalars, named", "stack", [np.float32(3), np.float32(4)], ["", ""], dict(axis_name="C"), stacked),
    Case("one array", "stack", [ramp(3, 4)], ["HW"], dict(axis=1), stacked),
    Case("empty arrays", "stack", [ramp(0, 4), ramp(0, 4)], ["", ""], dict(axis=2), stacked),
    *[Case(f"stack of {t}", "stack", [typed((5, 3), t), typed((5, 3), t)], ["", ""], dict(axis=2), stacked) for t in ALL],
    ErrorCase("another extent", "cat", [ramp(2, 3, 4), ramp(2, 3, 5)], ["DHW", "DHW"], {}, "ShapeError", ["input 1", "W", "5", "4"]),
    ErrorCase("another number of axes", "cat", [ramp(2, 3), ramp(3)], ["", ""], {}, "ShapeError", ["input 1", "[3]", "2 axes"]),
    ErrorCase("another type", "cat", [ramp(2, 3), ramp(2, 3, dtype="uint8")], ["", ""], {}, "ArgumentTypeError", ["uint8", "float32"]),
    ErrorCase("axis out of range", "cat", [ramp(2, 3), ramp(2, 3)], ["", ""], dict(axis=2), "ParamError", ["axis 2", "-2 to 1"]),
    ErrorCase("scalars", "cat", [ramp(), ramp()], ["", ""], {}, "ParamError", ["axis 0", "scalar"]),
    ErrorCase("no such letter", "cat", [ramp(2, 3), ramp(2, 3)], ["HW", "HW"], dict(axis_name="C"), "LayoutError", ["C", "HW"]),
    ErrorCase("axis and letter", "cat", [ramp(2, 3), ramp(2, 3)], ["HW", "HW"], dict(axis=0, axis_name="H"), "ParamError", ["axis, axis_name"]),
    ErrorCase("another shape", "stack", [ramp(2, 3), ramp(3, 2)], ["", ""], {}, "ShapeError", ["input 1", "[3, 2]", "[2, 3]"]),
    ErrorCase("stack of two types", "stack", [ramp(2, 3), ramp(2, 3, dtype="int8")], ["", ""], {}, "ArgumentTypeError", ["int8", "float32"]),
    ErrorCase("new axis out of range", "stack", [ramp(2, 3), ramp(2, 3)], ["", ""], dict(axis=3), "ParamError", ["axis 3", "-2 to 2"]),
    ErrorCase("no letter", "stack", [ramp(2, 3), ramp(2, 3)], ["HW", "HW"], dict(axis_name=""), "ParamError", ['""', "1 letter"]),
    ErrorCase("name without a layout", "stack", [ramp(2, 3), ramp(2, 3)], ["", ""], dict(axis_name="C"), "LayoutError", ["2 axes"]),
]
