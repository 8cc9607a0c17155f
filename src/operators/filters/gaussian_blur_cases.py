# SPDX-License-Identifier: Apache-2.0
import numpy as np
from scipy.ndimage import correlate1d

from case import Case, ErrorCase, noise

TYPES = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16", "float32", "float64")


def reference(data, sigma=0.0, window_size=0, dtype=None, layout=""):
    axes = [i for i in range(data.ndim) if not layout or layout[i] not in "CF"]
    out = data.astype(np.float64)
    for axis, s, w in zip(axes, np.broadcast_to(sigma, len(axes)), np.broadcast_to(window_size, len(axes))):
        w = w or 2 * int(np.ceil(3 * s)) + 1
        s = s or ((w - 1) / 2 - 1) * 0.3 + 0.8
        x = np.arange(w) - w // 2
        weights = np.exp(-0.5 * (x / s) ** 2)
        if data.shape[axis] == 1:
            continue
        # SciPy's "mirror" is reflect_101; padding first repeats it where the window is longer than the axis.
        pad = [(w // 2, w // 2) if i == axis else (0, 0) for i in range(out.ndim)]
        long = np.pad(out, pad, mode="reflect")
        long = correlate1d(long, weights / weights.sum(), axis=axis, mode="mirror")
        out = np.take(long, np.arange(w // 2, w // 2 + out.shape[axis]), axis=axis)
    dtype = np.dtype(dtype if dtype is not None else data.dtype)
    if dtype.kind in "ui":
        out = np.clip(np.sign(out) * np.floor(np.abs(out) + 0.5), np.iinfo(dtype).min, np.iinfo(dtype).max)
    return out.astype(dtype)


CASES = [
    Case("smooth a volume", "gaussian_blur", [noise(9, 11, 13)], ["DHW"], dict(sigma=1.0),
         reference, dtypes=TYPES, tol=1e-3, unit=1, docs=True),
    Case("channels are left apart", "gaussian_blur", [noise(7, 9, 11, 3)], ["DHWC"],
         dict(sigma=1.5), reference),
    Case("channels first, sigma per axis", "gaussian_blur", [noise(2, 7, 9, 11)], ["CDHW"],
         dict(sigma=[0.5, 1.0, 2.0]), reference),
    Case("window alone", "gaussian_blur", [noise(17, 19)], ["HW"], dict(window_size=[5, 7]),
         reference),
    Case("window and sigma", "gaussian_blur", [noise(17, 19, 2)], ["HWC"],
         dict(window_size=3, sigma=2.0), reference),
    Case("frames", "gaussian_blur", [noise(3, 2, 9, 11)], ["FCHW"], dict(sigma=1.0), reference),
    Case("frames of volumes", "gaussian_blur", [noise(2, 5, 6, 7, 2)], ["FDHWC"], dict(sigma=0.7),
         reference),
    Case("unlabelled: every axis", "gaussian_blur", [noise(9, 11, 13)], [""], dict(sigma=1.0),
         reference),
    Case("one axis", "gaussian_blur", [noise(100)], ["W"], dict(sigma=3.0), reference),
    Case("window longer than the axes", "gaussian_blur", [noise(2, 3, 5)], ["DHW"], dict(sigma=4.0),
         reference),
    Case("one voxel", "gaussian_blur", [noise(1, 1, 1)], ["DHW"], dict(sigma=2.0), reference),
    Case("one slice", "gaussian_blur", [noise(1, 20, 30)], ["DHW"], dict(sigma=2.0), reference),
    Case("empty", "gaussian_blur", [noise(0, 4, 5)], ["DHW"], dict(sigma=1.0), lambda data,
         **_: data),
    Case("a window of 1 is the input", "gaussian_blur", [noise(4, 5, 6)], ["DHW"],
         dict(window_size=1), lambda data, **_: data),
    Case("one axis alone", "gaussian_blur", [noise(8, 9, 10)], ["DHW"], dict(window_size=[1, 1, 5]),
         reference),
    Case("bytes to float", "gaussian_blur", [noise(9, 11, 13, dtype="uint8")], ["DHW"],
         dict(sigma=1.0, dtype="float32"), reference),
    Case("high contrast in 16 bits", "gaussian_blur",
         [noise(9, 11, 70, dtype="int16", low=-32768, high=32767)], ["DHW"],
         dict(sigma=0.6), reference, unit=1),
    ErrorCase("nothing given", "gaussian_blur", [noise(4, 5, 6)], ["DHW"], {}, "ParamError",
              ["sigma 0", "along D", "window_size=1"]),
    ErrorCase("even window", "gaussian_blur", [noise(4, 5, 6)], ["DHW"],
              dict(window_size=[3, 4, 3]), "ParamError",
              ["along H", "4", "odd"]),
    ErrorCase("negative sigma", "gaussian_blur", [noise(4, 5, 6)], ["DHW"], dict(sigma=-1.0),
              "ParamError", ["-1", "0"]),
    ErrorCase("two sigmas for three axes", "gaussian_blur", [noise(4, 5, 6)], ["DHW"],
              dict(sigma=[1.0, 2.0]), "ShapeError",
              ["2 values", "3"]),
    ErrorCase("unlabelled with four axes", "gaussian_blur", [noise(4, 5, 6, 1)], [""],
              dict(sigma=1.0), "LayoutError",
              ["4 unlabelled axes", "DHWC", "fn.reshape"]),
    ErrorCase("channels in the middle", "gaussian_blur", [noise(4, 5, 6)], ["HCW"], dict(sigma=1.0),
              "LayoutError", ["HCW", "DHWC"]),
    ErrorCase("output type", "gaussian_blur", [noise(4, 5, 6, dtype="uint8")], ["DHW"],
              dict(sigma=1.0, dtype="int16"), "ParamError",
              ["int16", "uint8"]),
]
