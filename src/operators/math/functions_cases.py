# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import Case, ErrorCase, noise, ramp
from promotion import ARITHMETIC, NUMBERS, promoted, real
from scipy import special


def unary(function):
    def reference(x):
        t = real(x.dtype)
        with np.errstate(all="ignore"):
            return function(x.astype(t).astype("float64")).astype(t)
    return reference


def same_type(x):
    return np.abs(x)


def binary(function, result_type):
    def reference(a, b):
        t = result_type(a.dtype, b.dtype)
        return np.asarray(function(a.astype(t), b.astype(t))).astype(t)
    return reference


def clamp(x, low, high):
    t = promoted(x.dtype, low.dtype, high.dtype)
    return np.minimum(np.maximum(x.astype(t), low.astype(t)), high.astype(t))


ANY = noise(3, 5, 7, low=-4, high=4)
POSITIVE = noise(3, 5, 7, low=0.01, high=9)
UNIT = noise(3, 5, 7, low=-0.99, high=0.99)
UNARY = {
    "fabs": (np.fabs, ANY),
    "sqrt": (np.sqrt, POSITIVE),
    "rsqrt": (lambda x: 1 / np.sqrt(x), POSITIVE),
    "cbrt": (special.cbrt, ANY),
    "exp": (np.exp, ANY),
    "log": (np.log, POSITIVE),
    "log2": (np.log2, POSITIVE),
    "log10": (np.log10, POSITIVE),
    "ceil": (np.ceil, ANY),
    "floor": (np.floor, ANY),
    "sin": (np.sin, ANY),
    "cos": (np.cos, ANY),
    "tan": (np.tan, UNIT),
    "asin": (np.arcsin, UNIT),
    "acos": (np.arccos, UNIT),
    "atan": (np.arctan, ANY),
    "sinh": (np.sinh, ANY),
    "cosh": (np.cosh, ANY),
    "tanh": (np.tanh, ANY),
    "asinh": (np.arcsinh, ANY),
    "acosh": (np.arccosh, POSITIVE + np.float32(1)),
    "atanh": (np.arctanh, UNIT),
}

CASES = [Case(name, f"math.{name}", [values], ["DHW"], {}, unary(function),
              dtypes=("float32", "float64"), docs=name == "sqrt")
         for name, (function, values) in UNARY.items()]
CASES += [Case(f"{name} of whole numbers", f"math.{name}",
               [np.array([[1, 2, 3], [7, 40, 77]], "uint8")], ["HW"], {}, unary(function),
               dtypes=NUMBERS)
          for name, (function, _) in UNARY.items()
          if name not in ("asin", "acos", "atanh", "sinh", "cosh", "exp")]
CASES += [
    Case("absolute value keeps the type", "math.abs", [noise(3, 5, 7, dtype="int8")], ["DHW"], {},
         same_type, dtypes=NUMBERS),
    Case("absolute value of the lowest number wraps", "math.abs", [np.array([-128, -127], "int8")],
         [""], {}, same_type),
    Case("outside the domain", "math.log", [np.array([0, -1, np.inf, np.nan], "float32")], [""], {},
         unary(np.log)),
    Case("empty", "math.sqrt", [ramp(0, 3)], ["HW"], {}, unary(np.sqrt)),
    Case("scalar", "math.exp", [np.float32(1)], [""], {}, unary(np.exp)),
    Case("clamp", "math.clamp", [ANY, np.float32(-1), np.float32(2)], ["DHW", "", ""], {}, clamp,
         dtypes=ARITHMETIC, docs=True),
    Case("clamp by whole numbers", "math.clamp", [ramp(3, 5, 7), np.int32(10), np.int32(50)],
         ["DHW", "", ""], {}, clamp, dtypes=NUMBERS),
    Case("clamp by rows", "math.clamp", [ramp(3, 5, 7), ramp(7), ramp(5, 1) + np.float32(9)],
         ["DHW", "", ""], {}, clamp),
]
for _right in ("uint8", "int16", "uint32", "float32", "float64"):
    _other = noise(3, 5, 7, dtype="int8", seed=2, low=1, high=5).astype(_right)
    CASES += [
        Case(f"min with {_right}", "math.min", [ramp(3, 5, 7), _other], ["DHW", "DHW"], {},
             binary(np.minimum, promoted), dtypes=ARITHMETIC),
        Case(f"max with {_right}", "math.max", [ramp(3, 5, 7), _other], ["DHW", "DHW"], {},
             binary(np.maximum, promoted), dtypes=ARITHMETIC),
        Case(f"fpow with {_right}", "math.fpow", [ramp(3, 5, 7) % 5 + 1, _other], ["DHW", "DHW"],
             {}, binary(np.power, real), dtypes=NUMBERS),
        Case(f"atan2 with {_right}", "math.atan2", [ramp(3, 5, 7), _other], ["DHW", "DHW"], {},
             binary(np.arctan2, real), dtypes=NUMBERS),
        Case(f"pow with {_right}", "math.pow", [ramp(3, 5, 7) % 4, _other], ["DHW", "DHW"], {},
             binary(np.power, promoted), dtypes=NUMBERS),
    ]
CASES += [
    ErrorCase("root of a mask", "math.sqrt", [noise(3, dtype="bool")], [""], {},
              "ArgumentTypeError", ["bool"]),
    ErrorCase("larger of two masks", "math.max", [noise(3, dtype="bool"), noise(3, dtype="bool")],
              ["", ""], {}, "ArgumentTypeError", ["bool"]),
    ErrorCase("extents", "math.min", [ramp(3), ramp(4)], ["", ""], {}, "ShapeError",
              ["3 in", "4 in"]),
]
