# SPDX-License-Identifier: Apache-2.0
"""A picture of one slice before and after each augmentation, with the label laid over."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

import varo
from varo import fn, types

COLOURS = np.array([[0, 0, 0], [230, 80, 60], [250, 200, 60], [90, 200, 120], [70, 150, 240], [190, 110, 230]], np.float32)


def _panel(image, label, low, high, size):
    """The middle slice as RGB."""
    middle = image.shape[0] // 2
    grey = np.clip((image[middle] - low) / (high - low), 0, 1)[..., None] * 255
    classes = label[middle]
    tint = COLOURS[np.minimum(classes, len(COLOURS) - 1)]
    blend = np.where((classes > 0)[..., None], 0.55 * grey + 0.45 * tint, np.broadcast_to(grey, tint.shape))
    picture = Image.fromarray(blend.astype(np.uint8)).transpose(Image.FLIP_TOP_BOTTOM)
    return picture.resize((size, size), Image.BICUBIC)


def draw(cases, path, patch=96, panel=240):
    """Writes a PNG with one panel an augmentation, each applied alone to the same patch."""
    case = cases[0]
    image, label = np.load(case.image), np.load(case.label)
    centre = np.argwhere(label > 0).mean(0).astype(int)
    lo = [int(np.clip(c - patch // 2, 0, n - patch)) for c, n in zip(centre, label.shape)]
    window = dict(start=lo, shape=[patch] * 3, axes=(0, 1, 2))
    image = fn.slice(varo.as_tensor(image, "DHW"), **window)
    label = fn.slice(varo.as_tensor(label, "DHW"), **window)
    small = dict(crop=[int(patch / 1.4)] * 3)
    turn = dict(angle=25.0, axis=(0, 0, 1), keep_size=True)
    nearest = dict(interp_type=types.INTERP_NN)
    panels = {
        "patch as read": (image, label),
        "zoom 1.4": (fn.resize(fn.crop(image, **small), size=[patch] * 3, interp_type=types.INTERP_CUBIC),
                     fn.resize(fn.crop(label, **small), size=[patch] * 3, **nearest)),
        "flip": (fn.flip(image, horizontal=1), fn.flip(label, horizontal=1)),
        "rotation 25 degrees": (fn.rotate(image, **turn), fn.rotate(label, **turn, **nearest)),
        "noise 0.33": (fn.noise.gaussian(image, stddev=0.33, seed=1), label),
        "blur 1.5": (fn.gaussian_blur(image, sigma=1.5), label),
        "brightness 1.3": (fn.brightness(image, brightness=1.3), label),
        "contrast 0.65": (fn.contrast(image, contrast=0.65, contrast_center=0.0), label),
    }
    low, high = np.percentile(np.asarray(image), (1, 99.5))
    columns, head = 4, 22
    rows = -(-len(panels) // columns)
    sheet = Image.new("RGB", (columns * panel, rows * (panel + head)), "white")
    writer = ImageDraw.Draw(sheet)
    for k, (title, (i, l)) in enumerate(panels.items()):
        x, y = k % columns * panel, k // columns * (panel + head)
        writer.text((x + 6, y + 5), title, fill="black")
        sheet.paste(_panel(np.asarray(i), np.asarray(l), low, high, panel - 4), (x + 2, y + head))
    sheet.save(path)
