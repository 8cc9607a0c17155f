# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import ALL, Case, ErrorCase, noise, ramp
from promotion import promoted


def reference(condition, yes, no, dtype=None):
    t = yes.dtype if yes.dtype == no.dtype else promoted(yes.dtype, no.dtype)
    t = np.dtype(dtype or t)
    return np.where(condition != 0, yes.astype(t), no.astype(t))


def blend_reference(condition, yes, no, inverse):
    one = np.ones((), inverse)
    return condition * yes + (condition ^ one if inverse == "bool" else one - condition) * no


YES, NO = ramp(3, 5, 7), ramp(3, 5, 7)[::-1].copy()
POISON = np.full((3, 5, 7), np.nan, "float32")

CASES = [
    *(Case(f"blend of {kind} by {inverse} weights, condition {on}", "arithmetic.blend",
           [np.int32(on), YES.astype(kind), NO], ["", "DHW", "DHW"], dict(inverse=inverse),
           blend_reference, tol=1e-6)
      for on in (0, 1) for inverse in ("bool", "int32") for kind in ("float32", "uint8")),
    Case("a scalar chooses the first", "select", [np.bool_(True), YES, NO], ["", "DHW", "DHW"], {},
         reference, docs=True),
    Case("a scalar chooses the second", "select", [np.bool_(False), YES, NO], ["", "DHW", "DHW"],
         {}, reference),
    Case("any number is a condition", "select", [np.float32(0.25), YES, NO], ["", "DHW", "DHW"], {},
         reference, dtypes=ALL),
    Case("nothing of the other leaks", "select", [np.bool_(True), YES, POISON], ["", "DHW", "DHW"],
         {}, reference),
    Case("types are promoted, first", "select",
         [np.bool_(True), YES.astype("uint8"), NO.astype("int16")], ["", "DHW", "DHW"], {},
         reference),
    Case("types are promoted, second", "select",
         [np.bool_(False), YES.astype("uint8"), np.float32(0.5)], ["", "DHW", ""], {}, reference),
    Case("the chosen is repeated", "select", [np.bool_(False), YES, ramp(5, 1)], ["", "DHW", ""],
         {}, reference),
    Case("a mask of voxels", "select", [noise(3, 5, 7, dtype="bool"), YES, NO],
         ["DHW", "DHW", "DHW"], {}, reference, dtypes=ALL),
    Case("a mask of a slice", "select", [noise(5, 7, dtype="uint8", high=2), YES, np.float32(-1)],
         ["HW", "DHW", ""], {}, reference, dtypes=("uint8", "float16", "bool", "int64")),
    Case("type asked for", "select", [np.bool_(True), YES.astype("uint8"), NO.astype("uint8")],
         ["", "DHW", "DHW"], dict(dtype="int32"), reference),
    Case("half precision", "select", [np.bool_(True), YES.astype("float16"), NO.astype("float16")],
         ["", "DHW", "DHW"], {}, reference),
    Case("empty", "select", [np.bool_(True), ramp(0, 3), ramp(0, 3)], ["", "HW", "HW"], {},
         reference),
    ErrorCase("extents", "select", [np.bool_(True), ramp(2, 3), ramp(2, 4)], ["", "HW", "HW"], {},
              "ShapeError", ["3 in yes [2, 3]", "4 in no [2, 4]"]),
]
