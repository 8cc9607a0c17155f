# SPDX-License-Identifier: Apache-2.0
import numpy as np
from scipy.ndimage import correlate1d

from case import Case, ErrorCase, noise

TYPES = ("uint8", "uint16", "int8", "int16", "float16", "float32", "float64")


def _binomial(size):
    row = np.ones(1)
    for _ in range(size - 1):
        row = np.convolve(row, [1, 1])
    return row


def reference(data, window_size=3, smoothing_size=None, scale=1.0, normalized_kernel=False, dtype=None, layout=""):
    axes = [i for i in range(data.ndim) if not layout or layout[i] not in "CF"]
    n = len(axes)
    windows = np.broadcast_to(window_size, n)
    scales = np.broadcast_to(scale, n)
    out = np.zeros(data.shape)
    for i in range(n):
        partial, total = data.astype(np.float64), 0
        for j in range(n):
            size = windows[i] if i == j or smoothing_size is None else np.broadcast_to(smoothing_size, n)[j]
            kernel = np.convolve(_binomial(size - 2), [1, -2, 1]) if i == j else _binomial(size)
            total += size
            # a pad of a whole window, cut off again: SciPy mirrors once only
            pad = [(size, size) if k == axes[j] else (0, 0) for k in range(data.ndim)]
            long = correlate1d(np.pad(partial, pad, mode="reflect" if data.shape[axes[j]] > 1 else "edge"), kernel, axis=axes[j])
            partial = np.take(long, np.arange(size, size + data.shape[axes[j]]), axis=axes[j])
        out += partial * (2.0 ** (n + 2 - total) if normalized_kernel else scales[i])
    dtype = np.dtype(dtype if dtype is not None else data.dtype)
    if dtype.kind in "ui":
        out = np.clip(np.sign(out) * np.floor(np.abs(out) + 0.5), np.iinfo(dtype).min, np.iinfo(dtype).max)
    return out.astype(dtype)


CASES = [
    Case("edges of a volume", "laplacian", [noise(9, 11, 13)], ["DHW"],
         dict(normalized_kernel=True), reference, dtypes=TYPES,
         tol=1e-3, unit=1, docs=True),
    Case("plain", "laplacian", [noise(9, 11, 13)], ["DHW"], {}, reference),
    Case("no smoothing", "laplacian", [noise(9, 11, 13)], ["DHW"], dict(smoothing_size=1),
         reference, dtypes=("float32", "int16")),
    Case("a picture with channels", "laplacian", [noise(15, 17, 3)], ["HWC"], dict(window_size=5),
         reference),
    Case("channels first, window per axis", "laplacian", [noise(2, 9, 10, 11)], ["CDHW"],
         dict(window_size=[3, 5, 7]), reference),
    Case("window and smoothing per axis", "laplacian", [noise(15, 17)], ["HW"],
         dict(window_size=[3, 7], smoothing_size=[5, 1]), reference),
    Case("scale per axis", "laplacian", [noise(9, 11, 13)], ["DHW"], dict(scale=[1.0, 0.5, 0.25]),
         reference),
    Case("one axis, unlabelled", "laplacian", [noise(50)], [""], {}, reference),
    Case("normalized, window per axis", "laplacian", [noise(15, 17)], ["HW"],
         dict(window_size=[5, 9], normalized_kernel=True), reference),
    Case("window longer than the axes", "laplacian", [noise(2, 3, 4)], ["DHW"],
         dict(window_size=9, normalized_kernel=True), reference),
    Case("one voxel", "laplacian", [noise(1, 1, 1)], ["DHW"], {}, reference),
    Case("empty", "laplacian", [noise(0, 4, 5)], ["DHW"], {}, lambda data: data),
    Case("bytes to float", "laplacian", [noise(9, 11, dtype="uint8")], ["HW"],
         dict(dtype="float32"), reference),
    Case("bytes saturate", "laplacian", [noise(9, 11, dtype="uint8", high=256)], ["HW"],
         dict(window_size=5), reference),
    ErrorCase("even window", "laplacian", [noise(4, 5, 6)], ["DHW"], dict(window_size=[3, 4, 3]),
              "ParamError", ["along H", "4", "3 to 31"]),
    ErrorCase("window of 1", "laplacian", [noise(4, 5, 6)], ["DHW"], dict(window_size=1),
              "ParamError", ["along D", "1 elements", "3 to 31"]),
    ErrorCase("smoothing too long", "laplacian", [noise(4, 5)], ["HW"], dict(smoothing_size=33),
              "ParamError", ["33", "1 to 31"]),
    ErrorCase("scale of a normalized kernel", "laplacian", [noise(4, 5)], ["HW"],
              dict(scale=2.0, normalized_kernel=True), "ParamError",
              ["scale", "one of the two"]),
    ErrorCase("unlabelled with four axes", "laplacian", [noise(4, 5, 6, 1)], [""], {},
              "LayoutError", ["4 unlabelled axes", "DHWC"]),
    ErrorCase("two windows for three axes", "laplacian", [noise(4, 5, 6)], ["DHW"],
              dict(window_size=[3, 3]), "ShapeError", ["2 values", "3"]),
]
