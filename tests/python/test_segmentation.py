# SPDX-License-Identifier: Apache-2.0
"""What cases of one call on one sample do not show."""

import numpy as np
import pytest
import varo
from varo import fn


def blobs(seed, shape=(12, 13, 14)):
    rng = np.random.default_rng(seed)
    return (rng.random(shape) < 0.2).astype(np.uint8) * rng.integers(1, 4, shape, np.uint8)


def batches(build, samples, count=3, **options):
    options = {"batch_size": samples, "num_threads": 2, "seed": 5, **options}

    @varo.pipeline_def(**options)
    def declare():
        outputs = build()
        return tuple(outputs) if isinstance(outputs, (list, tuple)) else outputs

    pipe = declare()
    pipe.build()
    return [[[np.array(t) for t in batch] for batch in pipe.run()] for _ in range(count)]


def source(arrays):
    return fn.external_source(source=lambda: arrays)


def test_the_cache_changes_no_result():
    a = blobs(1)
    arrays = [a, a.reshape(13, 12, 14), a, a[::-1, :, ::-1], blobs(2), blobs(3)]

    def build(cached):
        return lambda: fn.segmentation.random_object_bbox(
            source(arrays), cache_objects=cached, output_class=True, k_largest=5, threshold=[1, 1, 2], seed=8)

    plain, cached = batches(build(False), 6), batches(build(True), 6)
    for x, y in zip(plain, cached):
        np.testing.assert_equal(x, y)


def test_equal_bytes_in_another_shape_have_other_objects():
    flat = np.zeros(24, np.uint8)
    flat[[0, 1, 6]] = 1
    for shape in ((4, 6), (6, 4), (2, 12), (24,)):
        plain = fn.segmentation.random_object_bbox(flat.reshape(shape), seed=3, format="box")
        cached = fn.segmentation.random_object_bbox(flat.reshape(shape), seed=3, format="box", cache_objects=True)
        np.testing.assert_array_equal(np.asarray(plain), np.asarray(cached))

    def build():
        both = [fn.segmentation.random_object_bbox(fn.reshape(source([flat] * 8), shape=shape), seed=3, format="box",
                                                   cache_objects=True) for shape in ([4, 6], [6, 4])]
        return both

    if hasattr(fn, "reshape"):
        for rows, columns in batches(build, 8):
            assert max(box[2] for box in rows) <= 4 and max(box[3] for box in columns) <= 4


def test_results_do_not_depend_on_threads():
    arrays = [blobs(s, (20, 30, 40)) for s in range(5)]

    def build():
        return fn.segmentation.random_object_bbox(source(arrays), seed=1), fn.segmentation.random_mask_pixel(
            source(arrays), foreground=1, seed=2)

    def flat(build, **options):
        return [np.asarray(t) for batch in batches(lambda: [*build()[0], build()[1]], 5, **options) for out in batch for t in out]

    one = flat(build, num_threads=1, schedule="serial")
    np.testing.assert_equal(flat(build, num_threads=4), one)
    np.testing.assert_equal(flat(build, schedule="shuffled", shuffle_seed=3), one)


def test_arguments_per_sample():
    picture = np.zeros((6, 9), np.uint8)
    picture[0, 0] = 1
    picture[2:4, 2:7] = 2
    probabilities = [np.float32(0), np.float32(1), np.float32(0), np.float32(1)]
    classes = [np.array(c, np.int32) for c in ([1], [1], [2], [2])]
    thresholds = [np.array(t, np.int32) for t in ([1, 1], [1, 1], [2, 5], [2, 5])]

    def build():
        return fn.segmentation.random_object_bbox(
            source([picture] * 4), foreground_prob=source(probabilities), classes=source(classes),
            threshold=source(thresholds), output_class=True, format="box")

    for boxes, labels in batches(build, 4):
        assert [int(v) for v in labels] == [0, 1, 0, 2]
        np.testing.assert_array_equal(boxes, [[0, 0, 6, 9], [0, 0, 1, 1], [0, 0, 6, 9], [2, 2, 4, 7]])


def test_background_per_sample_counts_as_explicit():
    picture = np.array([[0, 1], [1, 2]], np.uint8)

    def build(classes):
        return lambda: fn.segmentation.random_object_bbox(
            source([picture] * 2), background=source([np.int32(1), np.int32(2)]), classes=classes, output_class=True)

    for _, _, labels in batches(build([0]), 2):
        assert [int(v) for v in labels] == [0, 0]
    with pytest.raises(varo.errors.ParamError, match=r"background 2, classes \[0, 2\]"):
        batches(build([0, 2]), 2)


def test_a_threshold_of_another_length_is_refused():
    picture = np.ones((2, 2), np.uint8)
    with pytest.raises(varo.errors.ShapeError, match="threshold"):
        batches(lambda: fn.segmentation.random_object_bbox(
            source([picture]), threshold=source([np.array([1, 1, 1], np.int32)])), 1)


def test_mask_pixel_foreground_per_sample():
    mask = np.zeros((50, 60), np.uint8)
    mask[20, 30] = 1

    def build():
        return fn.segmentation.random_mask_pixel(source([mask] * 4), foreground=source([np.int32(v) for v in (1, 0, 1, 0)]))

    for (positions,) in batches(build, 4):
        assert positions[0].tolist() == positions[2].tolist() == [20, 30]
        assert positions[1].tolist() != [20, 30] or positions[3].tolist() != [20, 30]


@pytest.mark.parametrize("probability, nodes", [(0.0, 1), (1.0, 2)])
def test_voxels_are_asked_for_only_when_an_object_is_drawn(probability, nodes):
    @varo.pipeline_def(batch_size=4, num_threads=1, seed=1, prefetch_queue_depth=1)
    def declare():
        smooth = fn.gaussian_blur(fn.reshape(source([blobs(1)] * 4), layout="DHW"), sigma=1.0)
        return fn.segmentation.random_object_bbox(smooth, foreground_prob=probability, format="box")

    pipe = declare()
    pipe.build()
    pipe.run()
    assert pipe._core.stats().nodes_run == 4 * nodes
