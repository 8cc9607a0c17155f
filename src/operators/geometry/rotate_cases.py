# SPDX-License-Identifier: Apache-2.0
"""The reference turns sampling positions with SciPy's Rotation and reads them by map_coordinates."""

import math

import numpy as np
from case import ALL, Case, ErrorCase, noise, ramp
from scipy import ndimage
from scipy.spatial.transform import Rotation

COMPUTED = ("uint8", "int8", "uint16", "int16", "int32", "float32")
NN, LINEAR = 0, 1


def turn_of(angle, axis):
    """Input to output over (x, y[, z])."""
    if axis is None:
        c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        return np.array([[c, s], [-s, c]])
    axis = np.asarray(axis, np.float64)
    return Rotation.from_rotvec(math.radians(angle) * axis / np.linalg.norm(axis)).as_matrix()


def canvas(turn, extents_xyz):
    """The extents of the box around the turned box, with the parity of the closest input axis."""
    result = []
    for i, row in enumerate(np.abs(turn)):
        extent = math.ceil(row @ extents_xyz - 0.01)
        closest = i
        for j, share in enumerate(row):
            if share > row[closest] + 1e-9:
                closest = j
        result.append(extent + (extent - extents_xyz[closest]) % 2)
    return result


def setup(data, angle, axis, keep_size, size, layout):
    layout = layout or {2: "HW", 3: "HWC" if axis is None else "DHW", 4: "FHWC"}[data.ndim]
    spatial = [layout.index(c) for c in ("DHW" if "D" in layout else "HW")]
    extents = [data.shape[i] for i in spatial][::-1]
    turn = turn_of(angle, axis)
    if size is not None:
        out = [int(np.floor(s + 0.5)) for s in np.broadcast_to(size, (len(spatial),))][::-1]
    else:
        out = extents if keep_size else canvas(turn, extents)
    grid = np.stack(np.meshgrid(*[np.arange(e) + 0.5 for e in out[::-1]], indexing="ij")[::-1], -1)
    position = (grid - np.array(out) / 2) @ turn + np.array(extents) / 2  # rows times turn: its inverse
    return layout, spatial, position


def reference(data, angle, axis=None, keep_size=False, size=None, fill_value=None,
              interp_type=LINEAR, dtype=None, layout=""):
    layout, spatial, position = setup(data, angle, axis, keep_size, size, layout)
    moved = np.moveaxis(data, spatial, range(-len(spatial), 0)).astype(np.float64)
    leading = moved.shape[: moved.ndim - len(spatial)]
    out = np.empty(leading + position.shape[:-1])
    for at in np.ndindex(*leading):
        out[at] = ndimage.map_coordinates(
            moved[at], np.moveaxis(position[..., ::-1], -1, 0) - 0.5, order=interp_type,
            mode="nearest" if fill_value is None else "grid-constant", cval=fill_value or 0,
            prefilter=False)
    out = np.moveaxis(out, range(-len(spatial), 0), spatial)
    if data.dtype.kind in "iu":
        out = np.trunc(out + np.copysign(0.5, out))
    return out.astype(data.dtype)


def near_an_edge(data, angle, axis=None, keep_size=False, size=None, layout="", **_):
    layout, spatial, position = setup(data, angle, axis, keep_size, size, layout)
    near = (np.abs(position - np.round(position)) < 1e-4).any(-1)
    full = list(data.shape)
    for axis_of, extent in zip(spatial, near.shape):
        full[axis_of] = extent
    for i in range(data.ndim):
        if i not in spatial:
            near = np.expand_dims(near, i)
    return np.broadcast_to(near, full)


def case(name, inputs, layouts, args, dtypes=None, **more):
    nearest = args.get("interp_type", LINEAR) == NN
    return Case(name, "rotate", inputs, layouts, args, reference, dtypes=dtypes, tol=1e-4,
                unit=0 if nearest else 1, ignore=near_an_edge if nearest else None, **more)


def same(data, **_):
    return data


CASES = [
    case("a volume about a slanted axis", [noise(9, 12, 13)], ["DHW"],
         dict(angle=30, axis=(1, 2, 3), fill_value=0), COMPUTED, docs=True),
    case("a volume that keeps its size", [noise(9, 12, 13, 2)], ["DHWC"],
         dict(angle=-47, axis=(0.2, -1, 0.5), keep_size=True), COMPUTED),
    case("a volume of another size", [noise(2, 9, 12, 13)], ["CDHW"],
         dict(angle=200, axis=(0, 0, 1), size=(9, 20, 70), fill_value=2)),
    case("labels", [noise(9, 12, 13, dtype="int32", low=0, high=100)], ["DHW"],
         dict(angle=30, axis=(1, 2, 3), fill_value=0, interp_type=NN), ALL),
    case("a picture turns counter-clockwise", [noise(17, 24, 3)], ["HWC"],
         dict(angle=20, fill_value=0), COMPUTED, docs=True),
    case("a picture over half a turn", [noise(17, 24)], ["HW"], dict(angle=250)),
    case("a picture, channels first", [noise(2, 17, 24)], ["CHW"], dict(angle=60, fill_value=1)),
    case("a film", [noise(3, 17, 24, 1)], ["FHWC"], dict(angle=-35, fill_value=0)),
    case("unlabelled is a picture", [noise(9, 12, 3)], [""], dict(angle=35, fill_value=0)),
    case("unlabelled with an axis is a volume", [noise(9, 12, 13)], [""],
         dict(angle=35, axis=(0, 1, 0), fill_value=0)),
    case("quarter turn about z", [noise(3, 4, 5)], ["DHW"], dict(angle=90, axis=(0, 0, 1))),
    case("half turn about x", [noise(3, 4, 5)], ["DHW"], dict(angle=180, axis=(2, 0, 0))),
    case("three quarters about y", [noise(3, 4, 5, 2)], ["DHWC"],
         dict(angle=270, axis=(0, 1, 0), fill_value=3), COMPUTED),
    case("quarter turn into the same size", [noise(4, 6, 8)], ["DHW"],
         dict(angle=-90, axis=(0, 0, 1), keep_size=True, fill_value=3)),
    case("quarter turn between voxels", [noise(4, 6, 9)], ["DHW"],
         dict(angle=-90, axis=(0, 0, 1), keep_size=True, fill_value=3)),
    case("a picture by a quarter", [noise(4, 5)], ["HW"], dict(angle=90)),
    Case("no turn", "rotate", [noise(5, 6, 7)], ["DHW"], dict(angle=0, axis=(0, 0, 1)), same,
         dtypes=COMPUTED),
    Case("a full turn", "rotate", [noise(5, 6, 7)], ["HWC"], dict(angle=360), same),
    case("one voxel", [noise(1, 1, 1)], ["DHW"], dict(angle=45, axis=(1, 1, 1), fill_value=0)),
    case("one slice", [noise(1, 11, 8)], ["DHW"], dict(angle=45, axis=(0, 0, 1), fill_value=0)),
    Case("empty", "rotate", [ramp(0, 11, 8)], ["DHW"], dict(angle=45, axis=(0, 0, 1)), same),
    ErrorCase("a volume without an axis", "rotate", [ramp(3, 4, 5)], ["DHW"], dict(angle=30),
              "ParamError", ["DHW", "axis=(x, y, z)"]),
    ErrorCase("a picture with an axis", "rotate", [ramp(3, 4, 5)], ["HWC"],
              dict(angle=30, axis=(0, 0, 1)), "ParamError", ["HWC", "D in the layout"]),
    ErrorCase("an axis of length 0", "rotate", [ramp(3, 4, 5)], ["DHW"],
              dict(angle=30, axis=(0, 0, 0)), "ParamError", ["length 0", "above 0"]),
    ErrorCase("an axis of two values", "rotate", [ramp(3, 4, 5)], ["DHW"],
              dict(angle=30, axis=(0, 1)), "ShapeError", ["2 values", "3"]),
    ErrorCase("no angle", "rotate", [ramp(3, 4, 5)], ["HWC"], {}, "ArgumentTypeError", ["angle"]),
    ErrorCase("not a spatial layout", "rotate", [ramp(3, 4)], ["AB"], dict(angle=30),
              "LayoutError", ["AB", "HWC"]),
]
