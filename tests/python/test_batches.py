# SPDX-License-Identifier: Apache-2.0
"""Operators over the batch: orders, mixtures, and which samples are the batch inside a branch."""

import collections
import math

import numpy as np
import pytest
import varo
from varo import fn, types

SCHEDULES = [dict(num_threads=3), dict(num_threads=1, schedule="shuffled", shuffle_seed=3), dict(num_threads=1, schedule="reference")]


def run(define, batch_size, iterations=1, **options):
    """A list with an item an iteration: a tuple of lists of arrays, one an output."""
    options = {"num_threads": 2, "seed": 4, "device_id": None, **options}
    pipe = varo.pipeline_def(define, batch_size=batch_size, **options)()
    return [tuple([np.array(t) for t in out] for out in pipe.run()) for _ in range(iterations)]


def numbered(batch_size, make=lambda n: np.full((2, n + 1), n, "float32")):
    return fn.external_source(lambda i: [make(n + i * batch_size) for n in range(batch_size)], layout="HW")


@pytest.mark.parametrize("options", SCHEDULES)
def test_samples_in_a_given_order(options):
    def define():
        x = numbered(4)
        return fn.permute_batch(x, indices=[2, 2, 0, 3]), fn.permute_batch(x, indices=fn.external_source(lambda: np.int32([3, 2, 1, 0])))

    for i, (constant, per_sample) in enumerate(run(define, 4, 3, **options)):
        assert [a[0, 0] - 4 * i for a in constant] == [2, 2, 0, 3]
        assert [a[0, 0] - 4 * i for a in per_sample] == [3, 2, 1, 0]
        assert [a.shape[1] - 4 * i for a in per_sample] == [4, 3, 2, 1]


@pytest.mark.parametrize("options", SCHEDULES)
def test_permutations_are_uniform_and_the_same_on_every_schedule(options):
    kinds = [{}, dict(no_fixed_points=True), dict(allow_repetitions=True), dict(allow_repetitions=True, no_fixed_points=True)]
    define = lambda: tuple(fn.batch_permutation(seed=k, **kind) for k, kind in enumerate(kinds))
    rounds = run(define, 4, 2400, **options)
    orders = [collections.Counter(tuple(int(a) for a in batch[k]) for batch in rounds) for k in range(4)]
    assert len(orders[0]) == math.factorial(4) and all(sorted(o) == [0, 1, 2, 3] for o in orders[0])
    assert len(orders[1]) == 9 and all(o[i] != i for o in orders[1] for i in range(4))  # derangements of 4
    assert len(orders[2]) > 200
    assert len(orders[3]) == 81 and all(o[i] != i for o in orders[3] for i in range(4))
    for found, possible in ((orders[0], 24), (orders[1], 9), (orders[3], 81)):
        expected = 2400 / possible
        chi2 = sum((n - expected) ** 2 / expected for n in found.values())
        assert chi2 < possible + 6 * math.sqrt(2 * possible)


def test_one_sample_has_nowhere_to_go():
    ((order,),) = run(lambda: fn.batch_permutation(no_fixed_points=True), 1)
    assert order == [0]


def test_mix_up_is_what_numpy_makes_of_it():
    def define():
        x = fn.external_source(lambda i: [np.full((3, 4), 10 * i + n, "float32") for n in range(5)], layout="HW")
        order, share = fn.batch_permutation(), fn.random.beta(alpha=0.4, beta=0.4)
        return x * share + fn.permute_batch(x, indices=order) * (1.0 - share), x, order, share

    for mixed, x, order, share in run(define, 5, 4, num_threads=3):
        for k in range(5):
            assert np.allclose(mixed[k], x[k] * share[k] + x[int(order[k])] * (1 - share[k]), rtol=1e-6)


def test_the_file_of_the_sample_taken_go_along(tmp_path):
    files = [str(tmp_path / f"{n}.npy") for n in range(3)]
    for n, file in enumerate(files):
        np.save(file, np.full((4, 5, 6), n, "int16"))
    pipe = varo.Pipeline(batch_size=3, num_threads=2, device_id=None, seed=1)
    with pipe:
        x = fn.reshape(fn.readers.numpy(files=files), layout="DHW")
        pipe.set_outputs(fn.crop(fn.permute_batch(x, indices=[1, 2, 0]), crop=(2, 2, 2)))
    (out,) = pipe.run()
    assert [t.source_info() for t in out] == [files[k] for k in (1, 2, 0)]
    assert [int(np.array(t)[0, 0, 0]) for t in out] == [1, 2, 0]


@pytest.mark.parametrize("options", SCHEDULES)
def test_the_batch_of_a_branch_is_the_samples_that_take_it(options):
    wanted = np.array([1, 0, 1, 1, 0, 1], "int32")

    def define():
        x = fn.external_source(lambda: [np.full((n + 1,), n, "float32") for n in range(6)])
        condition = fn.external_source(lambda: wanted)
        turned = fn.permute_batch(x, indices=fn.batch_permutation(no_fixed_points=True))
        padded = fn.pad(x, fill_value=-1)
        return fn.flow.merge(condition, turned, x), fn.flow.merge(condition, x, padded)

    ((turned, padded),) = run(define, 6, **options)
    taking = [n for n in range(6) if wanted[n]]
    found = [int(turned[n][0]) for n in taking]
    assert sorted(found) == taking and all(f != n for f, n in zip(found, taking))
    assert all(turned[n][0] == n for n in range(6) if not wanted[n])
    assert [padded[n].shape[0] for n in range(6)] == [1, 5, 3, 4, 5, 6]  # the largest of those padded is number 4's


def test_a_branch_that_no_sample_takes_is_no_batch():
    define = lambda: fn.flow.merge(False, fn.permute_batch(numbered(3), indices=[9, 9, 9]), numbered(3))
    ((x,),) = run(define, 3)
    assert [a[0, 0] for a in x] == [0, 1, 2]


def test_errors_name_the_operator_and_the_index():
    for indices, text in (([0, 1, 5], "5 for sample 2"), ([0, 1], "2 entries")):
        with pytest.raises((varo.IndexOutOfRange, varo.ShapeError), match=text) as caught:
            run(lambda: fn.permute_batch(numbered(3), indices=indices), 3)
        assert "permute_batch" in str(caught.value)


def test_the_other_branch_is_not_even_inferred():
    def define():
        x = fn.external_source(lambda: [np.zeros((n + 1, 4), "float32") for n in range(4)], layout="HW")
        tall = fn.slice(x, start=2, shape=1, axes=[0])  # out of bounds for the first two
        return fn.flow.merge(x.shape()[0] > 2, tall, x)

    ((x,),) = run(define, 4)
    assert [a.shape for a in x] == [(1, 4), (2, 4), (1, 4), (1, 4)]


def test_what_is_wrong_with_a_branch_is_an_error_of_those_who_take_it():
    def define(probability):
        x = numbered(2)
        return fn.flow.merge(fn.random.coin_flip(probability=probability), fn.slice(x, start=7, shape=1, axes=[0]), x)

    run(lambda: define(0), 2)
    with pytest.raises(Exception, match="slice"):
        run(lambda: define(1), 2)


def test_branches_that_differ_are_told_when_the_pipeline_is_built():
    pipe = varo.Pipeline(batch_size=2, num_threads=1, device_id=None)
    with pipe:
        x = fn.random.uniform(shape=[3, 4])
        pipe.set_outputs(fn.flow.merge(fn.random.coin_flip(), x, fn.cast(x, dtype=types.UINT8)))
    with pytest.raises(varo.ArgumentTypeError, match="float32 with 2 axes where the condition is true, uint8"):
        pipe.build()


@pytest.mark.parametrize("other, error, text", [
    (dict(dtype="uint8", layout="HW"), varo.ArgumentTypeError, 'uint8 with 2 axes "HW"'),
    (dict(shape=(2, 3, 4), layout="DHW"), varo.ShapeError, '3 axes "DHW"'),
    (dict(layout="WH"), varo.LayoutError, '"WH"')])
def test_branches_of_fed_data_that_differ_are_told_when_a_batch_takes_both(other, error, text):
    def define(second):
        fed = lambda dtype="float32", shape=(3, 4), layout="": fn.external_source(lambda: [np.ones(shape, dtype)] * 3, layout=layout)
        condition = fn.external_source(lambda: np.int32([1, 1, second]))
        return fn.flow.merge(condition, fed(layout="HW"), fed(**other)) * 2.0

    with pytest.raises(error) as caught:
        run(lambda: define(0), 3)
    assert text in str(caught.value) and "flow.merge" in str(caught.value)
    run(lambda: define(1), 3)


@pytest.mark.parametrize("wide", [False, True])
def test_as_many_blurs_run_as_samples_ask_for_one(wide):
    """Counted by the operators that ran: of batches with a blur, and without."""
    def count(probability, blurs):
        def define():
            x = fn.random.uniform(shape=[8, 8, 8])
            x = fn.reshape(x, layout="DHW")
            y = fn.gaussian_blur(x, sigma=1.0)
            y = fn.permute_batch(y, indices=fn.batch_permutation()) if wide else y
            coin = fn.random.coin_flip(probability=probability, seed=11)
            return fn.flow.merge(coin, y, x) if blurs else fn.flow.merge(coin, x * 2.0, x), coin

        pipe = varo.pipeline_def(define, batch_size=20, num_threads=2, seed=3, prefetch_queue_depth=1, device_id=None)()
        taken = 0
        for _ in range(20):
            pipe.schedule_run()
            _, coins = pipe.outputs()
            taken += sum(int(np.array(c)) for c in coins)
        return pipe.executor_statistics()["nodes_run"], taken

    with_blur, taken = count(0.15, True)
    without, _ = count(0, True)
    assert 20 < taken < 110
    assert with_blur - without == taken
