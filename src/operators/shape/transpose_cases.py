# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import ALL, Case, ErrorCase, ramp


def reference(data, perm=None, transpose_layout=True, output_layout=None):
    return np.transpose(data, perm)


CASES = [
    Case("channels last", "transpose", [ramp(2, 3, 4, 5)], ["CDHW"], dict(perm=(1, 2, 3, 0)), reference, dtypes=ALL, docs=True),
    Case("reversed order", "transpose", [ramp(2, 3, 4)], ["DHW"], {}, reference),
    Case("unlabelled", "transpose", [ramp(2, 3, 4)], [""], dict(perm=(1, 0, 2)), reference),
    Case("letters stay", "transpose", [ramp(3, 4)], ["HW"], dict(perm=(1, 0), transpose_layout=False), reference),
    Case("other letters", "transpose", [ramp(3, 4)], ["HW"], dict(perm=(1, 0), output_layout="XY"), reference),
    Case("large enough for tiles", "transpose", [ramp(3, 37, 41, 19)], ["CDHW"], dict(perm=(3, 1, 0, 2)), reference,
         dtypes=("uint8", "uint16", "float32", "float64")),
    Case("six axes", "transpose", [ramp(2, 1, 3, 2, 2, 3)], [""], dict(perm=(5, 0, 3, 1, 4, 2)), reference),
    Case("a line", "transpose", [ramp(5)], [""], {}, reference),
    Case("a scalar", "transpose", [ramp()], [""], {}, reference),
    Case("empty", "transpose", [ramp(3, 0, 2)], [""], {}, reference),
    ErrorCase("too few entries", "transpose", [ramp(2, 3, 4)], [""], dict(perm=(1, 0)), "ShapeError", ["2 entries", "3"]),
    ErrorCase("an axis twice", "transpose", [ramp(2, 3, 4)], [""], dict(perm=(1, 0, 1)), "ParamError", ["[1, 0, 1]", "0 to 2"]),
    ErrorCase("an axis too high", "transpose", [ramp(2, 3)], [""], dict(perm=(0, 2)), "ParamError", ["[0, 2]", "0 to 1"]),
    ErrorCase("too many letters", "transpose", [ramp(2, 3)], [""], dict(output_layout="DHW"), "LayoutError", ["DHW", "2 letters"]),
]
