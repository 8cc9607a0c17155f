# SPDX-License-Identifier: Apache-2.0
import numpy as np

from case import ALL, Case, ErrorCase, noise, ramp

WIDE = {"u": np.uint64, "b": np.uint64, "i": np.int64, "f": np.float32}


def _axes(data, axes, axis_names, layout):
    if axis_names is not None:
        return tuple(layout.index(letter) for letter in axis_names)
    return tuple(range(data.ndim)) if axes is None else tuple(axes)


def _converted(value, dtype):
    dtype = np.dtype(dtype)
    if dtype.kind in "ui" and value.dtype != dtype:
        if value.dtype.kind == "f":
            value = np.sign(value) * np.floor(np.abs(value) + 0.5)
        value = np.clip(value, np.iinfo(dtype).min, np.iinfo(dtype).max)
    return value.astype(dtype)


def _sum(data, axes=None, axis_names=None, keep_dims=False, dtype=None, layout=""):
    default = data.dtype if data.dtype == np.float64 else WIDE[data.dtype.kind]
    wide = np.float64 if data.dtype.kind == "f" else default
    return _converted(np.sum(data, axis=_axes(data, axes, axis_names, layout), keepdims=keep_dims, dtype=wide), dtype or default)


def _moment(of):
    def reference(data, axes=None, axis_names=None, keep_dims=False, dtype=None, layout=""):
        value = of(data.astype(np.float64), axis=_axes(data, axes, axis_names, layout), keepdims=keep_dims)
        return _converted(np.asarray(value), dtype or np.float32)

    return reference


_mean = _moment(np.mean)
_mean_square = _moment(lambda x, **kw: np.mean(x * x, **kw))
_rms = _moment(lambda x, **kw: np.sqrt(np.mean(x * x, **kw)))


def _pick(of):
    def reference(data, axes=None, axis_names=None, keep_dims=False, layout=""):
        return np.asarray(of(data, axis=_axes(data, axes, axis_names, layout), keepdims=keep_dims))

    return reference


def _variance(data, mean, axes=None, axis_names=None, keep_dims=False, ddof=0, dtype=None, layout=""):
    along = _axes(data, axes, axis_names, layout)
    mean = np.asarray(mean, np.float64)
    if mean.ndim != data.ndim:
        mean = np.expand_dims(mean, along)
    n = int(np.prod([data.shape[a] for a in along]))
    total = np.sum((data.astype(np.float64) - mean) ** 2, axis=along, keepdims=keep_dims)
    return _converted(np.asarray(total / (n - ddof) if n > ddof else 0 * total), dtype or np.float32)


def _std_dev(data, mean, dtype=None, layout="", **kwargs):
    return _converted(np.sqrt(_variance(data, mean, dtype=np.float64, layout=layout, **kwargs)), dtype or np.float32)


def _mean_of(data, axes=None):
    return np.asarray(np.mean(data.astype(np.float64), axis=axes), np.float32)


VOLUME = noise(5, 6, 7, 3, low=-1)
IMAGE = noise(9, 70, dtype="int16")

CASES = []
for _name, _reference in dict(sum=_sum, mean=_mean, mean_square=_mean_square, rms=_rms, min=_pick(np.min), max=_pick(np.max)).items():
    _op = f"reductions.{_name}"
    CASES += [
        Case(f"{_name} of everything", _op, [noise(5, 6, 7)], ["DHW"], {}, _reference, dtypes=ALL,
             docs=True),
        Case(f"{_name} per channel, channels last", _op, [VOLUME], ["DHWC"], dict(axis_names="DHW"),
             _reference),
        Case(f"{_name} over channels", _op, [VOLUME], ["DHWC"], dict(axes=[-1]), _reference,
             dtypes=("float32", "int8", "uint8")),
        Case(f"{_name} along the outer and inner axis", _op, [VOLUME], ["DHWC"], dict(axes=[0, 2]),
             _reference),
        Case(f"{_name} of rows, kept as an axis", _op, [IMAGE], ["HW"],
             dict(axes=[1], keep_dims=True), _reference),
        Case(f"{_name} unlabelled, 5 axes", _op, [noise(2, 3, 4, 5, 6)], [""],
             dict(axes=[1, 3, -1]), _reference),
        Case(f"{_name} along no axis", _op, [noise(4, 5)], ["HW"], dict(axes=[]), _reference),
        Case(f"{_name} along axes of one voxel", _op, [noise(1, 6, 1)], ["DHW"], dict(axes=[0, 2]),
             _reference),
        Case(f"{_name} of one number", _op, [np.float32(2.5)], [""], {}, _reference),
        Case(f"{_name} with no outputs", _op, [noise(0, 5)], ["HW"], dict(axes=[1]), _reference),
        Case(f"{_name} of NaN", _op, [np.float32([1, np.nan, 3])], ["W"], {}, _reference),
        ErrorCase(f"{_name}: an axis too many", _op, [IMAGE], ["HW"], dict(axes=[2]), "ParamError",
                  ["2", "-2 to 1"]),
        ErrorCase(f"{_name}: an axis twice", _op, [IMAGE], ["HW"], dict(axes=[0, -2]), "ParamError",
                  ["H", "once"]),
        ErrorCase(f"{_name}: axes twice", _op, [IMAGE], ["HW"], dict(axes=[0], axis_names="H"),
                  "ParamError", ["axes, axis_names", "at most 1"]),
        ErrorCase(f"{_name}: unknown letter", _op, [IMAGE], ["HW"], dict(axis_names="D"),
                  "LayoutError", ["D", "HW"]),
        ErrorCase(f"{_name}: letters without a layout", _op, [IMAGE], [""], dict(axis_names="W"),
                  "LayoutError", ["W", "no layout"]),
    ]
for _name, _reference in dict(variance=_variance, std_dev=_std_dev).items():
    _op = f"reductions.{_name}"
    _columns = _mean_of(IMAGE, 0)
    CASES += [
        Case(f"{_name} of everything", _op, [noise(5, 6, 7), np.float32(0.25)], ["DHW", ""], {},
             _reference, dtypes=ALL, docs=True),
        Case(f"{_name} per channel", _op, [VOLUME, _mean_of(VOLUME, (0, 1, 2))], ["DHWC", "C"],
             dict(axis_names="DHW"), _reference),
        Case(f"{_name} with ddof", _op, [IMAGE, _columns], ["HW", "W"], dict(axes=[0], ddof=1),
             _reference),
        Case(f"{_name} with the mean's axes kept", _op, [IMAGE, _columns[None]], ["HW", "HW"],
             dict(axes=[0]), _reference),
        Case(f"{_name} with both kept", _op, [IMAGE, _columns[None]], ["HW", "HW"],
             dict(axes=[0], keep_dims=True), _reference),
        Case(f"{_name} with too few elements", _op, [IMAGE[:1], IMAGE[0].astype("float32")],
             ["HW", "W"], dict(axes=[0], ddof=1), _reference),
        Case(f"{_name} along no axis", _op, [VOLUME, VOLUME], ["DHWC", "DHWC"], dict(axes=[]),
             _reference),
        ErrorCase(f"{_name}: mean of another shape", _op, [IMAGE, _columns[:5]], ["HW", "W"],
                  dict(axes=[0]), "ShapeError", ["[5]", "[70]"]),
        ErrorCase(f"{_name}: integer mean", _op, [IMAGE, IMAGE[0]], ["HW", "W"], dict(axes=[0]),
                  "ArgumentTypeError", ["int16", "float32"]),
    ]
_big = (ramp(200, 300).astype("int32") * 8_000_000).astype("int32")
CASES += [
    Case("sums of integers are exact", "reductions.sum", [_big], ["HW"], {}, _sum),
    Case("sums of unsigned 64-bit numbers", "reductions.sum", [np.uint64([2**63, 2**62, 1])], ["W"],
         {}, _sum),
    Case("sum as float", "reductions.sum", [IMAGE], ["HW"], dict(dtype="float32"), _sum),
    Case("sum of bytes as bytes saturates", "reductions.sum", [noise(40, 50, dtype="uint8")],
         ["HW"], dict(axes=[0], dtype="uint8"), _sum),
    Case("mean as the input's type rounds", "reductions.mean", [IMAGE], ["HW"],
         dict(axes=[0], dtype="int16"), _mean, unit=1),
    Case("a million floats far from 0", "reductions.mean",
         [noise(100, 100, 100, low=1000, high=1001)], ["DHW"], {}, _mean, tol=1e-6),
    Case("sum of nothing", "reductions.sum", [noise(3, 0)], ["HW"], dict(axes=[1]), _sum),
    Case("mean of nothing", "reductions.mean", [noise(3, 0)], ["HW"], dict(axes=[1]), lambda data,
         axes: np.full(3, np.nan, np.float32)),
    ErrorCase("max of nothing", "reductions.max", [noise(3, 0)], ["HW"], dict(axes=[1]),
              "ShapeError", ["0 elements along W", "at least 1"]),
    ErrorCase("sum as a narrow type", "reductions.sum", [IMAGE], ["HW"], dict(dtype="uint8"),
              "ParamError", ["uint8", "int16"]),
]
