# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import Case, ErrorCase, noise
from scipy.spatial.transform import Rotation


def reference(matrix=None, angle=0, axis=None, center=None, reverse_order=False):
    rad = np.deg2rad(angle)
    if axis is None:
        turn = np.array([[np.cos(rad), -np.sin(rad)], [np.sin(rad), np.cos(rad)]])
    else:
        axis = np.asarray(axis, np.float64)
        turn = Rotation.from_rotvec(rad * axis / np.linalg.norm(axis)).as_matrix()
    n = len(turn)
    center = np.zeros(n) if center is None else np.asarray(center, np.float64)
    own = np.eye(n + 1)
    own[:n, :n] = turn
    own[:n, n] = center - turn @ center
    if matrix is not None:
        other = np.vstack([matrix, np.eye(n + 1)[-1:]]).astype(np.float64)
        own = other @ own if reverse_order else own @ other
    return own[:-1].astype(np.float32)


OP = "transforms.rotation"
CASES = [
    Case("in space about a point", OP, [], [],
         dict(angle=33, axis=(1, -2, 0.5), center=(64, 60, 20)), reference, docs=True),
    Case("in the plane", OP, [], [], dict(angle=-120.5), reference),
    Case("in the plane about a point", OP, [], [], dict(angle=400, center=(3, 4)), reference),
    Case("after the input", OP, [noise(3, 4)], [""], dict(angle=33, axis=(0, 0, 1)), reference),
    Case("before the input", OP, [noise(2, 3)], [""], dict(angle=33, reverse_order=True), reference),
    ErrorCase("no direction", OP, [], [], dict(angle=1, axis=(0, 0, 0)), "ParamError",
              ["length 0", "above 0"]),
    ErrorCase("an axis of two values", OP, [], [], dict(angle=1, axis=(0, 1)), "ShapeError",
              ["2 values", "3 values"]),
    ErrorCase("a plane for a matrix of space", OP, [noise(3, 4)], [""], dict(angle=1), "ShapeError",
              ["2 axes", "3 axes"]),
]
