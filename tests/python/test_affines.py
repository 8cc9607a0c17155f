# SPDX-License-Identifier: Apache-2.0
"""The voxel-to-world map of results: true, or None."""

import random

import numpy as np
import pytest

import varo
from varo import fn, math, types

nib = pytest.importorskip("nibabel")

AFFINE = np.array([[-1.5, 0.1, 0, 70], [0.2, 2, 0.3, -90], [0, -0.1, 3, 12], [0, 0, 0, 1.0]])
SHAPE = (4, 2, 3)  # D, H, W


def scan(folder, shape=SHAPE, affine=AFFINE, name="a.nii"):
    """A volume that numbers its voxels in the order of D, H, W, with letters and an affine."""
    numbers = np.arange(np.prod(shape), dtype="float32").reshape(shape)
    nib.save(nib.Nifti1Image(numbers.T, affine), folder / name)
    pipe = varo.pipeline_def(lambda: fn.readers.nifti(files=[str(folder / name)]), batch_size=1, num_threads=1)()
    return pipe.run()[0][0]


@pytest.fixture
def x(tmp_path):
    return scan(tmp_path)


@pytest.fixture
def other(tmp_path):
    return scan(tmp_path, affine=np.diag([2.0, 3, 4, 1]), name="b.nii")


def assert_true(t, shape=SHAPE):
    """Every voxel lies where the one lay whose number it has."""
    values = np.asarray(t)
    for at in np.ndindex(values.shape):
        d, h, w = np.unravel_index(int(values[at]), shape)
        along = [at[t.layout().index(letter)] if letter in t.layout() else 0 for letter in "WHD"]
        np.testing.assert_allclose((t.affine @ [*along, 1])[:3], (AFFINE @ [w, h, d, 1])[:3], atol=1e-4)


def relabelled(t, layout):
    return fn.reshape(t, layout=layout)


# --- views without letters ---------------------------------------------------------------------------------------

def test_letters_that_come_back_to_their_axes(x):
    for t in (relabelled(relabelled(x, ""), "DHW"), fn.reshape(x, shape=[1, 4, 2, 3], layout="CDHW"),
              relabelled(fn.transpose(relabelled(x, ""), perm=[2, 1, 0]), "WHD"),
              relabelled(fn.slice(relabelled(x, ""), start=[1], shape=[2], axes=[0]), "DHW"),
              relabelled(fn.squeeze(fn.expand_dims(x, axes=[1]), axes=[1]), "DHW"),
              relabelled(fn.transpose(fn.expand_dims(x, axes=[0]), perm=[3, 0, 2, 1]), "WCHD")):
        assert t.affine is not None
        assert_true(t)


def test_letters_of_other_axes(x):
    bare = relabelled(x, "")
    assert relabelled(fn.transpose(bare, perm=[2, 1, 0]), "DHW").affine is None
    row = fn.slice(x, start=[0], shape=[1], axes=[1])
    assert fn.reshape(row, shape=[4, 3], layout="HW").affine is None
    assert_true(fn.reshape(row, shape=[4, 3], layout="DW"))
    assert relabelled(fn.transpose(fn.expand_dims(x, axes=[0]), perm=[3, 0, 2, 1]), "DCHW").affine is None
    first = fn.squeeze(fn.slice(bare, start=[0], shape=[1], axes=[0]), axes=[0])  # H, W are left
    assert relabelled(first, "DH").affine is None
    assert_true(relabelled(first, "HW"))


def test_set_layout(x):
    assert x.layout() == "DHW"
    x.set_layout("")
    x.set_layout("WHD")
    assert x.affine is None


@pytest.mark.parametrize("seed", range(300))
def test_chains_of_views(tmp_path, seed):
    rng = random.Random(seed)
    t = scan(tmp_path)
    for _ in range(rng.randint(1, 7)):
        shape, rank = np.asarray(t).shape, np.asarray(t).ndim
        step = rng.choice(["bare", "named", "transpose", "slice", "expand", "squeeze", "flip", "reshape"])
        if step == "bare":
            t = relabelled(t, "")
        elif step == "named" and rank:
            pool = [c for c in "DHWCFX" if c not in t.layout()] if t.layout() else list("DHWCFX")
            names = t.layout() or "".join(rng.sample(pool, rank)) if rng.random() < 0.5 else "".join(rng.sample("DHWCFX", rank))
            t = relabelled(t, names)
        elif step == "transpose" and rank:
            t = fn.transpose(t, perm=rng.sample(range(rank), rank))
        elif step == "slice" and rank:
            axis = rng.randrange(rank)
            start = rng.randrange(shape[axis])
            t = fn.slice(t, start=[start], shape=[rng.randint(1, shape[axis] - start)], axes=[axis])
        elif step == "expand" and rank < 5:
            free = [c for c in "CFXYZ" if c not in t.layout()]
            names = dict(new_axis_names=rng.choice(free)) if t.layout() and rng.random() < 0.5 else {}
            t = fn.expand_dims(t, axes=[rng.randint(0, rank)], **names)
        elif step == "squeeze" and 1 in shape:
            t = fn.squeeze(t, axes=[shape.index(1)])
        elif step == "flip" and t.layout() in ("DHW", "HW", "CDHW"):
            t = fn.flip(t, horizontal=1, vertical=1)
        elif step == "reshape" and rank and t.layout() == "":
            t = fn.reshape(t, shape=[1, *shape])
            if np.asarray(t).ndim > 5:
                t = fn.squeeze(t, axes=[0])
    if t.affine is not None and (t.layout() or np.asarray(t).ndim == 0):
        assert_true(t)


# --- computed from several ---------------------------------------------------------------------------------------

def arithmetic(function, *tensors):
    """function of nodes that give the tensors."""
    def fed(t):
        return fn.external_source(lambda: [t])

    @varo.pipeline_def(batch_size=1, num_threads=1)
    def define():
        return function(*(fed(t) for t in tensors))

    return define().run()[0][0]


def same(t, of):
    return t.affine is not None and np.allclose(t.affine, of.affine)


def test_what_is_broadcast_has_no_say(x, other):
    for function in (lambda x: x[1, 1, 1] + x, lambda x: x + x[1, 1, 1], lambda x: x[3:] - x, lambda x: x[1] * x,
                     lambda x: x[:, :1] * x[:1] + x, lambda x: fn.select(x[:1] > 0, x, 2 * x), lambda x: math.clamp(x[0, 0, 0], x, x)):
        assert same(arithmetic(function, x), x)
    assert arithmetic(lambda x: x[:1] * x[:, :1], x).affine is None  # neither has the result's extents
    assert same(arithmetic(lambda a, b: a[0, 0, 0] * b, other, x), x)


def test_operands_that_lie_elsewhere(x, other):
    assert arithmetic(lambda a, b: a + b, x, other).affine is None
    assert arithmetic(lambda a, b: fn.select(b > 0, a, 2 * a), x, other).affine is None
    assert arithmetic(lambda a: fn.random.uniform(range=(0, 1)) * fn.flip(a) + a, x).affine is None
    assert same(arithmetic(lambda a: fn.flip(fn.flip(a)) + a, x), x)
    assert same(arithmetic(lambda a: a * 2 + fn.random.normal(a), x), x)
    long = arithmetic(lambda a, b: ((a * 2 + 1) - b) * 0.5, x, other)  # fused
    assert long.affine is None


@pytest.mark.parametrize("dtype", [types.BOOL, types.INT32, types.UINT8])
@pytest.mark.parametrize("probability", [0.0, 1.0])
@pytest.mark.parametrize("options", [{}, dict(without_rewrites=["branches"]), dict(without_rewrites=["branches", "fusion"])])
def test_a_blend_lies_where_its_branch_lies(x, dtype, probability, options):
    @varo.pipeline_def(batch_size=1, num_threads=1, **options)
    def define():
        v = fn.external_source(lambda: [x])
        c = fn.random.coin_flip(probability=probability, dtype=dtype)
        return c * fn.flip(v) + (1 - c if dtype != types.BOOL else c ^ True) * v, v * (c ^ 1 if dtype != types.BOOL else c ^ True) + fn.flip(v) * c

    for batch in define().run():
        assert_true(batch[0])


def test_four_modalities_keep_theirs(x, other):
    channels = fn.expand_dims(x, axes=[0], new_axis_names="C")
    assert same(fn.stack(x, x, x, axis_name="C"), x)
    assert same(relabelled(fn.stack(x, x, axis=3), "DHWC"), x)
    assert relabelled(fn.stack(x, x, axis=3), "CDHW").affine is None
    assert same(fn.cat(channels, channels, axis_name="C"), x)
    assert same(fn.stack(x, axis_name="C"), x)
    assert fn.cat(x, x, axis_name="D").affine is None
    assert fn.stack(x, other, axis_name="C").affine is None
    assert fn.cat(channels, fn.flip(channels), axis_name="C").affine is None
    flat = fn.squeeze(fn.slice(x, start=[1], shape=[1], axes=[0]), axes=[0])
    assert fn.stack(flat, flat, axis_name="D").affine is None  # nobody knows how far they are apart
    assert same(fn.reductions.argmax(fn.stack(x, 2 * np.asarray(x), axis_name="C"), axis_name="C"), x)
    assert fn.reductions.argmax(x, axis_name="D").affine is None


def test_letters_that_were_assumed(x):
    four = relabelled(fn.stack(x, x, x, axis=0), "")  # C, D, H, W
    assert fn.flip(four).layout() == "DHWC" and fn.flip(four).affine is None
    assert fn.resize(four, size=[4, 4], interp_type=types.INTERP_NN).affine is None
    named = relabelled(fn.stack(x, x, axis=3), "")
    assert fn.flip(named).layout() == "DHWC" and fn.flip(named).affine is not None
