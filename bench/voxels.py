# SPDX-License-Identifier: Apache-2.0
"""Rows of the kernel table: objects, blur, random numbers, copies, files."""

from __future__ import annotations

import ctypes
import ctypes.util
import gzip
import os
import tempfile
from pathlib import Path

import numpy as np

import data
import itk
from agree import same_numbers, standard_normal
from objects import boxes_of
from work import Work, optional, row, seeded, shrunk, volume_of_one


def _objects(labels):
    from scipy import ndimage

    classes, count = int(labels.max()), np.empty(labels.shape, np.int32)

    def by_scipy():
        boxes = []
        for value in range(1, classes + 1):
            ndimage.label(labels == value, output=count)
            boxes += [(value, *(s.start for s in box), *(s.stop for s in box)) for box in ndimage.find_objects(count)]
        return boxes

    peers = {"SciPy": by_scipy}
    measure = optional("skimage.measure")
    if measure:

        def by_skimage():
            components = measure.label(labels, connectivity=1)
            # Class 0 stands for "not looked up".
            return [(0, *(s.start for s in box), *(s.stop for s in box)) for box in ndimage.find_objects(components)]

        peers["scikit-image"] = by_skimage
    return boxes_of(labels, "DHW", {**peers, **itk.objects(labels)})


@row("components and boxes, 300x320x320, u8, 2 classes, 28 objects", SciPy=135.7, ITK=30.5)
def _(shrink):
    return _objects(data.blobs(shrunk((300, 320, 320), shrink), 28, 2, seeded()))


@row("components and boxes, 256^3 noise, p = 0.31", SciPy=2.4, ITK=2.5)
def _(shrink):
    return _objects(data.noise_mask(shrunk((256,) * 3, shrink), 0.31, seeded()))


# --- filters, numbers, copies, files ----------------------------------------------------------------

@row("gaussian blur, sigma 1, 128^3, f32", SciPy=11.0, torch=23.2, ITK=22.8)
def _(shrink):
    import varo
    from scipy import ndimage
    from varo import fn

    volume = data.image(shrunk((128,) * 3, shrink), seeded())
    tensor, out = varo.as_tensor(volume, "DHW"), np.empty_like(volume)
    by_varo = lambda x: fn.gaussian_blur(x, sigma=1.0, window_size=7)
    contenders = {
        "Varo": lambda: by_varo(tensor),
        "SciPy": lambda: ndimage.gaussian_filter(volume, 1.0, output=out, mode="mirror", radius=3),
    }
    torch = optional("torch")
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
    contenders.update(itk.gaussian(volume, 1.0, 7))

    def check(results):
        results.pop("ITK", None)  # the discrete Gaussian has other weights: like work, not the same
        same_numbers(results, 1e-5 * float(np.ptp(volume)))

    # Equal weights are added up first: 4 products and 6 additions along an axis.
    return Work(contenders, check, 2 * volume.nbytes, volume_of_one(volume, "DHW", by_varo), {"flop": 3 * 10 * volume.size})


@row("normal random numbers, 4x128^3, f32", NumPy=5.8, torch=2.1)
def _(shrink):
    from varo import eager, fn

    shape = shrunk((4, 128, 128, 128), shrink)
    rng, out = np.random.default_rng(1), np.empty(shape, np.float32)
    contenders = {
        "Varo": eager()(lambda: fn.random.normal(shape=list(shape), seed=1)),
        "NumPy": lambda: rng.standard_normal(out=out, dtype=np.float32),
    }
    torch = optional("torch")
    if torch:
        numbers = torch.empty(shape)
        contenders["torch"] = lambda: numbers.normal_()
    cv2 = optional("cv2")
    if cv2:
        flat = np.empty((out.size // 64, 64), np.float32)  # of OpenCV's two dimensions
        contenders["OpenCV"] = lambda: cv2.randn(flat, 0, 1)
    # Philox: ten rounds make four numbers by two products and four exclusive ors each. Box-Muller: a
    # logarithm (12), a root (1), sine and cosine (16), two products and four for the uniform ones make two.
    needs = {"wide": 5 * out.size, "int": 10 * out.size, "flop": 17.5 * out.size}
    return Work(contenders, standard_normal, out.nbytes,
                volume_of_one(None, "", lambda _: fn.random.normal(shape=list(shape))), needs)


@row("crop with padding, 3 flips, CDHW to DHWC, 4x128^3, f32", copy=3.7, NumPy=2.2)
def _(shrink):
    from varo import fn

    channels, *size = shrunk((4, 128, 128, 128), shrink)
    before = [n - n // 8 for n in size]  # an eighth of each axis is padding
    volume = data.image((channels, *before), seeded())
    start = [-(n // 16) for n in size]

    def graph(x):
        x = fn.slice(x, start=start, shape=size, axes=(1, 2, 3), out_of_bounds_policy="pad")
        x = fn.flip(x, horizontal=1, vertical=1, depthwise=1)
        return fn.transpose(x, perm=[1, 2, 3, 0])

    by_varo = volume_of_one(volume, "CDHW", graph, schedule="serial")(1)
    padded, flipped = np.zeros((channels, *size), np.float32), np.empty((channels, *size), np.float32)
    out = np.empty((*size, channels), np.float32)
    inside = (slice(None), *(slice(-s, -s + n) for s, n in zip(start, before)))

    def by_numpy():
        padded.fill(0)
        np.copyto(padded[inside], volume)
        np.copyto(flipped, padded[:, ::-1, ::-1, ::-1])
        np.copyto(out, np.moveaxis(flipped, 0, -1))
        return out

    contenders = {"Varo": by_varo, "NumPy": by_numpy}
    torch = optional("torch")
    if torch:
        source = torch.from_numpy(volume)
        pads = [p for s, n, m in reversed(list(zip(start, before, size))) for p in (-s, m - n + s)]
        contenders["torch"] = lambda: (torch.nn.functional.pad(source, pads).flip(1, 2, 3)
                                       .permute(1, 2, 3, 0).contiguous())
    return Work(contenders, lambda r: same_numbers(r, 0.0), volume.nbytes + out.nbytes, volume_of_one(volume, "CDHW", graph))


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
    from varo import fn

    folder = tempfile.TemporaryDirectory(prefix="varo-bench-")
    path = Path(folder.name) / "scan.nii.gz"
    voxels = data.scan(path, shrunk((155, 240, 240), shrink), seeded())
    on_threads = lambda **options: volume_of_one(None, "", lambda _: fn.readers.nifti(files=[str(path)]), **options)
    by_varo = on_threads(schedule="serial")(1)
    contenders = {"Varo": by_varo}
    nib = optional("nibabel")
    if nib:
        contenders["nibabel"] = lambda: np.asarray(nib.load(path).dataobj).T
    contenders.update(itk.read(path, voxels.shape))
    inflate = _libdeflate()
    if inflate:
        header = 352
        plain = np.empty(header + voxels.nbytes, np.uint8)
        contenders["libdeflate"] = lambda: inflate(path.read_bytes(), plain)[header:].view(np.int16).reshape(voxels.shape)
    contenders["gzip module"] = lambda: np.frombuffer(gzip.decompress(path.read_bytes()), np.int16, offset=352).reshape(
        voxels.shape)
    moved = voxels.nbytes + os.path.getsize(path)
    return Work(contenders, lambda r: same_numbers(r, 0.0), moved, on_threads(), "libdeflate", keep=[folder])
