# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import ALL, Case, ErrorCase, noise, ramp
from fits import follows, unrelated
from scipy import stats

NUMBERS = ALL[:-1]
MIDDLE = np.full((4, 25, 50), 100)


def unchanged(data, mean=0.0, stddev=1.0):
    return data


def shifted(data, mean=0.0, stddev=0.0):
    return (data + mean).astype(data.dtype)


def is_gaussian(outputs, inputs, args):
    (first,), (second,) = outputs
    data = inputs[0]
    assert first.dtype == data.dtype and first.shape == data.shape
    noise = first.astype("float64") - data
    mean, stddev = args.get("mean", 0), args.get("stddev", 1)
    if data.dtype.kind == "f":
        follows(noise, stats.norm(mean, stddev))
    else:
        # Rounding adds the variance of a uniform number.
        n = noise.size
        assert abs(noise.mean() - mean) < 5 * stddev / n ** 0.5
        assert abs(noise.var() - stddev ** 2 - 1 / 12) < 5 * stddev ** 2 * (2 / n) ** 0.5
    assert abs(np.corrcoef(noise.ravel()[:-1], noise.ravel()[1:])[0, 1]) < 5 / noise.size ** 0.5
    unrelated(noise, second.astype("float64") - data)


CASES = [
    Case("added to a volume", "noise.gaussian", [np.zeros((4, 25, 50), "float32")], ["DHW"],
         dict(stddev=2.0, mean=5.0), check=is_gaussian, samples=2, docs=True),
    Case("added to whole numbers", "noise.gaussian", [MIDDLE], ["DHW"], dict(stddev=5.0),
         check=is_gaussian, samples=2,
         dtypes=("uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")),
    Case("added to double precision", "noise.gaussian", [MIDDLE], ["DHW"], dict(stddev=5.0),
         check=is_gaussian, samples=2, dtypes=("float64",)),
    Case("no deviation, no mean", "noise.gaussian", [noise(3, 5, 7)], ["DHW"], dict(stddev=0.0),
         unchanged),
    Case("a mean alone", "noise.gaussian", [ramp(3, 5, 7)], ["DHW"], dict(stddev=0.0, mean=2.0),
         shifted, dtypes=NUMBERS),
    Case("empty", "noise.gaussian", [ramp(0, 5, 7)], ["DHW"], {}, unchanged),
    ErrorCase("negative deviation", "noise.gaussian", [ramp(3)], [""], dict(stddev=-1.0),
              "ParamError", ["-1", "0"]),
    ErrorCase("mask", "noise.gaussian", [noise(3, dtype="bool")], [""], {}, "ArgumentTypeError",
              ["bool"]),
]
