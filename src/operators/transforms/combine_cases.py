# SPDX-License-Identifier: Apache-2.0
import functools

import numpy as np
from case import Case, ErrorCase, noise


def reference(*matrices, reverse_order=False):
    n = matrices[0].shape[-2]
    square = [np.vstack([m, np.eye(n + 1)[-1:]]).astype(np.float64) for m in matrices]
    if not reverse_order:
        square = square[::-1]
    return functools.reduce(np.matmul, square)[:n].astype(np.float32)


OP = "transforms.combine"
THREE = [noise(3, 4, seed=i, low=-1, high=1) for i in range(3)]
CASES = [
    Case("three in order", OP, THREE, [""] * 3, {}, reference, docs=True),
    Case("three in reverse", OP, THREE, [""] * 3, dict(reverse_order=True), reference),
    Case("one", OP, THREE[:1], [""], {}, reference),
    Case("six axes", OP, [noise(6, 7, seed=i) for i in range(2)], [""] * 2, {}, reference),
    Case("one axis", OP, [noise(1, 2, seed=i) for i in range(5)], [""] * 5, {}, reference),
    ErrorCase("axes that differ", OP, [noise(3, 4), noise(2, 3)], [""] * 2, {}, "ShapeError",
              ["2 axes in input 1", "3 axes"]),
    ErrorCase("no matrix", OP, [noise(3, 3)], [""], {}, "ShapeError", ["[3, 3]", "[n, n + 1]"]),
]
