# SPDX-License-Identifier: Apache-2.0
"""Outputs that are views of something: it is computed in the batch, and not copied there."""

import numpy as np
import pytest

import varo
from varo import fn, types


def run(define, **options):
    pipe = varo.pipeline_def(define, batch_size=2, num_threads=2, seed=4, **options)()
    pipe.schedule_run()  # one batch, so that nothing is under way when copies are counted
    arrays = [np.array(t) for out in pipe.outputs() for t in out]
    statistics = pipe.executor_statistics()
    return arrays, statistics["copies"] / statistics["samples"]


def volume(shape=(5, 6, 7)):
    values = np.random.default_rng(2).normal(size=shape).astype("float32")
    return fn.external_source(lambda: [values, values + 1], layout="DHW")


def blurred():
    return fn.gaussian_blur(volume(), sigma=0.9)


@pytest.mark.parametrize("define, copies", [
    (lambda: fn.flip(volume() * 2.0, horizontal=1, vertical=1, depthwise=1), 0),
    (lambda: fn.flip(blurred(), horizontal=0, vertical=1, depthwise=1), 0),
    (lambda: fn.reshape(blurred(), shape=[1, 30, 7]), 0),
    (lambda: fn.select(fn.random.coin_flip(probability=1.0, dtype=types.BOOL), fn.flip(volume() + 1.0), blurred()), 0),
    (lambda: fn.cat(volume() + 1.0, fn.flip(volume() * 3.0, vertical=1), blurred()), 0),
    (lambda: fn.flip(fn.stack(blurred(), volume() + 2.0), vertical=1, horizontal=0), 0),
    (lambda: fn.expand_dims(fn.squeeze(fn.reshape(blurred(), shape=[1, 5, 6, 7]), axes=0), axes=2), 0),
    # A blur does not write rows backwards or across.
    (lambda: fn.flip(blurred(), horizontal=1), 1),
    (lambda: fn.transpose(blurred(), perm=[2, 1, 0]), 1),
    # Part of a value, a value in two places, a value of somebody else.
    (lambda: blurred()[1:3], 1),
    (lambda: (lambda x: fn.cat(x, x))(blurred()), 1),
    (lambda: (lambda x: (x, fn.flip(x, vertical=1, horizontal=0)))(blurred()), 1),
    (lambda: fn.flip(volume()), 1),
])
def test_same_values_fewer_copies(define, copies):
    placed, counted = run(define)
    plain, _ = run(define, without_rewrites=["placement"], schedule="serial")
    assert all(np.array_equal(a, b) for a, b in zip(placed, plain, strict=True))
    assert counted == copies


@pytest.mark.parametrize("define", [
    lambda: fn.transpose(fn.resize(volume((21, 18, 37)), size=[19, 25, 30]), perm=[1, 0, 2]),
    lambda: (lambda y: (fn.flip(y), fn.resize(y, size=[19, 25, 30])))(fn.cast(volume((21, 18, 37)) * 2.0 + 1.0,
                                                                            dtype=types.FLOAT)),
    lambda: (lambda y: (y, fn.resize(y, size=[19, 25, 30])))(fn.flip(volume((21, 18, 37)) * 2.0)),
    lambda: (lambda y: (fn.cat(fn.flip(y), y), fn.resize(fn.flip(y), size=40)))(volume((40, 40, 40)) + 1.0),
    lambda: fn.flip(fn.resize(volume((21, 18, 37)), size=[19, 25, 30]), horizontal=0, vertical=1, depthwise=1),
])
def test_sums_in_the_order_of_memory_keep_their_bits(define):
    for a, b in zip(run(define)[0], run(define, without_rewrites=["placement"])[0], strict=True):
        assert a.tobytes() == b.tobytes()


def test_a_view_that_is_none_for_the_placed_value():
    """Flipped rows cannot be joined in place: the reshape copies, and the flipped value stays whole for the other."""

    def define():
        x = fn.flip(volume() * 2.0, horizontal=0, depthwise=1)
        return fn.reshape(x, shape=[30, 7]), x, fn.reductions.sum(x)

    for a, b in zip(run(define)[0], run(define, without_rewrites=["placement"])[0], strict=True):
        assert np.array_equal(a, b)


def test_the_line_of_an_error_in_a_placed_value():
    def define():
        x = fn.brightness(volume(), brightness=fn.external_source(lambda: [np.zeros((2, 2), "float32")] * 2))  # here
        return fn.flip(fn.cat(x, x))

    with pytest.raises(varo.ShapeError, match="brightness.*\n(.*\n)*.*here"):
        run(define)


@pytest.mark.parametrize("how", [
    lambda x: fn.flip(x * 2.0, horizontal=1),
    lambda x: fn.flip(x + 1.0, horizontal=0, depthwise=1),
    lambda x: x - 3.0,
    lambda x: fn.flip(x, vertical=1),
    lambda x: fn.cast(fn.flip(x * 9.0), dtype=types.INT16),
    lambda x: x[:, 1:] * 2.0,
    lambda x: fn.flip(x[:, :, :-5] * 2.0),
    lambda x: (lambda y: fn.cat(y, fn.flip(y), x * fn.reductions.mean(y)))(x + 1.0),
])
def test_batches_larger_than_caches(how):
    """What is written past the caches is what is written through them."""
    values = np.random.default_rng(2).normal(size=(280, 130, 128)).astype("float32")

    def define():
        return how(fn.external_source(lambda: [values, values + 1], layout="DHW"))

    large = run(define)[0]
    assert sum(a.nbytes for a in large) > 2**24
    for a, b in zip(large, run(define, without_rewrites=["placement", "fusion"])[0], strict=True):
        assert a.tobytes() == b.tobytes()
