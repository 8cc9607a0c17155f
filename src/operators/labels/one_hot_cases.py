# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import Case, ErrorCase, noise, ramp


def reference(data, num_classes, axis=None, on_value=1, off_value=0, dtype="float32", axis_name=None):
    if axis is None and data.size == 1:
        data = data.reshape(())
    classes = np.arange(num_classes)
    hit = np.trunc(data.astype(np.float64))[..., None] == classes
    out = np.where(hit, np.array(on_value).astype(dtype), np.array(off_value).astype(dtype))
    return np.moveaxis(out, -1, -1 if axis is None else axis)


LABELS = noise(3, 4, 5, dtype="uint8", high=6)
TYPES = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float32", "float64", "bool")

CASES = [
    Case("labels of a volume", "one_hot", [LABELS], ["DHW"], dict(num_classes=4, axis=0, axis_name="C"), reference, dtypes=TYPES, docs=True),
    Case("channels last", "one_hot", [LABELS], ["DHW"], dict(num_classes=6), reference, dtypes=TYPES),
    Case("in the middle", "one_hot", [LABELS], ["DHW"], dict(num_classes=3, axis=1), reference),
    Case("counted from the end", "one_hot", [LABELS], ["DHW"], dict(num_classes=3, axis=-2), reference),
    Case("values and type", "one_hot", [LABELS], ["DHW"], dict(num_classes=5, on_value=7, off_value=-2, dtype="int16"), reference),
    Case("bool", "one_hot", [LABELS], ["DHW"], dict(num_classes=5, axis=0, dtype="bool"), reference),
    Case("half", "one_hot", [LABELS], ["DHW"], dict(num_classes=5, off_value=0.5, dtype="float16"), reference),
    Case("numbers outside", "one_hot", [np.array([-1, 0, 3, 4], np.int64)], [""], dict(num_classes=4), reference),
    Case("fractions and numbers outside", "one_hot", [np.array([-1e30, -1.5, -1, -0.5, 2.5, 3.9, 4, np.nan, np.inf], np.float32)], [""],
         dict(num_classes=4), reference, dtypes=("float32", "float64")),
    Case("a scalar", "one_hot", [np.array(2, np.int32)], [""], dict(num_classes=4), reference),
    Case("one element counts as a scalar", "one_hot", [np.array([[2]], np.int32)], [""], dict(num_classes=4), reference),
    Case("unless axis is given", "one_hot", [np.array([[2]], np.int32)], [""], dict(num_classes=4, axis=-1), reference),
    Case("long rows", "one_hot", [noise(2, 9001, dtype="int32", low=0, high=3)], [""], dict(num_classes=3, axis=0), reference),
    Case("empty", "one_hot", [ramp(0, 3)], [""], dict(num_classes=4), reference),
    ErrorCase("number of classes missing", "one_hot", [LABELS], ["DHW"], {}, "ParamError", ["num_classes", "at least 1"]),
    ErrorCase("no class", "one_hot", [LABELS], ["DHW"], dict(num_classes=0), "ParamError", ["0", "at least 1"]),
    ErrorCase("axis out of range", "one_hot", [LABELS], ["DHW"], dict(num_classes=3, axis=4), "ParamError", ["axis 4", "-4 to 3"]),
    ErrorCase("name without a layout", "one_hot", [LABELS], [""], dict(num_classes=3, axis_name="C"), "LayoutError", ["3 axes"]),
    ErrorCase("no letter", "one_hot", [LABELS], ["DHW"], dict(num_classes=3, axis_name=""), "ParamError", ['""', "1 letter"]),
    ErrorCase("two letters", "one_hot", [LABELS], ["DHW"], dict(num_classes=3, axis_name="CC"), "ParamError", ['"CC"', "1 letter"]),
]
