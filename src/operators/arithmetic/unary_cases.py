# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import Case, ErrorCase, noise, ramp
from promotion import NUMBERS

CASES = [
    Case("minus", "arithmetic.minus", [ramp(3, 5, 7)], ["DHW"], {}, lambda x: np.negative(x),
         dtypes=NUMBERS, docs=True),
    Case("minus of nothing", "arithmetic.minus", [ramp(0, 3)], ["HW"], {},
         lambda x: np.negative(x)),
    Case("minus of a scalar", "arithmetic.minus", [np.float32(3)], [""], {},
         lambda x: np.negative(x)),
    Case("minus of the lowest number wraps", "arithmetic.minus", [np.array([-128, 127], "int8")],
         [""], {}, lambda x: np.negative(x)),
    Case("plus", "arithmetic.plus", [ramp(1, 3, 5, 7)], ["CDHW"], {}, lambda x: x, dtypes=NUMBERS),
    ErrorCase("minus of a mask", "arithmetic.minus", [noise(3, dtype="bool")], [""], {},
              "ArgumentTypeError", ["bool"]),
    Case("plus of a mask", "arithmetic.plus", [noise(3, 4, dtype="bool")], [""], {}, lambda x: x),
    Case("inverted", "arithmetic.bitnot", [noise(3, 5, 7, dtype="int16")], ["DHW"], {}, lambda x: np.invert(x),
         dtypes=NUMBERS[:8] + ("bool",), docs=True),
    Case("inverted limits", "arithmetic.bitnot", [np.array([-2 ** 63, -1, 0, 2 ** 63 - 1])], [""], {}, lambda x: np.invert(x)),
    ErrorCase("inverted floats", "arithmetic.bitnot", [ramp(3)], [""], {}, "ArgumentTypeError",
              ["float32", "integers and bool"]),
]
