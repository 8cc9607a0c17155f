# SPDX-License-Identifier: Apache-2.0
"""Devices: where operators and memory are said to be, while everything runs on the CPU."""

import subprocess
import sys
import warnings

import numpy as np
import pytest

import varo
from varo import fn, types
from varo.tensors import TensorCPU, TensorListCPU

CPU, CUDA, PINNED, MANAGED = 1, 2, 3, 13


def defining(function, **options):
    pipe = varo.Pipeline(batch_size=2, num_threads=1, **options)
    with pipe, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipe.set_outputs(function(fn.constant(fdata=[1.0, 2.0], shape=[2])))
    return pipe


# --- operators ------------------------------------------------------------------------------------

def test_a_node_knows_where_its_value_is():
    def graph(x):
        assert x.device == "cpu" and x.cpu() is x
        there = x.gpu()
        assert there.device == "gpu" and there.gpu() is there and there.name == x.name and there.cpu().device == "cpu"
        doubled = there * 2.0
        assert doubled.device == "gpu" and (doubled.cpu() + 1.0).device == "cpu"
        assert fn.cast(x, dtype=types.INT32, device="gpu").device == fn.cast(x, dtype=types.INT32, device="mixed").device == "gpu"
        assert fn.cast(there, dtype=types.INT32, device="cpu").device == "cpu"
        assert there.shape().device == "cpu" and there.shape(device="gpu").device == "gpu"
        assert types.Constant([1, 2], device="gpu").device == "gpu"
        return doubled

    pipe = defining(graph)
    assert np.array_equal(pipe.run()[0].as_array(), [[2, 4], [2, 4]])


def test_explain_tells_the_devices_and_that_there_is_no_back_end():
    text = defining(lambda x: fn.cast(x.gpu(), dtype=types.INT32)).explain()
    declared, runs = text.split("rewrites applied")
    assert "gpu   cast(%0 on gpu, dtype=int32)" in declared and "declared for the GPU: 2 nodes" in declared
    assert "cpu   cast(%0, dtype=int32)" in runs and "on gpu" not in runs and "gpu  " not in runs
    plain = defining(lambda x: fn.cast(x, dtype=types.INT32)).explain()
    assert "declared for the GPU" not in plain


@pytest.mark.parametrize("device", ["tpu", "GPU", "cuda:0"])
def test_unknown_devices_are_told_what_is_allowed(device):
    for call in (lambda: defining(lambda x: fn.cast(x, dtype=types.INT32, device=device)),
                 lambda: fn.cast(np.ones(3, "float32"), dtype=types.INT32, device=device)):
        with pytest.raises(varo.ParamError, match="cast") as caught:
            call()
        assert device in str(caught.value) and '"cpu", "gpu" or "mixed"' in str(caught.value)
    with pytest.raises(varo.ArgumentTypeError, match="device"):
        defining(lambda x: fn.cast(x, dtype=types.INT32, device=0))


SAYS_ONCE = """
import warnings, numpy as np, varo
from varo import fn, types
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    {first}
    pipe = varo.Pipeline(batch_size=1, num_threads=1, device_id=0)
    with pipe:
        x = fn.constant(fdata=1.0, device="gpu").gpu()
        pipe.set_outputs(fn.cast(x, dtype=types.INT32, device="mixed"))
    pipe.run()
print(len(caught), caught[0].filename, caught[0].lineno, pipe.device_id)
"""


@pytest.mark.parametrize("first", ["pass", 'fn.cast(np.ones(3), dtype=types.INT32, device="gpu")'])
def test_that_there_is_no_back_end_is_said_once_and_about_the_users_line(first):
    result = subprocess.run([sys.executable, "-c", SAYS_ONCE.format(first=first)], capture_output=True, text=True)
    assert result.stdout.split() == ["1", "<string>", "9" if first == "pass" else "6", "0"], result.stderr


# --- memory ---------------------------------------------------------------------------------------

class Elsewhere:
    """Says that its memory is on another device."""

    def __init__(self, device, array=None):
        self.device, self.array = device, array

    def __dlpack__(self, **_):
        assert self.array is not None, "asked for memory that nobody here can read"
        return self.array.__dlpack__()

    def __dlpack_device__(self):
        return self.device


@pytest.mark.parametrize("device, said", [((CUDA, 1), "CUDA device 1"), ((MANAGED, 0), "managed"), ((10, 0), "type 10")])
def test_memory_of_a_device_is_refused(device, said):
    for take in (varo.as_tensor, TensorCPU, lambda a: fn.flip(a), lambda a: TensorListCPU([a])):
        with pytest.raises(varo.DeviceError, match=said) as caught:
            take(Elsewhere(device))
        assert isinstance(caught.value, BufferError) and "CPU" in str(caught.value)


def test_a_device_is_refused_where_data_comes_from_outside():
    pipe = varo.Pipeline(batch_size=1, num_threads=1)
    with pipe:
        pipe.set_outputs(fn.external_source(lambda: [Elsewhere((CUDA, 0))]))
    with pytest.raises(varo.DeviceError, match="CUDA device 0"):
        pipe.run()


def cuda_capsule():
    """A capsule of an array, patched to say that it lies on CUDA device 2; and what patches it back."""
    import ctypes

    array = np.arange(6, dtype="float32")
    capsule = array.__dlpack__()
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    device = (ctypes.c_int32 * 2).from_address(pointer(capsule, b"dltensor") + 8)
    device[:] = [CUDA, 2]
    return capsule, device


def test_capsules():
    array = np.arange(6, dtype="int16").reshape(2, 3)
    capsule = array.__dlpack__()
    t = varo.as_tensor(capsule, "HW")
    assert np.shares_memory(np.asarray(t), array) and t.layout() == "HW" and t.device == "cpu"
    with pytest.raises(varo.ArgumentTypeError, match="capsule"):
        varo.as_tensor(capsule)
    strided = varo.as_tensor(array[:, ::2].__dlpack__())
    assert np.array_equal(np.asarray(strided), array[:, ::2])

    capsule, device = cuda_capsule()
    with pytest.raises(varo.DeviceError, match="CUDA device 2"):
        varo.as_tensor(capsule)
    device[:] = [PINNED, 0]
    t = varo.as_tensor(capsule)  # a capsule that was refused was not taken
    assert t.is_pinned() and t.__dlpack_device__() == (PINNED, 0) and np.array_equal(np.asarray(t), np.arange(6))


def test_what_dlpack_is_asked_for():
    array = np.arange(4, dtype="float32")
    t = varo.as_tensor(array)
    assert t.device == "cpu" and not t.is_pinned() and TensorListCPU([array]).device == "cpu"
    same = dict(stream=[None, -1], max_version=[None, (0, 8), (1, 0)], dl_device=[None, (CPU, 0)], copy=[None, False])
    for name, values in same.items():
        for value in values:
            assert np.shares_memory(np.asarray(varo.as_tensor(t.__dlpack__(**{name: value}))), array)
    copied = np.asarray(varo.as_tensor(t.__dlpack__(copy=True)))
    assert np.array_equal(copied, array) and not np.shares_memory(copied, array)
    for wrong in (dict(stream=1), dict(stream=0), dict(dl_device=(CUDA, 0)), dict(dl_device=(PINNED, 0))):
        with pytest.raises(varo.DeviceError):
            t.__dlpack__(**wrong)
    with pytest.raises(TypeError, match="colour"):
        t.__dlpack__(colour=1)


def test_pinned_memory_is_the_cpus_too():
    array = np.arange(4, dtype="float32")
    t = TensorCPU(array, is_pinned=True)
    assert t.is_pinned() and t.device == "cpu" and t.__dlpack_device__() == (PINNED, 0)
    assert varo.as_tensor(t.__dlpack__()).is_pinned() and not varo.as_tensor(t.__dlpack__(dl_device=(CPU, 0))).is_pinned()
    assert not varo.as_tensor(t.__dlpack__(copy=True)).is_pinned()
    assert np.shares_memory(np.asarray(t), array)
    assert np.array_equal(np.asarray(fn.cast(t, dtype=types.INT32)), array)
