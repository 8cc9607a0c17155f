# SPDX-License-Identifier: Apache-2.0
"""What users see of the package: names, what is missing, how things print, tensors at once."""

import collections.abc
import copy

import numpy as np
import pytest
import torch
import torch.utils.dlpack

import varo
from varo import fn, math, ops, types


# --- names -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("module", [fn, fn.readers, fn.random, ops, ops.readers, math])
def test_modules_show_operators_and_nothing_else(module):
    public = [name for name in dir(module) if not name.startswith("_")]
    assert public == sorted(module.__all__) and public
    for name in public:
        value = getattr(module, name)
        inner = getattr(value, "__name__", "").startswith(module.__name__ + ".")
        assert inner or callable(value) and "varo" in value.__module__, name


@pytest.mark.parametrize("module, name, text", [
    (fn, "decoders", "external_source"), (fn, "crop_mirror_normalize", "fn.crop, fn.flip"), (fn.readers, "file", "readers.nifti"),
    (fn, "gausian_blur", "gaussian_blur"), (fn.random, "uniforn", "uniform"), (ops, "CropMirrorNormalize", "fn.crop, fn.flip"),
    (math, "sqr", "sqrt"), (fn, "shapes", r"x.shape\(\)")])
def test_what_is_missing_names_the_way_round(module, name, text):
    with pytest.raises(AttributeError, match=f"module '{module.__name__}' has no attribute '{name}'(.|\n)*{text}"):
        getattr(module, name)
    assert not hasattr(module, name)


def test_ways_round_are_for_operators_that_are_missing():
    from varo._gaps import _WAYS_ROUND

    assert not set(_WAYS_ROUND) & {schema["name"] for schema in varo._core.operators()} - {"python_function"}


def test_members_print_their_names():
    assert str(types.FLOAT) == repr(types.FLOAT) == f"{types.FLOAT}" == "DALIDataType.FLOAT"
    assert str(types.INTERP_NN) == "DALIInterpType.INTERP_NN" and str(types.RGB) == "DALIImageType.RGB"
    assert f"{types.FLOAT:d}" == "%d" % types.FLOAT == "9" and types.FLOAT == 9 and f"{types.BOOL:>20}".strip() == "DALIDataType.BOOL"
    assert copy.deepcopy(types.FLOAT) is types.FLOAT
    assert "DALIDataType.UINT8" in str([varo.as_tensor(np.zeros(1, "uint8")).dtype])
    assert "interp_type=DALIInterpType.INTERP_LINEAR" in str(fn.rotate.__signature__ if hasattr(fn.rotate, "__signature__") else "")


def test_statistics_print_numbers():
    assert "in_use_bytes=" in repr(varo.pool_stats()) and "system_calls=" in repr(varo._core.io_stats())


def test_explain_shows_constants():
    @varo.pipeline_def(batch_size=1, num_threads=1)
    def define():
        x = fn.external_source(lambda: [np.zeros((2, 3, 4), "float32")], layout="DHW")
        x = fn.crop(x, crop=(2, 2, 2), crop_pos_x=fn.random.uniform(range=(0.25, 1)))
        return fn.cast(fn.flip(x, depthwise=1), dtype=types.UINT8) + types.Constant(list(range(100)))[0]

    text = define().explain()
    for part in ("random.uniform(range=[0.25, 1])", "crop_pos_x=%1, crop=[2, 2, 2])", "flip(%2, depthwise=", "dtype=uint8",
                 "idata=[0, 1, 2, 3, 4, 5...]"):
        assert part in text, text


def test_modules_of_dali_that_programs_look_into():
    assert not varo.backend.__cuda_version__ and varo.backend.TensorCPU is varo.TensorCPU


# --- nodes and operators -----------------------------------------------------------------------------

def test_nodes_are_no_iterables():
    node = fn.random.uniform()
    assert not isinstance(node, collections.abc.Iterable)
    with pytest.raises(TypeError, match="not iterable"):
        iter(node)


def test_several_outputs_are_a_list():
    volume = varo.as_tensor(np.zeros((2, 3, 4), "float32"), "DHW")
    assert type(fn.resize(volume, size=(2, 2, 2), save_attrs=True)) is list
    out = varo.Pipeline(batch_size=1, num_threads=1)
    with out:
        assert type(fn.resize(volume, size=(2, 2, 2), save_attrs=True)) is list


def test_device_of_an_operator():
    assert (ops.Flip().device, ops.Flip(device="gpu").device, ops.readers.Numpy(device="cpu").device) == ("cpu", "gpu", "cpu")


@pytest.mark.parametrize("seed", [None, -1, -7])
def test_a_negative_seed_of_an_operator_is_drawn(seed):
    @varo.pipeline_def(batch_size=4, num_threads=1, seed=5)
    def define():
        x = [fn.external_source(lambda: [np.zeros(2, "float32")] * 4) for _ in range(2)]
        return [fn.random.uniform(seed=seed), fn.random.uniform(seed=seed), *fn.noise.gaussian(x, seed=seed)]

    a, b, c, d = (o.as_array() for o in define().run())
    assert not np.array_equal(a, b) and np.array_equal(c, d)
    assert np.array_equal(define().run()[0].as_array(), a), "it follows from the pipeline's"
    zeros = np.zeros(8, "float32")
    assert not np.array_equal(fn.noise.gaussian(zeros, seed=seed), fn.noise.gaussian(zeros, seed=seed))


def test_options_are_checked_at_the_call():
    @varo.pipeline_def(batch=2)
    def unknown():
        return 1

    @varo.pipeline_def(batch_size=1, num_threads=1)
    def keywords(**more):
        return 1

    with pytest.raises(TypeError, match="pipeline_def: unknown argument batch"):
        unknown()
    with pytest.raises(TypeError, match=r"keywords cannot take \*\*more"):
        keywords()


# --- tensors at once ---------------------------------------------------------------------------------

A = np.arange(12, dtype="float32").reshape(3, 4)


def test_arithmetic_comparison_and_indexing_of_tensors():
    a, k = varo.as_tensor(A, "HW"), varo.as_tensor(A.astype("int32"), "HW")
    for got, want in [(a + 1, A + 1), (2 - a, 2 - A), (a * a, A * A), (a / 2, A / 2), (k // 3, A.astype(int) // 3), (a ** 2, A ** 2),
                      (a > 3, A > 3), (a == 3, A == 3), (3 != a, A != 3), (k & 3, A.astype(int) & 3), (-a, -A), (+a, A),
                      (a[1], A[1]), (a[1:, 2], A[1:, 2]), (a[-1, ::2], A[-1, ::2]), (a[:, 1:3] <= a[:, 0:2], A[:, 1:3] <= A[:, 0:2])]:
        assert isinstance(got, varo.TensorCPU)
        np.testing.assert_array_equal(np.asarray(got), want)
    assert (a + 1).layout() == "HW" and a[0].layout() == "W" and (a > 3).dtype == types.BOOL
    assert {a: 1}[a] == 1  # a hash by identity, as nodes have
    with pytest.raises(IndexError):
        a[3]


def test_tensors_mix_with_nodes_and_arrays():
    a = varo.as_tensor(A, "HW")
    node = fn.random.uniform(range=(1, 2), seed=1)
    assert isinstance(a * node, varo.DataNode) and isinstance(node * a, varo.DataNode)
    np.testing.assert_array_equal(np.asarray(A + a), A + A)
    np.testing.assert_array_equal(np.asarray(a + A), A + A)


def test_truth_of_tensors():
    assert varo.as_tensor(np.ones((1, 1))) and not varo.as_tensor(np.float32(0)) and bool(varo.as_tensor(A)[0, 1] == 1)
    for many in (A, np.zeros(0)):
        with pytest.raises(ValueError, match="no truth value"):
            bool(varo.as_tensor(many))


def test_squeeze_and_reinterpret_act_in_place():
    t = varo.as_tensor(np.zeros((1, 3, 1), "float32"), "DHW")
    assert t.squeeze(1) is False and t.shape() == [1, 3, 1]
    assert t.squeeze(-1) is True and t.shape() == [1, 3] and t.layout() == "DH"
    assert t.squeeze() is True and t.shape() == [3] and t.squeeze() is False
    assert t.reinterpret(types.INT32) is t and t.dtype == types.INT32
    with pytest.raises(TypeError):
        t.reinterpret(types.UINT8)
    assert t.dtype == types.INT32


def test_constructors_take_capsules():
    numbers = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    one = varo.TensorCPU(torch.utils.dlpack.to_dlpack(numbers), "HW")
    assert one.layout() == "HW" and np.asarray(one).tolist() == numbers.tolist()
    many = varo.TensorListCPU(torch.utils.dlpack.to_dlpack(numbers), "W")
    assert len(many) == 2 and many[1].layout() == "W" and np.asarray(many[1]).tolist() == [3, 4, 5]
    numbers[1, 0] = 9
    assert float(many[1][0]) == 9, "without a copy"


def test_tensors_in_torch():
    t = varo.as_tensor(A, "HW")
    assert torch.equal(torch.from_dlpack(t), torch.from_numpy(A))
    with pytest.raises(TypeError, match="torch.from_dlpack"):
        torch.as_tensor(t)


def test_constants_can_be_indexed():
    table = types.Constant(np.arange(4, dtype="float32"))
    assert float(table[2]) == 2

    @varo.pipeline_def(batch_size=1, num_threads=1)
    def define():
        return table[2] + types.Constant([5.0, 6.0])[1]

    assert float(define().run()[0][0]) == 8
