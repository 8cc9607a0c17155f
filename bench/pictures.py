# SPDX-License-Identifier: Apache-2.0
"""Rows of the kernel table in two dimensions, where OpenCV can do what Varo does."""

from __future__ import annotations

import numpy as np

import bounds
import data
from agree import same_numbers
from objects import boxes_of
from work import Work, optional, row, seeded, shrunk, volume_of_one

SIDE = 2048


def _picture(side, dtype):
    """[side, side, 3]: smooth shades with a little noise, from 0 to 255."""
    y, x = np.linspace(0, 1, side, dtype=np.float32)[:, None, None], np.linspace(0, 1, side, dtype=np.float32)[:, None]
    shades = 128 + 90 * np.sin(9 * y + np.arange(3, dtype=np.float32)) * np.cos(7 * x)
    shades += 4 * seeded().standard_normal(shades.shape, dtype=np.float32)
    return np.clip(np.round(shades) if dtype == np.uint8 else shades, 0, 255).astype(dtype)


def _work(picture, out, graph, by_opencv, needs, tolerance):
    """One call of Varo beside one of OpenCV, whose fixed-point arithmetic differs by up to `tolerance`."""
    import varo

    tensor = varo.as_tensor(picture, "HWC")
    contenders = {"Varo": lambda: graph(tensor)}
    cv2 = optional("cv2")
    if cv2:
        contenders["OpenCV"] = lambda: by_opencv(cv2)
    return Work(contenders, lambda r: same_numbers(r, tolerance, share=1e-3), picture.nbytes + out.nbytes,
                volume_of_one(picture, "HWC", graph), needs)


def _resize(shrink, dtype):
    from varo import fn, types

    side, after = SIDE // shrink, 1280 // shrink
    picture, out = _picture(side, dtype), np.empty((after, after, 3), dtype)
    return _work(picture, out, lambda x: fn.resize(x, size=(after, after), interp_type=types.INTERP_LINEAR, antialias=False),
                 lambda cv2: cv2.resize(picture, (after, after), dst=out, interpolation=cv2.INTER_LINEAR),
                 {"flop": bounds.separable(picture.shape, out.shape, (2, 2, 1))}, 1 if dtype == np.uint8 else 0.05)


def _affine(shrink, dtype):
    from varo import fn, types

    side = SIDE // shrink
    picture = _picture(side, dtype)
    out = np.empty_like(picture)
    turn, centre = np.deg2rad(15), np.full(2, side / 2)
    linear = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ np.array([[1.1, 0.05], [0, 1.1]])
    matrix = np.hstack([linear, (centre - linear @ centre)[:, None]])  # output to input, xy
    values = matrix.ravel().tolist()
    whole = matrix.copy()  # OpenCV's pixel centres are whole numbers
    whole[:, 2] += linear @ np.full(2, 0.5) - 0.5
    return _work(picture, out, lambda x: fn.warp_affine(x, matrix=values, interp_type=types.INTERP_LINEAR, fill_value=0.0),
                 # It rounds positions to 1/32 of a pixel.
                 lambda cv2: cv2.warpAffine(picture, whole, (side, side), dst=out, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP),
                 bounds.warp(side * side, 2, 3, linear=True), 3)


def _blur(shrink, dtype):
    from varo import fn

    picture = _picture(SIDE // shrink, dtype)
    out = np.empty_like(picture)
    return _work(picture, out, lambda x: fn.gaussian_blur(x, sigma=1.0, window_size=7),
                 lambda cv2: cv2.GaussianBlur(picture, (7, 7), 1.0, dst=out, borderType=cv2.BORDER_REFLECT_101),
                 {"flop": 2 * 10 * picture.size}, 1 if dtype == np.uint8 else 0.05)


@row("picture: resize linear, 2048x2048x3 to 1280x1280, u8")
def _(shrink):
    return _resize(shrink, np.uint8)


@row("picture: resize linear, same, f32")
def _(shrink):
    return _resize(shrink, np.float32)


@row("picture: affine linear, zero fill, 2048x2048x3, u8")
def _(shrink):
    return _affine(shrink, np.uint8)


@row("picture: affine linear, zero fill, same, f32")
def _(shrink):
    return _affine(shrink, np.float32)


@row("picture: gaussian blur, sigma 1, 2048x2048x3, u8")
def _(shrink):
    return _blur(shrink, np.uint8)


@row("picture: gaussian blur, sigma 1, same, f32")
def _(shrink):
    return _blur(shrink, np.float32)


@row("picture: components and boxes, 2048x2048, u8, 2 classes, 64 objects")
def _(shrink):
    labels, peers = data.blobs(shrunk((SIDE, SIDE), shrink), 64, 2, seeded()), {}
    cv2 = optional("cv2")
    if cv2:

        def by_opencv():
            boxes = []
            for value in (1, 2):
                mask = cv2.compare(labels, value, cv2.CMP_EQ)
                for x, y, w, h, _ in cv2.connectedComponentsWithStats(mask, connectivity=4)[2][1:].tolist():
                    boxes.append((value, y, x, y + h, x + w))
            return boxes

        peers["OpenCV"] = by_opencv
    return boxes_of(labels, "HW", peers)
