# SPDX-License-Identifier: Apache-2.0
"""What cases of one call on one sample do not show."""

import os
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
import varo
from varo import _core, fn


def blobs(seed, shape=(12, 13, 14), share=0.2):
    rng = np.random.default_rng(seed)
    return (rng.random(shape) < share).astype(np.uint8) * rng.integers(1, 4, shape, np.uint8)


def batches(build, samples, count=3, **options):
    options = {"batch_size": samples, "num_threads": 2, "seed": 5, **options}

    @varo.pipeline_def(**options)
    def declare():
        outputs = build()
        return tuple(outputs) if isinstance(outputs, (list, tuple)) else outputs

    pipe = declare()
    pipe.build()
    return [[[np.array(t) for t in batch] for batch in pipe.run()] for _ in range(count)]


def source(arrays):
    return fn.external_source(source=lambda: arrays)


def test_the_cache_changes_no_result():
    a = blobs(1)
    arrays = [a, a.reshape(13, 12, 14), a, a[::-1, :, ::-1], blobs(2), blobs(3)]

    def build(cached):
        return lambda: fn.segmentation.random_object_bbox(
            source(arrays), cache_objects=cached, output_class=True, k_largest=5, threshold=[1, 1, 2], seed=8)

    plain, cached = batches(build(False), 6), batches(build(True), 6)
    for x, y in zip(plain, cached):
        np.testing.assert_equal(x, y)


def test_equal_bytes_in_another_shape_have_other_objects():
    flat = np.zeros(24, np.uint8)
    flat[[0, 1, 6]] = 1
    for shape in ((4, 6), (6, 4), (2, 12), (24,)):
        plain = fn.segmentation.random_object_bbox(flat.reshape(shape), seed=3, format="box")
        cached = fn.segmentation.random_object_bbox(flat.reshape(shape), seed=3, format="box", cache_objects=True)
        np.testing.assert_array_equal(np.asarray(plain), np.asarray(cached))

    def build():
        both = [fn.segmentation.random_object_bbox(fn.reshape(source([flat] * 8), shape=shape), seed=3, format="box",
                                                   cache_objects=True) for shape in ([4, 6], [6, 4])]
        return both

    if hasattr(fn, "reshape"):
        for rows, columns in batches(build, 8):
            assert max(box[2] for box in rows) <= 4 and max(box[3] for box in columns) <= 4


def test_results_do_not_depend_on_threads():
    arrays = [blobs(s, (20, 30, 40)) for s in range(5)]

    def build():
        return fn.segmentation.random_object_bbox(source(arrays), seed=1), fn.segmentation.random_mask_pixel(
            source(arrays), foreground=1, seed=2)

    def flat(build, **options):
        return [np.asarray(t) for batch in batches(lambda: [*build()[0], build()[1]], 5, **options) for out in batch for t in out]

    one = flat(build, num_threads=1, schedule="serial")
    np.testing.assert_equal(flat(build, num_threads=4), one)
    np.testing.assert_equal(flat(build, schedule="shuffled", shuffle_seed=3), one)


def test_arguments_per_sample():
    picture = np.zeros((6, 9), np.uint8)
    picture[0, 0] = 1
    picture[2:4, 2:7] = 2
    probabilities = [np.float32(0), np.float32(1), np.float32(0), np.float32(1)]
    classes = [np.array(c, np.int32) for c in ([1], [1], [2], [2])]
    thresholds = [np.array(t, np.int32) for t in ([1, 1], [1, 1], [2, 5], [2, 5])]

    def build():
        return fn.segmentation.random_object_bbox(
            source([picture] * 4), foreground_prob=source(probabilities), classes=source(classes),
            threshold=source(thresholds), output_class=True, format="box")

    for boxes, labels in batches(build, 4):
        assert [int(v) for v in labels] == [0, 1, 0, 2]
        np.testing.assert_array_equal(boxes, [[0, 0, 6, 9], [0, 0, 1, 1], [0, 0, 6, 9], [2, 2, 4, 7]])


def test_background_per_sample_counts_as_explicit():
    picture = np.array([[0, 1], [1, 2]], np.uint8)

    def build(classes):
        return lambda: fn.segmentation.random_object_bbox(
            source([picture] * 2), background=source([np.int32(1), np.int32(2)]), classes=classes, output_class=True)

    for _, _, labels in batches(build([0]), 2):
        assert [int(v) for v in labels] == [0, 0]
    with pytest.raises(varo.errors.ParamError, match=r"background 2, classes \[0, 2\]"):
        batches(build([0, 2]), 2)


def test_a_threshold_of_another_length_is_refused():
    picture = np.ones((2, 2), np.uint8)
    with pytest.raises(varo.errors.ShapeError, match="threshold"):
        batches(lambda: fn.segmentation.random_object_bbox(
            source([picture]), threshold=source([np.array([1, 1, 1], np.int32)])), 1)


def test_mask_pixel_foreground_per_sample():
    mask = np.zeros((50, 60), np.uint8)
    mask[20, 30] = 1

    def build():
        return fn.segmentation.random_mask_pixel(source([mask] * 4), foreground=source([np.int32(v) for v in (1, 0, 1, 0)]))

    for (positions,) in batches(build, 4):
        assert positions[0].tolist() == positions[2].tolist() == [20, 30]
        assert positions[1].tolist() != [20, 30] or positions[3].tolist() != [20, 30]


@pytest.mark.parametrize("probability, nodes", [(0.0, 1), (1.0, 2)])
def test_voxels_are_asked_for_only_when_an_object_is_drawn(probability, nodes):
    @varo.pipeline_def(batch_size=4, num_threads=1, seed=1, prefetch_queue_depth=1)
    def declare():
        smooth = fn.gaussian_blur(fn.reshape(source([blobs(1)] * 4), layout="DHW"), sigma=1.0)
        return fn.segmentation.random_object_bbox(smooth, foreground_prob=probability, format="box")

    pipe = declare()
    pipe.build()
    pipe.run()
    assert pipe._core.stats().nodes_run == 4 * nodes


# --- label maps in files ---------------------------------------------------------------------------


def save_labels(path, array, age=60):
    """Written `age` seconds ago."""
    np.save(path, array)
    then = os.stat(path).st_mtime_ns - age * 10**9
    os.utime(path, ns=(then, then))


@pytest.fixture
def labels(tmp_path):
    files = [tmp_path / f"{i}.npy" for i in range(4)]
    for i, file in enumerate(files):
        save_labels(file, blobs(i, (30, 31, 32), share=0.002))
    return [str(file) for file in files]


def boxes_of_files(files, view=lambda x: x, **options):
    """A pipeline: boxes of objects in label files, and a small crop of each file."""

    @varo.pipeline_def(batch_size=len(files), num_threads=2, seed=5, prefetch_queue_depth=1)
    def declare():
        label = fn.readers.numpy(files=files, cache_header_information=True)
        label = view(fn.reshape(label, layout="DHW"))
        box = fn.segmentation.random_object_bbox(label, format="box", output_class=True, seed=3, **options)
        return *box, fn.slice(label, start=[3, 4, 5], shape=[6, 7, 8], axes=[0, 1, 2])

    pipe = declare()
    pipe.build()
    return pipe


def results(pipe, count=4):
    return [[np.asarray(t) for batch in pipe.run() for t in batch] for _ in range(count)]


def turned(x):
    return fn.transpose(fn.flip(x, depthwise=1, horizontal=1), perm=[1, 2, 0])


def windowed(x):
    return fn.slice(x, start=[-2, 3, 0], shape=[20, 40, 30], axes=[0, 1, 2], out_of_bounds_policy="pad", fill_values=2)


@pytest.mark.parametrize("view", [lambda x: x, turned, windowed], ids=["whole", "turned", "windowed"])
def test_label_files_give_the_same_boxes_from_the_cache(labels, tmp_path, view):
    plain = results(boxes_of_files(labels, view))
    folder = str(tmp_path / "objects")
    for options in (dict(cache_objects=True), dict(cache_dir=folder), dict(cache_dir=folder)):
        np.testing.assert_equal(results(boxes_of_files(labels, view, **options)), plain)


def test_a_known_label_file_is_not_read_for_its_objects(labels):
    pipe = boxes_of_files(labels, cache_objects=True)
    results(pipe, 2)
    _core.reset_io_stats()
    results(pipe, 1)
    crop = 6 * 31 * 32  # whole slices: what lies between the rows is read along
    assert 0 < _core.io_stats().requested_bytes <= len(labels) * crop


def test_objects_of_label_files_outlive_the_pipeline(labels, tmp_path):
    folder = tmp_path / "deep" / "objects"
    plain = results(boxes_of_files(labels))
    results(boxes_of_files(labels, cache_dir=str(folder)))
    assert len(list(folder.iterdir())) == len(labels)
    _core.reset_io_stats()
    np.testing.assert_equal(results(boxes_of_files(labels, cache_dir=str(folder))), plain)
    tables = sum(file.stat().st_size for file in folder.iterdir())
    headers, crops = 6 * 1024, 6 * 6 * 31 * 32 * len(labels)  # of batches read ahead too
    assert _core.io_stats().requested_bytes <= 2 * tables + len(labels) * headers + crops


def test_objects_of_another_process_are_found(labels, tmp_path):
    folder = tmp_path / "objects"
    code = textwrap.dedent(f"""
        import sys
        sys.path[:0] = {[os.path.dirname(__file__), *sys.path]!r}
        import test_segmentation as t
        t.results(t.boxes_of_files({labels!r}, cache_dir={str(folder)!r}))
    """)
    both = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]
    before = {file: file.stat().st_ino for file in folder.iterdir()}
    np.testing.assert_equal(results(boxes_of_files(labels, cache_dir=str(folder))), results(boxes_of_files(labels)))
    assert {file: file.stat().st_ino for file in folder.iterdir()} == before and len(before) == len(labels)


@pytest.mark.parametrize("age", [0, 60])
def test_a_label_file_written_again_has_other_objects(tmp_path, age):
    path, folder = tmp_path / "a.npy", tmp_path / "objects"
    one, two = np.zeros((2, 12, 12, 13), np.uint8)
    one[1:3, 1:3, 1:3] = two[4:8, 4:8, 4:8] = 1
    save_labels(path, one, age)
    pipe = boxes_of_files([str(path)], cache_dir=str(folder))
    results(pipe)
    save_labels(path, two, age // 2)
    for again in (pipe, boxes_of_files([str(path)], cache_dir=str(folder))):
        seen = []
        for _ in range(4):  # what was under way may find the file changed under its hands
            try:
                seen.append(np.asarray(again.run()[0][0]).tolist())
            except varo.ReadError:
                pass
        assert seen[-1] == [4, 4, 4, 8, 8, 8]


def test_a_file_with_another_s_name_size_time_and_inode_has_its_own_objects(tmp_path):
    folder, path, aside = str(tmp_path / "cache"), tmp_path / "x.npy", tmp_path / "y.npy"
    first, second = np.zeros((2, 14, 14, 14), np.uint8)
    first[3:5, 4:7, 5:8] = second[10:13, 2:9, 6:8] = 1
    save_labels(path, first)
    assert results(boxes_of_files([str(path)], cache_dir=folder), 1)[0][0].tolist() == [3, 4, 5, 5, 7, 8]
    state = path.stat()
    time.sleep(0.02)
    save_labels(aside, second)
    with open(path, "r+b") as file:  # the same inode
        file.write(aside.read_bytes())
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert path.stat().st_ino == state.st_ino and path.stat().st_mtime_ns == state.st_mtime_ns
    assert results(boxes_of_files([str(path)], cache_dir=folder), 1)[0][0].tolist() == [10, 2, 6, 13, 9, 8]


def test_random_windows_fill_no_folder(labels, tmp_path):
    folder = tmp_path / "objects"

    def view(x):
        return fn.crop(x, crop=[20, 20, 20], crop_pos_x=fn.random.uniform(range=[0, 1], seed=9))

    cached = results(boxes_of_files(labels, view, cache_dir=str(folder)))
    np.testing.assert_equal(cached, results(boxes_of_files(labels, view)))
    assert not folder.exists()


def test_damaged_objects_are_made_again(labels, tmp_path):
    folder = tmp_path / "objects"
    plain = results(boxes_of_files(labels, cache_dir=str(folder)))
    for i, file in enumerate(folder.iterdir()):
        data = file.read_bytes()
        file.write_bytes([b"", data[:50], data[:40] + b"x" + data[41:], os.urandom(200)][i])
    np.testing.assert_equal(results(boxes_of_files(labels, cache_dir=str(folder))), plain)
    _core.reset_io_stats()
    np.testing.assert_equal(results(boxes_of_files(labels, cache_dir=str(folder)), 1), plain[:1])
    assert _core.io_stats().requested_bytes < len(labels) * 30 * 31 * 32


def test_a_cache_dir_that_cannot_be_written_is_a_warning(labels, tmp_path, capfd):
    (tmp_path / "file").write_text("")
    blocked = str(tmp_path / "file" / "below")
    np.testing.assert_equal(results(boxes_of_files(labels, cache_dir=blocked)), results(boxes_of_files(labels)))
    told = capfd.readouterr().err
    assert told.count("warning") == 1 and blocked in told


def test_a_cache_dir_that_is_a_file_is_refused(labels):
    with pytest.raises(varo.ParamError, match="cache_dir"):
        boxes_of_files(labels, cache_dir=labels[0])


@pytest.mark.parametrize("schedule", ["parallel", "serial"])
def test_objects_of_a_window_that_reaches_outside_of_computed_labels(schedule):
    labels = np.zeros((12, 14, 16), np.uint8)
    labels[3:6, 4:8, 5:9] = 1
    labels[8:11, 1:3, 10:15] = 2

    def run(how):
        @varo.pipeline_def(batch_size=2, num_threads=2, seed=3, schedule=how)
        def objects():
            x = fn.external_source(lambda: [labels, labels], layout="DHW") * 1
            window = fn.slice(x, start=[-5, 0, -3], shape=[20, 14, 22], axes=[0, 1, 2], out_of_bounds_policy="pad")
            return fn.segmentation.random_object_bbox(window, foreground_prob=1.0)

        return [[np.asarray(t).tolist() for t in out] for out in objects().run()]

    assert run(schedule) == run("reference")
    assert run(schedule)[1][0] in ([3, 4, 4], [3, 2, 5])
