# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import Case, ErrorCase, noise
from scipy import stats

MASKS = ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32")


def candidates(mask, foreground=0, value=None, threshold=0.0):
    """Row-major indices of the voxels that may come."""
    chosen = np.ones(mask.shape, bool)
    if foreground:
        if value is not None:
            chosen = mask.astype(np.float64) == value
        elif mask.dtype == np.float32:
            chosen = mask > np.float32(threshold)
        else:
            chosen = mask.astype(np.float64) > threshold
        if not chosen.any():
            chosen = np.ones(mask.shape, bool)
    return np.flatnonzero(chosen)


def check(outputs, inputs, args):
    mask = np.asarray(inputs[0])
    wanted = candidates(mask, **{k: v for k, v in args.items() if k != "seed"})
    seen = []
    for (position,) in outputs:
        position = np.asarray(position)
        assert position.dtype == np.int64 and position.shape == (mask.ndim,)
        assert ((0 <= position) & (position < mask.shape)).all(), position
        seen.append(np.ravel_multi_index(position, mask.shape))
    assert np.isin(seen, wanted).all(), "a voxel that is not foreground"
    if len(outputs) >= 10 * len(wanted) and len(wanted) > 1:
        counts = np.bincount(np.searchsorted(wanted, seen), minlength=len(wanted))
        assert stats.chisquare(counts).pvalue > 1e-5, counts
    elif len(outputs) >= 100 and len(wanted) > 1:
        # Too many places to count each: their ranks must be uniform.
        ranks = (np.searchsorted(wanted, seen) + 0.5) / len(wanted)
        assert stats.kstest(ranks, "uniform").pvalue > 1e-5


SMALL = np.array([[0, 3, 0, -2], [7, 0, 3, 1]], np.int32)

CASES = [
    Case("foreground voxel", "segmentation.random_mask_pixel", [SMALL], ["HW"], dict(foreground=1),
         check=check, samples=1000, docs=True),
    Case("any voxel", "segmentation.random_mask_pixel", [SMALL], ["HW"], {}, check=check, samples=1000),
    Case("a value", "segmentation.random_mask_pixel", [SMALL], ["HW"], dict(foreground=1, value=3),
         check=check, samples=500),
    Case("value 0", "segmentation.random_mask_pixel", [SMALL], ["HW"], dict(foreground=1, value=0),
         check=check, samples=500),
    Case("value without foreground is not looked at", "segmentation.random_mask_pixel", [SMALL], ["HW"],
         dict(value=3), check=check, samples=1000),
    Case("above a threshold", "segmentation.random_mask_pixel", [SMALL], ["HW"],
         dict(foreground=1, threshold=2.5), check=check, samples=500),
    Case("above a negative threshold", "segmentation.random_mask_pixel", [SMALL], ["HW"],
         dict(foreground=1, threshold=-2.0), check=check, samples=1000),
    Case("no voxel of the value: any", "segmentation.random_mask_pixel", [SMALL], ["HW"],
         dict(foreground=1, value=99), check=check, samples=1000),
    Case("nothing above the threshold: any", "segmentation.random_mask_pixel", [SMALL], ["HW"],
         dict(foreground=1, threshold=7.0), check=check, samples=1000),
    Case("a value that the type lacks: any", "segmentation.random_mask_pixel", [SMALL.astype(np.uint8)], ["HW"],
         dict(foreground=1, value=-2), check=check, samples=1000),
    Case("every type", "segmentation.random_mask_pixel", [noise(5, 7, 9, dtype="int64", low=0, high=3)], ["DHW"],
         dict(foreground=1), dtypes=MASKS, check=check, samples=300),
    Case("fractions", "segmentation.random_mask_pixel", [noise(6, 5, 4)], ["DHW"],
         dict(foreground=1, threshold=0.8), check=check, samples=1000),
    *[Case(f"{len(shape)} axes", "segmentation.random_mask_pixel",
           [noise(*shape, dtype="uint8", low=0, high=4)], [""], dict(foreground=1, value=2), check=check,
           samples=500)
      for shape in [(31,), (9, 11), (5, 6, 7), (4, 5, 3, 4), (3, 4, 2, 3, 3), (2, 3, 2, 3, 2, 3)]],
    Case("many blocks", "segmentation.random_mask_pixel", [noise(37, 61, 67, dtype="uint8", low=0, high=9)], ["DHW"],
         dict(foreground=1, threshold=6.5), check=check, samples=500),
    Case("one voxel", "segmentation.random_mask_pixel", [np.zeros((1, 1, 1), np.uint8)], ["DHW"],
         dict(foreground=1), check=check),
    ErrorCase("no voxel at all", "segmentation.random_mask_pixel", [np.zeros((3, 0), np.uint8)], ["HW"], {},
              "ShapeError", ["[3, 0]", "1"]),
    ErrorCase("value and threshold", "segmentation.random_mask_pixel", [SMALL], ["HW"], dict(value=1, threshold=0.5),
              "ParamError", ["value", "threshold"]),
    ErrorCase("float64", "segmentation.random_mask_pixel", [SMALL.astype(np.float64)], ["HW"], {},
              "ArgumentTypeError", ["float64", "float32"]),
]
