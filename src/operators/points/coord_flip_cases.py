# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import Case, ErrorCase, noise, ramp


def reference(points, **args):
    out = points.astype(np.float64)
    for i, letter in enumerate(args.get("layout") or "xyz"[: points.shape[-1]]):
        if args.get("flip_" + letter, letter == "x"):
            out[..., i] = 2 * args.get("center_" + letter, 0.5) - out[..., i]
    return out.astype(np.float32)


OP = "coord_flip"
CASES = [
    Case("left and right", OP, [noise(6, 2)], [""], {}, reference, docs=True),
    Case("in space", OP, [noise(2, 6, 3, low=0, high=50)], [""],
         dict(flip_x=0, flip_y=1, flip_z=1, center_y=20, center_z=10.5), reference),
    Case("one coordinate", OP, [noise(5, 1)], [""], dict(center_x=2), reference),
    Case("other order", OP, [noise(5, 3)], [""],
         dict(layout="zyx", flip_z=1, flip_x=0, center_z=1.5),
         reference),
    Case("no points", OP, [ramp(0, 2)], [""], {}, reference),
    ErrorCase("four coordinates", OP, [ramp(3, 4)], [""], {}, "ShapeError",
              ["4 coordinates", "1 to 3"]),
    ErrorCase("layout that does not fit", OP, [ramp(3, 2)], [""], dict(layout="xyz"), "ShapeError",
              ["2 coordinates", "xyz"]),
]
