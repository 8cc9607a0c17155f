# SPDX-License-Identifier: Apache-2.0
"""c * a + (c ^ True) * b, as pipelines for DALI write it: one branch a sample, and its values. Values are compared,
no bytes: the sum makes 0.0 of -0.0."""

import numpy as np
import pytest

import varo
from varo import fn, types

VOLUME = np.random.default_rng(0).normal(size=(6, 7, 8)).astype("float32")


def build(expression, volume=VOLUME, **options):
    """A pipeline of 8 samples; expression(coin, a, b) with a blurred and b plain."""

    @varo.pipeline_def(batch_size=8, num_threads=2, seed=4, **options)
    def define():
        b = fn.external_source(lambda: [volume] * 8, layout="DHW")
        return expression(b)

    return define()


def coin(dtype=types.BOOL):
    return fn.random.coin_flip(probability=0.5, dtype=dtype, seed=9)


def blurred(b):
    return fn.gaussian_blur(b, sigma=1.0)


def with_xor(dtype):
    def expression(b):
        c = coin(dtype)
        return c * blurred(b) + (c ^ True) * b
    return expression


def with_minus(dtype):
    def expression(b):
        c = coin(dtype)
        return (1 - c) * b + blurred(b) * c
    return expression


def with_comparison(b):
    c = fn.random.uniform(range=(0, 1), seed=3) < 0.4
    return blurred(b) * c + b * (True ^ c)


def with_both(b):
    c = coin() & (fn.random.uniform(range=(0, 1), seed=3) < 0.7)
    return c * blurred(b) + (c ^ True) * b


REWRITTEN = {"xor bool": with_xor(types.BOOL), "xor int": with_xor(types.INT32), "minus int": with_minus(types.INT32),
             "minus u8": with_minus(types.UINT8), "comparison": with_comparison, "and": with_both}


@pytest.mark.parametrize("name", REWRITTEN)
@pytest.mark.parametrize("dtype", ["float32", "uint8", "int16"])
def test_same_result_and_half_the_work(name, dtype):
    volume = (VOLUME * 40).astype(dtype)
    results, runs = [], []
    for options in ({}, {"without_rewrites": ["branches"]}):
        pipe = build(REWRITTEN[name], volume, **options)
        assert ("arithmetic.blend" in pipe.explain()) == (not options)
        pipe.schedule_run()
        out, = pipe.outputs()
        results.append((out.as_array(), out.dtype, out.layout()))
        runs.append(pipe.executor_statistics()["nodes_run"])
    assert np.array_equal(results[0][0], results[1][0]) and results[0][1:] == results[1][1:]
    assert runs[0] < runs[1]


def not_a_coin(b):
    c = fn.random.uniform(range=(0, 1))
    return c * blurred(b) + (1 - c) * b


def a_mask(b):
    c = b > 0
    return c * blurred(b) + (c ^ True) * b


def two_coins(b):
    return coin() * blurred(b) + (fn.random.coin_flip(dtype=types.BOOL, seed=1) ^ True) * b


def many_coins(b):
    c = fn.random.coin_flip(dtype=types.BOOL, shape=[8])
    return c * blurred(b) + (c ^ True) * b


def minus_two(b):
    c = coin(types.INT32)
    return c * blurred(b) + (2 - c) * b


@pytest.mark.parametrize("expression", [not_a_coin, a_mask, two_coins, many_coins, minus_two])
def test_what_must_stay_arithmetic(expression):
    pipe = build(expression)
    assert "arithmetic.blend" not in pipe.explain()
    pipe.run()


def test_nothing_leaks_from_the_branch_not_taken():
    nan = np.full((2, 2), np.nan, "float32")

    @varo.pipeline_def(batch_size=1, num_threads=1)
    def define():
        c = fn.random.coin_flip(probability=1.0, dtype=types.BOOL)
        one, poison = fn.external_source(lambda: [np.ones((2, 2), "float32")]), fn.external_source(lambda: [nan])
        return c * one + (c ^ True) * poison

    assert np.array_equal(define().run()[0].as_array()[0], np.ones((2, 2)))
    assert np.isnan(define(without_rewrites=["branches"]).run()[0].as_array()).all()


def test_the_branch_taken_is_left_as_it_is():
    def taken(value, dtype, condition, other="float32", **options):
        @varo.pipeline_def(batch_size=1, num_threads=1, **options)
        def define():
            c = fn.random.coin_flip(probability=1.0, dtype=condition)
            a, b = fn.external_source(lambda: [np.array([value], dtype)]), fn.external_source(lambda: [np.ones(1, other)])
            return c * a + (c ^ True) * b

        return np.asarray(define().run()[0][0])[0]

    plain = dict(without_rewrites=["branches"])
    assert np.signbit(taken(-0.0, "float32", types.BOOL)) and not np.signbit(taken(-0.0, "float32", types.BOOL, **plain))
    assert taken(2**64 - 1, "uint64", types.INT32) == np.float32(2**64)
    assert taken(2**64 - 1, "uint64", types.INT32, **plain) == np.float32(2**63)


def test_bools_stay_an_error():
    def expression(b):
        c = coin()
        return c * (b > 0) + (c ^ True) * (b < 0)

    for options in ({}, {"without_rewrites": ["branches"]}):
        with pytest.raises(varo.ArgumentTypeError, match="bool"):
            build(expression, **options).run()


def test_unknown_rewrites():
    with pytest.raises(varo.ParamError, match="magic"):
        build(with_comparison, without_rewrites=["magic"])
