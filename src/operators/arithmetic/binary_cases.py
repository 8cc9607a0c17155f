# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import Case, ErrorCase, noise, ramp
from promotion import ARITHMETIC, NUMBERS, promoted, real

INTEGERS = NUMBERS[:8]


def divided(a, b):
    """C++ division: integers towards zero, and by zero gives 0; floats as they are."""
    if a.dtype.kind == "f":
        return a / b
    safe = np.where(b == 0, 1, b)
    quotient = a // safe
    if a.dtype.kind == "i":
        quotient = quotient + ((a % safe != 0) & ((a < 0) != (safe < 0)))
    return np.where(b == 0, 0, quotient).astype(a.dtype)


def power(a, b):
    if a.dtype.kind == "f":
        return np.power(a, b)
    exact = np.power(a.astype(object), np.maximum(b.astype(object), 0))
    exact %= 2 ** (8 * a.dtype.itemsize)
    bits = np.asarray(exact, object).astype(np.uint64)
    return np.where(b < 0, 0, bits.astype(f"u{a.dtype.itemsize}").view(a.dtype))


def compared(function):
    def reference(a, b):
        if promoted(a.dtype, b.dtype).kind == "f":
            t = promoted(a.dtype, b.dtype)
            return function(a.astype(t), b.astype(t))
        # Python's whole numbers have no limits.
        return np.asarray(function(a.astype(object), b.astype(object)), bool)
    return reference


def converted(a, dtype):
    """The one conversion that loses whole numbers: what is beyond int64 becomes its limit."""
    if a.dtype == np.uint64 and dtype == np.int64:
        a = np.minimum(a, np.uint64(2 ** 63 - 1))
    return a.astype(dtype)


def computed(function, result_type=promoted):
    def reference(a, b):
        t = result_type(a.dtype, b.dtype)
        with np.errstate(all="ignore"):
            return np.asarray(function(converted(a, t), converted(b, t)))
    return reference


ADD = computed(np.add)
ARITHMETIC_OPS = {
    "add": ADD,
    "sub": computed(np.subtract),
    "mul": computed(np.multiply),
    "div": computed(np.divide, real),
    "fdiv": computed(divided),
}
COMPARISONS = {"eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal,
               "gt": np.greater, "ge": np.greater_equal}
WIDTHS = np.array([0, 1, 2, 7, 8, 15, 31, 32, 63, 64, 100], "int8")
INTEGRAL = {"mod": np.remainder, "lshift": np.left_shift, "rshift": np.right_shift}
BITWISE = {"bitand": np.bitwise_and, "bitor": np.bitwise_or, "bitxor": np.bitwise_xor}

SMALL = noise(3, 5, 7, dtype="int8", low=-4, high=4)
SIGNED = np.array([-1, 0, 1, 5, -2 ** 63, 2 ** 63 - 1], "int64")
UNSIGNED = np.array([2 ** 64 - 1, 0, 1, 2 ** 63, 2 ** 63, 2 ** 63 - 1], "uint64")


def values(dtype, seed):
    """Small whole numbers, negative ones too where the type has them, and no zero."""
    drawn = noise(3, 5, 7, dtype="int16", seed=seed)
    if np.dtype(dtype).kind in "ub":
        drawn = abs(drawn)
    return np.where(drawn == 0, 3, drawn).astype(dtype)


CASES = [
    Case("sum of two volumes", "arithmetic.add", [ramp(2, 3, 4), noise(2, 3, 4)], ["DHW", "DHW"],
         {}, ADD, docs=True),
    Case("a row is repeated", "arithmetic.mul", [ramp(2, 3, 4), noise(4)], ["DHW", ""], {},
         computed(np.multiply)),
    Case("both sides are repeated", "arithmetic.sub", [ramp(3, 1, 5), noise(2, 1, 4, 1)],
         ["HWC", "DHWC"], {}, computed(np.subtract), dtypes=("uint8", "float32")),
    Case("scalar on the left", "arithmetic.sub", [np.float32(2), ramp(5, 3)], ["", "HW"], {},
         computed(np.subtract)),
    Case("empty", "arithmetic.add", [ramp(0, 4), ramp(1, 4)], ["", ""], {}, ADD),
    Case("one voxel", "arithmetic.add", [ramp(1, 1, 1), np.int32(5)], ["DHW", ""], {}, ADD,
         dtypes=NUMBERS),
    Case("times one is the operand itself", "arithmetic.mul", [noise(4, 5, 6), np.int32(1)],
         ["DHW", ""], {}, computed(np.multiply)),
    Case("plus nothing is the operand itself", "arithmetic.add",
         [np.uint8(0), ramp(4, 5, dtype="uint8")], ["", "HW"], {}, ADD),
    Case("a float constant makes a float", "arithmetic.mul", [values("int16", 3), np.float32(0.5)],
         ["DHW", ""], {}, computed(np.multiply), dtypes=ARITHMETIC),
    Case("an int constant is an int32", "arithmetic.add", [values("int16", 3), np.int32(5)],
         ["DHW", ""], {}, ADD, dtypes=ARITHMETIC),
    Case("integers wrap", "arithmetic.add",
         [np.array([255, 200, 1], "uint8"), np.array([1, 100, 1], "uint8")], ["", ""], {}, ADD,
         dtypes=("uint8", "int8")),
    Case("negative zero keeps its sign without an addition of zero", "arithmetic.mul",
         [np.array([-0.0, 0.0, np.inf, np.nan], "float32"), np.float32(1)], ["", ""], {},
         computed(np.multiply)),
    Case("by zero", "arithmetic.fdiv",
         [values("int16", 4), np.array([0, 1, -1, 2, 0, -7, 3], "int32")], ["DHW", ""], {},
         computed(divided), dtypes=INTEGERS),
    Case("whole powers", "arithmetic.pow",
         [np.array([[-3], [-1], [0], [1], [2], [7]], "int32"),
          np.array([-2, -1, 0, 1, 2, 3, 9, 40], "int32")],
         ["", ""], {}, computed(power), dtypes=("int8", "int16", "int32", "int64")),
    Case("whole powers without sign", "arithmetic.pow",
         [np.array([[0], [1], [2], [7]], "uint8"), np.array([0, 1, 2, 3, 9, 40], "uint8")],
         ["", ""], {}, computed(power), dtypes=("uint8", "uint16", "uint32", "uint64")),
    Case("powers of floats", "arithmetic.pow",
         [noise(3, 4, 5), noise(3, 4, 5, seed=2, low=-3, high=3)], ["", ""], {}, computed(power),
         dtypes=("float32", "float64")),
    Case("and of two masks", "arithmetic.mul",
         [noise(4, 5, dtype="bool"), noise(4, 5, dtype="bool", seed=3)], ["", ""], {},
         lambda a, b: a & b),
]
for _name, _reference in ARITHMETIC_OPS.items():
    CASES += [Case(f"{_name} with {right}", f"arithmetic.{_name}",
                   [values("int16", 5), values(right, 6)], ["DHW", "DHW"], {}, _reference,
                   dtypes=NUMBERS)
              for right in (ARITHMETIC if _name == "add" else ("int8", "uint16", "float32"))]
for _name, _function in COMPARISONS.items():
    CASES += [Case(f"{_name} with {right}", f"arithmetic.{_name}",
                   [SMALL, SMALL[::-1].astype(right)],
                   ["DHW", "DHW"], {}, compared(_function), dtypes=ARITHMETIC)
              for right in ("int8", "uint32", "int64", "uint64", "float32", "bool")]
    CASES.append(Case(f"{_name}: no integer type holds both", f"arithmetic.{_name}",
                      [SIGNED, UNSIGNED],
                      ["", ""], {}, compared(_function)))
    CASES.append(Case(f"{_name}: no integer type holds both, swapped", f"arithmetic.{_name}",
                      [UNSIGNED, SIGNED],
                      ["", ""], {}, compared(_function)))
for _name, _function in BITWISE.items():
    CASES += [Case(f"{_name} with {right}", f"arithmetic.{_name}",
                   [values("int16", 7), values(right, 8)], ["DHW", "DHW"], {}, computed(_function),
                   dtypes=INTEGERS + ("bool",))
              for right in ("uint8", "int16", "uint32", "bool")]
for _name, _function in INTEGRAL.items():
    CASES += [Case(f"{_name} with {right}", f"arithmetic.{_name}",
                   [values("int16", 7), values(right, 8)], ["DHW", "DHW"], {}, computed(_function),
                   dtypes=INTEGERS + ("bool",), docs=right == "int16")
              for right in ("uint8", "int16", "int32", "uint64")]
    CASES += [Case(f"{_name} by as many as there are, and more", f"arithmetic.{_name}",
                   [np.array([[-128], [-3], [-1], [0], [1], [3], [127]], "int8"), WIDTHS],
                   ["HW", ""], {}, computed(_function), dtypes=("int8", "int16", "int32", "int64")),
              Case(f"{_name} without sign, by as many as there are, and more", f"arithmetic.{_name}",
                   [np.array([[0], [1], [3], [128], [255]], "uint8"), WIDTHS.astype("uint8")],
                   ["HW", ""], {}, computed(_function), dtypes=("uint8", "uint16", "uint32", "uint64")),
              Case(f"{_name} by negative numbers", f"arithmetic.{_name}",
                   [np.array([[-128], [-3], [-1], [0], [1], [3], [127]], "int8"), -WIDTHS],
                   ["HW", ""], {}, computed(_function), dtypes=("int8", "int16", "int32", "int64")),
              Case(f"{_name} of a mask", f"arithmetic.{_name}", [noise(4, 5, dtype="bool"), np.int32(2)],
                   ["", ""], {}, computed(_function)),
              ErrorCase(f"{_name} of floats", f"arithmetic.{_name}", [ramp(3), ramp(3, dtype="int32")],
                        ["", ""], {}, "ArgumentTypeError", ["float32 and int32", "integers"]),
              ErrorCase(f"{_name} of masks", f"arithmetic.{_name}",
                        [noise(3, dtype="bool"), noise(3, dtype="bool")], ["", ""], {}, "ArgumentTypeError",
                        ["bool and bool", "integers"])]

CASES += [
    ErrorCase("extents", "arithmetic.add", [ramp(2, 3), ramp(2, 4)], ["HW", "HW"], {}, "ShapeError",
              ["along W", "3 in left [2, 3]", "4 in right [2, 4]"]),
    ErrorCase("layouts", "arithmetic.add", [ramp(2, 3), ramp(2, 3)], ["HW", "WC"], {},
              "LayoutError", ["HW", "WC"]),
    ErrorCase("sum of masks", "arithmetic.add", [noise(3, dtype="bool"), noise(3, dtype="bool")],
              ["", ""], {}, "ArgumentTypeError", ["bool and bool"]),
    ErrorCase("quotient of masks", "arithmetic.div",
              [noise(3, dtype="bool"), noise(3, dtype="bool")], ["", ""], {}, "ArgumentTypeError",
              ["bool and bool"]),
    ErrorCase("bits of floats", "arithmetic.bitand", [ramp(3), ramp(3)], ["", ""], {},
              "ArgumentTypeError", ["float32 and float32", "integers and bool"]),
    ErrorCase("half precision", "arithmetic.add", [ramp(3, dtype="float16"), ramp(3)], ["", ""], {},
              "ArgumentTypeError", ["float16"]),
]
