# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import ALL, Case, ErrorCase, noise, ramp

TYPES = ("uint8", "int16", "uint16", "float32")
NN, LINEAR, CUBIC, LANCZOS3, TRIANGULAR, GAUSSIAN, BSPLINE = range(7)
FLOAT = 9
ASSUMED = {2: "HW", 3: "HWC", 4: "FHWC", 5: "FDHWC"}


# --- what the size and the region come to --------------------------------------------------------

def per_axis(value, n):
    return np.broadcast_to(np.asarray(value, dtype=float), n).copy()


def extents_of(shape, letters, size=None, resize_x=0, resize_y=0, resize_z=0, resize_shorter=None, resize_longer=None,
               mode="default", max_size=None, subpixel_scale=True, roi_start=None, roi_end=None, roi_relative=False):
    """[(out, lo, hi)] of the spatial axes."""
    n = len(letters)
    extent_in = np.array(shape, dtype=float)
    if size is not None:
        want = per_axis(size, n)
    elif resize_shorter is not None:
        want, mode = per_axis(resize_shorter, n), "not_smaller"
    elif resize_longer is not None:
        want, mode = per_axis(resize_longer, n), "not_larger"
    else:
        want = np.array([{"W": resize_x, "H": resize_y, "D": resize_z}[a] for a in letters], dtype=float)
    limit = per_axis(np.inf if max_size is None else max_size, n)
    lo, hi = np.zeros(n), extent_in.copy()
    if roi_start is not None:
        unit = extent_in if roi_relative else 1
        lo, hi = per_axis(roi_start, n) * unit, per_axis(roi_end, n) * unit
        for d in range(n):
            if abs(hi[d] - lo[d]) < 1e-3:
                sign = -1 if hi[d] < lo[d] else 1
                lo[d], hi[d] = lo[d] - sign * 5e-4, hi[d] + sign * 5e-4
    for d in range(n):
        if hi[d] < lo[d]:
            lo[d], hi[d], want[d] = hi[d], lo[d], -want[d]
    extent = hi - lo
    given = (want != 0) & (extent != 0)
    scale = np.where(given, want / np.where(extent == 0, 1, extent), 1.0)
    if not given.any():
        out = extent.copy()
    elif mode in ("default", "stretch"):
        other = 1 if mode == "stretch" else np.prod(abs(scale[given])) ** (1 / given.sum())
        out = np.where(given, want, extent * other)
        out = np.sign(out) * np.minimum(abs(out), limit)
    else:
        s = abs(scale[given]).min() if mode == "not_larger" else abs(scale[given]).max()
        s = min([s] + [limit[d] / extent[d] for d in range(n) if extent[d] != 0])
        out = extent * s * np.sign(scale)
    result = []
    for d in range(n):
        whole = int(max(0 if np.prod(shape) == 0 else 1, np.floor(abs(out[d]) + 0.5)))
        a, b = (hi[d], lo[d]) if out[d] < 0 else (lo[d], hi[d])
        if subpixel_scale and out[d] != 0 and whole != abs(out[d]):
            grow = np.clip(whole / abs(out[d]), -10, 10)
            centre = (a + b) / 2
            a, b = centre + (a - centre) * grow, centre + (b - centre) * grow
        result.append((whole, a, b))
    return result


# --- resampling as one dense matrix an axis ------------------------------------------------------

def catmull_rom(x):
    x = np.abs(x)
    return np.where(x < 1, 1.5 * x**3 - 2.5 * x**2 + 1, np.where(x < 2, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2, 0))


def cardinal_spline(t):
    k = np.arange(-40, 41)
    x = np.abs(t[..., None] - k)
    basis = np.where(x < 1, 2 / 3 - x**2 + x**3 / 2, np.where(x < 2, (2 - x) ** 3 / 6, 0))
    return basis @ (np.sqrt(3) * (np.sqrt(3) - 2) ** np.abs(k))


WINDOWS = {  # half-width without smoothing, weight of distance t at half-width r
    LINEAR: (1, lambda t, r: np.maximum(0, 1 - abs(t) / r)),
    TRIANGULAR: (1, lambda t, r: np.maximum(0, 1 - abs(t) / r)),
    GAUSSIAN: (1, lambda t, r: np.where(abs(t) <= r, np.exp(-((2 * t / r) ** 2)), 0)),
    CUBIC: (2, lambda t, r: catmull_rom(2 * t / r)),
    LANCZOS3: (3, lambda t, r: np.where(abs(t) <= r, np.sinc(3 * t / r) * np.sinc(t / r), 0)),
    BSPLINE: (11, lambda t, r: np.where(abs(t) <= r, cardinal_spline(11 * t / r), 0)),
}


def matrix(extent_in, out, lo, hi, filters, antialias):
    """weights[out, in]"""
    smaller = out < abs(hi - lo) * (1 - 1e-12)
    filter = filters[0] if smaller else filters[1]
    position = lo + (np.arange(out) + 0.5) * (hi - lo) / out
    weights = np.zeros((out, extent_in))
    rows = np.arange(out)
    if filter == NN:
        weights[rows, np.clip(np.floor(position), 0, extent_in - 1).astype(int)] = 1
        return weights
    radius, window = WINDOWS[filter]
    if smaller and antialias:
        radius = radius * abs(hi - lo) / out
    centre = position - 0.5
    first = np.ceil(centre - radius)
    taps = first[:, None] + np.arange(int(np.ceil(2 * radius)))
    values = window(taps - centre[:, None], radius)
    values = values / values.sum(axis=1, keepdims=True)
    np.add.at(weights, (rows[:, None], np.clip(taps, 0, extent_in - 1).astype(int)), values)
    return weights


def to_type(values, dtype):
    if np.dtype(dtype).kind == "f":
        return values.astype(dtype)
    if np.dtype(dtype).kind == "b":
        return values >= 0.5
    info = np.iinfo(dtype)
    return np.clip(np.sign(values) * np.floor(np.abs(values) + 0.5), info.min, info.max).astype(dtype)


def reference(data, layout="", interp_type=None, mag_filter=None, min_filter=None, antialias=True, dtype=None,
              save_attrs=False, minibatch_size=32, temp_buffer_hint=0, **sizes):
    layout = layout or ASSUMED[data.ndim]
    axes = [i for i, letter in enumerate(layout) if letter in "DHW"]
    shape = [data.shape[i] for i in axes]
    pick = lambda own: own if own is not None else interp_type if interp_type is not None else LINEAR
    filters = pick(min_filter), pick(mag_filter)
    result = data.astype(np.float64)
    for i, (out, lo, hi) in zip(axes, extents_of(shape, [layout[i] for i in axes], **sizes)):
        if data.shape[i] == 0:
            weights = np.zeros((out, 0))
        else:
            weights = matrix(data.shape[i], out, lo, hi, filters, antialias)
        result = np.moveaxis(np.einsum("xs,...s->...x", weights, np.moveaxis(result, i, -1)), -1, i)
    result = to_type(result, np.float32 if dtype == FLOAT else data.dtype)
    return (result, np.array(shape, dtype=np.int32)) if save_attrs else result


# --- references that share nothing with the above ------------------------------------------------

def torch_reference(data, size, layout="", interp_type=LINEAR, **_):
    """DHW or HW alone."""
    import torch

    kind = {2: "bilinear", 3: "trilinear"}[data.ndim] if interp_type == LINEAR else "nearest-exact"
    corners = {} if interp_type == NN else {"align_corners": False}
    result = torch.nn.functional.interpolate(torch.from_numpy(data.astype(np.float64))[None, None], size=tuple(size),
                                             mode=kind, **corners)
    return to_type(result[0, 0].numpy(), data.dtype)


def skimage_reference(data, size, layout="", **_):
    """Linear, without smoothing; every axis spatial."""
    from skimage.transform import resize

    return to_type(resize(data.astype(np.float64), size, order=1, mode="edge", anti_aliasing=False), data.dtype)


def scipy_reference(data, size, layout="", **_):
    """The cubic spline through the voxels, not smoothed; every axis spatial."""
    from scipy import ndimage

    zoom = [o / i for o, i in zip(size, data.shape)]
    result = ndimage.zoom(data.astype(np.float64), zoom, order=3, mode="nearest", grid_mode=True)
    assert result.shape == tuple(size)
    return to_type(result, data.dtype)


def scipy_region(data, size, roi_start, roi_end, layout="", **_):
    from scipy import ndimage

    grids = [lo + (np.arange(n) + 0.5) * (hi - lo) / n - 0.5 for n, lo, hi in zip(size, roi_start, roi_end)]
    result = ndimage.map_coordinates(data.astype(np.float64), np.meshgrid(*grids, indexing="ij"), order=3, mode="nearest")
    return to_type(result, data.dtype)


def constant(data, size, layout="", **_):
    return np.broadcast_to(data[:1, :1, :1], size).copy()


def halved_triangles(data, size, layout="", **_):
    """An axis halved with smoothing: the taps 1 3 3 1 over 8."""
    result = data.astype(np.float64)
    for axis in range(data.ndim):
        padded = np.pad(result, [(1, 1) if i == axis else (0, 0) for i in range(data.ndim)], mode="edge")
        n = data.shape[axis]
        take = lambda k: np.take(padded, np.arange(k, k + n, 2), axis)
        result = (take(0) + 3 * take(1) + 3 * take(2) + take(3)) / 8
    return to_type(result, data.dtype)


def pillow_reference(data, size, layout="", interp_type=LINEAR, **_):
    """Smoothing filters over the whole of a float image; same windows, cut at the edge instead of repeated:
    compare the middle."""
    from PIL import Image

    kind = {LINEAR: Image.BILINEAR, CUBIC: Image.BICUBIC, LANCZOS3: Image.LANCZOS}[interp_type]
    return np.asarray(Image.fromarray(data.astype(np.float32)).resize((size[1], size[0]), kind))


def border(width):
    def mask(data, size, **_):
        ignored = np.ones(size, bool)
        ignored[width:-width, width:-width] = False
        return ignored

    return mask


def flipped(data, layout="", **_):
    return data[:, ::-1, :, :]


VOLUME = noise(9, 13, 17, low=0, high=200, dtype="float32", seed=1)
COLOUR = noise(7, 10, 12, 3, low=0, high=200, dtype="float32", seed=2)


def case(name, data, layout, args, **more):
    more.setdefault("dtypes", TYPES)
    more.setdefault("unit", 1)
    return Case(name, "resize", [data], [layout], args, more.pop("reference", reference), **more)


CASES = [
    case("to a given size", VOLUME, "DHW", dict(size=(6, 20, 11)), docs=True),
    case("one size for all axes", COLOUR, "DHWC", dict(size=8)),
    case("channel first", np.moveaxis(COLOUR, -1, 0).copy(), "CDHW", dict(size=(5, 14, 6))),
    case("image", COLOUR[0], "HWC", dict(resize_x=30, resize_y=4)),
    case("image, channel first", np.moveaxis(COLOUR[0], -1, 0).copy(), "CHW", dict(size=(4, 30))),
    case("sequence of images", COLOUR, "FHWC", dict(size=(6, 21))),
    case("sequence, channel first", np.moveaxis(COLOUR, -1, 1).copy(), "FCHW", dict(size=(6, 21))),
    case("channels of sequences", np.moveaxis(COLOUR, -1, 0).copy(), "CFHW", dict(size=(6, 21))),
    case("sequence of volumes", np.stack([COLOUR, COLOUR[::-1]]), "FDHWC", dict(size=(3, 12, 13))),
    case("sequence of volumes, channel first", np.stack([VOLUME, VOLUME[::-1]])[:, None], "FCDHW", dict(size=(3, 12, 13))),
    case("channels of sequences of volumes", np.stack([VOLUME, VOLUME[::-1]])[None], "CFDHW", dict(size=(3, 12, 13))),
    case("unlabelled with four axes is a sequence of images", COLOUR, "", dict(size=(6, 21))),
    case("picture without channels", VOLUME[0], "HW", dict(size=(31, 5))),
    case("wide channels", noise(6, 7, 40, low=0, high=200), "HWC", dict(size=(9, 4))),
    case("same size", VOLUME, "DHW", dict(size=(9, 13, 17), interp_type=CUBIC), unit=0),
    case("axes of one voxel", noise(1, 1, 5, low=0, high=200), "DHW", dict(size=(4, 1, 2))),
    case("empty channels", np.zeros((4, 5, 0), np.float32), "HWC", dict(size=(8, 2))),
    case("empty axis stays empty", np.zeros((0, 5, 6), np.float32), "DHW", dict(resize_x=3, resize_y=4, mode="stretch")),
    # sizes
    case("missing axis takes the mean scale", VOLUME, "DHW", dict(resize_x=8, resize_z=11)),
    case("missing axis stays", VOLUME, "DHW", dict(resize_x=8, mode="stretch")),
    case("not larger", VOLUME, "DHW", dict(size=(20, 10, 12), mode="not_larger")),
    case("not smaller", VOLUME, "DHW", dict(size=(20, 10, 12), mode="not_smaller"), docs=True),
    case("not smaller, one axis open", VOLUME, "DHW", dict(size=(0, 10, 12), mode="not_smaller")),
    case("shorter", VOLUME, "DHW", dict(resize_shorter=6)),
    case("longer", VOLUME, "DHW", dict(resize_longer=24)),
    case("largest size of each axis", VOLUME, "DHW", dict(size=(20, 10, 12), max_size=(15, 9, 40))),
    case("largest size wins over not smaller", VOLUME, "DHW", dict(resize_shorter=20, max_size=22)),
    case("size with a fraction", VOLUME, "DHW", dict(size=(7.4, 9.5, 30.6))),
    case("size with a fraction, scale rounded", VOLUME, "DHW", dict(size=(7.4, 9.5, 30.6), subpixel_scale=False)),
    case("tiny size", VOLUME, "DHW", dict(size=(0.2, 3, 4))),
    case("negative size mirrors", VOLUME, "DHW", dict(size=(6, -20, -11))),
    case("negative size mirrors all axes alike", VOLUME, "DHW", dict(size=(-6, 20, 11), mode="not_larger")),
    case("mirrored view", COLOUR, "DHWC", dict(size=(7, -10, 12)), reference=flipped, unit=0),
    # region of interest
    case("region", VOLUME, "DHW", dict(size=(4, 5, 6), roi_start=(2, 3, 4.5), roi_end=(7, 12, 8)), docs=True),
    case("region in fractions", VOLUME, "DHW", dict(size=(4, 5, 6), roi_start=0.25, roi_end=(0.5, 0.75, 1), roi_relative=True)),
    case("region reaches outside", VOLUME, "DHW", dict(size=(9, 30, 8), roi_start=(-4, 5, -10), roi_end=(5, 40, -5))),
    case("region backwards mirrors", VOLUME, "DHW", dict(size=(4, 5, 6), roi_start=(7, 3, 8), roi_end=(2, 12, 4.5))),
    case("region backwards without a size", VOLUME, "DHW", dict(resize_x=5, mode="stretch", roi_start=(7, 3, 8), roi_end=(2, 12, 4))),
    case("region sets the size", VOLUME, "DHW", dict(size=0, roi_start=(2, 3, 4), roi_end=(7, 12, 8)), unit=0),
    case("region of nothing", VOLUME, "DHW", dict(size=(4, 5, 6), roi_start=(2, 3, 4), roi_end=(2, 3, 4)), tol=3e-5),
    case("a size near 0 grows tenfold at most", VOLUME, "DHW", dict(size=(0.04, 10, 12), roi_start=(4, 0, 0), roi_end=(5, 9, 9))),
    case("neighbouring regions fit", VOLUME, "DHW", dict(size=(9, 13, 10), roi_start=(0, 0, 5), roi_end=(9, 13, 10), interp_type=CUBIC)),
    # filters
    *[case(f"filter {f}", VOLUME, "DHW", dict(size=(4, 20, 7), interp_type=f)) for f in range(7)],
    *[case(f"filter {f} without smoothing", COLOUR, "DHWC", dict(size=(3, 20, 7), interp_type=f, antialias=False)) for f in range(7)],
    case("a filter each way", VOLUME, "DHW", dict(size=(4, 20, 17), mag_filter=NN, min_filter=LANCZOS3)),
    case("one filter of its own", VOLUME, "DHW", dict(size=(4, 20, 17), interp_type=CUBIC, min_filter=GAUSSIAN)),
    case("nearest, integer factor", COLOUR, "DHWC", dict(size=(7, 5, 4), interp_type=NN), unit=0),
    case("nearest to float", VOLUME, "DHW", dict(size=(5, 30, 7), interp_type=NN, dtype=FLOAT)),
    case("to float", VOLUME, "DHW", dict(size=(5, 30, 7), interp_type=CUBIC, dtype=FLOAT)),
    case("same size to float", VOLUME, "DHW", dict(size=(9, 13, 17), dtype=FLOAT)),
    case("cubic overshoot is clamped", noise(6, 7, 8, dtype="uint8", high=256), "DHW", dict(size=20, interp_type=CUBIC), dtypes=("uint8",)),
    case("16 bits in full", noise(6, 7, 8, dtype="uint16", high=65536), "DHW", dict(size=5), dtypes=("uint16",)),
    case("negative numbers", noise(6, 7, 8, dtype="int16", low=-32768, high=32768), "DHW", dict(size=9, interp_type=LANCZOS3), dtypes=("int16",)),
    case("extents of the input", COLOUR, "DHWC", dict(size=5, save_attrs=True), docs=True),
    case("extents of the input of a view", COLOUR, "DHWC", dict(size=(7, 10, 12), save_attrs=True)),
    # against other libraries
    case("linear is torch's", VOLUME, "DHW", dict(size=(6, 20, 11), antialias=False), reference=torch_reference),
    case("linear is torch's, image", VOLUME[3], "HW", dict(size=(30, 6), interp_type=LINEAR, antialias=False), reference=torch_reference),
    case("nearest is torch's", VOLUME, "DHW", dict(size=(6, 20, 11), interp_type=NN), reference=torch_reference, unit=0),
    case("linear is scikit-image's", VOLUME, "DHW", dict(size=(18, 15, 34), antialias=False), reference=skimage_reference),
    case("B-spline is SciPy's", VOLUME, "DHW", dict(size=(6, 20, 17), interp_type=BSPLINE, antialias=False),
         reference=scipy_reference, docs=True),
    case("B-spline is SciPy's, long axes", noise(40, 90, low=-90, high=200), "HW",
         dict(size=(133, 31), interp_type=BSPLINE, antialias=False), reference=scipy_reference),
    case("B-spline is SciPy's, short axes", noise(2, 3, 1, low=0, high=200), "DHW",
         dict(size=(7, 2, 4), interp_type=BSPLINE, antialias=False), reference=scipy_reference),
    case("B-spline is SciPy's, region", VOLUME, "DHW",
         dict(size=(4, 25, 9), roi_start=(2, -3, 14.5), roi_end=(7, 12.5, 8), interp_type=BSPLINE, antialias=False),
         reference=scipy_region),
    case("halved with smoothing", VOLUME[:8, :12, :16], "DHW", dict(size=(4, 6, 8)), reference=halved_triangles),
    case("a constant stays", np.full((9, 8, 7), 93.0, np.float32), "DHW", dict(size=(4, 20, 6), interp_type=LANCZOS3),
         reference=constant, unit=0, tol=3e-5),
    *[case(f"filter {f} is Pillow's", noise(40, 60, low=0, high=200), "HW", dict(size=(25, 31), interp_type=f),
           reference=pillow_reference, ignore=border(6), dtypes=("float32",)) for f in (LINEAR, CUBIC, LANCZOS3)],
    case("labels of every type", noise(6, 7, 8, dtype="uint8", high=127), "DHW", dict(size=(5, 30, 7), interp_type=NN), unit=0, dtypes=ALL),
    case("labels of every type, channels last", noise(6, 7, 2, dtype="uint8", high=127), "HWC", dict(size=(13, 3), interp_type=NN), unit=0,
         dtypes=ALL),
    case("an empty volume that others decide about", np.zeros((0, 5, 6), np.float32), "DHW", dict(size=(4, 4, 3), mode="not_larger"),
         reference=lambda data, **_: np.zeros((0, 3, 3), data.dtype)),
    case("an empty volume, not smaller", np.zeros((5, 6, 0), np.float32), "DHW", dict(size=10, mode="not_smaller"),
         reference=lambda data, **_: np.zeros((10, 12, 0), data.dtype)),
    # errors
    ErrorCase("no size", "resize", [ramp(4, 5, 6)], ["DHW"], {}, "ParamError", ["none", "exactly 1"]),
    ErrorCase("two sizes", "resize", [ramp(4, 5, 6)], ["DHW"], dict(size=3, resize_x=4), "ParamError", ["size, resize_x", "exactly 1"]),
    ErrorCase("two modes", "resize", [ramp(4, 5, 6)], ["DHW"], dict(resize_shorter=3, mode="stretch"), "ParamError",
              ["resize_shorter, mode", "at most 1"]),
    ErrorCase("unknown mode", "resize", [ramp(4, 5, 6)], ["DHW"], dict(size=3, mode="fill"), "ParamError", ["fill", "not_larger"]),
    ErrorCase("half a region", "resize", [ramp(4, 5, 6)], ["DHW"], dict(size=3, roi_start=1), "ParamError", ["roi_start", "roi_end"]),
    ErrorCase("wrong number of sizes", "resize", [ramp(4, 5, 6)], ["DHW"], dict(size=(3, 4)), "ShapeError", ["2 values", "3 values"]),
    ErrorCase("empty axis", "resize", [ramp(0, 5, 6)], ["DHW"], dict(size=(3, 4, 4)), "ShapeError", ["along D", "0 voxels", "3", "at least 1"]),
    ErrorCase("too large", "resize", [ramp(4, 5, 6)], ["DHW"], dict(resize_x=1e12, mode="stretch"), "ParamError", ["along W", "1000000000000", "2147483647"]),
    ErrorCase("not a number", "resize", [ramp(4, 5, 6)], ["DHW"], dict(resize_x=float("nan")), "ParamError", ["along W", "nan", "finite"]),
    ErrorCase("wild region", "resize", [ramp(4, 5, 6)], ["DHW"], dict(size=3, roi_start=0, roi_end=1e15), "ParamError",
              ["along D", "1000000000000000", "16777216"]),
    ErrorCase("element type", "resize", [ramp(4, 5, 6, dtype="int32")], ["DHW"], dict(size=3), "ArgumentTypeError",
              ["int32", "uint8, int16, uint16 or float32", "INTERP_NN"]),
    ErrorCase("labels to float", "resize", [ramp(4, 5, 6, dtype="int64")], ["DHW"], dict(size=3, interp_type=NN, dtype=FLOAT), "ParamError",
              ["float32", "int64 (the input's)"]),
    ErrorCase("result type", "resize", [ramp(4, 5, 6, dtype="uint8")], ["DHW"], dict(size=3, dtype=5), "ParamError",
              ["int16", "uint8", "float32"]),
    ErrorCase("filter that is none", "resize", [ramp(4, 5, 6)], ["DHW"], dict(size=3, interp_type=7), "ParamError", ["7", "6"]),
    ErrorCase("layout", "resize", [ramp(4, 5, 6)], ["ABC"], dict(size=3), "LayoutError", ["ABC", "DHWC"]),
]
