# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import ALL, Case, ErrorCase, ramp


def reference(condition, yes, no):
    return yes if condition else no


YES, NO = ramp(3, 5, 7), ramp(2, 4, 1)

CASES = [
    Case("the first, by any number", "flow.merge", [np.float32(0.25), YES, NO], ["", "DHW", "DHW"], {}, reference,
         dtypes=ALL[:8] + ("float32", "bool"), docs=True),
    Case("the second, of another shape", "flow.merge", [np.bool_(False), YES, NO], ["", "DHW", "DHW"], {}, reference),
    *(Case(f"{kind}", "flow.merge", [np.int32(1), YES.astype(kind), NO.astype(kind)], ["", "DHW", "DHW"], {}, reference)
      for kind in ALL),
    Case("numbers", "flow.merge", [np.bool_(True), np.float32(2.5), np.float32(1)], ["", "", ""], {}, reference),
    Case("an empty one", "flow.merge", [np.int32(0), YES, ramp(0, 4, 0)], ["", "DHW", "DHW"], {}, reference),
    ErrorCase("a mask", "flow.merge", [ramp(3, 5, 7) > 3, YES, YES], ["DHW", "DHW", "DHW"], {}, "ShapeError",
              ["[3, 5, 7]", "scalar", "fn.select", "fn.reductions.max"]),
]
