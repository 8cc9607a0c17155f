# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import ALL, Case, ErrorCase, noise, ramp


def half_away(x):
    return int(np.sign(x) * np.floor(np.abs(np.float64(x)) + 0.5))

BORDERS = {"clamp": "edge", "edge": "edge", "reflect": "symmetric", "reflect_1001": "symmetric", "reflect_101": "reflect",
           "wrap": "wrap"}  # as np.pad names them


def repeated(out, axis, start, size, policy):
    """The window along an axis, where the input goes on as np.pad makes it."""
    n = out.shape[axis]
    mode = "edge" if n == 1 else BORDERS[policy]
    before, after = max(0, -start), max(0, start + size - n)
    return np.take(out, np.pad(np.arange(n), (before, after), mode=mode)[start + before:start + before + size], axis)


def reference(data, anchor=None, size=None, start=None, rel_start=None, end=None, rel_end=None, shape=None, rel_shape=None,
              axes=None, axis_names=None, out_of_bounds_policy="error", fill_values=0, dtype=None,
              normalized_anchor=True, normalized_shape=True, layout=""):
    layout = layout or {1: "", 2: "HW", 3: "HWC", 4: "DHWC"}[data.ndim]
    if axes is None:
        axes = [layout.index(c) for c in (axis_names or "WH")]
    axes = [a % data.ndim for a in np.atleast_1d(axes)] or list(range(data.ndim))
    out = data if dtype is None else data.astype(dtype)
    value = lambda v, k: np.atleast_1d(v)[k if np.ndim(v) else 0]
    for k, axis in enumerate(axes):
        n = data.shape[axis]
        if anchor is not None:
            real = np.asarray(anchor).dtype.kind == "f"
            a, s = float(value(anchor, k)), float(value(size, k))
            if real and normalized_anchor and normalized_shape:
                lo, hi = half_away(a * n), half_away((a + s) * n)
            else:
                a = a * n if real and normalized_anchor else a
                s = s * n if real and normalized_shape else s
                lo, hi = half_away(a), half_away(a + s)
        else:
            f = np.float32
            at = f(value(rel_start, k)) * f(n) if rel_start is not None else 0.0 if start is None else float(value(start, k))
            lo, hi = half_away(at), n
            if rel_shape is not None and rel_start is not None:
                hi = half_away((f(value(rel_start, k)) + f(value(rel_shape, k))) * f(n))
            elif rel_shape is not None:
                hi = half_away(float(at) + float(f(value(rel_shape, k)) * f(n)))
            elif shape is not None:
                hi = half_away(float(at) + float(value(shape, k)))
            elif rel_end is not None:
                hi = half_away(f(value(rel_end, k)) * f(n))
            elif end is not None:
                hi = int(value(end, k))
        if out_of_bounds_policy in BORDERS:
            out = repeated(out, axis, lo, hi - lo, out_of_bounds_policy)
            continue
        index = np.arange(lo, hi)
        inside = (index >= 0) & (index < n)
        if out_of_bounds_policy == "trim_to_shape":
            index, inside = index[inside], inside[inside]
        taken = np.take(out, np.clip(index, 0, n - 1), axis) if n else np.zeros(out.shape[:axis] + (len(index),) + out.shape[axis + 1:], out.dtype)
        fills = np.atleast_1d(np.asarray(fill_values, float))
        fill = fills.reshape([-1 if c == "C" else 1 for c in layout]) if len(fills) > 1 else fills.reshape([1] * out.ndim)
        out = np.where(inside.reshape([-1 if i == axis else 1 for i in range(out.ndim)]), taken, fill.astype(out.dtype))
    return out


F = lambda *v: np.array(v, np.float32)
I = lambda *v: np.array(v, np.int32)
VOLUME = ramp(7, 8, 9)

CASES = [
    Case("named, by letter", "slice", [VOLUME], ["DHW"], dict(start=(1, 2, 3), end=(5, 6, 7), axis_names="DHW"), reference,
         dtypes=ALL, docs=True),
    Case("anchor and shape in elements, W then H", "slice", [VOLUME, I(2, 3), I(4, 5)], ["DHW", "", ""], {}, reference),
    Case("anchor and shape as fractions", "slice", [VOLUME, F(0.2, 0.3, 0.1), F(0.5, 0.45, 0.7)], ["DHW", "", ""],
         dict(axis_names="DHW"), reference),
    Case("float positions that are not fractions", "slice", [VOLUME, F(1.5, 2.4), F(3.2, 3.2)], ["DHW", "", ""],
         dict(axes=(0, 1), normalized_anchor=False, normalized_shape=False), reference),
    Case("fraction of an anchor, shape in elements", "slice", [VOLUME, F(0.25), F(3)], ["DHW", "", ""],
         dict(axes=[2], normalized_shape=False), reference),
    Case("double positions", "slice", [VOLUME, np.array([0.3]), np.array([0.4])], ["DHW", "", ""], dict(axes=[-1]), reference),
    Case("all axes", "slice", [ramp(4, 5)], [""], dict(start=(1, 2), shape=(2, 3), axes=[]), reference),
    Case("start alone", "slice", [VOLUME], ["DHW"], dict(start=[2], axes=[0]), reference),
    Case("end alone", "slice", [VOLUME], ["DHW"], dict(end=[3, 4], axes=[2, 0]), reference),
    Case("shape alone", "slice", [VOLUME], ["DHW"], dict(shape=[3], axes=[1]), reference),
    Case("a scalar for all axes", "slice", [VOLUME], ["DHW"], dict(start=1, shape=3, axis_names="DHW"), reference),
    Case("relative start and shape", "slice", [VOLUME], ["DHW"], dict(rel_start=(0.11, 0.5, 0.35), rel_shape=(0.4, 0.19, 0.3), axis_names="DHW"), reference),
    Case("named fractions are float32", "slice", [ramp(50)], [""], dict(rel_start=[0.29], axes=[0]), lambda data, **_: data[15:]),
    Case("fractions as inputs are float64", "slice",
         [ramp(50), np.array([0.29], np.float32), np.array([0.5], np.float32)], ["", "", ""], dict(axes=[0]),
         lambda data, anchor, shape, **_: data[14:39]),
    Case("relative start and end", "slice", [VOLUME], ["DHW"], dict(rel_start=[0.1], rel_end=[0.61], axes=[1]), reference),
    Case("start in elements, relative shape", "slice", [VOLUME], ["DHW"], dict(start=[2], rel_shape=[0.5], axes=[2]), reference),
    Case("relative start, shape in elements", "slice", [VOLUME], ["DHW"], dict(rel_start=[0.3], shape=[3], axes=[2]), reference),
    Case("nothing left", "slice", [VOLUME], ["DHW"], dict(start=[4], end=[4], axes=[0]), reference),
    Case("channels", "slice", [ramp(3, 4, 5, 6)], ["DHWC"], dict(start=[2], shape=[3], axis_names="C"), reference),
    Case("one axis", "slice", [ramp(9)], [""], dict(start=[2], shape=[3], axes=[0]), reference),
    Case("padded", "slice", [noise(4, 5, 6)], ["DHW"],
         dict(start=(-2, 1, 4), shape=(5, 3, 5), axis_names="DHW", out_of_bounds_policy="pad", fill_values=9), reference, dtypes=ALL[:11]),
    Case("padded, a fill for each channel", "slice", [noise(3, 5, 6)], ["CHW"],
         dict(start=(-2, 4), shape=(5, 5), axis_names="HW", out_of_bounds_policy="pad", fill_values=[1, 2, 3]), reference),
    Case("window beside the input", "slice", [noise(4, 5)], ["HW"],
         dict(start=(10,), shape=(3,), axes=[1], out_of_bounds_policy="pad", fill_values=4), reference),
    Case("window beside the input, a fill for each channel", "slice", [noise(4, 5, 2)], ["HWC"],
         dict(start=(10,), shape=(3,), axes=[1], out_of_bounds_policy="pad", fill_values=[4, 5]), reference),
    *[Case(f"outside goes on as {policy}", "slice", [noise(4, 5, 6)], ["DHW"],
           dict(start=(-2, 1, 4), shape=(5, 3, 9), axis_names="DHW", out_of_bounds_policy=policy), reference, dtypes=("float32", "uint8"))
      for policy in BORDERS],
    *[Case(f"a window beside the input, as {policy}", "slice", [noise(4, 5)], ["HW"],
           dict(start=(-17, 10), shape=(3, 4), axes=(0, 1), out_of_bounds_policy=policy), reference) for policy in BORDERS],
    *[Case(f"drawn positions, as {policy}", "slice", [noise(4, 5, 6), I(-3, 2), I(9, 1)], ["DHW", "", ""],
           dict(axes=(2, 0), out_of_bounds_policy=policy), reference) for policy in ("clamp", "wrap")],
    Case("no letters mean all axes", "slice", [VOLUME], ["DHW"], dict(start=1, shape=3, axis_names=""),
         lambda data, **_: data[1:4, 1:4, 1:4]),
    Case("trimmed", "slice", [VOLUME], ["DHW"],
         dict(start=(-2, 5, 30), shape=(5, 9, 4), axis_names="DHW", out_of_bounds_policy="trim_to_shape"), reference),
    Case("converted", "slice", [noise(4, 5, 6, dtype="uint8")], ["DHW"], dict(start=[1], shape=[3], axes=[0], dtype="float16"), reference),
    Case("converted and padded", "slice", [noise(4, 5, dtype="int16")], ["HW"],
         dict(start=(-1, -1), shape=(6, 6), axes=(0, 1), out_of_bounds_policy="pad", dtype="float32", fill_values=-0.5), reference),
    Case("empty input", "slice", [ramp(0, 5)], ["HW"], dict(start=[1], shape=[2], axes=[1]), reference),
    Case("five axes", "slice", [ramp(2, 3, 2, 4, 3)], ["FDHWC"], dict(start=(1, 0), shape=(2, 1), axis_names="WF"), reference),
    ErrorCase("window past the edge", "slice", [VOLUME], ["DHW"], dict(start=[5], shape=[6], axes=[2]), "ShapeError",
              ["W", "6 elements starting at 5", "<= 9"]),
    ErrorCase("window before the edge", "slice", [VOLUME], ["DHW"], dict(start=[-1], shape=[3], axes=[0]), "ShapeError",
              ["D", "starting at -1", "<= 7"]),
    ErrorCase("positional window past the edge", "slice", [VOLUME, I(5, 0), I(9, 2)], ["DHW", "", ""], {}, "ShapeError",
              ["W", "9 elements starting at 5", "<= 9"]),
    ErrorCase("end before start", "slice", [VOLUME], ["DHW"], dict(start=[4], end=[2], axes=[0]), "ShapeError", ["D", "start 4, end 2"]),
    ErrorCase("negative shape", "slice", [VOLUME], ["DHW"], dict(shape=[-2], axes=[0]), "ShapeError", ["D", "end -2"]),
    ErrorCase("nothing said", "slice", [VOLUME], ["DHW"], {}, "ParamError", ["data alone", "rel_shape"]),
    ErrorCase("start and rel_start", "slice", [VOLUME], ["DHW"], dict(start=[1], rel_start=[0.1], axes=[0]), "ParamError",
              ["start, rel_start"]),
    ErrorCase("end and shape", "slice", [VOLUME], ["DHW"], dict(end=[1], shape=[1], axes=[0]), "ParamError", ["end, shape"]),
    ErrorCase("axes and axis_names", "slice", [VOLUME], ["DHW"], dict(start=[1], axes=[0], axis_names="D"), "ParamError",
              ["axes, axis_names"]),
    ErrorCase("positional and named", "slice", [VOLUME, I(1, 1), I(2, 2)], ["DHW", "", ""], dict(start=[1]), "ParamError", ["both"]),
    ErrorCase("anchor alone", "slice", [VOLUME, I(1, 1)], ["DHW", ""], {}, "ParamError", ["anchor"]),
    ErrorCase("anchor and shape of two types", "slice", [VOLUME, I(1, 1), F(0.5, 0.5)], ["DHW", "", ""], {}, "ArgumentTypeError",
              ["int32", "float32"]),
    ErrorCase("too many positions", "slice", [VOLUME, I(1, 1, 1), I(2, 2, 2)], ["DHW", "", ""], {}, "ShapeError", ["[3]", "[2]"]),
    ErrorCase("wrong length", "slice", [VOLUME], ["DHW"], dict(start=(1, 2, 3), axes=(0, 1)), "ShapeError", ["start", "3 values", "2 values"]),
    ErrorCase("axis out of range", "slice", [VOLUME], ["DHW"], dict(start=[1], axes=[3]), "ParamError", ["axis 3", "-3 to 2"]),
    ErrorCase("axis twice", "slice", [VOLUME], ["DHW"], dict(start=(1, 1), axes=(1, -2)), "ParamError", ["axis 1", "at most once"]),
    ErrorCase("letter that is not there", "slice", [VOLUME], ["DHW"], dict(start=[1], axis_names="C"), "LayoutError", ["C", "DHW"]),
    ErrorCase("wrong number of fills", "slice", [noise(4, 5, 3)], ["HWC"],
              dict(start=[-1], shape=[2], axes=[0], out_of_bounds_policy="pad", fill_values=[1, 2]), "ParamError", ["2 values", "3"]),
    ErrorCase("a start that is no number", "slice", [VOLUME], ["DHW"], dict(rel_start=[float("nan")], axes=[0]), "ParamError", ["nan"]),
    ErrorCase("no such policy", "slice", [VOLUME], ["DHW"], dict(start=[1], axes=[0], out_of_bounds_policy="clip"), "ParamError",
              ['"clip"', '"pad"']),
]
