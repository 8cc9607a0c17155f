# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import Case, ErrorCase, noise


def reference(matrix=None, shear=None, angles=None, center=None, reverse_order=False):
    factors = np.asarray(shear, np.float64) if shear is not None else np.tan(np.deg2rad(angles))
    n = {2: 2, 6: 3}[len(factors)]
    own = np.eye(n + 1)
    if n == 2:
        own[0, 1], own[1, 0] = factors
    else:
        own[0, 1], own[0, 2], own[1, 0], own[1, 2], own[2, 0], own[2, 1] = factors
    center = np.zeros(n) if center is None else np.asarray(center, np.float64)
    own[:n, n] = center - own[:n, :n] @ center
    if matrix is not None:
        other = np.vstack([matrix, np.eye(n + 1)[-1:]]).astype(np.float64)
        own = other @ own if reverse_order else own @ other
    return own[:-1].astype(np.float32)


OP = "transforms.shear"
SIX = (0.1, 0.2, -0.3, 0.4, 0.5, -0.6)
CASES = [
    Case("in space about a point", OP, [], [], dict(shear=SIX, center=(10, 20, 30)), reference,
         docs=True),
    Case("in the plane", OP, [], [], dict(shear=(2, 1)), reference),
    Case("by angles", OP, [], [], dict(angles=(30, -45), center=(5, 6)), reference),
    Case("by angles in space", OP, [noise(3, 4)], [""], dict(angles=(1, 2, 3, 4, 5, 6)), reference),
    Case("before the input", OP, [noise(2, 3)], [""], dict(shear=(2, 1), reverse_order=True),
         reference),
    ErrorCase("factors and angles", OP, [], [], dict(shear=(2, 1), angles=(2, 1)),
              "ArgumentTypeError", ["shear and angles", "one of"]),
    ErrorCase("neither", OP, [], [], {}, "ArgumentTypeError", ["neither", "one of"]),
    ErrorCase("three factors", OP, [], [], dict(shear=(1, 2, 3)), "ShapeError",
              ["3 values", "2 values", "6"]),
    ErrorCase("a right angle", OP, [], [], dict(angles=(90, 0)), "ParamError",
              ["90 degrees", "below 90"]),
]
