# SPDX-License-Identifier: Apache-2.0
"""What comes next is fetched into the page cache before a worker needs it, and nothing else is."""

import os

import numpy as np
import pytest

import varo
from varo import _core, fn

SHAPE, PATCH = (60, 64, 66), [24, 28, 30]
FILES = 6


def evict(files):
    """Out of the page cache, where the file system does that."""
    for file in files:
        fd = os.open(file, os.O_RDONLY)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        try:
            os.preadv(fd, [bytearray(1)], os.fstat(fd).st_size - 1, os.RWF_NOWAIT)
            pytest.skip("files stay in the page cache here")
        except BlockingIOError:
            pass
        except OSError:
            pytest.skip("this file system does not tell what is cached")
        finally:
            os.close(fd)


@pytest.fixture
def cases(tmp_path):
    images, labels = [], []
    for i in range(FILES):
        rng = np.random.default_rng(i)
        images.append(str(tmp_path / f"image{i}.npy"))
        labels.append(str(tmp_path / f"label{i}.npy"))
        np.save(images[-1], rng.standard_normal(SHAPE, np.float32))
        label = np.zeros(SHAPE, np.uint8)
        label[20 + i:25 + i, 30:33, 30:36] = 1
        np.save(labels[-1], label)
        for file in (images[-1], labels[-1]):
            os.utime(file, (1, 1))
    return images, labels


def outcome(build, evicted=(), **options):
    """Every file once: what comes out, and what was asked of the files."""
    options = {"batch_size": 2, "num_threads": 2, "seed": 3, **options}
    pipe = varo.pipeline_def(**options)(build)()
    pipe.build()
    if evicted:
        evict(evicted)
    _core.reset_io_stats()
    for _ in range(FILES // 2):
        pipe.schedule_run()
    outputs = [[np.array(t) for batch in pipe.outputs() for t in batch] for _ in range(FILES // 2)]
    return outputs, _core.io_stats()


def crop(image):
    return fn.crop(fn.reshape(image, layout="DHW"), crop=PATCH, crop_pos_x=fn.random.uniform(range=[0.3, 0.9], seed=1),
                   crop_pos_z=fn.random.uniform(range=[0.5, 1], seed=2))


def spans(width, element):
    """Bytes from first to last element of a crop, plane by plane together: gaps are read over."""
    return ((PATCH[0] - 1) * SHAPE[1] * SHAPE[2] + (PATCH[1] - 1) * SHAPE[2] + width) * element


def plain(files):
    image = crop(fn.readers.numpy(files=files))
    return fn.gaussian_blur(fn.flip(image, horizontal=fn.random.coin_flip(seed=5)), sigma=1.0)


def chosen(files):
    data = fn.readers.numpy(files=files)
    heads = fn.random.coin_flip(dtype=varo.types.BOOL, seed=6)
    other = fn.slice(fn.reshape(data, layout="DHW"), start=[10, 11, 12], shape=PATCH, axes=[0, 1, 2]) * 2.0
    return fn.select(heads, crop(data), other)


@pytest.mark.parametrize("build", [plain, chosen])
def test_what_is_read_was_asked_for_before_and_nothing_else(cases, build):
    images, _ = cases
    made = lambda: build(images)
    expected, _ = outcome(made, schedule="serial")
    got, stats = outcome(made, evicted=images)
    np.testing.assert_equal(got, expected)
    assert stats.advised_bytes == FILES * spans(PATCH[2], 4) < sum(os.path.getsize(file) for file in images)
    got, stats = outcome(made)
    np.testing.assert_equal(got, expected)
    assert stats.advised_bytes == 0, "what was read is in the page cache"


def test_what_is_in_the_page_cache_is_left_alone(cases):
    images, _ = cases
    for file in images:
        with open(file, "rb") as stream:
            stream.read()
    _, stats = outcome(lambda: plain(images))
    assert stats.advised_bytes == 0


@pytest.mark.parametrize("known", [False, True])
def test_regions_around_objects(cases, tmp_path, known):
    images, labels = cases
    folder = str(tmp_path / "objects")

    def made():
        image, label = (fn.reshape(fn.readers.numpy(files=files), layout="DHW") for files in cases)
        anchor, shape = fn.segmentation.random_object_bbox(label, cache_dir=folder, seed=4)
        start = fn.roi_random_crop(label, roi_start=anchor, roi_shape=shape, crop_shape=PATCH, seed=5)
        window = dict(start=start, shape=PATCH, axes=[0, 1, 2], out_of_bounds_policy="pad")
        return fn.slice(image, **window) + 1.0, fn.slice(label, **window)

    expected, _ = outcome(made, schedule="serial")
    if not known:
        for file in os.listdir(folder):
            os.unlink(os.path.join(folder, file))
    got, stats = outcome(made, evicted=[*images, *labels])
    np.testing.assert_equal(got, expected)
    # Labels that were read for their objects are in the page cache then.
    assert stats.advised_bytes == FILES * (spans(PATCH[2], 4) + (spans(PATCH[2], 1) if known else 0))


def test_failures_come_when_they_are_due(cases):
    images, _ = cases

    def made():
        data = fn.reshape(fn.readers.numpy(files=images[:4]), layout="DHW")
        start = fn.external_source(lambda info: np.array([0, 0, 50 if info.idx_in_epoch == 3 else 20], np.int32),
                                   batch=False)
        return fn.slice(data, start=start, shape=PATCH, axes=[0, 1, 2])

    pipe = varo.pipeline_def(batch_size=2, num_threads=2, prefetch_queue_depth=3)(made)()
    pipe.build()
    pipe.run()
    with pytest.raises(varo.ShapeError, match="along W"):
        pipe.run()
    pipe.run()


def test_a_file_that_goes_meanwhile_is_an_error_of_its_sample(cases):
    images, _ = cases
    pipe = varo.pipeline_def(batch_size=1, num_threads=2, prefetch_queue_depth=1)(lambda: plain(images[:2]))()
    pipe.build()
    pipe.run()
    os.unlink(images[0])
    seen = []
    for _ in range(4):
        try:
            pipe.run()
            seen.append("read")
        except varo.ReadError:
            seen.append("gone")
    assert seen[-2:] in (["read", "gone"], ["gone", "read"])
