# SPDX-License-Identifier: Apache-2.0
"""Operators outside of a pipeline: sources and draws make nodes that pipelines bind, arrays are computed at once."""

import gc
import weakref

import numpy as np
import pytest

import varo
from varo import fn, ops, types


def pipeline(*outputs, batch=4, seed=1, **options):
    pipe = varo.Pipeline(batch_size=batch, num_threads=2, seed=seed, **options)
    pipe.set_outputs(*outputs)
    return pipe


def numbers(batch):
    return np.concatenate([np.ravel(t) for t in batch]).tolist()


def test_a_reader_made_outside(numbered):
    pipe = pipeline(fn.readers.numpy(file_root=numbered(8), name="reader"))
    assert [numbers(pipe.run()[0]) for _ in range(2)] == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert pipe.epoch_size("reader") == 8


def test_draws_differ_from_sample_to_sample_and_repeat_with_the_seed():
    node = fn.random.uniform(range=(0, 1))
    first, second = (numbers(pipeline(node).run()[0]) for _ in range(2))
    assert len(set(first)) == 4 and first == second


def test_chains_of_nodes_made_outside(numbered):
    x = fn.readers.numpy(file_root=numbered(4))
    scale = fn.random.uniform(range=(1, 2), seed=3)
    y = -fn.cast(x, dtype=types.FLOAT) * scale + 1.0
    boxes = fn.resize(fn.cast(fn.reshape(x, shape=[1, 1], layout="HW"), dtype=types.FLOAT), size=[2, 2], save_attrs=True)
    assert isinstance(boxes, list) and len(boxes) == 2
    out, drawn, first = pipeline(y, scale, x[0]).run()
    np.testing.assert_allclose(numbers(out), 1 - np.array(numbers(first)) * np.array(numbers(drawn)), rtol=1e-6)
    assert [t.shape() for t in pipeline(boxes[0]).run()[0]] == [[2, 2]] * 4


def test_they_mix_with_nodes_of_a_pipeline(numbered):
    x = fn.readers.numpy(file_root=numbered(4))

    @varo.pipeline_def(batch_size=4, num_threads=1)
    def define():
        return x, fn.external_source(lambda: [np.int32(10)] * 4) + x

    for _ in range(2):  # every pipeline has a reader of its own
        a, b = define().run()
        assert numbers(a) == [1, 2, 3, 4] and numbers(b) == [11, 12, 13, 14]


def test_sources_of_the_user_made_outside():
    a, b = fn.external_source(lambda k: ([np.int32(k)] * 2, [np.int32(-k)] * 2), num_outputs=2)
    pipe = pipeline(a, b, batch=2)
    assert [(numbers(x), numbers(y)) for x, y in (pipe.run() for _ in range(2))] == [([0, 0], [0, 0]), ([1, 1], [-1, -1])]
    fed = fn.external_source(name="hand")
    pipe = pipeline(fed + 1, batch=2)
    pipe.feed_input(fed, [np.int32(1), np.int32(2)])
    assert numbers(pipe.run()[0]) == [2, 3]


def test_one_seed_for_a_list_of_nodes():
    x, y = (fn.external_source(lambda: [np.zeros(3, "float32")] * 2) for _ in range(2))
    a, b = pipeline(*fn.noise.gaussian([x, y]), batch=2).run()
    assert numbers(a) == numbers(b) and len(set(numbers(a))) == 6


def test_mistakes_are_told_where_they_are_made():
    with pytest.raises(TypeError, match="ranges"):
        fn.random.uniform(ranges=(0, 1))
    with pytest.raises(TypeError, match="horizontals"):
        fn.flip(fn.external_source(), horizontals=1)


def test_at_once_where_asked_for(numbered):
    with varo.eager():
        drawn = fn.random.uniform(range=(2, 3))
        read = fn.readers.numpy(file_root=numbered(3))
    assert 2 <= float(drawn) < 3 and np.asarray(read).tolist() == [1]
    assert isinstance(fn.noise.gaussian(np.zeros(3, "float32")), varo.TensorCPU)
    assert isinstance(fn.random.uniform(), varo.DataNode)
    for value in (drawn, read):
        with pytest.raises(varo.ParamError, match="output 1 was drawn or read at once"):
            pipeline(fn.random.uniform(), value)
    pipeline(fn.flip(varo.as_tensor(np.ones((2, 2)), "HW")))  # a constant of the user's own


def test_what_is_remembered_of_draws_goes_with_them():
    from varo._run import eager

    with varo.eager():
        drawn = fn.random.uniform()
    assert eager.was_drawn(drawn)
    key = id(drawn)
    del drawn
    assert key not in eager._drawn


def test_nodes_outside_keep_no_pipeline():
    node = fn.random.uniform()
    pipe = pipeline(node)
    gone = weakref.ref(pipe)
    del pipe
    gc.collect()
    assert gone() is None
    assert len(numbers(pipeline(node).run()[0])) == 4


def test_classes_outside(numbered):
    read, noisy = ops.readers.Numpy(file_root=numbered(4)), ops.noise.Gaussian(stddev=0.0)
    assert numbers(pipeline(noisy(ops.Cast(dtype=types.FLOAT)(read()))).run()[0]) == [1, 2, 3, 4]
