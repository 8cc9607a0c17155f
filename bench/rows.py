# SPDX-License-Identifier: Apache-2.0
"""The kernel table: each row is one piece of work, as Varo's Python API and each peer do it.

A peer that is not installed is left out. `check` raises when somebody's result differs.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import gzip
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import numpy as np

import data
from agree import same_boxes, same_numbers, same_values, standard_normal


@dataclass
class Work:
    """What is timed. `contenders` has "Varo" first; every value returns the result as an array."""

    contenders: dict[str, Callable]
    check: Callable[[dict], None]
    moved: int  # bytes read and written
    keep: list = field(default_factory=list)


@dataclass
class Row:
    name: str
    goal: dict[str, float]  # contender -> how many times faster Varo is meant to be; "copy" -> at most so many copies
    prepare: Callable[[int], Work]


ROWS: list[Row] = []


def row(name, **goal):
    def add(prepare):
        ROWS.append(Row(name, {k.replace("_", " "): v for k, v in goal.items()}, prepare))
        return prepare

    return add


def _optional(name):
    try:
        return __import__(name, fromlist=["_"])
    except ImportError:
        return None


def _shrunk(shape, shrink):
    return tuple(n if n <= 4 else max(12, n // shrink) for n in shape)


def _rng():
    return np.random.default_rng(7)


# --- resize -----------------------------------------------------------------------------------------

def _triangle(t):
    return np.maximum(1 - np.abs(t), 0)


def _keys(t):
    t = np.abs(t)
    near, far = (1.5 * t - 2.5) * t * t + 1, ((-0.5 * t + 2.5) * t - 4) * t + 2
    return np.where(t <= 1, near, np.where(t < 2, far, 0))


def _filter_matrix(before, after, kernel, reach, antialias):
    """[after, before] weights of a resampling with pixel centres at one half and clamped borders."""
    step = before / after
    stretch = max(step, 1) if antialias else 1
    centre = (np.arange(after) + 0.5) * step - 0.5
    taps = np.floor(centre)[:, None] + np.arange(-int(np.ceil(reach * stretch)), int(np.ceil(reach * stretch)) + 2)
    weights = kernel((taps - centre[:, None]) / stretch)
    matrix = np.zeros((after, before))
    rows = np.broadcast_to(np.arange(after)[:, None], taps.shape)
    np.add.at(matrix, (rows, np.clip(taps, 0, before - 1).astype(int)), weights)
    return (matrix / matrix.sum(1, keepdims=True)).astype(np.float32)


def _by_matrices(volume, matrices):
    d, h, w = matrices
    out = volume @ w.T
    out = h @ out
    return np.tensordot(d, out, 1)


def _resize(shrink, *, dtype, interp, scipy_order, scipy_prefilter=True, torch_mode=None, antialias=False, kernel=None):
    import varo
    from scipy import ndimage
    from varo import fn, types

    shape, size = _shrunk((155, 240, 240), shrink), _shrunk((128,) * 3, shrink)
    volume = data.image(shape, _rng()) if dtype == np.float32 else data.blobs(shape, 28, 5, _rng())
    tensor, out = varo.as_tensor(volume, "DHW"), np.empty(size, dtype)
    zoom = [o / i for o, i in zip(size, shape)]
    contenders = {"Varo": lambda: fn.resize(tensor, size=size, interp_type=getattr(types, interp), antialias=antialias)}
    if scipy_order is not None:
        contenders["SciPy"] = lambda: ndimage.zoom(volume, zoom, output=out, order=scipy_order, mode="nearest",
                                                   grid_mode=True, prefilter=scipy_prefilter)
    torch = _optional("torch")
    if torch and torch_mode:
        source = torch.from_numpy(volume)[None, None]
        how = {"align_corners": False} if torch_mode == "trilinear" else {}
        contenders["torch"] = lambda: torch.nn.functional.interpolate(source, size, mode=torch_mode, **how)[0, 0]
    if kernel:
        matrices = [_filter_matrix(i, o, kernel, 2 if kernel is _keys else 1, antialias) for i, o in zip(shape, size)]
        contenders["NumPy matmul"] = lambda: _by_matrices(volume, matrices)

    def check(results):
        if dtype == np.uint8:
            same_values(results, share=1e-3)
        else:
            # SciPy's cubic without prefilter is the B-spline itself, which smooths: timed, not compared.
            compared = {k: v for k, v in results.items() if not (kernel is _keys and k == "SciPy")}
            same_numbers(compared, 1e-5 * float(np.ptp(volume)))

    return Work(contenders, check, volume.nbytes + out.nbytes)


@row("resize linear, 155x240x240 to 128^3, f32", SciPy=10.2, torch=4.2)
def _(shrink):
    return _resize(shrink, dtype=np.float32, interp="INTERP_LINEAR", scipy_order=1, torch_mode="trilinear")


@row("resize linear antialiased, same", copy=6.7)
def _(shrink):
    return _resize(shrink, dtype=np.float32, interp="INTERP_LINEAR", scipy_order=None, antialias=True, kernel=_triangle)


@row("resize cubic, same", SciPy=45.7)
def _(shrink):
    return _resize(shrink, dtype=np.float32, interp="INTERP_CUBIC", scipy_order=3, scipy_prefilter=False, kernel=_keys)


@row("resize nearest, same, u8", SciPy=18.6, torch=17.1)
def _(shrink):
    return _resize(shrink, dtype=np.uint8, interp="INTERP_NN", scipy_order=0, torch_mode="nearest-exact")


# --- affine -----------------------------------------------------------------------------------------

def _turned(shape):
    """3x4, output to input positions in xyz: rotations of 20, 10 and 5 degrees, scale 1.1, a shear, about the centre."""
    a, b, c = np.deg2rad((20, 10, 5))
    z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    x = np.array([[1, 0, 0], [0, np.cos(c), -np.sin(c)], [0, np.sin(c), np.cos(c)]])
    linear = z @ y @ x @ np.array([[1.1, 0.05, 0], [0, 1.1, 0], [0, 0, 1.1]])
    centre = np.array(shape[::-1]) / 2
    return np.hstack([linear, (centre - linear @ centre)[:, None]])


def _affine(shrink, shape, *, nearest=False, clamp=False):
    import varo
    from scipy import ndimage
    from varo import fn, types

    shape = _shrunk(shape, shrink)
    volume = data.blobs(shape, 28, 5, _rng()) if nearest else data.image(shape, _rng())
    tensor, out, matrix = varo.as_tensor(volume, "DHW"), np.empty_like(volume), _turned(shape)
    border = {} if clamp else {"fill_value": 0.0}
    interp = types.INTERP_NN if nearest else types.INTERP_LINEAR
    values = matrix.ravel().tolist()
    # SciPy: zyx, positions of voxel centres are whole numbers.
    linear = matrix[::-1, 2::-1]
    offset = matrix[::-1, 3] + linear @ np.full(3, 0.5) - 0.5
    mode = "nearest" if clamp else "grid-constant"
    contenders = {
        "Varo": lambda: fn.warp_affine(tensor, matrix=values, interp_type=interp, **border),
        "SciPy": lambda: ndimage.affine_transform(volume, linear, offset, output=out, order=0 if nearest else 1, mode=mode),
    }
    torch = _optional("torch")
    if torch:
        source = torch.from_numpy(volume)[None, None]
        half = np.array(shape[::-1]) / 2  # torch: -1 to 1 from edge to edge
        theta = np.hstack([matrix[:, :3] * half / half[:, None],
                           ((matrix[:, :3] @ half + matrix[:, 3]) / half - 1)[:, None]])
        theta = torch.from_numpy(theta.astype(np.float32))[None]
        how = dict(mode="nearest" if nearest else "bilinear", padding_mode="border" if clamp else "zeros",
                   align_corners=False)

        def by_torch():
            grid = torch.nn.functional.affine_grid(theta, source.shape, align_corners=False)
            return torch.nn.functional.grid_sample(source.float(), grid, **how)[0, 0].to(source.dtype)

        contenders["torch"] = by_torch

    def check(results):
        if nearest:
            same_values(results, share=2e-3)
        else:
            # A position that rounding moves over a zero border, or by 1e-5 voxel in noise.
            same_numbers(results, 1e-3 * float(np.ptp(volume)), share=1e-4)

    return Work(contenders, check, 2 * volume.nbytes)


@row("affine linear, zero fill, 128^3, f32", SciPy=11.8, torch=7.4)
def _(shrink):
    return _affine(shrink, (128,) * 3)


@row("affine linear, border clamp, 128^3, f32", copy=17.5)
def _(shrink):
    return _affine(shrink, (128,) * 3, clamp=True)


@row("affine nearest, zero fill, 128^3, u8", SciPy=20.0, torch=11.6)
def _(shrink):
    return _affine(shrink, (128,) * 3, nearest=True)


@row("affine linear, zero fill, 192x224x160, f32", SciPy=11.5, torch=8.0)
def _(shrink):
    return _affine(shrink, (192, 224, 160))


# --- objects ----------------------------------------------------------------------------------------

def _objects(labels):
    import varo
    from scipy import ndimage
    from varo import fn

    tensor, classes = varo.as_tensor(labels, "DHW"), int(labels.max())
    count = np.empty(labels.shape, np.int32)

    def by_scipy():
        boxes = []
        for value in range(1, classes + 1):
            ndimage.label(labels == value, output=count)
            boxes += [(value, *(s.start for s in box), *(s.stop for s in box)) for box in ndimage.find_objects(count)]
        return boxes

    def by_varo(seed=1):
        box, value = fn.segmentation.random_object_bbox(tensor, foreground_prob=1.0, format="box", output_class=True,
                                                        cache_objects=False, seed=seed)
        return [(int(np.asarray(value)), *np.asarray(box).tolist())]

    contenders = {"Varo": by_varo, "SciPy": by_scipy}
    measure = _optional("skimage.measure")
    if measure:

        def by_skimage():
            components = measure.label(labels, connectivity=1)
            # Class 0 stands for "not looked up".
            return [(0, *(s.start for s in box), *(s.stop for s in box)) for box in ndimage.find_objects(components)]

        contenders["scikit-image"] = by_skimage

    def check(results):
        drawn = [by_varo(seed)[0] for seed in range(1, 9)]
        same_boxes(results, drawn)

    return Work(contenders, check, 2 * labels.nbytes)


@row("components and boxes, 300x320x320, u8, 2 classes, 28 objects", SciPy=135.7)
def _(shrink):
    return _objects(data.blobs(_shrunk((300, 320, 320), shrink), 28, 2, _rng()))


@row("components and boxes, 256^3 noise, p = 0.31", SciPy=2.4)
def _(shrink):
    return _objects(data.noise_mask(_shrunk((256,) * 3, shrink), 0.31, _rng()))


# --- filters, numbers, copies, files ----------------------------------------------------------------

@row("gaussian blur, sigma 1, 128^3, f32", SciPy=11.0, torch=23.2)
def _(shrink):
    import varo
    from scipy import ndimage
    from varo import fn

    volume = data.image(_shrunk((128,) * 3, shrink), _rng())
    tensor, out = varo.as_tensor(volume, "DHW"), np.empty_like(volume)
    contenders = {
        "Varo": lambda: fn.gaussian_blur(tensor, sigma=1.0, window_size=7),
        "SciPy": lambda: ndimage.gaussian_filter(volume, 1.0, output=out, mode="mirror", radius=3),
    }
    torch = _optional("torch")
    if torch:
        source = torch.from_numpy(volume)[None, None]
        window = torch.exp(-torch.arange(-3.0, 4.0) ** 2 / 2)
        window /= window.sum()

        def by_torch():
            out = torch.nn.functional.pad(source, (3,) * 6, mode="reflect")
            for axis in (2, 3, 4):
                shape = [1] * 5
                shape[axis] = 7
                out = torch.nn.functional.conv3d(out, window.reshape(shape))
            return out[0, 0]

        contenders["torch"] = by_torch
    return Work(contenders, lambda r: same_numbers(r, 1e-5 * float(np.ptp(volume))), 2 * volume.nbytes)


@row("normal random numbers, 4x128^3, f32", NumPy=5.8, torch=2.1)
def _(shrink):
    from varo import fn

    shape = _shrunk((4, 128, 128, 128), shrink)
    rng, out = np.random.default_rng(1), np.empty(shape, np.float32)
    contenders = {
        "Varo": lambda: fn.random.normal(shape=list(shape), seed=1),
        "NumPy": lambda: rng.standard_normal(out=out, dtype=np.float32),
    }
    torch = _optional("torch")
    if torch:
        numbers = torch.empty(shape)
        contenders["torch"] = lambda: numbers.normal_()
    return Work(contenders, standard_normal, out.nbytes)


@row("crop with padding, 3 flips, CDHW to DHWC, 4x128^3, f32", copy=3.7, NumPy=2.2)
def _(shrink):
    from varo import Pipeline, fn

    channels, *size = _shrunk((4, 128, 128, 128), shrink)
    before = [n - n // 8 for n in size]  # an eighth of each axis is padding
    volume = data.image((channels, *before), _rng())
    start = [-(n // 16) for n in size]
    pipe = Pipeline(batch_size=1, num_threads=1, prefetch_queue_depth=1, schedule="serial")
    with pipe:
        x = fn.external_source(lambda: [volume], layout="CDHW", no_copy=True)
        x = fn.slice(x, start=start, shape=size, axes=(1, 2, 3), out_of_bounds_policy="pad")
        x = fn.flip(x, horizontal=1, vertical=1, depthwise=1)
        pipe.set_outputs(fn.transpose(x, perm=[1, 2, 3, 0]))
    padded, flipped = np.zeros((channels, *size), np.float32), np.empty((channels, *size), np.float32)
    out = np.empty((*size, channels), np.float32)
    inside = (slice(None), *(slice(-s, -s + n) for s, n in zip(start, before)))

    def by_varo():
        pipe.schedule_run()
        result = pipe.share_outputs()[0][0]
        pipe.release_outputs()
        return result

    def by_numpy():
        padded.fill(0)
        np.copyto(padded[inside], volume)
        np.copyto(flipped, padded[:, ::-1, ::-1, ::-1])
        np.copyto(out, np.moveaxis(flipped, 0, -1))
        return out

    contenders = {"Varo": by_varo, "NumPy": by_numpy}
    torch = _optional("torch")
    if torch:
        source = torch.from_numpy(volume)
        pads = [p for s, n, m in reversed(list(zip(start, before, size))) for p in (-s, m - n + s)]
        contenders["torch"] = lambda: (torch.nn.functional.pad(source, pads).flip(1, 2, 3)
                                       .permute(1, 2, 3, 0).contiguous())
    return Work(contenders, lambda r: same_numbers(r, 0.0), volume.nbytes + out.nbytes, [pipe])


def _libdeflate():
    """A function that inflates gzip bytes into a buffer, or None."""
    name = ctypes.util.find_library("deflate")
    if not name:
        return None
    lib = ctypes.CDLL(name)
    lib.libdeflate_alloc_decompressor.restype = ctypes.c_void_p
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    lib.libdeflate_gzip_decompress.argtypes = [pointer, pointer, size, pointer, size, pointer]
    machine = lib.libdeflate_alloc_decompressor()

    def inflate(compressed, out):
        source = np.frombuffer(compressed, np.uint8)
        if lib.libdeflate_gzip_decompress(machine, source.ctypes.data, source.size, out.ctypes.data, out.nbytes, None):
            raise RuntimeError("libdeflate failed")
        return out

    return inflate


@row("read .nii.gz, 155x240x240, i16", libdeflate=0.91)
def _(shrink):
    from varo import Pipeline, fn

    folder = tempfile.TemporaryDirectory(prefix="varo-bench-")
    path = Path(folder.name) / "scan.nii.gz"
    voxels = data.scan(path, _shrunk((155, 240, 240), shrink), _rng())
    pipe = Pipeline(batch_size=1, num_threads=1, prefetch_queue_depth=1, schedule="serial")
    with pipe:
        pipe.set_outputs(fn.readers.nifti(files=[str(path)]))

    def by_varo():
        pipe.schedule_run()
        result = pipe.share_outputs()[0][0]
        pipe.release_outputs()
        return result

    contenders = {"Varo": by_varo}
    nib = _optional("nibabel")
    if nib:
        contenders["nibabel"] = lambda: np.asarray(nib.load(path).dataobj).T
    inflate = _libdeflate()
    if inflate:
        header = 352
        plain = np.empty(header + voxels.nbytes, np.uint8)
        contenders["libdeflate"] = lambda: inflate(path.read_bytes(), plain)[header:].view(np.int16).reshape(voxels.shape)
    contenders["gzip module"] = lambda: np.frombuffer(gzip.decompress(path.read_bytes()), np.int16, offset=352).reshape(
        voxels.shape)
    moved = voxels.nbytes + os.path.getsize(path)
    return Work(contenders, lambda r: same_numbers(r, 0.0), moved, [folder, pipe])
