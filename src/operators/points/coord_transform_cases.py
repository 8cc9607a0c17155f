# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import Case, ErrorCase, noise, ramp


def reference(points, M=1, T=0, MT=None, dtype="float32"):
    n = points.shape[-1]
    if MT is not None:
        MT = np.reshape(np.asarray(MT, np.float64), (-1, n + 1))
        M, T = MT[:, :n], MT[:, n]
    M = np.eye(n) * M if np.size(M) == 1 else np.reshape(np.asarray(M, np.float64), (-1, n))
    out = points.astype(np.float64) @ M.T + np.broadcast_to(T, (len(M),))
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        info = np.iinfo(dtype)
        out = np.clip(np.trunc(out + np.copysign(0.5, out)), info.min, info.max)
    return out.astype(dtype)


OP = "coord_transform"
TYPES = ("float32", "uint8", "int8", "uint16", "int16", "int32")
M23 = (1.5, -0.5, 2, 0.25, 3, -1)
CASES = [
    Case("matrix and shift", OP, [noise(7, 3, low=0, high=100)], [""], dict(M=M23, T=(3, 4)),
         reference, dtypes=TYPES, docs=True),
    Case("joined", OP, [noise(5, 2)], [""], dict(MT=(1, 2, 3, 4, 5, 6)), reference, dtypes=TYPES),
    Case("a factor", OP, [noise(4, 5, 3)], [""], dict(M=2.5), reference),
    Case("a shift", OP, [noise(4, 5, 3)], [""], dict(T=2.5), reference),
    Case("identity", OP, [noise(4, 5, 3)], [""], {}, reference),
    Case("a single point", OP, [noise(3)], [""], dict(M=M23), reference),
    Case("to integers", OP, [noise(70, 2, low=-100, high=200)], [""],
         dict(M=(2, 0, 0, 1.3), T=0.1, dtype="uint8"), reference, unit=1),
    Case("no points", OP, [ramp(0, 3)], [""], dict(M=M23), reference, dtypes=TYPES + ("float64",)),
    Case("double precision", OP, [noise(9, 3, dtype="float64")], [""], dict(M=M23, T=(3, 4)), reference),
    ErrorCase("given twice", OP, [ramp(4, 2)], [""], dict(M=2, MT=(1, 2, 3)), "ParamError",
              ["MT, M", "at most 1 of MT or (M, T)"]),
    ErrorCase("matrix that does not fit", OP, [ramp(4, 3)], [""], dict(M=(1, 2, 3, 4)),
              "ShapeError", ["4 values", "rows of 3"]),
    ErrorCase("shift that does not fit", OP, [ramp(4, 3)], [""], dict(T=(1, 2)), "ShapeError",
              ["2 values", "3"]),
    ErrorCase("type", OP, [ramp(4, 3)], [""], dict(dtype="float64"), "ParamError",
              ["float64", "float32"]),
]
