# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import Case, ErrorCase, noise, ramp

TYPES = ("uint8", "int8", "uint16", "int16", "int32", "uint32", "float16", "float32", "float64")
CENTER = {"uint8": 128, "int8": 64, "uint16": 2 ** 15, "int16": 2 ** 14,
          "int32": 2 ** 30, "uint32": 2 ** 31}


def reference(data, brightness=1, brightness_shift=0, contrast=1, contrast_center=None, dtype=None):
    to = np.dtype(dtype or data.dtype)
    center = contrast_center if contrast_center is not None else CENTER.get(data.dtype.name, 0.5)
    largest = np.iinfo(to).max if to.kind in "iu" else 1
    contrasted = center + contrast * (data.astype("float64") - center)
    out = brightness_shift * largest + brightness * contrasted
    if to.kind in "iu":
        out = np.clip(np.floor(abs(out) + 0.5) * np.sign(out), np.iinfo(to).min, np.iinfo(to).max)
    return out.astype(to)


VOLUME = ramp(3, 5, 7, 2)

CASES = [
    Case("brighter", "brightness", [ramp(3, 5, 7, 1)], ["DHWC"],
         dict(brightness=1.5, brightness_shift=0.1), reference, dtypes=TYPES, unit=1, docs=True),
    Case("half precision keeps its steps", "brightness", [noise(3, 5, dtype="float16")], ["HW"],
         dict(brightness=1.5), reference, tol=1e-3),
    Case("brighter channels first", "brightness", [VOLUME], ["CDHW"], dict(brightness=0.5),
         reference, unit=1, dtypes=("uint8", "int16", "float32")),
    Case("nothing to change", "brightness", [VOLUME], ["DHWC"], {}, reference, dtypes=TYPES),
    Case("to another type", "brightness", [VOLUME], ["DHWC"], dict(brightness=3.7, dtype="int16"),
         reference, unit=1, dtypes=TYPES),
    Case("shift counts in the output's range", "brightness", [ramp(5, 7, dtype="uint8")], ["HW"],
         dict(brightness_shift=0.5, dtype="int32"), reference, unit=1),
    Case("more contrast", "contrast", [VOLUME], ["DHWC"], dict(contrast=1.7), reference,
         dtypes=TYPES, unit=1, tol=1e-3, docs=True),
    Case("about another center", "contrast", [VOLUME], [""],
         dict(contrast=0.3, contrast_center=100), reference,
         dtypes=("uint8", "int8", "int16", "float32"), unit=1),
    Case("to floats about the input's center", "contrast", [VOLUME], ["DHWC"],
         dict(contrast=0.3, dtype="float32"), reference, dtypes=("uint8", "float32")),
    Case("wide integers to floats about the input's center", "contrast", [VOLUME * 100], ["DHWC"],
         dict(contrast=0.3, dtype="float32"), reference, dtypes=("int16", "uint16", "int32")),
    Case("large whole numbers", "contrast",
         [noise(3, 5, 7, dtype="int32", low=-2 ** 31, high=2 ** 31 - 1)], ["DHW"],
         dict(contrast=0.9), reference, unit=1),
    Case("both", "brightness_contrast", [VOLUME], ["FHWC"],
         dict(brightness=1.2, brightness_shift=-0.1, contrast=0.8, contrast_center=64), reference,
         dtypes=TYPES, unit=1, tol=1e-3, docs=True),
    Case("empty", "brightness_contrast", [ramp(0, 3, 1)], ["HWC"], dict(contrast=2), reference),
    Case("one voxel", "brightness_contrast", [ramp(1, 1, 1, 1)], ["DHWC"], dict(contrast=2),
         reference),
    ErrorCase("mask", "brightness", [noise(3, 4, 1, dtype="bool")], ["HWC"], {},
              "ArgumentTypeError", ["bool"]),
    ErrorCase("brightness is a number", "brightness", [VOLUME], ["DHWC"], dict(brightness="high"),
              "ArgumentTypeError", ["brightness", "high"]),
]
