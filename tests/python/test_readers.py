# SPDX-License-Identifier: Apache-2.0
"""readers.numpy: NumPy says what is in the files, small models in Python what comes when."""

import math
import os
import time

import numpy as np
import pytest

import varo
from varo import _core, fn

DTYPES = ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8", "?"]


def noise(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(dtype)
    low = 0 if dtype.kind == "u" else -100
    return np.asarray(rng.integers(low, 100, shape)).astype(dtype)


def pipeline(batch_size=1, num_threads=2, **args):
    @varo.pipeline_def(batch_size=batch_size, num_threads=num_threads, seed=1)
    def made():
        return fn.readers.numpy(**args)

    return made()


def read(path, **args):
    """The one sample of `path`."""
    return pipeline(files=[str(path)], **args).run()[0][0]


def expect(tensor, array):
    got = np.asarray(tensor)
    assert got.dtype == array.dtype.newbyteorder("=")
    assert got.shape == array.shape
    np.testing.assert_array_equal(got, array)


# --- readers.numpy: what is in a file ------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize("byte_order", "<>")
def test_numpy_reads_every_type_and_order(tmp_path, dtype, order, byte_order):
    array = noise((3, 5, 7), dtype).astype(np.dtype(dtype).newbyteorder(byte_order), order=order)
    np.save(tmp_path / "a.npy", array)
    tensor = read(tmp_path / "a.npy")
    expect(tensor, array)
    assert tensor.layout() == ""
    assert tensor.source_info() == str(tmp_path / "a.npy")


@pytest.mark.parametrize("shape", [(), (1,), (0,), (4, 0, 3), (1, 1, 1), (2, 1, 3, 1, 2), (65537,)])
@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_numpy_reads_every_rank_and_version(tmp_path, shape, version):
    array = noise(shape, "f4")
    with open(tmp_path / "a.npy", "wb") as file:
        np.lib.format.write_array(file, array, version=version)
    expect(read(tmp_path / "a.npy"), array)


def test_numpy_reads_nan_and_odd_bits_untouched(tmp_path):
    bits = np.arange(0, 2**16, dtype="u2")
    np.save(tmp_path / "a.npy", bits.view("f2"))
    tensor = read(tmp_path / "a.npy")
    np.testing.assert_array_equal(np.asarray(tensor).view("u2"), bits)


@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize("dtype", ["u1", ">i2", "f4", "f8"])
def test_numpy_regions(tmp_path, order, dtype):
    array = np.asarray(noise((4, 9, 10, 11), dtype), dtype=dtype, order=order)
    np.save(tmp_path / "a.npy", array)

    def roi(**args):
        return read(tmp_path / "a.npy", **args)

    expect(roi(roi_start=[1, 2, 3, 4], roi_shape=[2, 5, 6, 7]), array[1:3, 2:7, 3:9, 4:11])
    expect(roi(roi_start=[3], roi_axes=[2]), array[:, :, 3:])
    expect(roi(roi_end=[5, 3], roi_axes=[-1, 0]), array[:3, :, :, :5])
    expect(roi(roi_start=[2, 1], roi_end=[2, 8], roi_axes=[0, 1]), array[2:2, 1:8])
    expect(roi(rel_roi_start=[0.25], rel_roi_shape=[0.5], roi_axes=[2]), array[:, :, 3:8])  # 2.5 -> 3, 7.5 -> 8
    expect(roi(rel_roi_end=[0.5], roi_axes=[1]), array[:, :5])  # 4.5 -> 5
    expect(roi(roi_start=[1], rel_roi_end=[0.5], roi_axes=[3]), array[..., 1:6])
    expect(roi(roi_start=[-2], roi_shape=[4], roi_axes=[3], out_of_bounds_policy="trim_to_shape"), array[..., :2])
    padded = np.pad(array, [(0, 0), (0, 0), (2, 3), (0, 0)], constant_values=7)
    expect(roi(roi_start=[-2], roi_end=[13], roi_axes=[2], out_of_bounds_policy="pad", fill_value=7.0), padded)
    nothing = roi(roi_start=[20], roi_shape=[3], roi_axes=[2], out_of_bounds_policy="pad", fill_value=5)
    expect(nothing, np.full_like(array[:, :, :3], 5))


def test_numpy_fill_value_saturates(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(2, "u1"))
    tensor = read(tmp_path / "a.npy", roi_start=[-1], roi_end=[3], out_of_bounds_policy="pad",
                  fill_value=300.0)
    expect(tensor, np.array([255, 0, 0, 255], "u1"))


def test_numpy_region_per_sample(tmp_path):
    arrays = [noise((10, 12), "i2", seed=i) for i in range(4)]
    for i, array in enumerate(arrays):
        np.save(tmp_path / f"{i}.npy", array)

    @varo.pipeline_def(batch_size=4, num_threads=2, seed=1)
    def made():
        start = fn.external_source(lambda info: np.array([info.idx_in_batch, 2], "i4"), batch=False)
        return fn.readers.numpy(file_root=str(tmp_path), roi_start=start, roi_shape=[3, 4])

    (batch,) = made().run()
    for i, array in enumerate(arrays):
        expect(batch[i], array[i:i + 3, 2:6])


@pytest.mark.parametrize("args, numbers", [
    (dict(roi_start=[8], roi_shape=[3], roi_axes=[0]), ["8", "11", "10"]),
    (dict(roi_start=[-1], roi_axes=[1]), ["-1", "12"]),
    (dict(roi_start=[5], roi_end=[4], roi_axes=[0]), ["5", "4"]),
    (dict(roi_start=[1, 2, 3]), ["3 values", "2 values"]),
])
def test_numpy_region_errors(tmp_path, args, numbers):
    np.save(tmp_path / "a.npy", noise((10, 12), "i2"))
    with pytest.raises(varo.ShapeError) as error:
        read(tmp_path / "a.npy", **args)
    for number in numbers:
        assert number in str(error.value)


@pytest.mark.parametrize("args, error, text", [
    (dict(roi_axes=[2], roi_start=[0]), varo.ParamError, "-2 to 1"),
    (dict(roi_axes=[0, -2], roi_start=[0, 0]), varo.ParamError, "twice"),
    (dict(roi_start=[1, 1], rel_roi_start=[0.0, 0.0]), varo.ParamError, "rel_roi_start"),
    (dict(roi_end=[1, 1], roi_shape=[1, 1]), varo.ParamError, "roi_shape"),
    (dict(out_of_bounds_policy="wrap"), varo.ParamError, "trim_to_shape"),
    (dict(use_o_direct=True), varo.ParamError, "dont_use_mmap"),
    (dict(shuffle_after_epoch=True, random_shuffle=True), varo.ParamError, "random_shuffle"),
    (dict(shuffle_after_epoch=True, stick_to_shard=True), varo.ParamError, "stick_to_shard"),
    (dict(num_shards=2), varo.ParamError, "1 samples"),
    (dict(shard_id=1), varo.ParamError, "shard_id=1"),
    (dict(file_list="x"), varo.ParamError, "file_list"),
])
def test_numpy_argument_errors(tmp_path, args, error, text):
    np.save(tmp_path / "a.npy", noise((10, 12), "i2"))
    with pytest.raises(error) as caught:
        read(tmp_path / "a.npy", **args)
    assert text in str(caught.value)


def test_numpy_accepts_hints(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(3))
    hints = dict(register_buffers=False, use_o_direct=True, dont_use_mmap=True, prefetch_queue_depth=3, read_ahead=True,
                 lazy_init=True, tensor_init_bytes=1, skip_cached_images=True, cache_header_information=True)
    expect(read(tmp_path / "a.npy", **hints), np.arange(3))


@pytest.mark.parametrize("array", [np.array(["text"]), np.array([1 + 2j]), np.array([None]), np.zeros(1, [("a", "f4")]),
                                   np.array(["2020-01-01"], "M8[D]")], ids=lambda a: a.dtype.kind)
def test_numpy_refuses_other_elements(tmp_path, array):
    np.save(tmp_path / "bad.npy", array, allow_pickle=True)
    with pytest.raises(varo.ReadError, match="bad.npy") as error:
        read(tmp_path / "bad.npy")
    assert "float32" in str(error.value)


def test_numpy_refuses_more_axes_than_a_tensor_has(tmp_path):
    np.save(tmp_path / "bad.npy", np.zeros([1] * 9))
    with pytest.raises(varo.ReadError, match="more axes") as error:
        read(tmp_path / "bad.npy")
    assert "9 axes" in str(error.value) and "at most 8" in str(error.value) and "bad.npy" in str(error.value)


def test_numpy_refuses_a_shortened_file(tmp_path):
    np.save(tmp_path / "bad.npy", np.zeros(1000, "f8"))
    os.truncate(tmp_path / "bad.npy", 5000)
    with pytest.raises(varo.ReadError) as error:
        read(tmp_path / "bad.npy")
    assert "bad.npy" in str(error.value) and "8000 bytes" in str(error.value) and "4872 bytes" in str(error.value)


def test_numpy_missing_file_is_an_error_of_its_sample(tmp_path):
    np.save(tmp_path / "0.npy", np.zeros(3))
    with pytest.raises(varo.ReadError, match="No such file"):
        pipeline(files=[str(tmp_path / "0.npy"), str(tmp_path / "1.npy")], batch_size=2).run()


def test_numpy_no_files(tmp_path):
    with pytest.raises(varo.ReadError, match="No files found"):
        pipeline(file_root=str(tmp_path)).run()


def test_numpy_headers_are_remembered_until_the_file_changes(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((2, 3), "f4"))
    pipe = pipeline(files=[str(path)], cache_header_information=True)
    assert pipe.run()[0].shape() == [(2, 3)]
    for _ in range(4):
        pipe.run()
    time.sleep(0.5)  # what is under way must find the file that it has read the header of
    np.save(path, np.zeros((4, 3), "f4"))
    shapes = [pipe.run()[0].shape() for _ in range(4)]  # a few are read ahead
    assert shapes[-1] == [(4, 3)]


def test_numpy_a_crop_reads_little(tmp_path):
    array = np.lib.format.open_memmap(tmp_path / "a.npy", "w+", "f4", (4, 155, 240, 240))
    array[:, 20:148, 60:188, 70:198] = noise((128, 128, 128), "f4")
    array.flush()
    _core.reset_io_stats()
    tensor = read(tmp_path / "a.npy", roi_axes=[1, 2, 3], roi_start=[20, 60, 70], roi_shape=[128] * 3)
    stats = _core.io_stats()
    expect(tensor, np.asarray(array[:, 20:148, 60:188, 70:198]))
    batches_read = 3  # the pipeline runs a few batches ahead
    assert stats.requested_bytes <= batches_read * (64 << 20)
    assert stats.system_calls <= batches_read * 600


# --- discovery -------------------------------------------------------------------------------------


def test_files_of_a_folder_come_in_order(tmp_path):
    names = ["b.npy", "a.npy", "z/0.npy", "y/10.npy", "y/2.npy"]
    for i, name in enumerate(names + ["y/deep/3.npy", "c.NPY"]):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        with open(tmp_path / name, "wb") as file:
            np.save(file, np.array(i))
    expected = ["a.npy", "b.npy", "y/10.npy", "y/2.npy", "z/0.npy"]
    (batch,) = pipeline(batch_size=5, file_root=str(tmp_path)).run()
    assert [batch[i].source_info() for i in range(5)] == [str(tmp_path / name) for name in expected]
    (batch,) = pipeline(batch_size=2, file_root=str(tmp_path), file_filter="[0-9]*.npy").run()
    assert [np.asarray(batch[i]) for i in range(2)] == [3, 4]
    (tmp_path / "list.txt").write_text("z/0.npy\n\nb.npy\n")
    (batch,) = pipeline(batch_size=2, file_list=str(tmp_path / "list.txt")).run()
    assert [np.asarray(batch[i]) for i in range(2)] == [2, 0]
    (batch,) = pipeline(batch_size=2, file_root=str(tmp_path), files=["y/2.npy", "a.npy"]).run()
    assert [np.asarray(batch[i]) for i in range(2)] == [4, 1]


@pytest.mark.parametrize("name", [b"caf\xe9.npy", "caf\u00e9.npy".encode()])
def test_names_need_not_be_utf8(tmp_path, name):
    name = os.fsdecode(os.fsencode(tmp_path) + b"/" + name)
    with open(name, "wb") as file:
        np.save(file, np.arange(3))
    for args in (dict(files=[name]), dict(file_root=os.path.dirname(name)), dict(files={"x": [name]})):
        pipe = pipeline(**args)
        tensor = pipe.run()[0][0]
        expect(tensor, np.arange(3))
        assert tensor.source_info() == tensor.get_property("source_info") == name
        assert name in pipe.explain()
    (tmp_path / "list").write_bytes(os.fsencode(name))
    assert pipeline(file_list=str(tmp_path / "list")).run()[0][0].source_info() == name
    with open(name, "wb") as file:
        file.write(b"no array")
    with pytest.raises(varo.ReadError) as error:
        read(name)
    assert name in str(error.value)
    with pytest.raises(varo.ReadError, match="NUL"):
        read(name + "\0.npy")


@pytest.mark.parametrize("path", ["/dev/zero", "/"])
def test_a_list_that_is_no_file_is_refused(path):
    with pytest.raises(varo.ReadError, match="not a regular file"):
        pipeline(file_list=path).build()


# --- order -----------------------------------------------------------------------------------------


@pytest.fixture
def numbered(tmp_path):
    """numbered(n): a folder of n files that hold 0 ... n-1, named in that order."""

    def make(n):
        for i in range(n):
            np.save(tmp_path / f"{i:03}.npy", np.array(i))
        return str(tmp_path)

    return make


def batches(root, count, batch_size, **args):
    pipe = pipeline(batch_size=batch_size, file_root=root, **args)
    return [[int(np.asarray(x)) for x in pipe.run()[0]] for _ in range(count)]


def model_batches(n, count, batch_size, num_shards=1, shard_id=0, stick_to_shard=False, pad_last_batch=False):
    """What the specification says, without shuffling."""

    def shard(epoch):
        s = shard_id if stick_to_shard else (shard_id + epoch) % num_shards
        return list(range(n * s // num_shards, n * (s + 1) // num_shards))

    out, epoch = [], 0
    if pad_last_batch:
        per_epoch = math.ceil(math.ceil(n / num_shards) / batch_size)
        while len(out) < count:
            files = shard(epoch)
            out += [[files[min(b * batch_size + i, len(files) - 1)] for i in range(batch_size)] for b in range(per_epoch)]
            epoch += 1
        return out[:count]
    stream = []
    while len(stream) < count * batch_size:
        stream += shard(epoch)
        epoch += 1
    return [stream[b * batch_size:(b + 1) * batch_size] for b in range(count)]


@pytest.mark.parametrize("pad_last_batch", [False, True])
@pytest.mark.parametrize("stick_to_shard", [False, True])
@pytest.mark.parametrize("n, num_shards, batch_size", [(7, 1, 3), (7, 3, 2), (10, 4, 3), (9, 4, 1), (5, 5, 2), (12, 3, 4)])
def test_order_follows_the_model(numbered, n, num_shards, batch_size, stick_to_shard, pad_last_batch):
    root = numbered(n)
    for shard_id in range(num_shards):
        args = dict(num_shards=num_shards, shard_id=shard_id, stick_to_shard=stick_to_shard, pad_last_batch=pad_last_batch)
        assert batches(root, 11, batch_size, **args) == model_batches(n, 11, batch_size, **args)


def test_every_shard_gives_the_epoch_once(numbered):
    root = numbered(11)
    for shuffle in (dict(), dict(random_shuffle=True, initial_fill=3), dict(shuffle_after_epoch=True)):
        seen = []
        for shard_id, size in enumerate([3, 4, 4]):
            (batch,) = batches(root, 1, size, num_shards=3, shard_id=shard_id, seed=shard_id, **shuffle)
            seen += batch
        assert sorted(seen) == list(range(11)), shuffle


def test_random_shuffle(numbered):
    root = numbered(20)
    args = dict(random_shuffle=True, initial_fill=5)
    epochs = batches(root, 3, 20, seed=1, **args)
    assert all(sorted(epoch) == list(range(20)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    assert batches(root, 3, 20, seed=1, **args) == epochs
    assert batches(root, 3, 20, seed=2, **args) != epochs
    # The list itself is permuted in the same way whatever the seed; the reservoir moves a sample forward
    # by less than its size.
    listed = batches(root, 1, 20, seed=3, random_shuffle=True, initial_fill=1)[0]
    assert listed != sorted(listed)
    assert listed == batches(root, 1, 20, seed=4, random_shuffle=True, initial_fill=1)[0]
    assert all(listed.index(x) < i + 5 for i, x in enumerate(epochs[0]))


def test_padding_repeats_the_last_sample_drawn(numbered):
    root = numbered(5)
    first, second = batches(root, 2, 3, random_shuffle=True, pad_last_batch=True, seed=1)
    assert sorted(first + second[:2]) == list(range(5)) and second[2] == second[1]


def test_shuffle_after_epoch(numbered):
    root = numbered(20)
    epochs = batches(root, 3, 20, shuffle_after_epoch=True, seed=1)
    assert all(sorted(epoch) == list(range(20)) for epoch in epochs)
    assert epochs[0] != list(range(20)) and epochs[0] != epochs[1] != epochs[2]
    assert batches(root, 3, 20, shuffle_after_epoch=True, seed=2) == epochs


@pytest.mark.parametrize("num_threads", [1, 4])
def test_order_does_not_depend_on_threads(numbered, num_threads):
    root = numbered(30)
    args = dict(random_shuffle=True, initial_fill=8, seed=11)
    pipe = pipeline(batch_size=7, num_threads=num_threads, file_root=root, **args)
    got = [[int(np.asarray(x)) for x in pipe.run()[0]] for _ in range(6)]
    assert got == batches(root, 6, 7, **args)


@pytest.mark.parametrize("pad_last_batch, padded", [(False, 7), (True, 9)])
def test_reader_meta(numbered, pad_last_batch, padded):
    pipe = pipeline(name="r", file_root=numbered(7), num_shards=3, shard_id=2, stick_to_shard=True,
                    pad_last_batch=pad_last_batch)
    assert pipe.reader_meta("r") == dict(epoch_size=7, epoch_size_padded=padded, number_of_shards=3, shard_id=2,
                                         pad_last_batch=pad_last_batch, stick_to_shard=True)
    assert pipe.epoch_size("r") == padded


def test_a_reader_that_cannot_begin_costs_the_others_no_batch(tmp_path):
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    for i in range(4):
        np.save(images / f"{i}.npy", np.full((2, 2), i, np.float32))

    @varo.pipeline_def(batch_size=2, num_threads=2, prefetch_queue_depth=1)
    def pairs():
        return fn.readers.numpy(file_root=images), fn.readers.numpy(file_root=labels, lazy_init=True)

    pipe = pairs()
    with pytest.raises(varo.ReadError):
        pipe.run()
    labels.mkdir()
    for i in range(4):
        np.save(labels / f"{i}.npy", np.full((2, 2), i, np.float32))
    image, label = pipe.run()
    assert [np.asarray(t)[0, 0] for t in image] == [np.asarray(t)[0, 0] for t in label] == [0, 1]
