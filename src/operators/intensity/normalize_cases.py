# SPDX-License-Identifier: Apache-2.0
import numpy as np

from case import Case, ErrorCase, noise

TYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float16", "float64", "int64", "uint64")


def reference(data, mean=None, stddev=None, axes=None, axis_names=None, shift=0.0, scale=1.0, epsilon=0.0, ddof=0,
              dtype="float32", batch=False, layout=""):
    x = data.astype(np.float64)
    if axis_names is not None:
        axes = [layout.index(letter) for letter in axis_names]
    given = next((np.asarray(p) for p in (mean, stddev) if np.ndim(p) > 0), None)
    if axes is None and given is not None:
        axes = [i for i in range(x.ndim) if given.shape[i] == 1]
    axes = tuple(range(x.ndim)) if axes is None else tuple(axes)
    n = int(np.prod([x.shape[a] for a in axes]))
    mean = x.mean(axes, keepdims=True) if mean is None else mean
    if stddev is None:
        total = ((x - mean) ** 2).sum(axes, keepdims=True)
        stddev = np.sqrt((total / (n - ddof) if n > ddof else 0 * total) + epsilon)
    else:
        stddev = np.sqrt(np.square(stddev, dtype=float) + epsilon)
    stddev = np.broadcast_to(stddev, np.broadcast_shapes(np.shape(stddev), np.shape(mean)))
    gain = np.where(stddev == 0, 0, scale / np.where(stddev == 0, 1, stddev))
    out = (x - mean) * gain + shift
    dtype = np.dtype(dtype)
    if dtype.kind in "ui":
        out = np.clip(np.sign(out) * np.floor(np.abs(out) + 0.5), np.iinfo(dtype).min, np.iinfo(dtype).max)
    return out.astype(dtype)


VOLUME = noise(5, 6, 7, 3, low=-2, high=5)
CHANNEL_MEANS = np.float32([1, 2, 3]).reshape(1, 1, 1, 3)

CASES = [
    Case("to mean 0 and deviation 1", "normalize", [noise(9, 10, 11)], ["DHW"], {}, reference,
         dtypes=TYPES, docs=True),
    Case("each channel, channels last", "normalize", [VOLUME], ["DHWC"], dict(axis_names="DHW"),
         reference),
    Case("each channel, channels first", "normalize", [noise(2, 5, 6, 7)], ["CDHW"],
         dict(axes=[1, 2, 3]), reference),
    Case("each row", "normalize", [noise(30, 70, dtype="int16")], ["HW"], dict(axis_names="W"),
         reference),
    Case("each column, unlabelled", "normalize", [noise(30, 70, dtype="uint16")], [""],
         dict(axes=[0]), reference),
    Case("along outer and inner axis", "normalize", [VOLUME], ["DHWC"], dict(axes=[0, 2]),
         reference, dtypes=("float32", "uint8")),
    Case("shift and scale to bytes", "normalize", [noise(9, 10, 11)], ["DHW"],
         dict(shift=128.0, scale=60.0, dtype="uint8"), reference, unit=1),
    Case("to half precision", "normalize", [noise(9, 10, 11)], ["DHW"], dict(dtype="float16"),
         reference, tol=1e-3),
    Case("to double precision", "normalize", [noise(9, 10, 11)], ["DHW"], dict(dtype="float64"),
         reference, tol=1e-12),
    Case("epsilon and ddof", "normalize", [noise(9, 10, 11)], ["DHW"], dict(epsilon=0.25, ddof=1),
         reference),
    Case("given mean", "normalize", [noise(9, 10, 11)], ["DHW"], dict(mean=0.25), reference),
    Case("given deviation", "normalize", [noise(9, 10, 11)], ["DHW"], dict(stddev=0.25), reference),
    Case("both given", "normalize", [noise(9, 10, 11)], ["DHW"], dict(mean=0.5, stddev=0.25),
         reference, dtypes=("float32", "uint8")),
    Case("epsilon beside a given deviation", "normalize", [np.float32([[1, 3]])], ["HW"], dict(mean=1.0, stddev=2.0, epsilon=12.0),
         lambda data, **_: np.float32([[0, 0.5]])),
    Case("epsilon beside deviations of each channel", "normalize", [VOLUME], ["DHWC"], dict(stddev=CHANNEL_MEANS, epsilon=0.3), reference),
    Case("a deviation of 0 beside epsilon", "normalize", [noise(4, 5)], ["HW"], dict(stddev=0.0, epsilon=4.0), reference),
    Case("given mean along axes", "normalize", [VOLUME], ["DHWC"], dict(mean=0.5, axis_names="DHW"),
         reference),
    Case("mean of each channel given", "normalize", [VOLUME], ["DHWC"], dict(mean=CHANNEL_MEANS),
         reference),
    Case("deviation of each channel given", "normalize", [VOLUME], ["DHWC"],
         dict(stddev=CHANNEL_MEANS, axes=[0, 1, 2]), reference),
    Case("both of each channel given", "normalize", [VOLUME], ["DHWC"],
         dict(mean=CHANNEL_MEANS, stddev=CHANNEL_MEANS - 1), reference),
    Case("a line, one mean", "normalize", [noise(9)], [""], dict(mean=np.array([0.5], np.float32)), reference),
    Case("a line, a mean for each element", "normalize", [noise(9)], [""],
         dict(mean=np.linspace(0, 1, 9, dtype=np.float32), stddev=np.float32(2)), reference),
    Case("number and tensor", "normalize", [VOLUME], ["DHWC"], dict(mean=0.5, stddev=CHANNEL_MEANS),
         reference),
    Case("constant volume gives shift", "normalize", [np.full((4, 5), 0.1, np.float32)], ["HW"],
         dict(shift=2.5), reference),
    Case("deviation 0 gives shift", "normalize", [noise(4, 5)], ["HW"], dict(stddev=0.0, shift=2.5),
         reference),
    Case("too few elements give shift", "normalize", [noise(4, 5)], ["HW"],
         dict(axes=[0], ddof=4, shift=2.5), reference),
    Case("too few elements with epsilon", "normalize", [noise(4, 5)], ["HW"],
         dict(axes=[0], ddof=4, epsilon=4.0), reference),
    Case("far from 0", "normalize", [noise(20, 20, 20, low=10000, high=10001)], ["DHW"], {},
         reference),
    Case("one voxel", "normalize", [noise(1, 1, 1)], ["DHW"], dict(shift=1.0), reference),
    Case("one number", "normalize", [np.float32(3)], [""], dict(shift=1.0), reference),
    Case("empty", "normalize", [noise(0, 4, 5)], ["DHW"], {}, lambda data: data),
    Case("a batch of one", "normalize", [VOLUME], ["DHWC"],
         dict(batch=True, axis_names="DHW", ddof=1), reference,
         batch_wide=True),
    ErrorCase("axes and two numbers", "normalize", [VOLUME], ["DHWC"],
              dict(mean=1.0, stddev=2.0, axes=[0]), "ParamError", ["axes"]),
    ErrorCase("axes twice", "normalize", [VOLUME], ["DHWC"], dict(axes=[0], axis_names="D"),
              "ParamError", ["axis_names"]),
    ErrorCase("no axes", "normalize", [VOLUME], ["DHWC"], dict(axes=[]), "ParamError",
              ["no axis", "at least one"]),
    ErrorCase("axis out of range", "normalize", [VOLUME], ["DHWC"], dict(axes=[4]), "ParamError",
              ["4", "-4 to 3"]),
    ErrorCase("unknown letter", "normalize", [VOLUME], ["DHWC"], dict(axis_names="F"),
              "LayoutError", ["F", "DHWC"]),
    ErrorCase("negative epsilon", "normalize", [VOLUME], ["DHWC"], dict(epsilon=-1.0), "ParamError",
              ["-1", "0"]),
    ErrorCase("mean of another shape", "normalize", [VOLUME], ["DHWC"],
              dict(mean=CHANNEL_MEANS[..., :2]), "ShapeError",
              ["[1, 1, 1, 2]", "[1, 1, 1, 3]"]),
    ErrorCase("mean and deviation differ in shape", "normalize", [VOLUME], ["DHWC"],
              dict(mean=CHANNEL_MEANS, stddev=np.ones((1, 1, 7, 1), np.float32)), "ShapeError", ["[1, 1, 1, 3]", "[1, 1, 7, 1]"]),
    ErrorCase("tensor with batch", "normalize", [VOLUME], ["DHWC"],
              dict(mean=CHANNEL_MEANS, batch=True), "ParamError", ["batch=True", "mean"]),
]
