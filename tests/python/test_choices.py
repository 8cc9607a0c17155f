# SPDX-License-Identifier: Apache-2.0
"""fn.apply, fn.one_of, fn.some_of: functions that some samples go through."""

import numpy as np
import pytest

import varo
from varo import fn, types


def outputs(body, samples=400, **options):
    @varo.pipeline_def(batch_size=samples, num_threads=3, seed=2, **options)
    def define():
        x = fn.external_source(lambda: [np.float32(k + 1) for k in range(samples)])
        y = fn.external_source(lambda: [np.float32(-k - 1) for k in range(samples)])
        return tuple(body(x, y))

    return [o.as_array() for o in define().run()]


NUMBERED = np.arange(1, 401, dtype="float32")


def test_apply_to_several_inputs_by_one_draw():
    a, b = outputs(lambda x, y: fn.apply(0.25, lambda x, y: (x + 1000.0, y - 1000.0), x, y))
    drawn = a > 1000
    assert 60 < drawn.sum() < 140
    np.testing.assert_array_equal(a, NUMBERED + 1000 * drawn)
    np.testing.assert_array_equal(b, -NUMBERED - 1000 * drawn)


def test_apply_with_a_probability_a_sample_and_conditionals_in_the_function():
    def shift(x):
        if x > 200.0:
            return x + 1000.0
        else:
            return x + 2000.0

    a, = outputs(lambda x, y: [fn.apply(fn.cast(x > 100.0, dtype=types.FLOAT), shift, x)], enable_conditionals=True)
    np.testing.assert_array_equal(a, NUMBERED + np.where(NUMBERED > 200, 1000, np.where(NUMBERED > 100, 2000, 0)))


def test_one_of_by_weights():
    a, b = outputs(lambda x, y: fn.one_of([lambda x, y: (x + 1000.0, y), lambda x, y: (x, y), lambda x, y: (x, y - 1000.0)],
                                          x, y, weights=[1, 0, 3]))
    first, third = a > 1000, b < -1000
    assert np.all(first ^ third) and 60 < first.sum() < 140
    np.testing.assert_array_equal(a, NUMBERED + 1000 * first)
    np.testing.assert_array_equal(b, -NUMBERED - 1000 * third)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_some_of_takes_every_subset_equally_often(n):
    functions = [lambda x: x + 1000.0, lambda x: x + 2000.0, lambda x: x + 4000.0]
    a, = outputs(lambda x, y: [fn.some_of(functions, x, n=n)])
    bits = ((a - NUMBERED) / 1000).astype(int)
    kinds, counts = np.unique(bits, return_counts=True)
    assert kinds.tolist() == [b for b in range(8) if bin(b).count("1") == n]
    assert counts.min() > 400 / len(kinds) * 0.7


def test_some_of_a_number_a_sample_and_a_seed():
    functions = [lambda x: x + 1000.0, lambda x: x + 2000.0, lambda x: x + 4000.0]
    a, = outputs(lambda x, y: [fn.some_of(functions, x, n=fn.random.uniform(range=(0, 2), dtype=types.INT32), seed=4)])
    counts = [bin(int(b)).count("1") for b in (a - NUMBERED) / 1000]
    assert set(counts) == {0, 1, 2}


def test_choices_on_arrays():
    x, y = np.ones(3, "float32"), np.zeros(3, "float32")
    flipped = lambda a, b: (a + 1, b - 1)
    for k in range(5):
        a, b = fn.apply(0.5, flipped, x, y, seed=k)
        assert (a[0], b[0]) in ((1, 0), (2, -1))
    assert {float(fn.one_of([lambda x: x * 2, lambda x: x * 3], x, seed=k)[0]) for k in range(20)} == {2, 3}
    assert float(fn.some_of([lambda x: x + 1, lambda x: x * 10], x, n=2)[0]) == 20
    assert fn.apply(0, flipped, x, y)[0] is x


@pytest.mark.parametrize("use, text", [
    (lambda x: fn.apply(1.5, lambda x: x, x), "no probability"),
    (lambda x: fn.apply(0.5, "flip", x), "not a function"),
    (lambda x: fn.apply(0.5, lambda x: x), "an input is missing"),
    (lambda x: fn.apply(1, lambda x, y: x, x, x), "as many values"),
    (lambda x: fn.one_of([], x), "no function"),
    (lambda x: fn.one_of([lambda x: x], x, weights=[-1]), "weights"),
    (lambda x: fn.one_of([lambda x: x], x, weights=[1, 2]), "weights"),
    (lambda x: fn.some_of([lambda x: x], x, n=2), "0 to 1"),
    (lambda x: fn.some_of([lambda x: x], x, n=0.5), "whole number"),
])
def test_wrong_choices(use, text):
    with pytest.raises(varo.VaroError, match=text):
        use(np.ones(3, "float32"))
