# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import ALL, Case, ErrorCase, ramp


def reference(data, axes=None, axis_names=None, layout=""):
    if axis_names is not None:
        axes = [layout.index(c) for c in axis_names]
    return np.squeeze(data, tuple(np.atleast_1d(axes).astype(int)))


CASES = [
    Case("by letter", "squeeze", [ramp(1, 3, 4, 5)], ["CDHW"], dict(axis_names="C"), reference, dtypes=ALL, docs=True),
    Case("two axes, any order", "squeeze", [ramp(1, 3, 1, 5)], [""], dict(axes=(2, 0)), reference),
    Case("from the end", "squeeze", [ramp(3, 1)], ["HW"], dict(axes=-1), reference),
    Case("to a scalar", "squeeze", [ramp(1, 1)], ["HW"], dict(axes=(0, 1)), reference),
    Case("no axis", "squeeze", [ramp(1, 2)], ["HW"], dict(axes=[]), reference),
    Case("empty", "squeeze", [ramp(1, 0, 3)], [""], dict(axes=[0]), reference),
    Case("of nothing, any axis", "squeeze", [ramp(2, 0, 3)], ["DHW"], dict(axes=[0]), lambda data, **_: data[0], dtypes=ALL),
    Case("of nothing, one of two empty axes", "squeeze", [ramp(0, 0, 3)], [""], dict(axes=[1]),
         lambda data, **_: np.zeros((0, 3), data.dtype)),
    ErrorCase("nothing that would become something", "squeeze", [ramp(0, 3)], ["HW"], dict(axes=[0]), "ShapeError", ["H", "0", "1"]),
    ErrorCase("extent is not 1", "squeeze", [ramp(2, 3, 4)], ["DHW"], dict(axes=[1]), "ShapeError", ["H", "3", "1"]),
    ErrorCase("nothing said", "squeeze", [ramp(1, 3)], ["HW"], {}, "ParamError", ["axes or axis_names"]),
    ErrorCase("both", "squeeze", [ramp(1, 3)], ["HW"], dict(axes=[0], axis_names="H"), "ParamError", ["axes, axis_names"]),
    ErrorCase("no such letter", "squeeze", [ramp(1, 3)], ["HW"], dict(axis_names="C"), "LayoutError", ["C", "HW"]),
    ErrorCase("axis out of range", "squeeze", [ramp(1, 3)], ["HW"], dict(axes=[2]), "ParamError", ["axis 2", "-2 to 1"]),
    ErrorCase("an axis twice", "squeeze", [ramp(1, 3)], ["HW"], dict(axes=[0, -2]), "ParamError", ["axis 0", "at most once"]),
]
