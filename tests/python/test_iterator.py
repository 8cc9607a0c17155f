# SPDX-License-Identifier: Apache-2.0
"""Epochs of the PyTorch iterators: what each policy returns, with and without padding, over shards."""

import contextlib

import numpy as np
import pytest
import torch

import varo
from varo import fn
from varo.plugin.pytorch import DALIGenericIterator, GenericIterator, LastBatchPolicy, RaggedIterator


def pipeline(folder, batch=2, **reader):
    @varo.pipeline_def(batch_size=batch, num_threads=2, seed=1)
    def define():
        return fn.readers.numpy(file_root=folder, name="reader", **reader)

    return define()


def epochs(iterator, count):
    """`count` epochs as lists of batches of numbers."""
    result = []
    for _ in range(count):
        result.append([step[0]["x"].flatten().tolist() for step in iterator])
        iterator.reset()
    return result


FILL, DROP, PARTIAL = LastBatchPolicy.FILL, LastBatchPolicy.DROP, LastBatchPolicy.PARTIAL


@pytest.mark.parametrize(
    "policy, padded, last, following",
    [
        (PARTIAL, True, [7], [1, 2]),
        (PARTIAL, False, [7], [2, 3]),
        (FILL, True, [7, 7], [1, 2]),
        (FILL, False, [7, 1], [2, 3]),
        (DROP, True, [5, 6], [1, 2]),
        (DROP, False, [5, 6], [2, 3]),
    ],
)
@pytest.mark.parametrize("prepare", [True, False])
def test_seven_samples_in_batches_of_two(numbered, policy, padded, last, following, prepare):
    it = GenericIterator(pipeline(numbered(7), pad_last_batch=padded), ["x"], reader_name="reader",
                         last_batch_policy=policy, prepare_first_batch=prepare)
    first, second = epochs(it, 2)
    assert first[:3] == [[1, 2], [3, 4], [5, 6]]
    assert first[-1] == last
    assert second[0] == following


def test_the_next_epoch_of_fill_is_shorter_by_what_was_seen(numbered):
    it = GenericIterator(pipeline(numbered(7)), ["x"], reader_name="reader")
    seen = [x for epoch in epochs(it, 4) for batch in epoch for x in batch]
    assert seen == [1 + k % 7 for k in range(len(seen))], "samples come in order, none lost"
    assert len(it) == 4


@pytest.mark.parametrize("samples, batch, lengths", [
    (7, 2, [4, 3, 4, 3]), (10, 4, [3, 2, 3, 2]), (7, 4, [2, 2, 2, 1, 2]), (3, 8, [1, 1, 1, 1, 1]), (4, 2, [2, 2, 2]),
])
def test_an_epoch_of_fill_ends_with_its_last_sample(numbered, samples, batch, lengths):
    it = GenericIterator(pipeline(numbered(samples), batch=batch), ["x"], reader_name="reader")
    batches, told = [], []
    for _ in lengths:
        told.append(len(it))
        batches.append([step[0]["x"].flatten().tolist() for step in it])
        it.reset()
    assert [len(epoch) for epoch in batches] == lengths == told
    seen = [x for epoch in batches for step in epoch for x in step]
    assert seen == [1 + k % samples for k in range(len(seen))], "samples come in order, none lost"


def test_drop_discards_the_padded_batch_of_the_longest_shard(numbered):
    pipe = pipeline(numbered(9), batch=4, num_shards=2, shard_id=0, pad_last_batch=True, stick_to_shard=True)
    it = GenericIterator(pipe, ["x"], reader_name="reader", last_batch_policy=DROP)
    assert epochs(it, 3) == [[[1, 2, 3, 4]]] * 3
    pipe = pipeline(numbered(9), batch=4, num_shards=2, shard_id=1, pad_last_batch=True, stick_to_shard=True)
    it = GenericIterator(pipe, ["x"], reader_name="reader", last_batch_policy=DROP)
    assert epochs(it, 3) == [[[5, 6, 7, 8]]] * 3


def test_a_reset_before_the_first_step_loses_nothing():
    @varo.pipeline_def(batch_size=1, num_threads=1)
    def define():
        return fn.external_source([[np.float32(k)] for k in range(3)], cycle="raise")

    it = GenericIterator(define(), ["x"])
    it.reset()
    assert [s[0]["x"].item() for s in it] == [0, 1, 2]


@pytest.mark.parametrize("stick", [True, False])
def test_two_shards_see_everything_once(numbered, stick):
    pipes = [pipeline(numbered(10), num_shards=2, shard_id=s, pad_last_batch=True, stick_to_shard=stick) for s in (0, 1)]
    it = GenericIterator(pipes, ["x"], reader_name="reader", last_batch_policy=PARTIAL)
    for _ in range(3):
        seen = sorted(x for step in it for part in step for x in part["x"].flatten().tolist())
        it.reset()
        assert seen == list(range(1, 11))


def test_a_shorter_shard_returns_an_empty_batch(numbered):
    pipes = [pipeline(numbered(5), num_shards=2, shard_id=s, pad_last_batch=True) for s in (0, 1)]
    it = GenericIterator(pipes, ["x"], reader_name="reader", last_batch_policy=PARTIAL)
    steps = [[part["x"].flatten().tolist() for part in step] for step in it]
    assert steps == [[[1, 2], [3, 4]], [[], [5]]]


def test_auto_reset_goes_on_by_itself(numbered):
    it = DALIGenericIterator(pipeline(numbered(4)), ["x"], reader_name="reader", auto_reset=True)
    assert [[s[0]["x"].flatten().tolist() for s in it] for _ in range(3)] == [[[1, 2], [3, 4]]] * 3


def test_explicit_size(numbered):
    with pytest.warns(DeprecationWarning):
        it = GenericIterator(pipeline(numbered(5)), ["x"], size=5, last_batch_policy=PARTIAL)
    assert epochs(it, 1) == [[[1, 2], [3, 4], [5]]]
    assert len(it) == 3


def test_a_source_that_ends_ends_the_epoch():
    @varo.pipeline_def(batch_size=2, num_threads=1)
    def define():
        return fn.external_source([np.full((2, 3), k, "float32") for k in range(3)], cycle="raise")

    it = GenericIterator(define(), ["x"])
    for _ in range(2):
        assert [s[0]["x"][0, 0].item() for s in it] == [0, 1, 2]
        it.reset()


def test_tensors_share_memory_and_outlive_the_pipeline(numbered):
    it = GenericIterator(pipeline(numbered(4, shape=(3, 5), dtype="float32")), ["x"], reader_name="reader")
    batch = next(it)[0]["x"]
    assert batch.shape == (2, 3, 5) and batch.dtype == torch.float32
    del it
    batch += 1
    assert batch.flatten().tolist() == [2.0] * 15 + [3.0] * 15


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "bool"])
def test_dtypes(numbered, dtype):
    it = GenericIterator(pipeline(numbered(2, shape=(2, 2), dtype=dtype)), ["x"], reader_name="reader")
    expected = torch.from_numpy(np.stack([np.full((2, 2), k, dtype) for k in (1, 2)]))
    batch = next(it)[0]["x"]
    assert batch.dtype == expected.dtype and torch.equal(batch, expected)


def test_dtype_that_torch_lacks(numbered):
    it = GenericIterator(pipeline(numbered(2, dtype="uint16")), ["x"], reader_name="reader")
    with pytest.raises(varo.ArgumentTypeError, match="uint16"):
        next(it)


def test_shapes_that_differ(tmp_path):
    for k in (1, 2):
        np.save(tmp_path / f"{k}.npy", np.zeros((k, 2), "float32"))
    pipe = pipeline(str(tmp_path))
    it = GenericIterator(pipe, ["x"], reader_name="reader")
    with pytest.raises(varo.ShapeError, match=r"\(1, 2\), \(2, 2\)"):
        next(it)
    ragged = RaggedIterator(pipeline(str(tmp_path)), ["x"], reader_name="reader",
                            output_types=[RaggedIterator.SPARSE_LIST_TAG])
    assert [tuple(t.shape) for t in next(ragged)[0]["x"]] == [(1, 2), (2, 2)]


def test_arguments_that_contradict(numbered):
    pipe = pipeline(numbered(2))
    for wrong in (dict(size=0), dict(size=4, reader_name="reader"), dict(reader_name="nobody"),
                  dict(reader_name="reader", last_batch_padded=True), dict(auto_reset="sometimes")):
        with pytest.raises(varo.ParamError):
            GenericIterator(pipe, ["x"], **wrong)
    with pytest.raises(varo.ParamError):
        GenericIterator(pipe, ["x", "x"])
    with pytest.raises(varo.StateError, match="mixed"):
        GenericIterator(pipe, ["x"])
        pipe.run()


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("auto_reset", [True, False])
@pytest.mark.parametrize("size", [4, 3, 6, -1])
def test_a_source_that_ends_begins_again_whatever_the_size(size, auto_reset, depth):
    def source(k):
        if k == 2:
            raise StopIteration
        return [np.int64(10 * k), np.int64(10 * k + 1)]

    @varo.pipeline_def(batch_size=2, num_threads=1, prefetch_queue_depth=depth)
    def define():
        return fn.external_source(source)

    with pytest.warns(DeprecationWarning) if size > 0 else contextlib.nullcontext():
        it = GenericIterator(define(), ["x"], size=size, auto_reset=auto_reset)
    for _ in range(4):
        assert [step[0]["x"].flatten().tolist() for step in it] == [[0, 1], [10, 11]]
        if not auto_reset:
            it.reset()


def test_drop_that_would_leave_nothing_is_an_error(numbered):
    with pytest.raises(varo.ParamError, match="DROP leaves no batch"):
        GenericIterator(pipeline(numbered(7), batch=8), ["x"], reader_name="reader", last_batch_policy=DROP)
    with pytest.raises(varo.ParamError, match="DROP leaves no batch"):
        GenericIterator(pipeline(numbered(7), batch=4, num_shards=2), ["x"], reader_name="reader", last_batch_policy=DROP)
    with pytest.warns(DeprecationWarning), pytest.raises(varo.ParamError, match="DROP leaves no batch"):
        GenericIterator(pipeline(numbered(7), batch=4), ["x"], size=3, last_batch_policy=DROP)
    assert len(GenericIterator(pipeline(numbered(7), batch=7), ["x"], reader_name="reader", last_batch_policy=DROP)) == 1


def test_no_reader_is_named_by_an_empty_name(numbered):
    with pytest.warns(DeprecationWarning):
        it = GenericIterator(pipeline(numbered(4)), ["x"], size=4, reader_name="")
    assert len(list(it)) == 2


def test_an_empty_reader_name_names_none(numbered):
    it = GenericIterator(pipeline(numbered(7)), ["x"], reader_name="")
    assert it._size < 0 and not it._sharded
