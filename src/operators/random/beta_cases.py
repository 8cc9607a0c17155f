# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import Case, ErrorCase, ramp
from fits import follows, unrelated
from scipy import stats


def is_beta(outputs, inputs, args):
    (first,), (second,) = outputs
    assert first.dtype == np.dtype(args.get("dtype", "float32"))
    assert first.shape == (inputs[0].shape if inputs else tuple(args["shape"]))
    assert first.min() >= 0 and first.max() <= 1
    follows(first, stats.beta(args.get("alpha", 1), args.get("beta", 1)))
    unrelated(first, second)


def scalars(outputs, inputs, args):
    assert all(o.shape == () for (o,) in outputs)
    follows([o for (o,) in outputs], stats.beta(args["alpha"], args["beta"]))


CASES = [
    Case("weights of a mix-up", "random.beta", args=dict(alpha=0.4, beta=0.4), check=scalars,
         samples=500, docs=True),
    Case("uniform", "random.beta", args=dict(shape=[5000]), check=is_beta, samples=2),
    Case("leaning", "random.beta", args=dict(alpha=2.0, beta=5.0, shape=[50, 100]), check=is_beta,
         samples=2),
    Case("narrow", "random.beta", args=dict(alpha=300.0, beta=700.0, shape=[5000]), check=is_beta,
         samples=2),
    Case("near both ends", "random.beta",
         args=dict(alpha=0.2, beta=0.1, shape=[5000], dtype="float64"), check=is_beta, samples=2),
    Case("shaped like another", "random.beta", [ramp(40, 50)], ["HW"], dict(alpha=3.0),
         check=is_beta, samples=2),
    ErrorCase("shape parameter", "random.beta", args=dict(alpha=0.0),
              match=["alpha", "0", "above 0"]),
    ErrorCase("whole numbers", "random.beta", args=dict(dtype="int32"),
              match=["int32", "float32 and float64"]),
]
