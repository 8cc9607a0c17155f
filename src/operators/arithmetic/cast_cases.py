# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import ALL, Case, ErrorCase, ramp


def reference(data, *like, dtype=None):
    to = like[0].dtype if like else np.dtype(dtype)
    if to.kind == "f":
        with np.errstate(over="ignore"):
            return data.astype(to)
    if data.dtype.kind == "f":
        # Halves away from zero; float64 holds every half of the smaller types and their sums.
        wide = np.nan_to_num(data.astype("float64"), nan=0.0, posinf=np.inf, neginf=-np.inf)
        data = np.sign(wide) * np.where(abs(wide) < 2.0 ** 52, np.floor(abs(wide) + 0.5), abs(wide))
        data = np.where(abs(wide) == 0.49999999999999994, 0, data)
    if to.kind == "b":
        return data != 0
    limits = np.iinfo(to)
    # Python's numbers: floats that are not infinite become whole, of any size.
    clamped = [max(limits.min, min(limits.max, v)) for v in data.ravel().tolist()]
    exact = [int(v) for v in clamped]
    return np.array(exact, to).reshape(data.shape)


TIES = np.array([0.3, 0.5, -0.5, 1.5, 2.5, -2.5, 0.49999997, 127.5, 254.5, 255.5,
                 -128.5, 32767.5, 65535.5], "float32")
LIMITS = np.array([0, 1, -1, 127, 128, -128, -129, 255, 256, 32767, 32768, -32769, 65535, 65536,
                   2 ** 31 - 1, 2 ** 31, -2 ** 31, -2 ** 31 - 1,
                   2 ** 32 - 1, 2 ** 32, 2 ** 63 - 1, -2 ** 63], "int64")
HUGE = np.array([1e10, -1e10, 1e20, -1e20, np.inf, -np.inf, 65519, 65520, 1e-8, 6e-8], "float64")

CASES = [
    Case("volume to floats", "cast", [ramp(2, 3, 5, 7, dtype="uint8")], ["CDHW"],
         dict(dtype="float32"), reference, docs=True),
    Case("what is no number is true", "cast", [np.array([np.nan, 0, -np.nan, 0.4, np.inf, -0.5, -0.0], "float32")], [""],
         dict(dtype="bool"), lambda data, dtype: np.array([1, 0, 1, 0, 1, 1, 0], bool), dtypes=("float32", "float64", "float16")),
    Case("what is no number is 0", "cast", [np.array([np.nan, 1.5], "float32")], [""], dict(dtype="int16"),
         lambda data, dtype: np.array([0, 2], dtype), dtypes=("float32", "float64", "float16")),
    Case("same type is a view", "cast", [ramp(3, 5)], ["HW"], dict(dtype="float32"), reference),
    Case("empty", "cast", [ramp(0, 5)], ["HW"], dict(dtype="int16"), reference),
    Case("scalar", "cast", [np.float32(2.5)], [""], dict(dtype="uint8"), reference),
    Case("type of another", "cast_like", [TIES, ramp(2, dtype="int16")], ["", ""], {}, reference),
    Case("type of another, the same", "cast_like", [ramp(3, 5), ramp(2)], ["HW", ""], {},
         reference),
    ErrorCase("no such type", "cast", [ramp(3)], [""], dict(dtype=77), "ArgumentTypeError",
              ["dtype", "77"]),
]
for _to in ALL:
    CASES += [
        Case(f"ties to {_to}", "cast", [TIES], [""], dict(dtype=_to), reference,
             dtypes=("float32", "float64", "float16")),
        Case(f"limits to {_to}", "cast", [LIMITS], [""], dict(dtype=_to), reference,
             dtypes=("int64",)),
        Case(f"everything to {_to}", "cast", [ramp(3, 5, 7, dtype="uint8")], ["DHW"],
             dict(dtype=_to), reference, dtypes=ALL),
        Case(f"far away to {_to}", "cast", [HUGE], [""], dict(dtype=_to), reference,
             dtypes=("float64",)),
    ]
