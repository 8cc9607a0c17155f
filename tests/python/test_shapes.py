# SPDX-License-Identifier: Apache-2.0
"""Operators that move elements, in pipelines: values per sample, whole batches, indexing."""

import itertools

import numpy as np
import pytest

import varo
from varo import fn

RNG = np.random.default_rng(3)
RAGGED = [RNG.integers(0, 99, (3 + k, 9 - k, 4)).astype("int16") for k in range(4)]


def run(build, *batches, layout=None):
    """The outputs for one batch: a list a batch element, or a tuple of lists."""
    count = len(batches[0]) if batches else 3

    @varo.pipeline_def(batch_size=count, num_threads=2, seed=5)
    def define():
        nodes = [fn.external_source(source=itertools.repeat(b), layout=layout if k == 0 else None) for k, b in enumerate(batches)]
        return build(*nodes)

    out = define().run()
    lists = tuple([np.array(o.at(i)) for i in range(count)] for o in out)
    return lists[0] if len(lists) == 1 else lists


def same(got, wanted):
    assert len(got) == len(wanted)
    for g, w in zip(got, wanted):
        assert g.dtype == np.asarray(w).dtype and g.shape == np.shape(w) and np.array_equal(g, w), (g, w)


def test_slice_takes_anchors_of_each_sample():
    starts = [np.array([k, 1], np.int32) for k in range(4)]
    got = run(lambda x, a: fn.slice(x, a, np.array([2, 3], np.int32), axes=(0, 1)), RAGGED, starts)
    same(got, [x[k:k + 2, 1:4] for k, x in enumerate(RAGGED)])
    got = run(lambda x, a: fn.slice(x, start=a, shape=(2, 3), axes=(0, 1)), RAGGED, starts)
    same(got, [x[k:k + 2, 1:4] for k, x in enumerate(RAGGED)])


def test_slice_takes_axes_of_each_sample():
    axes = [np.array([k % 3], np.int32) for k in range(4)]
    got = run(lambda x, a: fn.slice(x, start=[1], end=[3], axes=a), RAGGED, axes)
    same(got, [x.take((1, 2), k % 3) for k, x in enumerate(RAGGED)])


def test_an_empty_argument_is_not_given():
    ends = [np.array([2], np.int32), np.array([], np.int32), np.array([3], np.int32), np.array([], np.int32)]
    got = run(lambda x, e: fn.slice(x, start=[1], end=e, axes=[0]), RAGGED, ends)
    same(got, [x[1:(int(e[0]) if e.size else None)] for x, e in zip(RAGGED, ends)])


def test_pad_makes_the_batch_one_array():
    got = run(lambda x: fn.pad(x, fill_value=-1), RAGGED)
    wanted = [np.pad(x, [(0, 6 - x.shape[0]), (0, 9 - x.shape[1]), (0, 0)], constant_values=-1) for x in RAGGED]
    same(got, wanted)


def test_pad_with_a_shape_of_each_sample():
    shapes = [np.array([0, 9 + k], np.int64) for k in range(4)]
    got = run(lambda x, s: fn.pad(x, axes=(0, 1), shape=s), RAGGED, shapes)
    same(got, [np.pad(x, [(0, 6 - x.shape[0]), (0, 9 + k - x.shape[1]), (0, 0)]) for k, x in enumerate(RAGGED)])


def test_one_hot_takes_single_elements_as_scalars_if_the_whole_batch_is_so():
    single = [np.array([k], np.int32) for k in range(3)]
    same(run(lambda x: fn.one_hot(x, num_classes=3), single), list(np.eye(3, dtype="float32")))
    mixed = [np.array([0], np.int32), np.array([2, 1], np.int32)]
    eye = np.eye(3, dtype="float32")
    same(run(lambda x: fn.one_hot(x, num_classes=3), mixed), [eye[[0]], eye[[2, 1]]])


def test_cat_skips_an_input_without_elements():
    nothing = [np.zeros(0, "int16")] * 4
    same(run(lambda x, y: fn.cat(x, y, axis=1), RAGGED, nothing), RAGGED)
    same(run(lambda x: fn.cat(x, x, axis=1), RAGGED), [np.concatenate([x, x], 1) for x in RAGGED])


def test_stack_in_a_pipeline():
    same(run(lambda x: fn.stack(x, x, axis=1), RAGGED), [np.stack([x, x], 1) for x in RAGGED])


def test_reshape_to_a_shape_of_each_sample():
    shapes = [np.array([x.size // 2, 2], np.int64) for x in RAGGED]
    same(run(lambda x, s: fn.reshape(x, s), RAGGED, shapes), [x.reshape(-1, 2) for x in RAGGED])
    same(run(lambda x, s: fn.reshape(x, shape=s), RAGGED, shapes), [x.reshape(-1, 2) for x in RAGGED])


@pytest.mark.parametrize("index", [np.s_[1], np.s_[-1, 2], np.s_[:, 1:3], np.s_[::2, ::-1, 3], np.s_[1:, -3:-1], np.s_[:0]])
def test_indexing(index):
    same(run(lambda x: x[index], RAGGED), [x[index] for x in RAGGED])


def test_indexing_with_nodes_and_new_axes():
    at = [np.int32(k) for k in (0, 1, -1, 2)]
    got = run(lambda x, k: (x[k], x[:, k:, 1], x[varo.newaxis, :, 0]), RAGGED, at)
    same(got[0], [x[k] for x, k in zip(RAGGED, at)])
    same(got[1], [x[:, k:, 1] for x, k in zip(RAGGED, at)])
    same(got[2], [x[None, :, 0] for x in RAGGED])


def test_an_index_outside_names_axis_and_numbers():
    with pytest.raises(varo.errors.IndexOutOfRange, match=r"(?s)along H.*got +7.*-3 to 2"):
        run(lambda x: x[7], RAGGED, layout="HWC")


def test_shape_of_a_node():
    same(run(lambda x: x.shape(), RAGGED), [np.array(x.shape, np.int64) for x in RAGGED])


def test_constants_in_a_pipeline():
    zeros, ones, full = run(lambda x: (fn.zeros(shape=(2, 3)), fn.ones_like(x), fn.full(np.float32(2.5), shape=x.shape())), RAGGED)
    same(zeros, [np.zeros((2, 3), np.int32)] * 4)
    same(ones, [np.ones_like(x) for x in RAGGED])
    same(full, [np.full(x.shape, 2.5, np.float32) for x in RAGGED])


def test_a_random_crop_around_a_region():
    volumes = [RNG.integers(0, 9, (12 + k, 14, 16)).astype("uint8") for k in range(6)]
    regions = [np.array([2 + k, 3, 4], np.int32) for k in range(6)]

    def build(x, start):
        anchor = fn.roi_random_crop(x, crop_shape=(6, 7, 8), roi_start=start, roi_shape=(2, 2, 2))
        return anchor, fn.slice(x, anchor, np.array([6, 7, 8], np.int64), axes=(0, 1, 2))

    anchors, crops = run(build, volumes, regions)
    for x, start, anchor, crop in zip(volumes, regions, anchors, crops):
        assert (anchor <= start).all() and (anchor + (6, 7, 8) >= start + 2).all() and (anchor >= 0).all()
        d, h, w = anchor
        assert np.array_equal(crop, x[d:d + 6, h:h + 7, w:w + 8])
    assert len({tuple(a - s) for a, s in zip(anchors, regions)}) > 1


def test_layouts_are_kept_moved_and_dropped():
    def letters(build, layout="HWC"):
        @varo.pipeline_def(batch_size=1, num_threads=1)
        def define():
            return build(fn.external_source(source=lambda: [RAGGED[0]], layout=layout))

        return define().run()[0].layout()

    assert letters(lambda x: fn.transpose(x, perm=(2, 0, 1))) == "CHW"
    assert letters(lambda x: fn.transpose(x, perm=(2, 0, 1), transpose_layout=False)) == "HWC"
    assert letters(lambda x: fn.transpose(x, perm=(2, 0, 1), output_layout="ABC")) == "ABC"
    assert letters(lambda x: x[0]) == "WC"
    assert letters(lambda x: x[:, varo.newaxis("D")]) == "HDWC"
    assert letters(lambda x: x[:, varo.newaxis]) == ""
    assert letters(lambda x: fn.stack(x, x, axis_name="D")) == "DHWC"
    assert letters(lambda x: fn.stack(x, x)) == ""
    assert letters(lambda x: fn.cat(x, x)) == "HWC"
    assert letters(lambda x: fn.reshape(x, shape=[-1])) == ""
    assert letters(lambda x: fn.reshape(x, shape=(4, -1, 3))) == "HWC"
    assert letters(lambda x: fn.one_hot(x[:, :, 0], num_classes=2, axis=0, axis_name="C")) == "CHW"
    assert letters(lambda x: fn.crop(x, crop=(2, 2)), layout=None) == "HWC"  # what was assumed
    assert letters(lambda x: fn.zeros_like(x)) == "HWC"


def test_axes_that_grow_come_per_sample():
    @varo.pipeline_def(batch_size=3, num_threads=2)
    def define():
        axes = fn.external_source(lambda: [np.array([0]), np.array([1]), np.array([], "int64")])
        return fn.pad(fn.external_source(lambda: [np.ones((2, 3), "float32")] * 3), axes=axes, shape=4)

    assert define().run()[0].shape() == [(4, 3), (2, 4), (4, 4)]
