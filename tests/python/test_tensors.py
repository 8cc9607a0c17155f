# SPDX-License-Identifier: Apache-2.0
"""Exchange with NumPy and torch."""

import gc
import weakref

import numpy as np
import pytest
import torch

import varo
from varo import fn, types
from varo.tensors import TensorCPU, TensorListCPU

ALL = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "bool")


@pytest.mark.parametrize("dtype", ALL)
def test_round_trip_through_numpy(dtype):
    a = (np.arange(24) % 2).reshape(2, 3, 4).astype(dtype)
    t = TensorCPU(a, "DHW")
    assert t.shape() == [2, 3, 4] and t.layout() == "DHW" and types.to_numpy_type(t.dtype) == a.dtype.type
    assert np.array_equal(np.asarray(t), a) and np.shares_memory(np.asarray(t), a)
    assert np.array_equal(np.asarray(memoryview(t)), a)
    assert t.__array_interface__["typestr"] == a.dtype.str


@pytest.mark.parametrize("index", [np.s_[::-1], np.s_[:, ::2, ::-2], np.s_[1:, 1:, 1:], np.s_[:0]])
def test_strides_of_all_kinds(index):
    a = np.arange(60, dtype="int16").reshape(3, 4, 5)[index]
    for view in (a, a.T):
        assert np.array_equal(np.asarray(fn.flip(varo.as_tensor(view, "DHW"))), view[:, :, ::-1])


def test_a_byte_order_that_is_not_ours_and_memory_off_its_alignment():
    a = np.arange(6, dtype=">f4").reshape(1, 2, 3)
    assert np.array_equal(np.asarray(varo.as_tensor(a)), a)
    raw = np.zeros(25, "uint8")
    raw[1:] = np.arange(6, dtype="float32").view("uint8")
    assert np.array_equal(np.asarray(varo.as_tensor(raw[1:].view("float32"))), np.arange(6))
    record = np.zeros(4, [("a", "u1"), ("b", "<f4")])
    record["b"] = 7
    assert np.array_equal(np.asarray(varo.as_tensor(record["b"])), [7] * 4)


def test_dlpack_both_ways():
    a = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    t = varo.as_tensor(a)
    back = torch.from_dlpack(t)
    back[0, 0] = 9
    assert a[0, 0] == 9 and t.__dlpack_device__() == (1, 0)

    class OnlyDLPack:
        def __dlpack__(self, stream=None):
            return a.__dlpack__()

        def __dlpack_device__(self):
            return a.__dlpack_device__()

    assert np.array_equal(np.asarray(varo.as_tensor(OnlyDLPack())), a.numpy())


def test_a_dlpack_capsule_that_nobody_takes_is_let_go():
    before = varo.pool_stats().in_use_bytes
    for _ in range(50):
        fn.flip(varo.as_tensor(np.zeros((8, 64, 64), "float32"), "DHW")).__dlpack__()
    gc.collect()
    assert varo.pool_stats().in_use_bytes - before < 1 << 20


def test_what_owns_the_memory():
    a = np.zeros((4, 4, 4))
    alive = weakref.ref(a)
    t = varo.as_tensor(a, "DHW")
    del a
    assert alive() is not None
    view = np.asarray(t)
    del t
    assert alive() is not None and view.sum() == 0
    del view
    gc.collect()
    assert alive() is None


def test_lists():
    @varo.pipeline_def(batch_size=3, num_threads=1)
    def define():
        return fn.external_source(lambda i: [np.full((2, 2), k, "float32") for k in range(3)], layout="HW")

    out, = define().run()
    assert len(out) == 3 and out.shape() == [(2, 2)] * 3 and out.ndim() == 2 and out.is_dense_tensor()
    assert out.as_array().shape == (3, 2, 2) and np.shares_memory(out.as_array(), out.at(1))
    assert np.asarray(out[-1])[0, 0] == 2 and out.layout() == "HW" and out.dtype == types.FLOAT
    assert out.as_reshaped_tensor([6, 2]).shape() == [6, 2]
    with pytest.raises(varo.ShapeError, match="12|7"):
        out.as_reshaped_tensor([7])
    with pytest.raises(IndexError):
        out[3]
    target = np.zeros((3, 2, 2), "float32")
    out.copy_to_external(target.ctypes.data)
    assert np.array_equal(target, out.as_array())


def test_lists_made_by_hand():
    parts = [np.full((2, 3), k) for k in range(3)]
    tensors = TensorListCPU(parts, "HW")
    assert not tensors.is_dense_tensor() and np.array_equal(tensors.as_array(), np.stack(parts))
    many = TensorListCPU.broadcast(varo.as_tensor(parts[1]), 4)
    assert np.array_equal(many.as_array(), np.broadcast_to(parts[1], (4, 2, 3)))
    with pytest.raises(varo.ShapeError):
        TensorListCPU([np.zeros((2, 3)), np.zeros((2, 4))]).as_array()
    with pytest.raises(varo.ShapeError):
        TensorListCPU([np.zeros(2), np.zeros((2, 4))])
    assert TensorListCPU([]).as_array().shape == (0,)


def test_tensor_members():
    t = TensorCPU(np.zeros((1, 3, 1), "float32"), "CHW")
    t.squeeze(0)
    assert t.shape() == [3, 1] and t.layout() == "HW"
    t.squeeze()
    assert t.shape() == [3] and len(t) == 3
    t.set_layout("A")
    assert t.get_property("layout") == "A" and t.source_info() == "" and t.affine is None
    assert t.reinterpret(types.INT32).dtype == types.INT32
    with pytest.raises(varo.ArgumentTypeError):
        t.reinterpret(types.INT64)
    with pytest.raises(varo.LayoutError):
        t.set_layout("AB")
