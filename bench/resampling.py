# SPDX-License-Identifier: Apache-2.0
"""Rows of the kernel table: resize and affine warps."""

from __future__ import annotations

import numpy as np

import bounds
import data
import itk
from agree import same_numbers, same_values
from work import Work, optional, row, seeded, shrunk, volume_of_one


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


def _resize(shrink, *, dtype, interp, scipy_order, scipy_prefilter=True, torch_mode=None, itk_interp=None,
            antialias=False, kernel=None):
    import varo
    from scipy import ndimage
    from varo import fn, types

    shape, size = shrunk((155, 240, 240), shrink), shrunk((128,) * 3, shrink)
    volume = data.image(shape, seeded()) if dtype == np.float32 else data.blobs(shape, 28, 5, seeded())
    tensor, out = varo.as_tensor(volume, "DHW"), np.empty(size, dtype)
    zoom = [o / i for o, i in zip(size, shape)]
    by_varo = lambda x: fn.resize(x, size=size, interp_type=getattr(types, interp), antialias=antialias)
    contenders = {"Varo": lambda: by_varo(tensor)}
    reference = {}
    if scipy_order is not None:
        contenders["SciPy"] = lambda: ndimage.zoom(volume, zoom, output=out, order=scipy_order, mode="nearest",
                                                   grid_mode=True, prefilter=scipy_prefilter)
    torch = optional("torch")
    if torch and torch_mode:
        source = torch.from_numpy(volume)[None, None]
        how = {"align_corners": False} if torch_mode == "trilinear" else {}
        contenders["torch"] = lambda: torch.nn.functional.interpolate(source, size, mode=torch_mode, **how)[0, 0]
    if itk_interp:
        contenders.update(itk.resampled(volume, size, itk_interp))
    if kernel:
        matrices = [_filter_matrix(i, o, kernel, 2 if kernel is _keys else 1, antialias) for i, o in zip(shape, size)]
        reference["matrices"] = lambda: _by_matrices(volume, matrices)
    if antialias and (transform := optional("skimage.transform")):
        contenders["scikit-image"] = lambda: transform.resize(volume, size, order=1, mode="edge", anti_aliasing=True)

    def check(results):
        if dtype == np.uint8:
            same_values(results, share=1e-3)
        else:
            # With a reference the peers do like work with another filter (a B-spline, a Gaussian): timed, not compared.
            compared = {k: v for k, v in results.items() if not kernel or k in ("Varo", "matrices")}
            if itk_interp == "bspline" and "ITK" in compared:  # beyond the border, ITK has a mirror: far inside it is one spline
                inside = tuple(slice(n // 3, -(n // 3)) for n in size)
                same_numbers({k: compared[k][inside] for k in ("Varo", "ITK")}, 1e-3 * float(np.ptp(volume)))
                del compared["ITK"]
            same_numbers(compared, 1e-5 * float(np.ptp(volume)))

    needs = {}
    if dtype == np.float32:
        reach = 2 if "LINEAR" in interp else 4
        taps = [reach * max(i / o, 1) if antialias else reach for i, o in zip(shape, size)]
        # The spline's prefilter: two recursions of a product and an addition, and a factor.
        needs = {"flop": bounds.separable(shape, size, taps, before=5 if "BSPLINE" in interp else 0)}
    return Work(contenders, check, volume.nbytes + out.nbytes, volume_of_one(volume, "DHW", by_varo), needs,
                reference=reference)


@row("resize linear, 155x240x240 to 128^3, f32", SciPy=10.2, torch=4.2, ITK=4.8)
def _(shrink):
    return _resize(shrink, dtype=np.float32, interp="INTERP_LINEAR", scipy_order=1, torch_mode="trilinear",
                   itk_interp="linear")


@row("resize linear antialiased, same", copy=6.7)
def _(shrink):
    return _resize(shrink, dtype=np.float32, interp="INTERP_LINEAR", scipy_order=None, antialias=True, kernel=_triangle)


@row("resize cubic, same", SciPy=45.7)
def _(shrink):
    return _resize(shrink, dtype=np.float32, interp="INTERP_CUBIC", scipy_order=3, scipy_prefilter=False, kernel=_keys)


@row("resize cubic B-spline with prefilter, same", SciPy=13.1, ITK=15.2)
def _(shrink):
    return _resize(shrink, dtype=np.float32, interp="INTERP_BSPLINE", scipy_order=3, itk_interp="bspline")


@row("resize nearest, same, u8", SciPy=18.6, torch=17.1, ITK=20.0)
def _(shrink):
    return _resize(shrink, dtype=np.uint8, interp="INTERP_NN", scipy_order=0, torch_mode="nearest-exact",
                   itk_interp="nearest")


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

    shape = shrunk(shape, shrink)
    volume = data.blobs(shape, 28, 5, seeded()) if nearest else data.image(shape, seeded())
    tensor, out, matrix = varo.as_tensor(volume, "DHW"), np.empty_like(volume), _turned(shape)
    border = {} if clamp else {"fill_value": 0.0}
    interp = types.INTERP_NN if nearest else types.INTERP_LINEAR
    values = matrix.ravel().tolist()
    # SciPy: zyx, positions of voxel centres are whole numbers.
    linear = matrix[::-1, 2::-1]
    offset = matrix[::-1, 3] + linear @ np.full(3, 0.5) - 0.5
    mode = "nearest" if clamp else "grid-constant"
    by_varo = lambda x: fn.warp_affine(x, matrix=values, interp_type=interp, **border)
    contenders = {
        "Varo": lambda: by_varo(tensor),
        "SciPy": lambda: ndimage.affine_transform(volume, linear, offset, output=out, order=0 if nearest else 1, mode=mode),
    }
    if not clamp:
        contenders.update(itk.resampled(volume, shape, "nearest" if nearest else "linear", matrix))
    torch = optional("torch")
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

    return Work(contenders, check, 2 * volume.nbytes, volume_of_one(volume, "DHW", by_varo),
                bounds.warp(volume.size, 3, 1, not nearest))


@row("affine linear, zero fill, 128^3, f32", SciPy=11.8, torch=7.4, ITK=3.8)
def _(shrink):
    return _affine(shrink, (128,) * 3)


@row("affine linear, border clamp, 128^3, f32", SciPy=11.1, torch=7.0)
def _(shrink):
    return _affine(shrink, (128,) * 3, clamp=True)


@row("affine nearest, zero fill, 128^3, u8", SciPy=20.0, torch=11.6, ITK=5.2)
def _(shrink):
    return _affine(shrink, (128,) * 3, nearest=True)


@row("affine linear, zero fill, 192x224x160, f32", SciPy=11.5, torch=8.0, ITK=4.7)
def _(shrink):
    return _affine(shrink, (192, 224, 160))
