# SPDX-License-Identifier: Apache-2.0
"""What may be done with a node while a pipeline is being defined, and what raises."""

import numpy as np
import pytest
import torch

import varo
from varo import fn, types


def defining(use):
    @varo.pipeline_def(batch_size=1, num_threads=1)
    def define():
        return use(fn.external_source(lambda: [np.ones((2, 3, 4), "float32")], layout="DHW"))

    return define()


@pytest.mark.parametrize("function", [np.mean, np.flip, np.sum, np.asarray, np.transpose, np.median, torch.as_tensor,
                                      lambda x: np.stack([x, x]), np.sqrt, float, int, bool, len, list])
def test_numpy_and_torch_never_take_a_node_silently(function):
    with pytest.raises(Exception, match="node|DataNode|operand type|not supported"):
        defining(function)


@pytest.mark.parametrize("dtype", [np.float32, np.dtype("float32"), torch.float32, types.FLOAT, "float32"])
def test_element_types_in_every_spelling(dtype):
    image = np.arange(4, dtype="uint8")
    assert np.asarray(fn.cast(image, dtype=dtype)).dtype == np.float32
    out, = defining(lambda x: fn.cast(fn.cast(x, dtype=types.UINT8), dtype=dtype)).run()
    assert out.dtype == types.FLOAT


def test_moving_to_a_gpu_is_said_once():
    varo._device._said = False
    with pytest.warns(UserWarning, match="GPU"):
        defining(lambda x: x.gpu())


def test_a_layout_that_does_not_fit_what_is_fed():
    @varo.pipeline_def(batch_size=1, num_threads=1)
    def define():
        return fn.external_source(lambda: [np.ones((2, 3))], layout="DHW", name="scan")

    with pytest.raises(varo.LayoutError, match="external_source") as caught:
        define().run()
    assert "scan" in str(caught.value) and "DHW" in str(caught.value)


def test_scalars_are_numbers():
    mean = fn.reductions.mean(np.arange(5, dtype="float32"))
    assert float(mean) == 2.0 and int(mean) == 2
