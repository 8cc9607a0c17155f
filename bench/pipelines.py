# SPDX-License-Identifier: Apache-2.0
"""The whole pipelines in Varo. `fixed` gives numbers instead of draws: what was drawn, and the crop's start."""

from __future__ import annotations

import recipes
from varo import fn, math, pipeline_def, types


def by_select(condition, yes, no):
    return fn.select(condition, yes, no)


def by_blend(condition, yes, no):
    """Both branches, one of them times 0: how it is written without conditionals."""
    return condition * yes + (condition ^ True) * no


def _read(files, **options):
    options.update(shuffle_after_epoch=False, random_shuffle=True, pad_last_batch=True, seed=1)
    image = fn.readers.numpy(files=files.images, name="reader", **options)
    label = fn.readers.numpy(files=files.labels, **options)
    return fn.reshape(image, layout="CDHW"), fn.reshape(label, layout="DHW")


def _start(label, patch, foreground, fixed):
    if fixed:
        return fixed["start"]
    anchor, shape = fn.segmentation.random_object_bbox(label, foreground_prob=foreground, cache_objects=True)
    return fn.roi_random_crop(label, roi_start=anchor, roi_shape=shape, crop_shape=[patch] * 3)


def _crop(image, label, start, patch):
    window = dict(start=start, shape=[patch] * 3, out_of_bounds_policy="pad")
    return fn.slice(image, axes=(1, 2, 3), **window), fn.slice(label, axes=(0, 1, 2), **window)


def _flips(image, label, v):
    how = dict(depthwise=v["flip_z"], vertical=v["flip_y"], horizontal=v["flip_x"])
    return fn.flip(image, **how), fn.flip(label, **how)


def _rounded(value):
    return float(int(value + 0.5)) if isinstance(value, float) else math.floor(value + 0.5)


@pipeline_def
def brats(files, patch, choose=by_select, fixed=None, zoom=types.INTERP_CUBIC):
    image, label = _read(files)
    image, label = _crop(image, label, _start(label, patch, 0.4, fixed), patch)
    v = fixed or recipes.nodes(recipes.BRATS)

    side = _rounded(patch * v["scale"])
    window = dict(crop_d=side, crop_h=side, crop_w=side)
    zoomed = fn.resize(fn.crop(image, **window), size=[patch] * 3, interp_type=zoom)
    image = choose(v["zoom"], zoomed, image)
    zoomed = fn.resize(fn.crop(label, **window), size=[patch] * 3, interp_type=types.INTERP_NN)
    label = choose(v["zoom"], zoomed, label)

    image, label = _flips(image, label, v)
    image = choose(v["noise"], fn.noise.gaussian(image, stddev=v["stddev"]), image)
    image = choose(v["blur"], fn.gaussian_blur(image, sigma=v["sigma"]), image)
    image = choose(v["brightness"], image * v["factor"], image)
    clipped = math.clamp(image * v["gain"], fn.reductions.min(image), fn.reductions.max(image))
    return choose(v["contrast"], clipped, image), label


@pipeline_def
def kits(files, patch, choose=by_select, fixed=None):
    image, label = _read(files)
    image, label = _crop(image, label, _start(label, patch, 0.4, fixed), patch)
    v = fixed or recipes.nodes(recipes.KITS)
    image, label = _flips(image, label, v)
    image = choose(v["brightness"], image * v["factor"], image)
    return choose(v["noise"], fn.noise.gaussian(image, stddev=v["stddev"]), image), label


def _matrix(v, patch, choose):
    """Output to input positions about the patch's centre, xyz: scaled (above 1 shrinks), then turned."""
    centre = [patch / 2] * 3
    angle = {axis: v["rotate"] * v[f"angle_{axis}"] for axis in "zyx"}
    scale = choose(v["rescale"], v["scale"], 1.0)
    matrix = fn.transforms.scale(scale=fn.stack(scale, scale, scale), center=centre)
    matrix = fn.transforms.rotation(matrix, angle=angle["z"], axis=(0, 0, 1), center=centre)
    matrix = fn.transforms.rotation(matrix, angle=angle["y"], axis=(0, 1, 0), center=centre)
    return fn.transforms.rotation(matrix, angle=angle["x"], axis=(1, 0, 0), center=centre)


def _gamma(x, power):
    """A power of the values within their range; mean and standard deviation stay."""
    mean, least = fn.reductions.mean(x), fn.reductions.min(x)
    deviation, span = fn.reductions.std_dev(x, mean), fn.reductions.max(x) - least
    y = math.pow((x - least) / (span + 1e-7), power) * (span + 1e-7) + least
    new_mean = fn.reductions.mean(y)
    return (y - new_mean) * (deviation / math.max(fn.reductions.std_dev(y, new_mean), 1e-8)) + mean


def _sigmas(v, c):
    """Of channel c, along z, y, x."""
    drawn = [v[f"sigma_{axis}_{c}"] for axis in "zyx"]
    return drawn if isinstance(drawn[0], float) else fn.stack(*drawn)


@pipeline_def
def nnunet(files, patch, choose=by_select, fixed=None):
    image, label = _read(files)
    v = fixed or recipes.nodes(recipes.NNUNET)

    matrix = fixed["matrix"] if fixed else _matrix(v, patch, choose)
    moved = v["rotate"] | v["rescale"]
    image = choose(moved, fn.warp_affine(image, matrix=matrix, fill_value=0.0), image)
    label = choose(moved, fn.warp_affine(label, matrix=matrix, fill_value=0.0, interp_type=types.INTERP_NN), label)
    image = choose(v["noise"], fn.noise.gaussian(image, stddev=v["stddev"]), image)

    channels = []
    for c in recipes.CHANNELS:
        x = image[c:c + 1]
        x = choose(v["blur"] & v[f"blur_{c}"], fn.gaussian_blur(x, sigma=_sigmas(v, c)), x)
        x = choose(v["brightness"], x * v[f"factor_{c}"], x)
        mean = fn.reductions.mean(x)
        clipped = math.clamp((x - mean) * v[f"gain_{c}"] + mean, fn.reductions.min(x), fn.reductions.max(x))
        x = choose(v["contrast"], clipped, x)
        side = _rounded(patch * v[f"resolution_{c}"])
        size = dict(resize_x=side, resize_y=side, resize_z=side)
        small = fn.resize(x, interp_type=types.INTERP_NN, **size)
        coarse = fn.resize(small, size=[patch] * 3, interp_type=types.INTERP_LINEAR)
        x = choose(v["lowres"] & v[f"lowres_{c}"], coarse, x)
        for kind, sign in (("_inverted", -1.0), ("", 1.0)):
            low, high, up = (v[f"{name}{kind}_{c}"] for name in ("low_power", "high_power", "up"))
            power = choose(up, high, low)
            x = choose(v[f"gamma{kind}"], sign * _gamma(sign * x, power) if kind else _gamma(x, power), x)
        channels.append(x)
    return _flips(fn.cat(*channels, axis=0), label, v)
