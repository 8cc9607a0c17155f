# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import ALL, Case, ErrorCase, noise, ramp

BORDERS = {"clamp": "edge", "edge": "edge", "reflect": "symmetric", "reflect_1001": "symmetric", "reflect_101": "reflect",
           "wrap": "wrap"}  # as np.pad names them


def repeated(out, axis, start, size, policy):
    """The window along an axis, where the input goes on as np.pad makes it."""
    n = out.shape[axis]
    mode = "edge" if n == 1 else BORDERS[policy]
    before, after = max(0, -start), max(0, start + size - n)
    return np.take(out, np.pad(np.arange(n), (before, after), mode=mode)[start + before:start + before + size], axis)


def reference(data, crop=None, crop_w=0, crop_h=0, crop_d=0, crop_pos_x=0.5, crop_pos_y=0.5, crop_pos_z=0.5,
              rounding="round", out_of_bounds_policy="error", fill_values=0, dtype=None, layout=""):
    layout = layout or {2: "HW", 3: "HWC", 4: "DHWC", 5: "FDHWC"}[data.ndim]
    d, h, w = (list(crop) if len(crop) == 3 else [0, *crop]) if crop is not None else (crop_d, crop_h, crop_w)
    depth = "D" if "D" in layout else "F"
    out = data if dtype is None else data.astype(dtype)
    for letter, size, pos in ((depth, d, crop_pos_z), ("H", h, crop_pos_y), ("W", w, crop_pos_x)):
        if int(size) <= 0 or letter not in layout:
            continue
        axis, extent = layout.index(letter), out.shape[layout.index(letter)]
        at = np.float32(pos) * np.float32(extent - int(size))
        start = int(at) if rounding == "truncate" else int(np.sign(at) * np.floor(abs(at) + 0.5))
        if out_of_bounds_policy in BORDERS:
            out = repeated(out, axis, start, int(size), out_of_bounds_policy)
            continue
        index = np.arange(start, start + int(size))
        inside = (index >= 0) & (index < extent)
        if out_of_bounds_policy == "trim_to_shape":
            index = index[inside]
            inside = np.ones(len(index), bool)
        shape = [len(index) if i == axis else n for i, n in enumerate(out.shape)]
        out = np.take(out, np.clip(index, 0, extent - 1), axis) if extent else np.zeros(shape, out.dtype)
        fills = np.atleast_1d(np.asarray(fill_values, float))
        fill = fills.reshape([-1 if c == "C" and len(fills) > 1 else 1 for c in layout])
        mask = inside.reshape([-1 if i == axis else 1 for i in range(out.ndim)])
        out = np.where(mask, out, fill.astype(out.dtype))
    return out


CASES = [
    Case("centre of a volume", "crop", [ramp(1, 8, 9, 10)], ["CDHW"], dict(crop=(4, 3, 5)), reference, dtypes=ALL, docs=True),
    Case("beginning and end", "crop", [noise(7, 8, 9, 2)], ["DHWC"],
         dict(crop=(3, 3, 3), crop_pos_x=0.0, crop_pos_y=1.0, crop_pos_z=0.25), reference),
    Case("halves away from zero", "crop", [ramp(4, 5)], ["HW"], dict(crop=(1, 2), crop_pos_x=0.5), reference),
    Case("truncated start", "crop", [ramp(4, 5)], ["HW"], dict(crop=(1, 2), rounding="truncate"), reference),
    Case("single arguments", "crop", [ramp(6, 7, 8)], ["DHW"], dict(crop_w=3, crop_h=4, crop_d=5), reference),
    Case("fractions are cut off, 0 keeps the axis", "crop", [ramp(6, 7, 8)], ["DHW"], dict(crop=(2.9, 0, 4.5)), reference),
    Case("two values leave depth alone", "crop", [ramp(3, 6, 7, 2)], [""], dict(crop=(4, 4)), reference),
    Case("frames where there is no depth", "crop", [ramp(5, 4, 4, 3)], ["FHWC"], dict(crop=(2, 3, 3)), reference),
    Case("a picture has no depth", "crop", [ramp(4, 5, 3)], ["HWC"], dict(crop=(2, 3, 3)), reference),
    Case("positions are float32", "crop", [ramp(60)[None]], ["HW"], dict(crop=(1, 10), crop_pos_x=0.29),
         lambda data, **_: data[:, 15:25]),
    Case("unlabelled picture", "crop", [ramp(6, 7, 3)], [""], dict(crop=(2, 3)), reference),
    Case("padding on both sides", "crop", [noise(3, 4, 5, dtype="int16")], ["DHW"],
         dict(crop=(5, 2, 9), out_of_bounds_policy="pad", fill_values=-7), reference, dtypes=("int16", "float32", "float64")),
    Case("padding to one side", "crop", [noise(4, 4)], ["HW"],
         dict(crop=(6, 7), crop_pos_x=1.0, crop_pos_y=0.0, out_of_bounds_policy="pad", fill_values=[2]), reference),
    Case("a fill for each channel", "crop", [noise(4, 5, 3)], ["HWC"],
         dict(crop=(6, 7), out_of_bounds_policy="pad", fill_values=[1, 2, 3]), reference, dtypes=("float32", "uint8")),
    Case("a fill for each channel, channels first", "crop", [noise(3, 4, 5)], ["CHW"],
         dict(crop=(6, 3), out_of_bounds_policy="pad", fill_values=[1, 2, 3]), reference),
    Case("padding by another name", "crop", [noise(3, 4)], ["HW"], dict(crop=(5, 7), out_of_bounds_policy="constant", fill_values=3),
         reference),
    *[Case(f"outside goes on as {policy}", "crop", [noise(3, 4, 5, dtype="int16")], ["DHW"],
           dict(crop=(5, 2, 9), crop_pos_x=0.2, out_of_bounds_policy=policy), reference, dtypes=ALL, docs=policy == "reflect_101")
      for policy in BORDERS],
    *[Case(f"far outside goes on as {policy}", "crop", [noise(1, 2, 3)], ["CHW"],
           dict(crop=(19, 31), out_of_bounds_policy=policy, dtype="float32"), reference, dtypes=("float32", "uint8"))
      for policy in BORDERS],
    Case("inside there is no border", "crop", [noise(4, 5)], ["HW"], dict(crop=(2, 3), out_of_bounds_policy="wrap"), reference),
    Case("trimmed", "crop", [ramp(3, 8)], ["HW"], dict(crop=(5, 4), out_of_bounds_policy="trim_to_shape"), reference),
    Case("converted", "crop", [noise(4, 5, 6, dtype="uint8")], ["DHW"], dict(crop=(2, 3, 4), dtype="float32"), reference,
         dtypes=("uint8", "int16", "bool")),
    Case("converted and padded", "crop", [noise(4, 5, dtype="uint8")], ["HW"],
         dict(crop=(7, 3), dtype="float32", out_of_bounds_policy="pad", fill_values=0.5), reference),
    Case("one voxel", "crop", [ramp(1, 1, 1)], ["DHW"], dict(crop=(1, 1, 1)), reference),
    Case("an empty axis", "crop", [ramp(0, 4, 5)], ["DHW"], dict(crop=(0, 2, 2)), reference),
    Case("padding an empty axis", "crop", [ramp(0, 4)], ["HW"], dict(crop=(2, 2), out_of_bounds_policy="pad", fill_values=3), reference),
    ErrorCase("window larger than the input", "crop", [ramp(4, 5, 6)], ["DHW"], dict(crop=(3, 4, 7)), "ShapeError",
              ["along W", "7 elements", "at most 6", "[4, 5, 6]"]),
    ErrorCase("w without h", "crop", [ramp(4, 5)], ["HW"], dict(crop_w=3), "ParamError", ["crop_w alone"]),
    ErrorCase("d alone", "crop", [ramp(4, 5, 6)], ["DHW"], dict(crop_d=3), "ParamError", ["crop_d alone"]),
    ErrorCase("crop and crop_w", "crop", [ramp(4, 5)], ["HW"], dict(crop=(1, 1), crop_w=3, crop_h=3), "ParamError",
              ["crop, crop_w, crop_h", "at most 1"]),
    ErrorCase("one value", "crop", [ramp(4, 5)], ["HW"], dict(crop=[3]), "ParamError", ["1 values", "2 (H, W)"]),
    ErrorCase("position above 1", "crop", [ramp(4, 5)], ["HW"], dict(crop=(1, 1), crop_pos_x=1.5), "ParamError", ["1.5", "0 to 1"]),
    ErrorCase("no such rounding", "crop", [ramp(4, 5)], ["HW"], dict(crop=(1, 1), rounding="up"), "ParamError", ['"up"', "truncate"]),
    ErrorCase("no such policy", "crop", [ramp(4, 5)], ["HW"], dict(crop=(1, 1), out_of_bounds_policy="mirror"), "ParamError",
              ['"mirror"', "trim_to_shape", "reflect_101"]),
    ErrorCase("nothing to repeat", "crop", [ramp(0, 4)], ["HW"], dict(crop=(3, 2), out_of_bounds_policy="clamp"), "ShapeError",
              ["H", "3 elements", "0 elements"]),
    ErrorCase("an extent that is no number", "crop", [ramp(4, 5, 6)], ["DHW"], dict(crop=(float("nan"), 2, 2)), "ParamError", ["nan"]),
    ErrorCase("wrong number of fills", "crop", [ramp(4, 5, 3)], ["HWC"],
              dict(crop=(6, 6), out_of_bounds_policy="pad", fill_values=[1, 2]), "ParamError", ["2 values", "3"]),
    ErrorCase("layout that is not spatial", "crop", [ramp(4, 5)], ["AB"], dict(crop=(1, 1)), "LayoutError", ["AB", "HWC"]),
]
