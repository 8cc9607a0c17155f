# SPDX-License-Identifier: Apache-2.0
"""The reference is scipy.ndimage.affine_transform in float64."""

import numpy as np
from case import ALL, Case, ErrorCase, noise, ramp
from scipy import ndimage

COMPUTED = ("uint8", "int8", "uint16", "int16", "int32", "float32")
NN, LINEAR = 0, 1


def rounded(values, dtype):
    """To dtype: halves away from zero, clipped."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return np.abs(values) >= 0.5
    if dtype.kind == "f":
        return values.astype(dtype)
    info = np.iinfo(dtype)
    values = np.trunc(values + np.copysign(0.5, values))
    return np.clip(values, info.min, info.max).astype(dtype)


def setup(data, matrix, layout, inverse_map, size):
    layout = layout or {2: "HW", 3: "HWC", 4: "FHWC", 5: "FDHWC"}[data.ndim]
    if layout == "HWC" and np.size(matrix) == 12:
        layout = "DHW"
    spatial = [i for i, letter in enumerate(layout) if letter in "DHW"]
    n = len(spatial)
    m = np.asarray(matrix, np.float64).reshape(-1, n, n + 1)
    if not inverse_map:
        square = [np.linalg.inv(np.vstack([a, np.eye(n + 1)[-1]])) for a in m]
        m = np.stack(square)[:, :n]
    shape = [data.shape[i] for i in spatial]
    if size is not None:
        shape = [int(np.floor(s + 0.5)) for s in np.broadcast_to(size, (n,))]
    return layout, spatial, m, shape


def reference(data, matrix_input=None, matrix=None, inverse_map=True, size=None, fill_value=None,
              interp_type=LINEAR, dtype=None, layout=""):
    layout, spatial, m, shape = setup(data, matrix if matrix_input is None else matrix_input, layout,
                                      inverse_map, size)
    dtype = data.dtype if dtype is None else np.dtype(dtype)
    cval = 0.0
    if fill_value is not None:
        cval = float(rounded(rounded(np.float64(fill_value), dtype).astype(np.float64), data.dtype))
    moved = np.moveaxis(data, spatial, range(-len(spatial), 0))
    leading = moved.shape[: moved.ndim - len(spatial)]
    frame_axis = "".join(c for c in layout if c in "FC").find("F")
    out = np.empty(leading + tuple(shape), np.float64)
    for at in np.ndindex(*leading):
        own = m[at[frame_axis] if len(m) > 1 else 0]
        # SciPy has the axes in tensor order and the origin at the first voxel's centre.
        linear, shift = own[::-1, -2::-1], own[::-1, -1]
        offset = linear @ np.full(len(shape), 0.5) + shift - 0.5
        out[at] = ndimage.affine_transform(
            moved[at].astype(np.float64), linear, offset, tuple(shape), order=interp_type,
            mode="nearest" if fill_value is None else "grid-constant", cval=cval, prefilter=False)
    return rounded(np.moveaxis(out, range(-len(spatial), 0), spatial), dtype)


def near_an_edge(data, matrix_input=None, matrix=None, inverse_map=True, size=None, layout="", **_):
    """Nearest: voxels whose position lies within 1e-4 of where the choice changes."""
    layout, spatial, m, shape = setup(data, matrix if matrix_input is None else matrix_input, layout,
                                      inverse_map, size)
    grid = np.stack(np.meshgrid(*[np.arange(s) + 0.5 for s in shape], indexing="ij")[::-1], -1)
    position = grid @ m[0][:, :-1].T + m[0][:, -1]
    near = (np.abs(position - np.round(position)) < 1e-4).any(-1)
    full = list(data.shape)
    for axis, extent in zip(spatial, shape):
        full[axis] = extent
    for axis in range(data.ndim):
        if axis not in spatial:
            near = np.expand_dims(near, axis)
    return np.broadcast_to(near, full)


PLANE = [0.9, 0.35, -2.1, -0.3, 1.1, 3.3]
SPACE = [0.87, 0.41, -0.13, -2.3, -0.38, 0.91, 0.21, 6.1, 0.2, -0.12, 0.97, 0.7]
SHIFT = [1, 0, 0, 2, 0, 1, 0, -3, 0, 0, 1, 1]
TURN = [0, -1, 0, 11, 1, 0, 0, 0, 0, 0, -1, 7]


def case(name, inputs, layouts, args, dtypes=None, **more):
    if args.get("interp_type", LINEAR) == NN:
        more.setdefault("ignore", near_an_edge)
    return Case(name, "warp_affine", inputs, layouts, args, reference, dtypes=dtypes, tol=1e-4,
                unit=0 if args.get("interp_type", LINEAR) == NN else 1, **more)


CASES = [
    case("a volume, zeros outside", [noise(9, 11, 13, 1)], ["DHWC"],
         dict(matrix=SPACE, fill_value=0), COMPUTED, docs=True),
    case("a volume, edges repeat", [noise(9, 11, 13, 2, low=-50, high=200)], ["DHWC"],
         dict(matrix=SPACE), COMPUTED),
    case("labels", [noise(9, 11, 13, 1, dtype="int32", low=0, high=100)], ["DHWC"],
         dict(matrix=SPACE, fill_value=1, interp_type=NN), ALL, docs=True),
    case("labels, edges repeat", [noise(9, 11, 70, dtype="int32", low=0, high=100)], ["DHW"],
         dict(matrix=SPACE, interp_type=NN), ALL),
    case("a picture", [noise(17, 23, 3)], ["HWC"], dict(matrix=PLANE, fill_value=0.5), COMPUTED),
    case("a picture, edges repeat", [noise(17, 23)], ["HW"], dict(matrix=PLANE), COMPUTED),
    case("channels first", [noise(2, 7, 9, 11)], ["CDHW"], dict(matrix=SPACE, fill_value=-1)),
    case("a picture, channels first", [noise(3, 17, 23)], ["CHW"], dict(matrix=PLANE)),
    case("frames", [noise(3, 17, 23, 2)], ["FHWC"], dict(matrix=PLANE, fill_value=0)),
    case("unlabelled is a film", [noise(3, 17, 23, 2)], [""], dict(matrix=PLANE, fill_value=0)),
    case("unlabelled with a matrix of space is a volume", [noise(7, 9, 11)], [""],
         dict(matrix=SPACE, fill_value=0)),
    case("frames of volumes", [noise(2, 5, 7, 9, 1)], ["FDHWC"], dict(matrix=SPACE, fill_value=0)),
    case("a matrix as second input",
         [noise(7, 9, 11, 1), np.array(SPACE, np.float32).reshape(3, 4)], ["DHWC", ""],
         dict(fill_value=0)),
    case("a matrix for every frame",
         [noise(2, 17, 23, 1),
          np.array([PLANE, [1.0, 0.2, 0.3, -0.1, 0.8, 1.0]], np.float32).reshape(2, 2, 3)],
         ["FHWC", "FAB"], {}),
    case("two matrices of the plane are no matrix of space",
         [noise(2, 17, 23, 1),
          np.array([PLANE, [1.0, 0.2, 0.3, -0.1, 0.8, 1.0]], np.float32).reshape(2, 2, 3)],
         ["", ""], {}),
    case("forward map", [noise(9, 11, 13)], ["DHW"],
         dict(matrix=SPACE, inverse_map=False, fill_value=0)),
    case("another size", [noise(9, 11, 13)], ["DHW"], dict(matrix=SPACE, size=(5, 20, 67)),
         COMPUTED),
    case("one size for all axes, rounded", [noise(9, 11, 13)], ["DHW"],
         dict(matrix=SPACE, size=6.5, fill_value=3), constant=["size"]),
    case("to float", [noise(9, 11, 13, dtype="uint8")], ["DHW"],
         dict(matrix=SPACE, fill_value=0.5, dtype="float32"), ("uint8", "int16", "int32")),
    case("from float", [noise(9, 11, 13, low=-100, high=400)], ["DHW"],
         dict(matrix=SPACE, fill_value=300, dtype="uint8")),
    case("labels to float", [noise(9, 11, 13, dtype="uint8")], ["DHW"],
         dict(matrix=SPACE, fill_value=2.5, dtype="float32", interp_type=NN)),
    case("identity", [noise(5, 6, 7)], ["DHW"], dict(matrix=[1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]),
         COMPUTED),
    case("whole voxels", [noise(7, 9, 11)], ["DHW"], dict(matrix=SHIFT, fill_value=4), COMPUTED),
    case("whole voxels, edges repeat", [noise(7, 9, 11)], ["DHW"], dict(matrix=SHIFT), COMPUTED),
    case("quarter turn and mirror", [noise(7, 9, 11)], ["DHW"],
         dict(matrix=TURN, fill_value=4, size=(7, 11, 9)), COMPUTED),
    case("quarter turn beyond the edge", [noise(2, 7, 9, 11)], ["CDHW"],
         dict(matrix=TURN, fill_value=4, size=(9, 14, 12))),
    case("far outside", [noise(7, 9, 11)], ["DHW"],
         dict(matrix=[1, 0, 0, 1e6, 0, 1, 0, 0.5, 0, 0, 1, 0], fill_value=4)),
    case("one voxel", [noise(1, 1, 1)], ["DHW"],
         dict(matrix=[0.3, 0, 0, 0.2, 0, 0.3, 0, 0.2, 0, 0, 0.3, 0.2], size=(4, 5, 6), fill_value=7)),
    case("one slice, edges repeat", [noise(1, 9, 11)], ["DHW"], dict(matrix=SPACE)),
    Case("empty", "warp_affine", [ramp(0, 9, 11)], ["DHW"], dict(matrix=SPACE),
         lambda data, **_: data),
    Case("empty, filled", "warp_affine", [ramp(0, 9, 11)], ["DHW"],
         dict(matrix=SPACE, size=(2, 3, 4), fill_value=6),
         lambda data, **_: np.full((2, 3, 4), 6, np.float32)),
    ErrorCase("no matrix", "warp_affine", [ramp(3, 4, 5)], ["DHW"], {}, "ArgumentTypeError",
              ["neither", "argument matrix"]),
    ErrorCase("a matrix of the plane for a volume", "warp_affine", [ramp(3, 4, 5)], ["DHW"],
              dict(matrix=PLANE), "ShapeError", ["6 values", "12 values"]),
    ErrorCase("singular", "warp_affine", [ramp(3, 4)], ["HW"],
              dict(matrix=[1, 2, 0, 2, 4, 0], inverse_map=False), "ParamError",
              ["determinant 0", "other than 0"]),
    ErrorCase("no B-spline", "warp_affine", [ramp(3, 4)], ["HW"],
              dict(matrix=PLANE, interp_type=6), "ParamError", ["interp_type 6", "INTERP_NN (0)"]),
    ErrorCase("no such interpolation", "warp_affine", [ramp(3, 4)], ["HW"],
              dict(matrix=PLANE, interp_type=2), "ParamError", ["interp_type 2", "INTERP_NN (0)"]),
    ErrorCase("linear labels of 64 bits", "warp_affine", [ramp(3, 4, dtype="int64")], ["HW"],
              dict(matrix=PLANE), "ParamError", ["int64", "uint8"]),
    ErrorCase("no conversion", "warp_affine", [ramp(3, 4, dtype="uint8")], ["HW"],
              dict(matrix=PLANE, dtype="int16"), "ParamError", ["uint8 to int16", "float32"]),
    ErrorCase("size of nothing", "warp_affine", [ramp(3, 4)], ["HW"],
              dict(matrix=PLANE, size=(0, 4)), "ParamError", ["along H", "0", "1 to"]),
    ErrorCase("not finite", "warp_affine", [ramp(3, 4)], ["HW"],
              dict(matrix=[1, 0, float("nan"), 0, 1, 0]), "ParamError", ["nan", "finite"]),
    ErrorCase("an edge of nothing", "warp_affine", [ramp(0, 4)], ["HW"],
              dict(matrix=PLANE, size=(3, 4)), "ShapeError", ["H 0", "at least 1"]),
]
