# SPDX-License-Identifier: Apache-2.0
"""The same pipelines as people write them with NumPy, SciPy and torch, as data sets for torch's DataLoader."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage

import recipes

F = torch.nn.functional


class Cases(torch.utils.data.Dataset):
    """Item i is one sample (image [C, D, H, W], label [D, H, W]); everything drawn depends on (seed, i) only."""

    foreground = 0.4
    keeps_boxes = False  # finds the objects of all label maps beforehand instead of for each sample

    def __init__(self, files, patch, length=10**6, seed=0):
        self.files, self.patch, self.length, self.seed, self.boxes = files, patch, length, seed, []
        for path in files.labels if self.keeps_boxes else ():
            label = np.load(path)
            self.boxes.append({v: self.objects(label, v) for v in self.classes(label)})

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        rng = np.random.default_rng((self.seed, index))
        case = int(rng.integers(len(self.files.images)))
        image = np.load(self.files.images[case], mmap_mode="r")
        label = np.load(self.files.labels[case], mmap_mode="r")
        return self.sample(image, label, case, recipes.numbers(self.recipe, rng), rng)

    def sample(self, image, label, case, v, rng, start=None):
        if start is None:
            start = self.start(label, case, rng)
        image, label = self.crop(image, label, start)
        image, label = self.augment(image, label, v, rng)
        return torch.from_numpy(np.ascontiguousarray(image)), torch.from_numpy(np.ascontiguousarray(label))

    @staticmethod
    def classes(label):
        return np.unique(label[label > 0]).tolist()

    @staticmethod
    def objects(label, value):
        return ndimage.find_objects(ndimage.label(label == value)[0])

    def start(self, label, case, rng):
        lo, hi = np.zeros(3, int), np.array(label.shape)
        if rng.random() < self.foreground:
            classes = list(self.boxes[case]) if self.boxes else self.classes(label)
            if classes:
                value = classes[int(rng.integers(len(classes)))]
                boxes = self.boxes[case][value] if self.boxes else self.objects(label, value)
                box = boxes[int(rng.integers(len(boxes)))]
                lo, hi = np.array([s.start for s in box]), np.array([s.stop for s in box])
        start = []
        for axis, size in enumerate(label.shape):
            ends = sorted((lo[axis], hi[axis] - self.patch))
            drawn = int(rng.integers(ends[0], ends[1] + 1))
            start.append(int(np.clip(drawn, 0, max(0, size - self.patch))))
        return start

    def crop(self, image, label, start):
        window = tuple(slice(s, s + self.patch) for s in start)
        image, label = image[(slice(None), *window)], label[window]
        missing = [(0, self.patch - n) for n in label.shape]
        if any(m for _, m in missing):
            image, label = np.pad(image, [(0, 0), *missing]), np.pad(label, missing)
        return image, label

    def augment(self, image, label, v, rng):
        raise NotImplementedError


def _flipped(image, label, v):
    axes = tuple(a for a, name in enumerate(("flip_z", "flip_y", "flip_x")) if v[name])
    return (np.flip(image, tuple(a + 1 for a in axes)), np.flip(label, axes)) if axes else (image, label)


def _noisy(image, stddev, rng):
    return image + np.float32(stddev) * rng.standard_normal(image.shape, dtype=np.float32)


def _blurred(channel, sigma):
    radius = [int(np.ceil(3 * s)) for s in np.broadcast_to(sigma, channel.ndim)]
    return ndimage.gaussian_filter(channel, sigma, radius=radius, mode="mirror")


class Brats(Cases):
    """NumPy and SciPy."""

    recipe = recipes.BRATS

    def augment(self, image, label, v, rng):
        if v["zoom"]:
            side = int(self.patch * v["scale"] + 0.5)
            lo = (self.patch - side + 1) // 2
            part = (slice(lo, lo + side),) * 3
            image, label = self.zoom(image[(slice(None), *part)], label[part], self.patch / side)
        image, label = _flipped(image, label, v)
        if v["noise"]:
            image = _noisy(image, v["stddev"], rng)
        if v["blur"]:
            image = np.stack([_blurred(channel, v["sigma"]) for channel in image])
        if v["brightness"]:
            image = image * np.float32(v["factor"])
        if v["contrast"]:
            image = np.clip(image * np.float32(v["gain"]), image.min(), image.max())
        return image, label

    def zoom(self, image, label, factor):
        how = dict(zoom=factor, mode="nearest", grid_mode=True)
        return np.stack([ndimage.zoom(c, order=3, **how) for c in image]), ndimage.zoom(label, order=0, **how)


class BratsTuned(Brats):
    """As an expert writes it for speed: objects found once, torch's resampler, linear instead of cubic."""

    keeps_boxes = True

    def zoom(self, image, label, factor):
        size = (self.patch,) * 3
        image, label = torch.from_numpy(np.ascontiguousarray(image)), torch.from_numpy(np.ascontiguousarray(label))
        return (F.interpolate(image[None], size, mode="trilinear", align_corners=False)[0].numpy(),
                F.interpolate(label[None, None], size, mode="nearest-exact")[0, 0].numpy())


class Kits(Cases):
    recipe = recipes.KITS

    def augment(self, image, label, v, rng):
        image, label = _flipped(image, label, v)
        if v["brightness"]:
            image = image * np.float32(v["factor"])
        if v["noise"]:
            image = _noisy(image, v["stddev"], rng)
        return image, label


class KitsTuned(Kits):
    """Objects found once."""

    keeps_boxes = True


def turn(v, patch):
    """3x4, output to input positions about the patch's centre, xyz, of what NNUNET drew."""
    def rotation(axis, degrees):
        a, (i, j) = np.deg2rad(degrees), [(1, 2), (2, 0), (0, 1)][axis]
        m = np.eye(3)
        m[i, i] = m[j, j] = np.cos(a)
        m[i, j], m[j, i] = -np.sin(a), np.sin(a)
        return m

    on = float(v["rotate"])
    linear = rotation(0, on * v["angle_x"]) @ rotation(1, on * v["angle_y"]) @ rotation(2, on * v["angle_z"])
    linear = linear @ np.diag([v["scale"] if v["rescale"] else 1.0] * 3)
    centre = np.full(3, patch / 2)
    return np.hstack([linear, (centre - linear @ centre)[:, None]])


class NnUNet(Cases):
    """torch where nnU-Net uses it, SciPy for the blur, where it is the faster one."""

    recipe = recipes.NNUNET

    def start(self, label, case, rng):
        return [0, 0, 0]

    def augment(self, image, label, v, rng):
        image, label = torch.from_numpy(np.array(image)), torch.from_numpy(np.array(label))
        if v["rotate"] or v["rescale"]:
            theta = torch.from_numpy(turn(v, self.patch)[:, :3].astype(np.float32))
            grid = F.affine_grid(torch.cat([theta, torch.zeros(3, 1)], 1)[None], (1, 1, *label.shape), align_corners=False)
            image = F.grid_sample(image[None], grid, mode="bilinear", padding_mode="zeros", align_corners=False)[0]
            label = F.grid_sample(label[None, None].float(), grid, mode="nearest", padding_mode="zeros",
                                  align_corners=False)[0, 0].to(torch.uint8)
        if v["noise"]:
            image = image + v["stddev"] * torch.from_numpy(rng.standard_normal(image.shape, dtype=np.float32))
        for c in recipes.CHANNELS:
            image[c] = self.channel(image[c], v, c)
        axes = [a for a, name in enumerate(("flip_z", "flip_y", "flip_x")) if v[name]]
        if axes:
            image, label = image.flip([a + 1 for a in axes]), label.flip(axes)
        return image.numpy(), label.numpy()

    def channel(self, x, v, c):
        if v["blur"] and v[f"blur_{c}"]:
            x = torch.from_numpy(_blurred(x.numpy(), [v[f"sigma_{axis}_{c}"] for axis in "zyx"]))
        if v["brightness"]:
            x = x * v[f"factor_{c}"]
        if v["contrast"]:
            mean = x.mean()
            x = ((x - mean) * v[f"gain_{c}"] + mean).clamp(float(x.min()), float(x.max()))
        if v["lowres"] and v[f"lowres_{c}"]:
            side = int(self.patch * v[f"resolution_{c}"] + 0.5)
            small = F.interpolate(x[None, None], (side,) * 3, mode="nearest-exact")
            x = F.interpolate(small, tuple(x.shape), mode="trilinear", align_corners=False)[0, 0]
        for kind, sign in (("_inverted", -1), ("", 1)):
            if v[f"gamma{kind}"]:
                power = v[f"high_power{kind}_{c}"] if v[f"up{kind}_{c}"] else v[f"low_power{kind}_{c}"]
                x = sign * self.gamma(sign * x, power)
        return x

    @staticmethod
    def gamma(x, power):
        mean, deviation, least = x.mean(), x.std(unbiased=False), x.min()
        span = x.max() - least
        y = ((x - least) / (span + 1e-7)) ** power * (span + 1e-7) + least
        return (y - y.mean()) * (deviation / max(float(y.std(unbiased=False)), 1e-8)) + mean


def loader(dataset, batch, workers):
    from torch.utils.data import DataLoader

    return DataLoader(dataset, batch_size=batch, num_workers=workers)
