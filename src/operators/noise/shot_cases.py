# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import Case, ErrorCase, noise, ramp
from fits import unrelated

STEPS = np.repeat(np.array([1, 20, 60, 110]), 5000).reshape(4, 50, 100)


def is_poisson(outputs, inputs, args):
    (first,), (second,) = outputs
    factor = args.get("factor", 20.0)
    for plane, given in zip(first, inputs[0]):
        counts = plane.astype("float64") / factor
        assert np.allclose(counts, np.round(counts), atol=0.02), "not whole counts"
        mean, n = given.flat[0] / factor, counts.size
        assert abs(counts.mean() - mean) < 5 * (mean / n) ** 0.5
        assert abs(counts.var() - mean) < 5 * ((mean + 2 * mean ** 2) / n) ** 0.5
    unrelated(first[3], second[3])


def unchanged(data, factor=0.0):
    return data


CASES = [
    Case("few counts", "noise.shot", [STEPS], ["DHW"], dict(factor=20.0), check=is_poisson,
         samples=2, dtypes=("float32", "float64", "int16", "uint16", "int32"), docs=True),
    Case("many counts", "noise.shot", [STEPS], ["DHW"], dict(factor=0.5), check=is_poisson,
         samples=2, dtypes=("float32",)),
    Case("factor 0 is a copy", "noise.shot", [ramp(3, 5, 7)], ["DHW"], dict(factor=0.0), unchanged),
    Case("nothing below zero", "noise.shot", [np.array([-5, 0, -0.0], "float32")], [""],
         dict(factor=1.0), lambda x, **_: np.zeros_like(x)),
    Case("empty", "noise.shot", [ramp(0, 5)], ["HW"], dict(factor=2.0), unchanged),
    ErrorCase("negative factor", "noise.shot", [ramp(3)], [""], dict(factor=-2.0), "ParamError",
              ["-2", "0"]),
    ErrorCase("mask", "noise.shot", [noise(3, dtype="bool")], [""], {}, "ArgumentTypeError",
              ["bool"]),
]
