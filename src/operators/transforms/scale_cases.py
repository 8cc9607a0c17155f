# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import Case, ErrorCase, noise


def reference(matrix=None, scale=(), center=None, ndim=None, reverse_order=False):
    n = max(np.size(scale), np.size(center) if center is not None else 1, ndim or 1,
            0 if matrix is None else len(matrix))
    scale = np.broadcast_to(scale, (n,)).astype(np.float64)
    center = np.zeros(n) if center is None else np.asarray(center, np.float64)
    own = np.eye(n + 1)
    own[:n, :n] = np.diag(scale)
    own[:n, n] = center * (1 - scale)
    if matrix is not None:
        other = np.vstack([matrix, np.eye(n + 1)[-1:]]).astype(np.float64)
        own = other @ own if reverse_order else own @ other
    return own[:-1].astype(np.float32)


OP = "transforms.scale"
CASES = [
    Case("in space about a point", OP, [], [], dict(scale=(1.5, 0.5, 2), center=(10, 20, 30)),
         reference, docs=True),
    Case("one factor alone", OP, [], [], dict(scale=2.5), reference),
    Case("one factor for three axes", OP, [], [], dict(scale=2.5, ndim=3), reference),
    Case("one factor, axes by the input", OP, [noise(2, 3)], [""], dict(scale=2.5), reference),
    Case("before the input", OP, [noise(3, 4)], [""], dict(scale=(1, 2, 3), reverse_order=True),
         reference),
    ErrorCase("ndim that does not fit", OP, [], [], dict(scale=(1, 2, 3), ndim=2), "ParamError",
              ["ndim 2", "3"]),
    ErrorCase("center that does not fit", OP, [], [], dict(scale=(1, 2, 3), center=(1, 2)),
              "ShapeError", ["2 values", "3 values"]),
]
