# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import ALL, Case, ErrorCase, ramp

# Cases are run in batches of one; orders of larger ones are in tests/python/test_batches.py.
CASES = [
    Case("a batch of one", "permute_batch", [ramp(3, 5, 7)], ["DHW"], dict(indices=[0]), lambda x, indices: x, dtypes=ALL,
         batch_wide=True, constant=["indices"], docs=True),
    ErrorCase("as many as samples", "permute_batch", [ramp(3, 5)], ["HW"], dict(indices=[0, 0]), "ShapeError",
              ["2 entries", "1"]),
    ErrorCase("not given", "permute_batch", [np.int32(1)], [""], {}, "ArgumentTypeError", ["indices", "missing"]),
]
