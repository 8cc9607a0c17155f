# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import ALL, Case, ErrorCase, noise, ramp


def reference(data, fill_value=0, axes=None, axis_names=None, align=None, shape=None, layout=""):
    if axis_names:
        axes = [layout.index(c) for c in axis_names]
    axes = [a % data.ndim for a in np.atleast_1d(axes)] if axes is not None and np.size(axes) else range(data.ndim)
    extra = [0] * data.ndim
    value = lambda v, k: int(np.atleast_1d(v)[k if np.ndim(v) else 0])
    for k, axis in enumerate(axes):
        target = data.shape[axis]
        if shape is not None:
            target = max(target, value(shape, k))
        multiple = 1 if align is None else value(align, k)
        extra[axis] = -(-target // multiple) * multiple - data.shape[axis]
    return np.pad(data, [(0, e) for e in extra], constant_values=np.array(fill_value).astype(data.dtype))


CASES = [
    Case("to a shape", "pad", [ramp(3, 4, 5)], ["DHW"], dict(shape=(5, 6, 7)), reference, dtypes=ALL, docs=True),
    Case("fill value", "pad", [noise(3, 4)], ["HW"], dict(shape=(4, 9), fill_value=42), reference, dtypes=ALL[:11]),
    Case("negative fill", "pad", [noise(3, 4, dtype="int16")], ["HW"], dict(shape=(4, 9), fill_value=-1000), reference),
    Case("never cuts", "pad", [ramp(3, 4, 5)], ["DHW"], dict(shape=(2, 6, 1)), reference),
    Case("one axis by letter", "pad", [ramp(2, 3, 4, 5)], ["CDHW"], dict(shape=[9], axis_names="H"), reference),
    Case("no letters mean all axes", "pad", [ramp(3, 4, 5)], ["DHW"], dict(shape=6, axis_names=""), reference),
    Case("axes from the end", "pad", [ramp(3, 4, 5)], [""], dict(shape=(7, 8), axes=(-1, 0)), reference),
    Case("aligned only", "pad", [ramp(5, 6, 7)], ["DHW"], dict(shape=1, align=4), reference),
    Case("aligned, an own multiple each", "pad", [ramp(5, 6, 7)], ["DHW"], dict(align=(2, 3, 8)), reference),
    Case("shape, then aligned", "pad", [ramp(5, 6)], ["HW"], dict(shape=(9, -1), align=4), reference),
    Case("alone in the batch", "pad", [ramp(5, 6)], ["HW"], {}, reference),
    Case("one voxel", "pad", [ramp(1, 1, 1)], ["DHW"], dict(shape=3, fill_value=8), reference),
    Case("empty", "pad", [ramp(0, 3)], ["HW"], dict(shape=(2, 4), fill_value=5), reference),
    Case("a line", "pad", [ramp(5)], [""], dict(shape=[8]), reference),
    Case("unlabelled, five axes", "pad", [ramp(1, 2, 3, 2, 2)], [""], dict(shape=(2, 2, 4, 2, 3)), reference),
    ErrorCase("axes and axis_names", "pad", [ramp(3, 4)], ["HW"], dict(axes=[0], axis_names="H"), "ParamError", ["axes, axis_names"]),
    ErrorCase("axis out of range", "pad", [ramp(3, 4)], ["HW"], dict(axes=[2]), "ParamError", ["axis 2", "-2 to 1"]),
    ErrorCase("letter that is not there", "pad", [ramp(3, 4)], ["HW"], dict(axis_names="D"), "LayoutError", ["D", "HW"]),
    ErrorCase("multiple of 0", "pad", [ramp(3, 4)], ["HW"], dict(align=0), "ParamError", ["0", "at least 1"]),
    ErrorCase("multiple out of range", "pad", [ramp(3, 4)], ["HW"], dict(shape=(2 ** 62 + 5, 4), align=2 ** 62), "ShapeError",
              ["along H", str(2 ** 62 + 5), str(2 ** 63 - 1)]),
    ErrorCase("more than memory", "pad", [ramp(3, 4)], ["HW"], dict(align=2 ** 63 - 1), "ShapeError", ["too large"]),
    ErrorCase("wrong length", "pad", [ramp(3, 4, 5)], ["DHW"], dict(shape=(4, 5)), "ShapeError", ["shape", "2 values", "3 values"]),
]
