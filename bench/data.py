# SPDX-License-Identifier: Apache-2.0
"""Synthetic volumes with what matters for speed of real ones: zero background, smooth tissue, separate objects."""

from __future__ import annotations

import gzip
import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np


def image(shape, rng):
    """float32: an ellipsoid of smooth tissue with noise on a background of zeros; leading axes are channels."""
    *channels, d, h, w = shape
    z, y, x = (np.linspace(-1, 1, n, dtype=np.float32) for n in (d, h, w))
    inside = (z[:, None, None] ** 2 + y[:, None] ** 2 + x ** 2) < 0.8
    waves = np.sin(7 * z)[:, None, None] * np.cos(5 * y)[:, None] + np.sin(6 * x)
    out = 0.3 * rng.standard_normal(shape, dtype=np.float32)
    out += waves + np.float32(3)
    out *= inside
    return out


def blobs(shape, count, classes, rng):
    """uint8 labels: `count` separate ellipsoids of `classes` classes, each with a dent of its own."""
    out = np.zeros(shape, np.uint8)
    cells_an_axis = int(np.ceil(count ** (1 / len(shape))))
    cell = np.array(shape) / cells_an_axis
    cells = list(itertools.product(range(cells_an_axis), repeat=len(shape)))
    for number, pick in enumerate(rng.permutation(len(cells))[:count]):
        lo = np.array(cells[pick]) * cell
        radius = np.maximum(cell * rng.uniform(0.15, 0.42, len(shape)), 1)
        centre = lo + radius + 0.5 + rng.random(len(shape)) * np.maximum(cell - 2 * radius - 2, 0)
        window = tuple(slice(max(int(c - r), 0), int(c + r) + 2) for c, r in zip(centre, radius))
        part = out[window]
        grids = np.ogrid[tuple(slice(s.start, s.start + n) for s, n in zip(window, part.shape))]
        reach = sum(((g - c) / r) ** 2 for g, c, r in zip(grids, centre, radius))
        part[reach < rng.uniform(0.85, 1.0)] = 1 + number % classes
    return out


def noise_mask(shape, density, rng):
    """uint8: voxels are 1 with probability `density`."""
    return (rng.random(shape, dtype=np.float32) < density).astype(np.uint8)


def scan(path, shape, rng):
    """A .nii.gz of int16, as a scanner stores it. `shape` is [D, H, W]."""
    import nibabel as nib

    voxels = np.round(image(shape, rng) * 200).astype(np.int16)
    plain = path.with_suffix("")
    nib.save(nib.Nifti1Image(voxels.T, np.eye(4)), plain)
    path.write_bytes(gzip.compress(plain.read_bytes(), 6))
    plain.unlink()
    return voxels


@dataclass(frozen=True)
class DataSet:
    """Image and label files of the cases, in one order."""

    images: list[str]
    labels: list[str]


def cases(folder, shape, count, objects, classes):
    """`count` cases below `folder`: float32 images of `shape` [C, D, H, W], uint8 labels [D, H, W]."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    images, labels = [], []
    for number in range(count):
        rng = np.random.default_rng(number)
        images.append(str(folder / f"image_{number:02d}.npy"))
        labels.append(str(folder / f"label_{number:02d}.npy"))
        np.save(images[-1], image(shape, rng))
        np.save(labels[-1], blobs(shape[1:], objects, classes, rng))
    return DataSet(images, labels)
