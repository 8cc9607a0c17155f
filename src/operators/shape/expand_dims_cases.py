# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import ALL, Case, ErrorCase, ramp


def reference(data, axes, new_axis_names=None):
    return np.expand_dims(data, tuple(np.atleast_1d(axes)))


CASES = [
    Case("a channel axis", "expand_dims", [ramp(3, 4, 5)], ["DHW"], dict(axes=3, new_axis_names="C"), reference, dtypes=ALL, docs=True),
    Case("without a name", "expand_dims", [ramp(3, 4)], ["HW"], dict(axes=0), reference),
    Case("several, any order", "expand_dims", [ramp(3, 4)], ["HW"], dict(axes=(3, 0), new_axis_names="CF"), reference),
    Case("unlabelled", "expand_dims", [ramp(3, 4)], [""], dict(axes=(1, 2)), reference),
    Case("a scalar", "expand_dims", [ramp()], [""], dict(axes=0, new_axis_names="C"), reference),
    Case("empty", "expand_dims", [ramp(0, 4)], ["HW"], dict(axes=1), reference),
    ErrorCase("axes missing", "expand_dims", [ramp(3)], [""], {}, "ArgumentTypeError", ["axes"]),
    ErrorCase("negative axis", "expand_dims", [ramp(3)], [""], dict(axes=-1), "ParamError", ["-1", "0 to"]),
    ErrorCase("axis too high", "expand_dims", [ramp(3, 4)], [""], dict(axes=4), "ParamError", ["axis 4", "0 to 2"]),
    ErrorCase("an axis twice", "expand_dims", [ramp(3)], [""], dict(axes=(1, 1)), "ParamError", ["axis 1", "at most once"]),
    ErrorCase("names without a layout", "expand_dims", [ramp(3, 4)], [""], dict(axes=0, new_axis_names="C"), "LayoutError", ["2 axes"]),
    ErrorCase("too few names", "expand_dims", [ramp(3)], ["W"], dict(axes=(0, 1), new_axis_names="C"), "ParamError", ["1 letters", "2 letters"]),
    ErrorCase("too many axes", "expand_dims", [ramp(1, 1, 1, 1, 1, 1, 1)], [""], dict(axes=(0, 1)), "ShapeError", ["7 + 2", "8"]),
]
