# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import Case, ErrorCase, ramp
from fits import follows, unrelated
from scipy import stats


def is_normal(outputs, inputs, args):
    (first,), (second,) = outputs
    assert first.dtype == np.dtype(args.get("dtype", "float32"))
    assert first.shape == (inputs[0].shape if inputs else tuple(args["shape"]))
    expected = stats.norm(args.get("mean", 0), args.get("stddev", 1))
    if first.dtype.itemsize > 2:
        follows(first, expected)
    standard = (first.astype("float64") - expected.mean()) / expected.std()
    n = standard.size
    assert abs(standard.mean()) < 5 / n ** 0.5
    assert abs(standard.var() - 1) < 5 * (2 / n) ** 0.5
    assert abs((standard ** 3).mean()) < 5 * (15 / n) ** 0.5
    assert abs((standard ** 4).mean() - 3) < 5 * (96 / n) ** 0.5
    unrelated(first, second)


def scalars(outputs, inputs, args):
    assert all(o.shape == () and o.dtype == np.float32 for (o,) in outputs)
    follows([o for (o,) in outputs], stats.norm(0, 1))


def whole(outputs, inputs, args):
    for (o,) in outputs:
        assert o.dtype == np.int16
        assert abs(o.mean() - args["mean"]) < 5 * args["stddev"] / o.size ** 0.5
        assert abs(o.std() / args["stddev"] - 1) < 0.05


CASES = [
    Case("a scalar for each sample", "random.normal", check=scalars, samples=500, docs=True),
    Case("a volume", "random.normal", args=dict(mean=3.0, stddev=0.5, shape=[5, 100, 100]),
         check=is_normal, samples=2),
    Case("double precision", "random.normal", args=dict(shape=[20000], dtype="float64"),
         check=is_normal, samples=2),
    Case("half precision", "random.normal", args=dict(shape=[20000], dtype="float16"),
         check=is_normal, samples=2),
    Case("shaped like another", "random.normal", [ramp(3, 50, 20)], ["DHW"], {}, check=is_normal,
         samples=2),
    Case("whole numbers", "random.normal",
         args=dict(mean=-7.0, stddev=100.0, shape=[9999], dtype="int16"), check=whole),
    ErrorCase("negative deviation", "random.normal", args=dict(stddev=-0.5), match=["-0.5", "0"]),
    ErrorCase("shape twice", "random.normal", [ramp(3)], [""], dict(shape=[3]),
              match=["shape_like and shape"]),
]
