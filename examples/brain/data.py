# SPDX-License-Identifier: Apache-2.0
"""A small data set on disk, made from the T1 head and label atlas of Debian's mricron-data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

TEMPLATES = Path("/usr/share/mricron/templates")

SLOPE = 2.0**-8  # standard deviations a step of the int16 images

# What the network learns, and the numbers that the AAL atlas gives to its parts.
CLASSES = {
    "hippocampus": (37, 38),
    "amygdala": (41, 42),
    "caudate": (71, 72),
    "putamen and pallidum": (73, 74, 75, 76),
    "thalamus": (77, 78),
}


@dataclass(frozen=True)
class Case:
    """Files of one case, as .npy and as .nii.gz: image (float32; int16 with a slope) and label (uint8)."""

    image: str
    label: str
    image_nifti: str
    label_nifti: str


def _case(folder, name):
    return Case(*(str(folder / kind / f"{name}{suffix}") for suffix in (".npy", ".nii.gz") for kind in ("image", "label")))


def _classes_of(atlas):
    table = np.zeros(256, np.uint8)
    for number, parts in enumerate(CLASSES.values(), start=1):
        table[list(parts)] = number
    return table[atlas]


def _variant(image, label, affine, rng):
    """Another field of view, side and contrast of the same head: sizes differ from case to case."""
    lo, hi = rng.integers(0, 12, 3), rng.integers(0, 12, 3)
    window = tuple(slice(a, n - b) for a, b, n in zip(lo, hi, image.shape))
    image, label, affine = image[window], label[window], affine.copy()
    affine[:3, 3] += affine[:3, :3] @ lo
    if rng.random() < 0.5:
        image, label = image[::-1], label[::-1]
        affine[:3, 3] += affine[:3, 0] * (image.shape[0] - 1)
        affine[:3, 0] *= -1
    image = (image.astype(np.float32) / 254) ** rng.uniform(0.8, 1.25)
    image += rng.normal(0, 0.01, image.shape).astype(np.float32)
    inside = image > 0.1
    image = (image - image[inside].mean()) / image[inside].std()
    # Scanners deliver integers: the .nii.gz holds these, the .npy the same numbers as float32.
    return np.round(image / SLOPE).astype(np.int16), label, affine


def _write(folder, name, image, label, affine):
    """Arrays are indexed [x, y, z] as in NIfTI; .npy files hold them as [D, H, W]."""
    case = _case(folder, name)
    np.save(case.image, np.ascontiguousarray(image.T) * np.float32(SLOPE))
    np.save(case.label, np.ascontiguousarray(label.T))
    scan = nib.Nifti1Image(image, affine)
    scan.header.set_slope_inter(SLOPE, 0)
    nib.save(scan, case.image_nifti)
    nib.save(nib.Nifti1Image(label, affine), case.label_nifti)
    return case


def prepare(folder, count=8, user_pairs=()):
    """Writes the data set below `folder` once and returns its cases.

    user_pairs  (image, label) paths of NIfTI files to use instead of the Debian package's
    """
    folder = Path(folder)
    for kind in ("image", "label"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    if not user_pairs and not (TEMPLATES / "ch2.nii.gz").exists():
        raise SystemExit(f"demo: {TEMPLATES}/ch2.nii.gz is missing; ./dev setup installs mricron-data")
    pairs = list(user_pairs) or [(TEMPLATES / "ch2.nii.gz", TEMPLATES / "aal.nii.gz")]
    cases = []
    for number in range(count if not user_pairs else max(count, len(pairs))):
        name = f"case_{number:04d}"
        known = _case(folder, name)
        if not user_pairs and all(Path(p).exists() for p in vars(known).values()):
            cases.append(known)
            continue
        image_path, label_path = pairs[number % len(pairs)]
        image, label = nib.load(image_path), nib.load(label_path)
        if image.shape[:3] != label.shape[:3]:
            raise SystemExit(f"demo: {image_path} is {image.shape}, {label_path} is {label.shape}; shapes must be equal")
        voxels = np.asarray(image.dataobj, np.float32).reshape(image.shape[:3])
        voxels *= 254 / max(float(voxels.max()), 1e-6)
        classes = np.asarray(label.dataobj).reshape(label.shape[:3])
        classes = _classes_of(classes.astype(np.uint8)) if not user_pairs else classes.astype(np.uint8)
        cases.append(_write(folder, name, *_variant(voxels.clip(0), classes, image.affine, np.random.default_rng(number))))
    return cases
