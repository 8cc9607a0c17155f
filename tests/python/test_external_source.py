# SPDX-License-Identifier: Apache-2.0
"""external_source: every form of source, and what becomes of wrong ones."""

import time

import numpy as np
import pytest
import varo
from varo import fn

BATCH = 2


def numbers(start, count=BATCH, dtype=np.int32):
    return [np.full((2, 3), start + i, dtype) for i in range(count)]


def pipeline(source=None, **options):
    pipe = varo.Pipeline(batch_size=BATCH, num_threads=2, device_id=None, seed=1)
    with pipe:
        node = fn.external_source(source, name="data" if source is None else None, **options)
        pipe.set_outputs(node)
    pipe.build()
    return pipe


def firsts(pipe):
    """Element 0 of each sample of the next batch."""
    (data,) = pipe.run()
    return [int(np.asarray(data[i]).flat[0]) for i in range(len(data))]


def test_callable_gives_batches():
    batches = iter([numbers(0), numbers(10)])
    pipe = pipeline(lambda: next(batches))
    assert [firsts(pipe), firsts(pipe)] == [[0, 1], [10, 11]]


def test_callable_is_told_the_iteration():
    pipe = pipeline(lambda iteration: numbers(10 * iteration))
    assert [firsts(pipe) for _ in range(3)] == [[0, 1], [10, 11], [20, 21]]


def test_callable_gives_samples():
    pipe = pipeline(lambda info: np.array([info.idx_in_epoch]), batch=False)
    assert [firsts(pipe), firsts(pipe)] == [[0, 1], [2, 3]]


def test_iterable_ends_and_generator_function_cycles():
    pipe = pipeline([numbers(0)])
    assert firsts(pipe) == [0, 1]
    with pytest.raises(StopIteration):
        pipe.run()

    def generator():
        yield numbers(5)

    pipe = pipeline(generator, cycle="quiet")
    assert [firsts(pipe) for _ in range(3)] == [[5, 6]] * 3


def test_one_array_is_a_batch():
    assert firsts(pipeline(lambda: np.stack(numbers(7)))) == [7, 8]


def test_batches_may_be_smaller():
    assert firsts(pipeline(lambda: numbers(3, count=1))) == [3]


def test_several_outputs():
    pipe = varo.Pipeline(batch_size=BATCH, num_threads=1, device_id=None)
    with pipe:
        pipe.set_outputs(*fn.external_source(lambda: (numbers(0), numbers(5)), num_outputs=2))
    first, second = pipe.run()
    assert np.asarray(first[1]).flat[0] == 1 and np.asarray(second[1]).flat[0] == 6


def test_feed_input():
    pipe = pipeline()
    pipe.feed_input("data", numbers(4))
    assert firsts(pipe) == [4, 5]


def test_feeding_as_many_batches_as_asked_for_fills_no_queue():
    pipe = pipeline()
    counts, fed, seen = [], 0, []
    for _ in range(5):
        counts.append(pipe.input_feed_count("data"))
        for _ in range(counts[-1]):
            pipe.feed_input("data", numbers(10 * fed))
            fed += 1
        seen.append(firsts(pipe)[0])
    assert counts == [2, 1, 1, 1, 1] and seen == [0, 10, 20, 30, 40]
    with pytest.raises(varo.StateError, match="nothing"):
        pipe.input_feed_count("nothing")


def test_later_writes_to_the_array_do_not_show():
    array = np.zeros((BATCH, 4), np.float32)
    pipe = pipeline()
    pipe.feed_input("data", array)
    array[:] = 9
    assert firsts(pipe) == [0, 0]


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float16", "float64", "bool"])
def test_layout_dtype_and_values_arrive(dtype):
    sample = (np.arange(6).reshape(1, 2, 3) % 2).astype(dtype)
    pipe = pipeline(lambda: [sample, sample[:, ::-1]], layout="DHW")
    (data,) = pipe.run()
    assert data.layout() == "DHW"
    assert np.asarray(data[0]).dtype == dtype
    assert np.array_equal(np.asarray(data[1]), sample[:, ::-1])


@pytest.mark.parametrize("options, batch, error, words", [
    (dict(dtype=varo.types.FLOAT), numbers(0), varo.errors.ArgumentTypeError, ["int32", "float32"]),
    (dict(ndim=3), numbers(0), varo.errors.ShapeError, ["2 axes", "3 axes"]),
    (dict(layout="DHW"), numbers(0), varo.errors.VaroError, ["DHW"]),
])
def test_data_that_breaks_its_promise(options, batch, error, words):
    pipe = pipeline(lambda: batch, **options)
    with pytest.raises(error) as caught:
        pipe.run()
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_mistakes_in_the_source_reach_the_user():
    def broken():
        raise KeyError("no such volume")

    with pytest.raises(KeyError, match="no such volume"):
        pipeline(broken).run()


@pytest.mark.parametrize("options, error", [
    (dict(source=lambda: numbers(0), cycle=True), varo.errors.ParamError),
    (dict(source=5), varo.errors.ArgumentTypeError),
    (dict(source=None, cycle=True), varo.errors.ParamError),
    (dict(source=lambda a, b: None), TypeError),
])
def test_wrong_source_is_refused_when_declared(options, error):
    with pytest.raises(error):
        pipeline(**options)


def test_a_failure_comes_after_the_batches_before_it():
    def source(iteration):
        if iteration == 2:
            raise KeyError("volume 2")
        return numbers(10 * iteration)

    pipe = pipeline(source)
    assert [firsts(pipe), firsts(pipe)] == [[0, 1], [10, 11]]
    with pytest.raises(KeyError, match="volume 2"):
        pipe.run()


def two_sources(images, labels):
    pipe = varo.Pipeline(batch_size=BATCH, num_threads=1, device_id=None)
    with pipe:
        pipe.set_outputs(fn.external_source(images), fn.external_source(labels))
    return pipe


def pairs(pipe):
    image, label = pipe.run()
    return [(int(np.asarray(image[i]).flat[0]), int(np.asarray(label[i]).flat[0])) for i in range(len(image))]


@pytest.mark.parametrize("bad", ["raises", "size", "type", "axes"])
def test_sources_stay_in_step_when_one_fails(bad):
    calls = []

    def labels():
        calls.append(None)
        k = len(calls) - 1
        if k == 1:
            if bad == "raises":
                raise KeyError("once")
            return {"size": numbers(0, count=1), "type": numbers(0, dtype=np.uint8), "axes": [np.zeros(3, np.int32)] * 2}[bad]
        return numbers(10 * (k - 1 if bad == "raises" and k > 1 else k))

    images = iter([numbers(10 * k) for k in range(9)])
    pipe = two_sources(lambda: next(images), labels)
    assert pairs(pipe) == [(0, 0), (1, 1)]
    with pytest.raises(KeyError if bad == "raises" else varo.errors.VaroError):
        pipe.run()
    assert all(image == label for _ in range(3) for image, label in pairs(pipe))


def test_iter_setup_may_end_the_epoch():
    class Fed(varo.Pipeline):
        def define_graph(self):
            self.data = fn.external_source(name="data")
            return self.data

        def iter_setup(self):
            self.feed_input("data", next(self.batches))

    pipe = Fed(batch_size=BATCH, num_threads=1, device_id=None)
    for _ in range(2):
        pipe.batches = iter([numbers(0), numbers(10)])
        assert [firsts(pipe), firsts(pipe)] == [[0, 1], [10, 11]]
        with pytest.raises(StopIteration):
            pipe.run()
        pipe.reset()


def test_memory_that_is_not_copied_is_let_go_when_the_batch_is_done():
    gone = []

    class Volume(np.ndarray):
        def __del__(self):
            gone.append(None)

    def source():
        return [np.zeros((4, 4), np.float32).view(Volume) for _ in range(BATCH)]

    pipe = pipeline(source, no_copy=True)
    pipe.run()
    deadline = time.time() + 20
    while len(gone) < 2 * BATCH and time.time() < deadline:  # also those of batches not taken yet
        time.sleep(0.01)
    assert len(gone) >= 2 * BATCH
