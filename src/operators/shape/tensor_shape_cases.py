# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import ALL, Case, ramp


def reference(data, dtype="int64"):
    return np.array(data.shape, dtype)


CASES = [
    Case("a volume", "tensor_shape", [ramp(2, 3, 4)], ["DHW"], {}, reference, dtypes=ALL),
    Case("another type", "tensor_shape", [ramp(2, 3, 4)], [""], dict(dtype="float32"), reference),
    Case("a scalar", "tensor_shape", [ramp()], [""], {}, reference),
    Case("empty", "tensor_shape", [ramp(0, 3)], [""], dict(dtype="uint8"), reference),
]
