# SPDX-License-Identifier: Apache-2.0
"""The training pipeline in Varo: what happens to one sample."""

from __future__ import annotations

from varo import fn, pipeline_def, types

AUGMENTATIONS = ("zoom", "flip", "rotation", "noise", "blur", "brightness", "contrast")
PROBABILITY = {"zoom": 0.15, "flip": 0.5, "rotation": 0.2, "noise": 0.15, "blur": 0.15, "brightness": 0.15,
               "contrast": 0.15}


def chance(probability):
    return fn.random.coin_flip(probability=probability, dtype=types.BOOL)


def read(cases, compressed, seed):
    """Image and label as DHW, always of one case."""
    order = dict(random_shuffle=True, pad_last_batch=True, seed=seed, name="reader")
    if compressed:
        files = {"image": [c.image_nifti for c in cases], "label": [c.label_nifti for c in cases]}
        return fn.readers.nifti(files=files, **order)
    image, label = fn.readers.numpy(files={"image": [c.image for c in cases], "label": [c.label for c in cases]}, **order)
    return fn.reshape(image, layout="DHW"), fn.reshape(label, layout="DHW")


def biased_crop(image, label, patch):
    """A patch that contains, or lies in, a structure chosen at random; anywhere 40 % of the time."""
    anchor, shape = fn.segmentation.random_object_bbox(label, foreground_prob=0.6, cache_objects=True)
    start = fn.roi_random_crop(label, roi_start=anchor, roi_shape=shape, crop_shape=[patch] * 3)
    window = dict(start=start, shape=[patch] * 3, axes=(0, 1, 2), out_of_bounds_policy="pad")
    return fn.slice(image, **window), fn.slice(label, **window)


def augmented(image, label, patch, probability):
    """Draws decide for each sample; what is not drawn is not computed."""
    size = patch / fn.random.uniform(range=(1.0, 1.4))
    window = dict(crop_d=size, crop_h=size, crop_w=size)
    zoom = chance(probability["zoom"])
    image = fn.select(zoom, fn.resize(fn.crop(image, **window), size=[patch] * 3, interp_type=types.INTERP_CUBIC), image)
    label = fn.select(zoom, fn.resize(fn.crop(label, **window), size=[patch] * 3, interp_type=types.INTERP_NN), label)

    flips = {axis: chance(probability["flip"]) for axis in ("horizontal", "vertical", "depthwise")}
    image, label = fn.flip(image, **flips), fn.flip(label, **flips)

    turn = chance(probability["rotation"])
    motion = dict(angle=fn.random.uniform(range=(-30, 30)), axis=(0, 0, 1), keep_size=True)
    image = fn.select(turn, fn.rotate(image, **motion), image)
    label = fn.select(turn, fn.rotate(label, interp_type=types.INTERP_NN, **motion), label)

    noisy = fn.noise.gaussian(image, stddev=fn.random.uniform(range=(0.0, 0.33)))
    image = fn.select(chance(probability["noise"]), noisy, image)
    blurred = fn.gaussian_blur(image, sigma=fn.random.uniform(range=(0.5, 1.5)))
    image = fn.select(chance(probability["blur"]), blurred, image)
    bright = fn.brightness(image, brightness=fn.random.uniform(range=(0.7, 1.3)))
    image = fn.select(chance(probability["brightness"]), bright, image)
    contrast = fn.contrast(image, contrast=fn.random.uniform(range=(0.65, 1.5)), contrast_center=0.0)
    image = fn.select(chance(probability["contrast"]), contrast, image)
    return image, label


@pipeline_def
def training(cases, patch, compressed=False, probability=PROBABILITY, shuffle_seed=1):
    image, label = read(cases, compressed, shuffle_seed)
    image, label = biased_crop(image, label, patch)
    image, label = augmented(image, label, patch, probability)
    return fn.expand_dims(image, axes=0, new_axis_names="C"), label
