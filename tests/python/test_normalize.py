# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

import varo
from varo import fn


def run(samples, layout, **options):
    @varo.pipeline_def(batch_size=len(samples), num_threads=2)
    def define():
        return fn.normalize(fn.external_source(lambda: samples, layout=layout), **options)

    pipe = define()
    pipe.build()
    (out,) = pipe.run()
    return [np.asarray(out[i]) for i in range(len(samples))]


@pytest.fixture
def samples():
    rng = np.random.default_rng(3)
    return [rng.normal(50 * k, 1 + k, (5 + k, 6, 7 - k, 2)).astype(np.float32) for k in range(4)]


def test_moments_of_a_batch_are_pooled(samples):
    got = run(samples, "DHWC", batch=True, ddof=1, scale=2.0, shift=1.0)
    pool = np.concatenate([s.ravel() for s in samples]).astype(np.float64)
    for s, out in zip(samples, got):
        np.testing.assert_allclose(out, (s - pool.mean()) / pool.std(ddof=1) * 2 + 1, atol=1e-5)


def test_moments_of_a_batch_per_channel(samples):
    got = run(samples, "DHWC", batch=True, axis_names="DHW", epsilon=0.5)
    pool = np.concatenate([s.reshape(-1, 2) for s in samples]).astype(np.float64)
    for s, out in zip(samples, got):
        np.testing.assert_allclose(out, (s - pool.mean(0)) / np.sqrt(pool.var(0) + 0.5), atol=1e-5)


def test_deviations_of_a_batch_about_a_given_mean(samples):
    got = run(samples, "DHWC", batch=True, mean=7.0)
    pool = np.concatenate([s.ravel() for s in samples]).astype(np.float64)
    for s, out in zip(samples, got):
        np.testing.assert_allclose(out, (s - 7) / np.sqrt(np.mean((pool - 7) ** 2)), atol=1e-5)


def test_samples_of_a_batch_must_agree_along_the_other_axes(samples):
    with pytest.raises(varo.ShapeError, match=r"\[6, 6, 6, 2\] in sample 1.*\n?(.*\n)*.*\[5, 6, 7, 2\]"):
        run(samples, "DHWC", batch=True, axis_names="HWC")


def test_parameters_per_sample(samples):
    @varo.pipeline_def(batch_size=len(samples), num_threads=2)
    def define():
        x = fn.external_source(lambda: samples, layout="DHWC")
        mean = fn.reductions.mean(x, axis_names="DHW", keep_dims=True)
        deviation = fn.reductions.std_dev(x, mean, axis_names="DHW", keep_dims=True)
        return fn.normalize(x, mean=mean, stddev=deviation), fn.normalize(x, axis_names="DHW")

    pipe = define()
    pipe.build()
    given, computed = pipe.run()
    for i, s in enumerate(samples):
        np.testing.assert_allclose(np.asarray(given[i]), np.asarray(computed[i]), atol=1e-5)
        np.testing.assert_allclose(np.asarray(given[i]), (s - s.mean((0, 1, 2))) / s.std((0, 1, 2)), atol=1e-4)
