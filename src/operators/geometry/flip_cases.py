# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import ALL, Case, ErrorCase, ramp


def reference(data, horizontal=1, vertical=0, depthwise=0, layout=""):
    layout = layout or {3: "HWC", 4: "FHWC", 5: "FDHWC"}[data.ndim]
    wanted = {"W": horizontal, "H": vertical, "D": depthwise}
    return np.flip(data, [i for i, letter in enumerate(layout) if wanted.get(letter)])


CASES = [
    Case("mirror left and right", "flip", [ramp(1, 2, 3, 4)], ["CDHW"], {}, reference, dtypes=ALL, docs=True),
    Case("all three axes, odd sizes", "flip", [ramp(3, 5, 7, 2)], ["DHWC"],
         dict(horizontal=1, vertical=1, depthwise=1), reference, dtypes=ALL),
    Case("no axis", "flip", [ramp(3, 5, 7)], ["DHW"], dict(horizontal=0), reference),
    Case("unlabelled is a picture", "flip", [ramp(3, 4, 5)], [""], dict(vertical=1), reference),
    Case("empty", "flip", [ramp(0, 4, 5)], ["DHW"], {}, reference),
    Case("one voxel", "flip", [ramp(1, 1, 1)], ["DHW"], dict(depthwise=1), reference),
    ErrorCase("layout that is not spatial", "flip", [ramp(2, 3)], ["AB"], {}, "LayoutError", ["AB", "HWC"]),
    ErrorCase("unknown argument", "flip", [ramp(2, 3, 4)], ["DHW"], dict(sideways=1), "ArgumentTypeError", ["sideways"]),
]
