# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import Case, ErrorCase, noise


def reference(matrix=None, from_start=0, from_end=1, to_start=0, to_end=1, absolute=False,
              reverse_order=False):
    ends = [np.atleast_1d(np.asarray(e, np.float64)) for e in (from_start, from_end, to_start, to_end)]
    n = max([len(e) for e in ends] + ([len(matrix)] if matrix is not None else []))
    f0, f1, t0, t1 = (np.broadcast_to(e, (n,)) for e in ends)
    if absolute:
        f0, f1 = np.minimum(f0, f1), np.maximum(f0, f1)
        t0, t1 = np.minimum(t0, t1), np.maximum(t0, t1)
    own = np.eye(n + 1)
    empty = f1 == f0  # tells no scale
    own[:n, :n] = np.diag(np.where(empty, 1, (t1 - t0) / np.where(empty, 1, f1 - f0)))
    # The corner of one box becomes the corner of the other.
    own[:n, n] = t0 - own[:n, :n] @ f0
    if matrix is not None:
        other = np.vstack([matrix, np.eye(n + 1)[-1:]]).astype(np.float64)
        own = other @ own if reverse_order else own @ other
    return own[:-1].astype(np.float32)


OP = "transforms.crop"
CASES = [
    Case("box to box", OP, [], [],
         dict(from_start=(10, 20, 30), from_end=(110, 70, 40), to_start=(-1, -1, -1), to_end=1),
         reference, docs=True),
    Case("one axis", OP, [], [], dict(to_end=5), reference),
    Case("mirrored", OP, [], [], dict(from_start=(0, 5), from_end=(10, 0), to_end=(2, 4)), reference),
    Case("absolute", OP, [], [],
         dict(from_start=(0, 5), from_end=(10, 0), to_start=(3, 0), to_end=(2, 4), absolute=True),
         reference),
    Case("axes by the input", OP, [noise(3, 4)], [""], dict(from_end=7), reference),
    Case("before the input", OP, [noise(2, 3)], [""],
         dict(from_end=(7, 8), reverse_order=True), reference),
    Case("a box without extent", OP, [], [],
         dict(from_start=(0, 3), from_end=(2, 3), to_start=(5, 6), to_end=(7, 9)), reference),
    ErrorCase("lengths that differ", OP, [], [], dict(from_start=(0, 3), from_end=(2, 3, 4)),
              "ShapeError", ["2 values", "3 values"]),
]
