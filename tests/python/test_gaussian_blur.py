# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import varo
from varo import fn

VIDEO = np.random.default_rng(1).random((3, 12, 14, 2), np.float32)


def blurred(sigma, layout, data=VIDEO):
    @varo.pipeline_def(batch_size=1, num_threads=1)
    def define():
        x = fn.external_source(lambda: [data], layout="FHWC")
        s = fn.external_source(lambda: [np.asarray(sigma, np.float32)], layout=layout)
        return fn.gaussian_blur(x, sigma=s)

    pipe = define()
    pipe.build()
    return np.asarray(pipe.run()[0][0])


def reference(frame, sigma):
    return gaussian_filter(frame.astype(np.float64), (*np.broadcast_to(sigma, 2), 0), mode="mirror", truncate=3.0)


@pytest.mark.parametrize("sigma, layout", [(1.0, ""), ([1.0], ""), ([1.0, 2.0], "")])
def test_sigma_per_sample(sigma, layout):
    got = blurred(sigma, layout)
    for frame, out in zip(VIDEO, got):
        np.testing.assert_allclose(out, reference(frame, np.ravel(sigma)), atol=1e-5)


@pytest.mark.parametrize("sigma, layout", [([1.0, 2.0, 3.0], "F"), ([[1.0, 2.0], [2.0, 1.0], [3.0, 1.0]], "FA")])
def test_sigma_per_frame(sigma, layout):
    got = blurred(sigma, layout)
    for frame, out, s in zip(VIDEO, got, sigma):
        np.testing.assert_allclose(out, reference(frame, s), atol=1e-5)


def test_another_number_of_frames():
    with pytest.raises(varo.ShapeError, match=r"2 frames(.*\n)*.*3"):
        blurred([1.0, 2.0], "F")
