# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import Case, ErrorCase, noise, ramp
from fits import counts, unrelated
from scipy import stats

EITHER_WAY = np.repeat(np.array([0.04, 3.5, 23.9375, 24.0, 24.0625, 200.25]), 5000).reshape(6, 50, 100)
STEPS = np.repeat(np.array([1, 20, 60, 110]), 5000).reshape(4, 50, 100)


def is_poisson(outputs, inputs, args):
    (first,), (second,) = outputs
    factor = args.get("factor", 20.0)
    for plane, given in zip(first, inputs[0]):
        found = plane.astype("float64") / factor
        assert np.allclose(found, np.round(found), atol=0.02), "not whole counts"
        mean, n = given.flat[0] / factor, found.size
        assert abs(found.mean() - mean) < 5 * (mean / n) ** 0.5
        assert abs(found.var() - mean) < 5 * ((mean + 2 * mean ** 2) / n) ** 0.5
        counts(np.round(found), stats.poisson(mean))
    unrelated(first[3], second[3])


def unchanged(data, factor=0.0):
    return data


CASES = [
    Case("few counts", "noise.shot", [STEPS], ["DHW"], dict(factor=20.0), check=is_poisson,
         samples=2, dtypes=("float32", "float64", "int16", "uint16", "int32"), docs=True),
    Case("many counts", "noise.shot", [STEPS], ["DHW"], dict(factor=0.5), check=is_poisson,
         samples=2, dtypes=("float32",)),
    Case("means about which another algorithm takes over", "noise.shot", [EITHER_WAY], ["DHW"],
         dict(factor=1.0), check=is_poisson, samples=2, dtypes=("float32", "float64")),
    Case("factor 0 is a copy", "noise.shot", [ramp(3, 5, 7)], ["DHW"], dict(factor=0.0), unchanged),
    Case("nothing below zero", "noise.shot", [np.array([-5, 0, -0.0], "float32")], [""],
         dict(factor=1.0), lambda x, **_: np.zeros_like(x)),
    Case("empty", "noise.shot", [ramp(0, 5)], ["HW"], dict(factor=2.0), unchanged),
    ErrorCase("negative factor", "noise.shot", [ramp(3)], [""], dict(factor=-2.0), "ParamError",
              ["-2", "0"]),
    ErrorCase("mask", "noise.shot", [noise(3, dtype="bool")], [""], {}, "ArgumentTypeError",
              ["bool"]),
]
