# SPDX-License-Identifier: Apache-2.0
"""The same augmentations as people write them with NumPy and SciPy, for torch's DataLoader."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import torch
from scipy import ndimage

from .varo_pipeline import PROBABILITY


class Heads(torch.utils.data.Dataset):
    """One item is one augmented patch: image float32 [1, D, H, W] and label uint8 [D, H, W]."""

    def __init__(self, cases, patch, length, compressed=False, probability=PROBABILITY, seed=0):
        self.cases, self.patch, self.length, self.compressed = cases, patch, length, compressed
        self.probability, self.seed = probability, seed

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        rng = np.random.default_rng((self.seed, index))
        case = self.cases[int(rng.integers(len(self.cases)))]
        if self.compressed:
            image = np.asarray(nib.load(case.image_nifti).dataobj, np.float32).T
            label = np.asarray(nib.load(case.label_nifti).dataobj, np.uint8).T
        else:
            image, label = np.load(case.image, mmap_mode="r"), np.load(case.label, mmap_mode="r")
        image, label = self.crop(image, label, rng)
        image, label = self.augment(image, label, rng)
        return torch.from_numpy(np.ascontiguousarray(image)[None]), torch.from_numpy(np.ascontiguousarray(label))

    def crop(self, image, label, rng):
        lo, hi = np.zeros(3, int), np.array(label.shape)
        if rng.random() < 0.6:
            present = np.unique(label)
            present = present[present != 0]
            if len(present):
                blobs, count = ndimage.label(label == rng.choice(present))
                box = ndimage.find_objects(blobs)[int(rng.integers(count))]
                lo, hi = np.array([s.start for s in box]), np.array([s.stop for s in box])
        window = []
        for axis, size in enumerate(label.shape):
            ends = sorted((lo[axis], hi[axis] - self.patch))
            start = int(rng.integers(ends[0], ends[1] + 1))
            window.append(int(np.clip(start, 0, max(0, size - self.patch))))
        cut = tuple(slice(s, s + self.patch) for s in window)
        image, label = image[cut], label[cut]
        missing = [(0, self.patch - n) for n in image.shape]
        if any(m for _, m in missing):
            image, label = np.pad(image, missing), np.pad(label, missing)
        return image, label

    def augment(self, image, label, rng):
        chance = lambda name: rng.random() < self.probability[name]
        if chance("zoom"):
            size = int(self.patch / rng.uniform(1.0, 1.4))
            start = (self.patch - size) // 2
            cut = (slice(start, start + size),) * 3
            factor = self.patch / size
            image = ndimage.zoom(image[cut], factor, order=3)
            label = ndimage.zoom(label[cut], factor, order=0)
        for axis in range(3):
            if chance("flip"):
                image, label = np.flip(image, axis), np.flip(label, axis)
        if chance("rotation"):
            angle = rng.uniform(-30, 30)
            image = ndimage.rotate(image, angle, (1, 2), reshape=False, order=1, mode="nearest")
            label = ndimage.rotate(label, angle, (1, 2), reshape=False, order=0, mode="nearest")
        if chance("noise"):
            image = image + rng.normal(0, rng.uniform(0, 0.33), image.shape).astype(np.float32)
        if chance("blur"):
            image = ndimage.gaussian_filter(image, rng.uniform(0.5, 1.5), truncate=3, mode="mirror")
        if chance("brightness"):
            image = image * np.float32(rng.uniform(0.7, 1.3))
        if chance("contrast"):
            image = image * np.float32(rng.uniform(0.65, 1.5))
        return image.astype(np.float32, copy=False), label
