# SPDX-License-Identifier: Apache-2.0
"""What may be done with a node while a pipeline is being defined, and what raises."""

import subprocess
import sys

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


# --- operators of Python that nodes have -------------------------------------------------------------------------

def result(use):
    return np.asarray(defining(use).run()[0][0])


def test_bits_remainders_and_sizes_of_nodes():
    values = np.arange(24, dtype="int32").reshape(2, 3, 4) - 12
    node = lambda x: fn.cast(x, dtype=types.INT32) * values
    for use, wanted in ((lambda x: node(x) % 5, values % 5), (lambda x: 7 % (node(x) * 2 + 1), 7 % (values * 2 + 1)),
                        (lambda x: node(x) << 3, values << 3), (lambda x: node(x) >> 2, values >> 2),
                        (lambda x: 1 << (node(x) + 12), np.int32(1) << (values + 12)), (lambda x: -100 >> (node(x) + 12), -100 >> (values + 12)),
                        (lambda x: ~node(x), ~values), (lambda x: abs(node(x)), abs(values)), (lambda x: +node(x), values),
                        (lambda x: ~(node(x) > 0), ~(values > 0)), (lambda x: +(node(x) > 0), values > 0)):
        got = result(use)
        assert got.dtype == wanted.dtype and np.array_equal(got, wanted)


@pytest.mark.parametrize("use", [lambda x: x % 2, lambda x: x << 1, lambda x: x >> 1, lambda x: ~x])
def test_floats_have_no_bits(use):
    with pytest.raises(varo.ArgumentTypeError, match="integers"):
        result(use)


@pytest.mark.parametrize("use", [lambda x: [x] + x, lambda x: x + (x, x), lambda x: [x, x] * x, lambda x: [x] == x])
def test_a_list_of_nodes_is_no_operand(use):
    with pytest.raises(TypeError, match="of nodes is no operand"):
        defining(use)


def test_parts_of_a_constant():
    array = np.arange(6, dtype="int32").reshape(2, 3)
    outside = types.Constant(array)
    assert np.array_equal(np.asarray(outside[0]), array[0]) and np.array_equal(np.asarray(outside[:, 1:]), array[:, 1:])
    assert np.array_equal(result(lambda x: types.Constant(array)[1, 0] + outside[0]), array[1, 0] + array[0])
    with pytest.raises(varo.IndexOutOfRange):
        outside[2]


def test_an_array_where_a_number_may_stand():
    data, mean = np.arange(24, dtype="float32").reshape(2, 3, 4), np.arange(3, dtype="float32").reshape(1, 3, 1)
    wanted = (data - mean) / 2
    assert np.allclose(np.asarray(fn.normalize(data, mean=mean, stddev=2.0)), wanted)
    assert np.allclose(result(lambda x: fn.normalize(x * data, mean=mean, stddev=2.0)), wanted)
    assert np.allclose(result(lambda x: fn.normalize(x * data, mean=torch.from_numpy(mean), stddev=2.0)), wanted)


# --- axes that have no letters -----------------------------------------------------------------------------------

@pytest.mark.parametrize("shape, use, letters", [
    ((4, 5, 3), lambda x: fn.flip(x), "HWC"), ((4, 5, 3, 2), lambda x: fn.flip(x), "DHWC"),
    ((4, 5), lambda x: fn.crop(x, crop=(2, 2)), "HW"), ((4, 5, 3, 2), lambda x: fn.crop(x, crop=(2, 2)), "DHWC"),
    ((4, 5, 3), lambda x: fn.crop(x, crop=(2, 2), out_of_bounds_policy="pad", dtype=types.FLOAT64), "HWC"),
    ((4, 5, 3, 2), lambda x: fn.resize(x, size=7), "FHWC"), ((4, 5, 3), lambda x: fn.resize(x, size=(4, 5)), "HWC"),
    ((4, 5, 3), lambda x: fn.rotate(x, angle=30), "HWC"), ((4, 5, 3), lambda x: fn.rotate(x, angle=30, axis=(0, 0, 1)), "DHW"),
    ((4, 5, 3, 2), lambda x: fn.rotate(x, angle=30, axis=(0, 0, 1)), "DHWC"),
    ((4, 5, 3, 2), lambda x: fn.warp_affine(x, matrix=(1, 0, 0, 0, 1, 0)), "FHWC")])
def test_letters_that_were_assumed_stand_on_the_output(shape, use, letters):
    data = np.ones(shape, "float32")
    assert use(data).layout() == letters

    @varo.pipeline_def(batch_size=1, num_threads=1)
    def define():
        return use(fn.external_source(lambda: [data]))

    assert define().run()[0].layout() == letters


def test_a_choice_keeps_the_letters_that_stay():
    rows = varo.as_tensor(np.ones((4, 3), "float32"), layout="NS")
    assert fn.random.choice(rows).layout() == "S" and fn.random.choice(rows, shape=[5]).layout() == "NS"
    assert fn.random.choice(rows, shape=[5, 6]).layout() == ""


def warnings_of(code):
    """What a program warns of; in a process of its own, as each warning comes once."""
    code = f"import numpy as np, varo\nfrom varo import fn\n{code}"
    done = subprocess.run([sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=True)
    return [line for line in done.stderr.splitlines() if "UserWarning" in line]


def test_letters_that_were_assumed_are_told_once():
    said = warnings_of("for k in range(3): fn.rotate(np.ones((4, 5, 6, 7), 'float32'), angle=30, axis=(0, 0, 1))")
    assert len(said) == 1
    for part in ("rotate", "[4, 5, 6, 7]", '"DHWC"', 'layout="CDHW"', "<string>:3"):
        assert part in said[0]
    said = warnings_of("@varo.pipeline_def(batch_size=2, num_threads=2)\n"
                       "def define(): return fn.flip(fn.external_source(lambda: [np.ones((4, 5, 6, 7))] * 2))\n"
                       "p = define()\np.run()\np.run()")
    assert len(said) == 1 and "flip" in said[0]
    assert len(warnings_of("fn.flip(np.ones((4, 5, 60)))")) == 1  # 60 channels?
    assert not warnings_of("fn.flip(np.ones((4, 5, 3)))\nfn.flip(np.ones((4, 5)))\n"
                           "fn.flip(varo.as_tensor(np.ones((4, 5, 6, 7)), layout='CDHW'))")


# --- letters and numbers that mean nothing -----------------------------------------------------------------------

@pytest.mark.parametrize("layout", ["WW", "FCCHW"])
def test_a_letter_twice(layout):
    array = np.ones((1, 2, 3, 4, 5)[:len(layout)], "float32")
    for use in (lambda: varo.as_tensor(array, layout), lambda: fn.reshape(array, layout=layout),
                lambda: varo.as_tensor(array).set_layout(layout)):
        with pytest.raises(varo.LayoutError, match="alike"):
            use()
    with pytest.raises(varo.LayoutError, match="alike"):
        fn.expand_dims(varo.as_tensor(np.ones((2, 3)), "HW"), axes=[0], new_axis_names="W")


def test_fed_with_other_letters():
    @varo.pipeline_def(batch_size=1, num_threads=1)
    def define(letters):
        return fn.external_source(lambda: [varo.as_tensor(np.ones(3), layout=letters)], layout="H")

    assert define("").run()[0].layout() == define("H").run()[0].layout() == "H"
    with pytest.raises(varo.LayoutError, match='"W"') as caught:
        define("W").run()
    assert '"H"' in str(caught.value)


@pytest.mark.parametrize("options, error, text", [
    (dict(batch_size=2.5), varo.ArgumentTypeError, "batch_size.*2.5"), (dict(num_threads="2"), varo.ArgumentTypeError, "num_threads"),
    (dict(prefetch_queue_depth=1.5), varo.ArgumentTypeError, "prefetch_queue_depth.*1.5"),
    (dict(seed=1.5), varo.ArgumentTypeError, "seed.*1.5"), (dict(seed=2**63), varo.ParamError, "seed"),
    (dict(batch_size=2**40), varo.ParamError, "batch_size"), (dict(batch_size=0), varo.ParamError, "batch_size"),
    (dict(device_id="gpu"), varo.ArgumentTypeError, "device_id.*None"), (dict(device_id=-3), varo.ParamError, "device_id"),
    (dict(device_id=0.5), varo.ArgumentTypeError, "device_id")])
def test_numbers_of_a_pipeline(options, error, text):
    options = dict(dict(batch_size=1, num_threads=1), **options)
    with pytest.raises(error, match="(?s)" + text):
        varo.Pipeline(**options)


def test_seeds_and_types_that_do_not_exist():
    with pytest.raises(varo.ParamError, match="2\\^63"):
        defining(lambda x: fn.noise.gaussian(x, seed=2**63))
    with pytest.raises(varo.VaroError, match="seed"):
        fn.noise.gaussian(np.ones(3, "float32"), seed=2**63)
    half = torch.ones(3, dtype=torch.bfloat16)
    for use in (lambda: fn.flip(half), lambda: varo.as_tensor(half), lambda: defining(lambda x: x + half),
                lambda: fn.cast(np.ones(3), dtype=torch.bfloat16)):
        with pytest.raises(varo.VaroError, match="(?s)bfloat16"):
            use()
