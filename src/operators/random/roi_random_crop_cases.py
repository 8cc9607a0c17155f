# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import Case, ErrorCase, ramp

SHAPE = (20, 30, 40)


def within(outputs, inputs, args):
    """Every start lies in its closed range, and over the samples both ends of it occur."""
    crop, start = np.array(args["crop_shape"]), np.array(args["roi_start"])
    end = start + np.array(args["roi_shape"]) if "roi_shape" in args else np.array(args["roi_end"])
    lo, hi = np.minimum(start, end - crop), np.maximum(start, end - crop)
    shape = inputs[0].shape if inputs else args.get("in_shape")
    if shape is not None:
        lo, hi = np.maximum(lo, 0), np.minimum(hi, np.array(shape)[: len(crop)] - crop)
    drawn = np.array([sample[0] for sample in outputs])
    assert drawn.dtype == np.int64
    assert (drawn >= lo).all() and (drawn <= hi).all(), (drawn.min(0), drawn.max(0), lo, hi)
    if len(drawn) >= 200:
        assert (drawn.min(0) == lo).all() and (drawn.max(0) == hi).all(), (drawn.min(0), drawn.max(0), lo, hi)


def draw(name, inputs=(), samples=200, **args):
    return Case(name, "roi_random_crop", list(inputs), ["DHW"] * len(inputs), args, check=within, samples=samples)


CASES = [
    draw("window inside of the region", crop_shape=(3, 4, 5), roi_start=(5, 6, 7), roi_shape=(8, 9, 10)),
    draw("window around the region", crop_shape=(12, 14, 13), roi_start=(5, 6, 7), roi_end=(13, 14, 15)),
    draw("window as large as the region", crop_shape=(8, 3), roi_start=(5, 6), roi_shape=(8, 3)),
    draw("inside of the input", [ramp(*SHAPE)], crop_shape=(12, 20, 30), roi_start=(0, 20, 30), roi_end=(5, 30, 38)),
    draw("inside of a shape", crop_shape=(12, 20, 30), roi_start=(0, 20, 30), roi_shape=(5, 10, 8), in_shape=SHAPE),
    draw("leading axes only", [ramp(*SHAPE)], crop_shape=(4, 5), roi_start=(3, 3), roi_shape=(6, 7)),
    draw("beyond an unknown input", crop_shape=[50], roi_start=[2], roi_shape=[3], samples=400),
    draw("one voxel", [ramp(1, 1, 1)], crop_shape=(1, 1, 1), roi_start=(0, 0, 0), roi_shape=(1, 1, 1)),
    ErrorCase("roi_shape and roi_end", "roi_random_crop", [], [], dict(crop_shape=[3], roi_start=[0], roi_shape=[2], roi_end=[2]),
              "ParamError", ["roi_shape, roi_end"]),
    ErrorCase("region without a size", "roi_random_crop", [], [], dict(crop_shape=[3], roi_start=[0]), "ParamError", ["roi_shape or roi_end"]),
    ErrorCase("data and in_shape", "roi_random_crop", [ramp(4)], [""], dict(crop_shape=[3], roi_start=[0], roi_shape=[2], in_shape=[4]),
              "ParamError", ["data and in_shape"]),
    Case("a window larger than the input lies around it", "roi_random_crop", [ramp(*SHAPE)], ["DHW"],
         dict(crop_shape=(26, 33, 40), roi_start=(0, 20, 5), roi_shape=(3, 4, 5)),
         check=lambda outputs, inputs, args: np.testing.assert_array_equal([o[0] for o in outputs], [[-3, -1, 0]] * len(outputs)),
         samples=20),
    Case("larger along one axis", "roi_random_crop", [], [],
         dict(crop_shape=(9, 3), roi_start=(1, 2), roi_shape=(2, 5), in_shape=(4, 8)),
         check=lambda outputs, inputs, args: np.testing.assert_array_equal(
             np.unique([o[0] for o in outputs], axis=0), [[-2, 2], [-2, 3], [-2, 4]]),
         samples=200),
    ErrorCase("negative window", "roi_random_crop", [], [], dict(crop_shape=[-1], roi_start=[0], roi_shape=[1], in_shape=[4]), "ShapeError",
              ["-1", "at least 0"]),
    ErrorCase("region outside", "roi_random_crop", [ramp(*SHAPE)], ["DHW"],
              dict(crop_shape=(3, 3, 3), roi_start=(0, 0, 36), roi_shape=(1, 1, 5)), "ShapeError", ["W", "end 41", "<= 40"]),
    ErrorCase("region before the beginning", "roi_random_crop", [], [],
              dict(crop_shape=[3], roi_start=[-2], roi_shape=[5], in_shape=[9]), "ShapeError", ["start -2", ">= 0"]),
    ErrorCase("wrong length", "roi_random_crop", [], [], dict(crop_shape=(3, 3), roi_start=(0, 0, 0), roi_shape=(1, 1)), "ShapeError",
              ["roi_start", "3 values", "2 values"]),
    ErrorCase("too few axes", "roi_random_crop", [ramp(5)], [""], dict(crop_shape=(3, 3), roi_start=(0, 0), roi_shape=(1, 1)), "ShapeError",
              ["[5]", "at least 2"]),
]
