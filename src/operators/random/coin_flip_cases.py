# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import Case, ErrorCase, ramp
from fits import counted


def flips(outputs, inputs, args):
    p = args.get("probability", 0.5)
    shape = inputs[0].shape if inputs else tuple(args.get("shape", ()))
    dtype = np.dtype(args.get("dtype", "int32"))
    assert all(o.dtype == dtype and o.shape == shape for (o,) in outputs)
    counted([o for (o,) in outputs], {1: p, 0: 1 - p})


CASES = [
    Case("one for each sample", "random.coin_flip", args=dict(probability=0.15), check=flips,
         samples=1000, docs=True),
    Case("fair", "random.coin_flip", args=dict(shape=[9999]), check=flips, samples=2),
    Case("bool", "random.coin_flip", args=dict(shape=[99, 99], probability=0.8, dtype="bool"),
         check=flips, samples=2),
    Case("shaped like another", "random.coin_flip", [ramp(30, 50)], ["HW"], dict(dtype="uint8"),
         check=flips, samples=2),
    Case("always", "random.coin_flip", args=dict(shape=[9999], probability=1.0), check=flips),
    Case("never", "random.coin_flip", args=dict(shape=[9999], probability=0.0), check=flips),
    ErrorCase("not a probability", "random.coin_flip", args=dict(probability=1.25),
              match=["1.25", "0 to 1"]),
]
