# SPDX-License-Identifier: Apache-2.0
"""Broken and hostile input: a clear error of the right class, and the process goes on."""

import gzip
import struct
import threading
import time
import zlib

import nibabel as nib
import numpy as np
import pytest

import varo
from varo import _core, fn, types


def read(reader, path, batch_size=1, **kwargs):
    @varo.pipeline_def(batch_size=batch_size, num_threads=2)
    def define():
        return getattr(fn.readers, reader)(files=[str(path)], **kwargs)

    return define().run()[0].as_array()


@pytest.fixture(autouse=True)
def the_next_pipeline_works(tmp_path):
    yield
    good = tmp_path / "good.npy"
    np.save(good, np.arange(6, dtype="int16").reshape(2, 3))
    assert np.array_equal(read("numpy", good)[0], np.arange(6).reshape(2, 3))


def must_fail(call, kind, *texts):
    with pytest.raises(kind) as caught:
        call()
    assert isinstance(caught.value, varo.VaroError)
    for text in texts:
        assert str(text) in str(caught.value), f"{text!r} is not in:\n{caught.value}"


def npy_header(text, version=1):
    text = text.encode("latin1")
    size = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + size + text


def nifti(tmp_path, name="a.nii", shape=(5, 6, 7), dtype="int16", **fields):
    image = nib.Nifti1Image(np.arange(np.prod(shape)).reshape(shape).astype(dtype), np.eye(4))
    path = tmp_path / name
    nib.save(image, path)
    raw = bytearray(path.read_bytes() if name.endswith(".nii") else gzip.decompress(path.read_bytes()))
    for (offset, form), value in fields.pop("patch", {}).items():
        struct.pack_into("<" + form, raw, offset, value)
    path.write_bytes(bytes(raw) if name.endswith(".nii") else gzip.compress(bytes(raw)))
    return path


# --- .npy ----------------------------------------------------------------------------------------


def test_truncated_npy(tmp_path):
    path = tmp_path / "short.npy"
    np.save(path, np.zeros((10, 10), "float32"))
    path.write_bytes(path.read_bytes()[:-100])
    must_fail(lambda: read("numpy", path), varo.ReadError, "readers.numpy", "short.npy", 400, 300)


def test_wrong_magic(tmp_path):
    path = tmp_path / "not.npy"
    path.write_bytes(b"\x93NUMPX\x01\x00" + bytes(200))
    must_fail(lambda: read("numpy", path), varo.ReadError, "readers.numpy", "not.npy")
    path.write_bytes(b"")
    must_fail(lambda: read("numpy", path), varo.ReadError, "not.npy", 0)


@pytest.mark.parametrize("shape", [f"({2**60},)", f"({2**31}, {2**31}, 4)", "(-3,)", f"({2**70},)"])
def test_npy_that_promises_too_much(tmp_path, shape):
    path = tmp_path / "huge.npy"
    path.write_bytes(npy_header(f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n") + bytes(64))
    must_fail(lambda: read("numpy", path), varo.ReadError, "readers.numpy", "huge.npy", shape.strip("(),").split(",")[0])


@pytest.mark.parametrize("descr", ["'|O'", "'<c8'", "'<U4'", "[('a', '<f4')]", "'<f3'"])
def test_npy_of_other_types(tmp_path, descr):
    path = tmp_path / "odd.npy"
    path.write_bytes(npy_header(f"{{'descr': {descr}, 'fortran_order': False, 'shape': (2,), }}\n") + bytes(64))
    must_fail(lambda: read("numpy", path), varo.ReadError, "odd.npy")


@pytest.mark.parametrize("text", ["", "{", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': 7, 'shape': (2,)}",
                                  "{'shape': (((((((((2", "[]", "\xff" * 50])
def test_npy_header_that_makes_no_sense(tmp_path, text):
    path = tmp_path / "header.npy"
    path.write_bytes(npy_header(text) + bytes(64))
    must_fail(lambda: read("numpy", path), varo.ReadError, "header.npy")


def test_missing_files(tmp_path):
    must_fail(lambda: read("numpy", tmp_path / "nowhere.npy"), OSError, "readers.numpy", "nowhere.npy")
    must_fail(lambda: read("nifti", tmp_path / "nowhere.nii"), OSError, "readers.nifti", "nowhere.nii")

    @varo.pipeline_def(batch_size=1, num_threads=1)
    def empty():
        return fn.readers.numpy(file_root=str(tmp_path))

    must_fail(lambda: empty().run(), RuntimeError, "readers.numpy", "o files", str(tmp_path))


def test_a_file_that_changes_under_the_reader(tmp_path):
    path = tmp_path / "changing.npy"
    np.save(path, np.zeros((50, 50), "float32"))

    @varo.pipeline_def(batch_size=1, num_threads=1, prefetch_queue_depth=1)
    def define():
        return fn.readers.numpy(files=[str(path)], cache_header_information=True)

    pipe = define()
    pipe.run()
    path.write_bytes(path.read_bytes()[:200])

    def until_noticed():
        for _ in range(4):
            pipe.run()

    must_fail(until_noticed, varo.ReadError, "changing.npy")


# --- NIfTI ---------------------------------------------------------------------------------------


def test_gzip_that_ends_early(tmp_path):
    path = nifti(tmp_path, "cut.nii.gz", (40, 40, 40))
    whole = path.read_bytes()
    for keep in (0, 5, 30, 400, len(whole) // 2, len(whole) - 4):
        path.write_bytes(whole[:keep])
        must_fail(lambda: read("nifti", path), varo.ReadError, "readers.nifti", "cut.nii.gz")


def test_gzip_whose_checksum_is_wrong(tmp_path):
    path = nifti(tmp_path, "sum.nii.gz", (20, 20, 20))
    raw = bytearray(path.read_bytes())
    raw[-8] ^= 1
    path.write_bytes(bytes(raw))
    must_fail(lambda: read("nifti", path), varo.ReadError, "sum.nii.gz")


def test_gzip_that_expands_without_end(tmp_path):
    path = nifti(tmp_path, "bomb.nii.gz", (5, 6, 7))
    body = gzip.decompress(path.read_bytes()) + bytes(1 << 28)
    path.write_bytes(gzip.compress(body, 1))
    before = varo.pool_stats().high_water_bytes
    try:
        read("nifti", path)  # what follows the voxels is not ours to judge, but must not be unpacked
    except varo.ReadError as error:
        assert "bomb.nii.gz" in str(error)
    assert varo.pool_stats().high_water_bytes - before < 64 << 20


def test_header_that_promises_more_than_the_file_can_hold(tmp_path):
    big = {(42, "h"): 30000, (44, "h"): 30000, (46, "h"): 30000}
    must_fail(lambda: read("nifti", nifti(tmp_path, "big.nii", patch=big)), varo.ReadError, "big.nii", 30000**3 * 2)
    must_fail(lambda: read("nifti", nifti(tmp_path, "big.nii.gz", patch=big)), varo.ReadError, "big.nii.gz")


@pytest.mark.parametrize("patch", [
    {(0, "i"): 349},                        # sizeof_hdr
    {(40, "h"): 9}, {(40, "h"): -1},        # number of axes
    {(42, "h"): -5},                        # an extent
    {(70, "h"): 32}, {(70, "h"): 128}, {(70, "h"): 77},   # complex64, RGB, no type at all
    {(108, "f"): float("nan")}, {(108, "f"): 1e30}, {(108, "f"): -8.0},  # vox_offset
])
def test_header_fields_that_make_no_sense(tmp_path, patch):
    must_fail(lambda: read("nifti", nifti(tmp_path, patch=patch)), varo.ReadError, "readers.nifti", "a.nii")


def test_affine_that_is_not_finite(tmp_path):
    path = nifti(tmp_path, patch={(254, "h"): 1, (280, "f"): float("nan")})
    must_fail(lambda: read("nifti", path), varo.ReadError, "readers.nifti", "a.nii", "nan")


def test_not_nifti_at_all(tmp_path):
    path = tmp_path / "text.nii"
    path.write_bytes(b"hello " * 100)
    must_fail(lambda: read("nifti", path), varo.ReadError, "text.nii")
    path = tmp_path / "text.nii.gz"
    path.write_bytes(b"hello " * 100)
    must_fail(lambda: read("nifti", path), varo.ReadError, "text.nii.gz")
    path.write_bytes(gzip.compress(b"hello " * 100))
    must_fail(lambda: read("nifti", path), varo.ReadError, "text.nii.gz")
    path.write_bytes(zlib.compress(b"hello " * 100))
    must_fail(lambda: read("nifti", path), varo.ReadError, "text.nii.gz")


# --- graphs --------------------------------------------------------------------------------------


def pair(define_one, a, b):
    """A pipeline of two arrays; runs once."""

    @varo.pipeline_def(batch_size=1, num_threads=1)
    def define():
        return define_one(fn.external_source(lambda: [a], layout="DHW"), fn.external_source(lambda: [b], layout="DHW"))

    return define().run()


def test_image_and_label_of_different_shapes():
    image, label = np.zeros((4, 5, 6), "float32"), np.zeros((4, 5, 7), "float32")
    must_fail(lambda: pair(lambda a, b: a + b, image, label), varo.ShapeError, "add", 6, 7, "test_bad_input.py")
    must_fail(lambda: pair(lambda a, b: fn.stack(a, b), image, label), varo.ShapeError, "stack", 6, 7)
    must_fail(lambda: pair(lambda a, b: fn.cat(a, b), image, label), varo.ShapeError, "cat", 6, 7)


def test_arguments():
    volume = varo.as_tensor(np.zeros((4, 5, 6), "float32"), "DHW")
    must_fail(lambda: fn.crop(volume, crop=(4, 5, 7)), varo.ShapeError, "crop", "W", 7, 6)
    must_fail(lambda: fn.crop(volume, crop=(2, 2, 2), crop_pos_x=1.5), varo.ParamError, "crop_pos_x", 1.5, 1)
    must_fail(lambda: fn.rotate(volume, angle="ninety", axis=(0, 0, 1)), varo.ArgumentTypeError, "angle", "ninety")
    must_fail(lambda: fn.gaussian_blur(volume, sigma=-1.0), varo.VaroError, "sigma", -1)
    must_fail(lambda: fn.random.coin_flip(probability=2.0), varo.ParamError, "probability", 2)
    must_fail(lambda: fn.resize(volume, sice=(2, 2, 2)), varo.ArgumentTypeError, "resize", "sice", "size")
    must_fail(lambda: fn.flip(), varo.ParamError, "flip", 0, 1)
    must_fail(lambda: fn.resize(varo.as_tensor(np.zeros((4, 5, 6), "int64"), "DHW"), size=(2, 2, 2)),
              varo.ArgumentTypeError, "int64", "float32")


def test_a_nodes_value_out_of_range():
    @varo.pipeline_def(batch_size=2, num_threads=1)
    def define():
        x = fn.external_source(lambda: [np.zeros((4, 4, 4), "float32")] * 2, layout="DHW")
        return fn.crop(x, crop=(2, 2, 2), crop_pos_x=fn.external_source(lambda: [np.float32(0.5), np.float32(3)]))

    must_fail(lambda: define().run(), varo.ParamError, "crop_pos_x", 3, "sample   1", "test_bad_input.py")


def test_a_label_with_nothing_in_it_is_the_whole_volume():
    label = varo.as_tensor(np.zeros((4, 5, 6), "uint8"), "DHW")
    anchor, shape, which = fn.segmentation.random_object_bbox(label, output_class=True)
    assert np.asarray(anchor).tolist() == [0, 0, 0] and np.asarray(shape).tolist() == [4, 5, 6]
    assert np.asarray(which) == 0


def test_arrays_that_are_no_arrays():
    must_fail(lambda: fn.flip(np.array(["a"])), varo.ArgumentTypeError)
    must_fail(lambda: fn.flip(np.array([object()])), varo.ArgumentTypeError)
    must_fail(lambda: fn.flip(varo.as_tensor(np.zeros((2,) * 9, "uint8"))), varo.ShapeError, 9, 8)
    must_fail(lambda: varo.as_tensor(np.zeros((2, 2), "uint8"), "DHW"), varo.LayoutError, "DHW", 2)


# --- reading only what is needed -----------------------------------------------------------------


def test_a_crop_reads_its_region_and_little_more(tmp_path):
    path = tmp_path / "four.npy"
    shape = (4, 155, 240, 240)
    volume = np.lib.format.open_memmap(path, "w+", "float32", shape)
    volume[:] = np.arange(155 * 240 * 240, dtype="float32").reshape(shape[1:])
    del volume

    @varo.pipeline_def(batch_size=1, num_threads=1, prefetch_queue_depth=1)
    def define():
        x = fn.reshape(fn.readers.numpy(files=[str(path)]), layout="CDHW")
        return fn.crop(x, crop=(128, 128, 128), crop_pos_x=0.3, crop_pos_y=0.6)

    pipe = define()
    pipe.build()
    _core.reset_io_stats()
    pipe.schedule_run()
    out, = pipe.outputs()
    stats = _core.io_stats()
    assert 32 << 20 <= stats.requested_bytes <= 64 << 20 and stats.system_calls <= 600
    whole = np.load(path, mmap_mode="r")
    d, h, w = (155 - 128 + 1) // 2, round(0.6 * 112), round(0.3 * 112)
    assert np.array_equal(np.asarray(out[0]), whole[:, d:d + 128, h:h + 128, w:w + 128])
    assert types.FLOAT == out.dtype


@pytest.mark.parametrize("constant", [5_000_000_000, np.int64(-5_000_000_000), [1, 2**31], 2**70, np.array([2**40])])
def test_a_constant_beyond_its_type_does_not_wrap(constant):
    def define():
        with varo.Pipeline(batch_size=1, num_threads=1):
            return fn.external_source(lambda: [np.zeros(2, np.uint8)]) + constant

    with pytest.raises((varo.ParamError, varo.ArgumentTypeError)) as caught:
        define()
    assert isinstance(constant, int) and constant == 2**70 or "-2147483648 to 2147483647" in str(caught.value)


def test_a_scalar_constant_beyond_its_type_does_not_wrap():
    must_fail(lambda: types.Constant(300, types.UINT8), varo.ParamError, 300, "0 to 255")
    must_fail(lambda: types.Constant(5_000_000_000), varo.ParamError, 5_000_000_000, 2**31 - 1)
    assert types.Constant(255, types.UINT8).value == 255


def test_a_file_that_comes_and_goes(tmp_path):
    """An error that somebody met early, and that is gone when its sample is computed, leaves no trace in it."""
    path, gone = tmp_path / "label.npy", tmp_path / "gone"
    np.save(path, np.random.default_rng(1).random((20, 30, 40)) > 0.9)
    pipe = varo.Pipeline(batch_size=1, num_threads=1, device_id=None, seed=3, prefetch_queue_depth=1)
    with pipe:
        label = fn.cast(fn.readers.numpy(files=[str(path)]), dtype=types.UINT8)
        anchor, _ = fn.segmentation.random_object_bbox(label, seed=3)
        real = fn.cast(anchor, dtype=types.FLOAT)
        one = fn.cast(real * 0.0 + 1.0, dtype=types.INT32)
        pipe.set_outputs(fn.flip(fn.reshape(label, layout="DHW"), horizontal=one[0]), real, anchor)
    pipe.run()
    stop = threading.Event()

    def toggle():
        while not stop.wait(1e-4):
            path.rename(gone)
            stop.wait(1e-4)
            gone.rename(path)

    thread = threading.Thread(target=toggle)
    thread.start()
    outcomes = set()
    until = time.monotonic() + 20
    while time.monotonic() < until and (len(outcomes) < 2 or time.monotonic() < until - 19):
        try:
            _, real, anchor = pipe.run()
            assert np.array_equal(np.asarray(real[0]), np.asarray(anchor[0]))
            outcomes.add("ok")
        except varo.ReadError:
            outcomes.add("error")
    stop.set()
    thread.join()
    assert outcomes == {"ok", "error"}
