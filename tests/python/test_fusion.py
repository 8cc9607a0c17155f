# SPDX-License-Identifier: Apache-2.0
"""Chains of pointwise operators in one pass: the bytes of the unrewritten graph, in fewer passes."""

import graphs
import numpy as np
import pytest

import varo
from varo import fn, math, types

PLAIN = dict(schedule="serial", num_threads=1, without_rewrites=["fusion", "branches", "placement"])


def run(define, batches=2, **options):
    """Bytes, dtypes and layouts of all outputs, and how many operators ran."""
    options = {"num_threads": 2, **options}
    pipe = varo.pipeline_def(define, batch_size=3, seed=6, **options)()
    result = []
    for _ in range(batches):
        pipe.schedule_run()
        for out in pipe.outputs():
            result.append(([np.asarray(t).tobytes() for t in out], out.shape(), out.dtype, out.layout()))
    return result, pipe.executor_statistics()["nodes_run"]


def volume(dtype="float32", shape=(5, 6, 7)):
    rng = np.random.default_rng(1)
    return fn.external_source(lambda: [(rng.normal(size=shape) * 30).astype(dtype) for _ in range(3)], layout="DHW")


def test_a_chain_is_one_pass():
    def define():
        x = volume("int16")
        x = fn.cast(x, dtype=types.FLOAT) * 1.5 - 3.0
        x = fn.noise.gaussian(x, stddev=0.5)
        x = math.clamp(fn.brightness(x, brightness=1.25), -20.0, 20.0)
        return fn.contrast(x, contrast=0.8)

    fused, passes = run(define)
    plain, all_passes = run(define, **PLAIN)
    assert fused == plain
    assert all_passes - passes == 6 * 6, "seven operators in one pass, for each of six samples"


def test_metadata_goes_through_a_chain(tmp_path):
    import nibabel as nib

    affine = np.diag([1.0, 2.0, 3.0, 1.0])
    nib.save(nib.Nifti1Image(np.ones((4, 5, 6), "int16"), affine), tmp_path / "a.nii")

    @varo.pipeline_def(batch_size=1, num_threads=1)
    def define():
        x = fn.readers.nifti(files=[str(tmp_path / "a.nii")])
        return fn.cast(1.0 + x * 2.0, dtype=types.INT16)

    tensor = define().run()[0][0]
    assert np.array_equal(tensor.affine, affine) and tensor.source_info().endswith("a.nii")
    assert np.all(np.asarray(tensor) == 3)


def test_errors_in_a_chain_name_their_own_line():
    def define():
        x = volume() + 1.0
        x = fn.brightness(x, brightness=fn.external_source(lambda: [np.zeros((2, 2), "float32")] * 3))  # this line
        return x * 2.0

    with pytest.raises(varo.ShapeError) as caught:
        run(define)
    assert "brightness" in str(caught.value) and "this line" in str(caught.value)


def test_values_that_others_read_are_kept():
    def define():
        x = volume() * 2.0
        y = x + 1.0
        z = y * 3.0
        return y, z, fn.gaussian_blur(x, sigma=1.0) + x, x

    assert run(define)[0] == run(define, **PLAIN)[0]


def test_a_value_viewed_and_then_wanted_dense():
    def define():
        x = fn.transpose(volume(), perm=[2, 0, 1])
        return x + fn.gaussian_blur(x, sigma=1.0) * 2.0 - fn.reductions.mean(x)

    assert run(define)[0] == run(define, **PLAIN)[0]


def spread_kept(x):
    """What needs no more than a mean is reduced in the pass that reads x, of which there are two."""
    mean = fn.reductions.mean(x)
    deviation, largest = fn.reductions.std_dev(x, mean), fn.reductions.max(x)
    y = math.sqrt(math.abs(x - fn.reductions.min(x))) + x
    changed = fn.reductions.mean(y)
    return (y - changed) * (deviation / fn.reductions.std_dev(y, changed, ddof=1)) + math.min(x, largest - 1.0)


@pytest.mark.parametrize("shape", [(9, 23, 20), (33, 50, 41)])
@pytest.mark.parametrize("write", [
    lambda x: x - fn.reductions.mean(x),
    lambda x: (x - fn.reductions.min(x)) / (fn.reductions.max(x) - fn.reductions.min(x)) + fn.reductions.sum(x),
    lambda x: fn.reductions.mean(x),
    lambda x: (lambda m: (x - m) / fn.reductions.std_dev(x, m) + fn.reductions.max(x, axes=0))(fn.reductions.mean(x)),
    lambda x: fn.cast(fn.reductions.max(x), dtype=types.INT32) + fn.cast(fn.reductions.min(x), dtype=types.INT32),
    lambda x: fn.select(fn.random.coin_flip(dtype=types.BOOL), x * fn.reductions.rms(x), x + fn.reductions.min(x)),
    spread_kept,
    lambda x: spread_kept(fn.flip(x, vertical=1)),
    lambda x: fn.flip(spread_kept(x), horizontal=1, depthwise=1),
    lambda x: fn.cat(spread_kept(x), x * fn.reductions.variance(x, 0.25), axis=1),
], ids=["mean", "range", "alone", "moments", "two of an integer", "a branch", "spread", "spread of a view",
        "spread in a view", "spread in a part"])
@pytest.mark.parametrize("make", [
    lambda x: x * 1.5 + 2.0,  # reduced in the pass that makes it
    lambda x: fn.gaussian_blur(x, sigma=0.7),  # in one pass of their own
    lambda x: fn.flip(x, horizontal=1),  # not row-major
], ids=["pointwise", "other", "view"])
def test_reductions_in_the_pass_of_another(shape, write, make):
    def define():
        return write(make(fn.cast(volume(shape=shape), dtype=types.FLOAT)))

    oracle, _ = run(define, **PLAIN)
    for options in ({}, {"num_threads": 1}, {"without_rewrites": ["placement"]}):
        assert run(define, **options)[0] == oracle


def test_a_reduction_of_a_branch_not_taken_is_left_out():
    def passes(probability):
        def define():
            x = volume(shape=(20, 21, 22)) * 2.0
            taken = math.clamp(x * 1.2, fn.reductions.min(x), fn.reductions.max(x))
            return fn.select(fn.random.coin_flip(probability=probability, dtype=types.BOOL), taken, x)

        return run(define)[1]

    samples = 6
    assert passes(0.0) == 2 * samples, "the coin and the product"
    assert passes(1.0) == 5 * samples


@pytest.mark.parametrize("make", [lambda x: x, lambda x: fn.gaussian_blur(x, sigma=0.7)], ids=["fed", "made"])
@pytest.mark.parametrize("kept", [lambda x: x, lambda x: x * fn.reductions.min(x)], ids=["itself", "another"])
def test_a_reduction_that_only_a_shape_is_taken_of(make, kept):
    def define():
        x = make(volume(shape=(20, 21, 22)))
        return x + fn.random.normal(x * fn.reductions.max(x)), kept(x)

    oracle, _ = run(define, **PLAIN)
    for options in ({}, {"num_threads": 1}, {"schedule": "serial"}):
        assert run(define, **options)[0] == oracle


@pytest.mark.parametrize("seed", range(90))
def test_random_graphs(seed):
    graph = graphs.random_graph(graphs.Seeded(seed), graphs.POINTWISE)
    graphs.check(graph, seed)
    fused, plain = graphs.outputs(graph, prefetch_queue_depth=1), graphs.outputs(graph, **graphs.PLAIN)
    assert fused.nodes_run <= plain.nodes_run
