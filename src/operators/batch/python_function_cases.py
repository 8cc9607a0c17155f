# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import ALL, Case, ErrorCase, ramp


def reversed_rows(x):
    return x[::-1]


# More in tests/python/test_python_function.py.
CASES = [
    Case("each sample", "python_function", [ramp(3, 5, 7)], ["DHW"], dict(function=reversed_rows), lambda x, function: function(x),
         dtypes=ALL, batch_wide=True, constant=["function"]),
    Case("two inputs", "python_function", [ramp(3, 5), np.float32(2)], ["HW", ""], dict(function=lambda x, y: x * y),
         lambda x, y, function: function(x, y), batch_wide=True, constant=["function"]),
    ErrorCase("nothing to call", "python_function", [ramp(3)], [""], dict(function=3), "ArgumentTypeError", ["callable", "int"]),
]
