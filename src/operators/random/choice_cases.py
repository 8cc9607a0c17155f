# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import ALL, Case, ErrorCase, ramp
from fits import counted, unrelated

P = [0.1, 0.0, 0.6, 0.3]


def chosen(outputs, inputs, args):
    a = inputs[0]
    elements = np.arange(a) if a.ndim == 0 else a
    shape = inputs[1].shape if len(inputs) > 1 else tuple(args.get("shape", ()))
    p = args.get("p", [1 / len(elements)] * len(elements))
    for (o,) in outputs:
        assert o.dtype == a.dtype and o.shape == shape + elements.shape[1:]
    if elements.ndim == 1:
        keys = elements
        drawn = np.array([o for (o,) in outputs])
    else:
        # The first element of a part names it, and the rest must belong to it.
        keys = elements.reshape(len(elements), -1)[:, 0]
        drawn = np.concatenate([o.reshape(-1, elements[0].size)[:, 0] for (o,) in outputs])
        parts = {k: part for k, part in zip(keys.tolist(), elements)}
        for o in outputs[0][0].reshape((-1,) + elements.shape[1:])[:50]:
            assert np.array_equal(o, parts[o.ravel()[0].item()])
    counted(drawn, dict(zip(keys.tolist(), p)))
    if len(outputs) == 2:
        unrelated(*np.split(drawn.ravel(), 2))


CASES = [
    Case("a number for each sample", "random.choice", [np.int32(4)], [""], {}, check=chosen,
         samples=1000, docs=True),
    Case("below a number", "random.choice", [np.int64(6)], [""], dict(shape=[9999]), check=chosen,
         samples=2, dtypes=ALL[:8]),
    Case("elements", "random.choice", [np.array([3, 5, 7, 9])], [""], dict(shape=[99, 99]),
         check=chosen, samples=2, dtypes=ALL[:11]),
    Case("with probabilities", "random.choice", [np.array([3, 5, 7, 9], "int32")], [""],
         dict(shape=[9999], p=P), check=chosen, samples=2),
    Case("a number with probabilities", "random.choice", [np.int32(4)], [""], dict(p=P),
         check=chosen, samples=999),
    Case("rows", "random.choice", [ramp(5, 3, 2)], [""], dict(shape=[99, 9]), check=chosen,
         samples=2),
    Case("shaped like another", "random.choice", [np.array([1.5, 2.5], "float32"), ramp(40, 50)],
         ["", ""], {}, check=chosen, samples=2),
    ErrorCase("sum of probabilities", "random.choice", [np.int32(2)], [""], dict(p=[0.5, 0.6]),
              "ParamError", ["1.1", "0.0001"]),
    ErrorCase("number of probabilities", "random.choice", [np.int32(3)], [""], dict(p=[0.5, 0.5]),
              "ShapeError", ["2 probabilities", "3 probabilities"]),
    ErrorCase("nothing to choose from", "random.choice", [np.int32(0)], [""], {}, "ParamError",
              ["0 choices", "at least 1"]),
    ErrorCase("half a choice", "random.choice", [np.float32(2.5)], [""], {}, "ArgumentTypeError",
              ["float32"]),
]
