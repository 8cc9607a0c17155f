# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import ALL, Case, ErrorCase, ramp
from fits import counted

NUMBERS = ALL[:-1]
MIDDLE = np.full((20, 25, 30, 3), 7)


def extremes(dtype):
    if np.dtype(dtype).kind == "f":
        return -1, 1
    return np.iinfo(dtype).min, np.iinfo(dtype).max


def is_replaced(outputs, inputs, args, layout="DHWC"):
    (first,), (second,) = outputs
    data = inputs[0]
    assert first.dtype == data.dtype and first.shape == data.shape
    pepper, salt = extremes(data.dtype)
    pepper, salt = args.get("pepper_val", pepper), args.get("salt_val", salt)
    prob, ratio = args.get("prob", 0.05), args.get("salt_vs_pepper", 0.5)
    pixels = first if args.get("per_channel") else first[..., 0]
    counted(pixels, {salt: prob * ratio, pepper: prob * (1 - ratio), data.flat[0]: 1 - prob})
    together = (first == first[..., :1]).all()
    assert together != args.get("per_channel", False)
    assert not np.array_equal(first, second)


def is_replaced_first(outputs, inputs, args):
    moved = [(np.moveaxis(o, 0, -1),) for (o,) in outputs]
    is_replaced(moved, [np.moveaxis(inputs[0], 0, -1)], args)


CASES = [
    Case("pixels of all channels", "noise.salt_and_pepper", [MIDDLE], ["DHWC"], dict(prob=0.2),
         check=is_replaced, samples=2, dtypes=NUMBERS, docs=True),
    Case("channels alone", "noise.salt_and_pepper", [MIDDLE], ["DHWC"],
         dict(prob=0.2, per_channel=True), check=is_replaced, samples=2,
         dtypes=("uint8", "float32")),
    Case("channels first", "noise.salt_and_pepper", [np.moveaxis(MIDDLE, -1, 0)], ["CDHW"],
         dict(prob=0.3), check=is_replaced_first, samples=2, dtypes=("uint8", "int16", "float32")),
    Case("unlabelled: the last axis", "noise.salt_and_pepper", [MIDDLE], [""], {},
         check=is_replaced, samples=2, dtypes=("uint8",)),
    Case("mostly salt", "noise.salt_and_pepper", [MIDDLE], ["DHWC"],
         dict(prob=0.4, salt_vs_pepper=0.9, salt_val=90.0, pepper_val=10.0), check=is_replaced,
         samples=2, dtypes=("uint8", "int16", "float32")),
    Case("never", "noise.salt_and_pepper", [ramp(3, 5, 7)], ["DHW"], dict(prob=0.0),
         lambda x, prob: x),
    Case("always salt", "noise.salt_and_pepper", [ramp(3, 5, 7)], ["DHW"],
         dict(prob=1.0, salt_vs_pepper=1.0), lambda x, **_: np.full_like(x, extremes(x.dtype)[1]),
         dtypes=NUMBERS),
    Case("always pepper", "noise.salt_and_pepper", [ramp(3, 5, 7)], ["DHW"],
         dict(prob=1.0, salt_vs_pepper=0.0), lambda x, **_: np.full_like(x, extremes(x.dtype)[0]),
         dtypes=NUMBERS),
    Case("empty", "noise.salt_and_pepper", [ramp(0, 5, 7)], ["DHW"], {}, lambda x: x),
    ErrorCase("not a probability", "noise.salt_and_pepper", [ramp(3)], [""], dict(prob=1.5),
              "ParamError", ["1.5", "0 to 1"]),
    ErrorCase("channels inside", "noise.salt_and_pepper", [ramp(3, 4, 5)], ["DCH"], {},
              "LayoutError", ["DCH", "first or last"]),
]
