# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import Case, ErrorCase, noise


def reference(matrix=None, offset=(), reverse_order=False):
    n = len(offset)
    own = np.vstack([np.column_stack([np.eye(n), offset]), np.eye(n + 1)[-1:]])
    if matrix is not None:
        other = np.vstack([matrix, np.eye(n + 1)[-1:]]).astype(np.float64)
        own = other @ own if reverse_order else own @ other
    return own[:-1].astype(np.float32)


OP = "transforms.translation"
CASES = [
    Case("in space", OP, [], [], dict(offset=(1.5, -2, 30)), reference, docs=True),
    Case("along a line", OP, [], [], dict(offset=[4]), reference),
    Case("six axes", OP, [], [], dict(offset=(1, 2, 3, 4, 5, 6)), reference),
    Case("after the input", OP, [noise(2, 3)], [""], dict(offset=(3, 4)), reference),
    Case("before the input", OP, [noise(3, 4)], [""], dict(offset=(3, 4, 5), reverse_order=True),
         reference),
    ErrorCase("seven axes", OP, [], [], dict(offset=(1,) * 7), "ShapeError", ["7 axes", "1 to 6"]),
    ErrorCase("another number of axes", OP, [noise(2, 3)], [""], dict(offset=(1, 2, 3)),
              "ShapeError", ["3 axes", "2 axes"]),
    ErrorCase("no matrix", OP, [noise(2, 2)], [""], dict(offset=(1, 2)), "ShapeError",
              ["[2, 2]", "[n, n + 1]"]),
    ErrorCase("no offset", OP, [], [], {}, "ArgumentTypeError", ["offset"]),
]
