# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import Case, ErrorCase, ramp
from fits import counted, follows, unrelated
from scipy import stats


def is_uniform(outputs, inputs, args):
    low, high = args.get("range", (-1, 1))
    (first,), (second,) = outputs
    assert first.dtype == np.dtype(args.get("dtype", "float32"))
    assert first.shape == (inputs[0].shape if inputs else tuple(args.get("shape", ())))
    for o in (first, second):
        assert o.min() >= low and o.max() < high
        if o.dtype.itemsize > 2:
            follows(o, stats.uniform(low, high - low))
    unrelated(first, second)


def scalars(outputs, inputs, args):
    assert all(o.shape == () and o.dtype == np.float32 for (o,) in outputs)
    follows([o for (o,) in outputs], stats.uniform(-1, 2))


def whole(outputs, inputs, args):
    low, high = args["range"]
    width = high - low
    edges = {low: 0.5 / width, high: 0.5 / width}
    for (o,) in outputs:
        assert o.dtype == np.dtype(args["dtype"])
        counted(o, {**{k: 1 / width for k in range(low, high + 1)}, **edges})


def listed(outputs, inputs, args):
    for (o,) in outputs:
        assert o.dtype == np.dtype(args.get("dtype", "float32"))
        counted(o, {v: 1 / len(args["values"]) for v in args["values"]})


def always(value):
    def check(outputs, inputs, args):
        assert all((o == value).all() for (o,) in outputs)
    return check


def below(outputs, inputs, args):
    assert all(o.max() < np.float32(101) and o.min() >= 100 for (o,) in outputs)


CASES = [
    Case("a scalar for each sample", "random.uniform", check=scalars, samples=500, docs=True),
    Case("a volume", "random.uniform", args=dict(range=[-3.0, 7.0], shape=[5, 40, 50]),
         check=is_uniform, samples=2),
    Case("double precision", "random.uniform",
         args=dict(range=[0.0, 1.0], shape=[10000], dtype="float64"), check=is_uniform, samples=2),
    Case("half precision", "random.uniform",
         args=dict(range=[0.0, 1.0], shape=[10000], dtype="float16"), check=is_uniform, samples=2),
    Case("shaped like another", "random.uniform", [ramp(3, 50, 20)], ["DHW"], {}, check=is_uniform,
         samples=2),
    Case("whole numbers reach both ends", "random.uniform",
         args=dict(range=[-2, 3], shape=[9999], dtype="int8"), check=whole, samples=2),
    Case("wider whole numbers", "random.uniform",
         args=dict(range=[-2, 3], shape=[9999], dtype="int64"), check=whole, samples=2),
    Case("one of a list", "random.uniform",
         args=dict(values=[0.0, 90.0, 180.0, 270.0], shape=[9999]), check=listed, samples=2,
         docs=True),
    Case("one of a list of whole numbers", "random.uniform",
         args=dict(values=[3, 7], shape=[999], dtype="int32"), check=listed, samples=2),
    Case("the upper bound is never reached by rounding", "random.uniform",
         args=dict(range=[100.0, 101.0], shape=[1000000]), check=below),
    Case("an empty range", "random.uniform", args=dict(range=[2.5, 2.5], shape=[9]),
         check=always(2.5)),
    Case("no elements", "random.uniform", args=dict(shape=[0, 4]), check=always(0)),
    ErrorCase("range upside down", "random.uniform", args=dict(range=[2.0, 1.0]),
              match=["[2", "low <= high"]),
    ErrorCase("three bounds", "random.uniform", args=dict(range=[2.0, 3.0, 4.0]),
              match=["[2", "low <= high"]),
    ErrorCase("range and values", "random.uniform", args=dict(range=[0.0, 1.0], values=[1.0]),
              match=["range, values"]),
    ErrorCase("shape twice", "random.uniform", [ramp(3)], [""], dict(shape=[3]),
              match=["shape_like and shape"]),
    ErrorCase("bool", "random.uniform", args=dict(dtype="bool"), match=["bool"]),
    ErrorCase("negative extent", "random.uniform", args=dict(shape=[3, -1]),
              match=["shape", "-1", "0"]),
]
