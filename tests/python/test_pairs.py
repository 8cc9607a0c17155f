# SPDX-License-Identifier: Apache-2.0
"""Readers of lists that belong together: image and label of one case, whatever order and shards."""

import json
import os
import random
import warnings

import numpy as np
import pytest

import varo
from varo import _core, fn, ops

nib = pytest.importorskip("nibabel")


def pipeline(reader, batch_size=2, num_threads=2, then=lambda *values: values, schedule=None, **args):
    @varo.pipeline_def(batch_size=batch_size, num_threads=num_threads, seed=1, prefetch_queue_depth=2)
    def made():
        values = reader(**args)
        return then(*(values if isinstance(values, (tuple, list)) else (values,)))

    return made(**({} if schedule is None else {"schedule": schedule}))


def save(path, number, shape=(2, 3, 4), dtype=np.float32, affine=np.eye(4)):
    """An array of `number`, as the file's ending says."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    array = np.full(shape, number, dtype)
    if str(path).endswith(".npy"):
        np.save(path, array)
    else:
        nib.save(nib.Nifti1Image(array, affine), path)
    return str(path)


@pytest.fixture
def cases(tmp_path):
    """cases(n, ending): n images that hold their number, and n labels that hold it plus 100."""

    def make(n, ending=".npy", shape=(2, 3, 4)):
        image = [save(tmp_path / "im" / f"c{i:03}{ending}", i, shape) for i in range(n)]
        label = [save(tmp_path / "la" / f"c{i:03}{ending}", 100 + i, shape, np.uint8) for i in range(n)]
        return {"image": image, "label": label}

    return make


READERS = [(fn.readers.numpy, ".npy"), (fn.readers.nifti, ".nii"), (fn.readers.nifti, ".nii.gz")]


def numbers(batch):
    return [float(np.asarray(t).flat[0]) for t in batch]


# --- what a reader takes ---------------------------------------------------------------------------


@pytest.mark.parametrize("reader, ending", READERS)
def test_lists_come_as_pairs_in_one_order(cases, reader, ending):
    files = cases(7, ending)
    pipe = pipeline(reader, files=files, random_shuffle=True, initial_fill=3, name="r")
    seen = []
    for _ in range(7):
        image, label = pipe.run()
        assert [i + 100 for i in numbers(image)] == numbers(label)
        assert [t.source_info() for t in image] == [files["image"][int(i)] for i in numbers(image)]
        assert [t.source_info() for t in label] == [files["label"][int(i)] for i in numbers(image)]
        seen += numbers(image)
    assert sorted(seen[:7]) == list(range(7)) and seen[:7] != sorted(seen[:7])
    assert pipe.reader_meta("r")["epoch_size"] == 7


@pytest.mark.parametrize("reader, ending", READERS)
def test_the_order_is_that_of_a_reader_of_one_list(cases, reader, ending):
    files = cases(11, ending)
    order = dict(random_shuffle=True, initial_fill=4, seed=5, num_shards=3, shard_id=1, pad_last_batch=True)
    pairs, single = pipeline(reader, files=files, **order), pipeline(reader, files=files["image"], **order)
    for _ in range(9):
        image, label = pairs.run()
        assert numbers(image) == numbers(single.run()[0]) == [n - 100 for n in numbers(label)]


def test_names_come_in_the_order_of_the_dict_and_one_is_a_node(cases):
    files = cases(2)
    label, image = pipeline(fn.readers.numpy, files={"label": files["label"], "image": files["image"]}).run()
    assert numbers(image) == [0, 1] and numbers(label) == [100, 101]
    assert len(pipeline(fn.readers.numpy, files={"image": files["image"]}).run()) == 1
    image, label = pipeline(ops.readers.Numpy(files=files)).run()
    assert numbers(label) == [100, 101]


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".npy"])
def test_patterns_share_the_name_of_a_case(cases, tmp_path, ending):
    cases(3, ending)
    reader = fn.readers.numpy if ending == ".npy" else fn.readers.nifti
    image, label = pipeline(reader, batch_size=3, file_root=tmp_path,
                            files={"image": "im/{case}" + ending, "label": f"la/{{case}}{ending}"}).run()
    assert numbers(image) == [0, 1, 2] and numbers(label) == [100, 101, 102]


@pytest.mark.parametrize("lazy", [False, True])
def test_incomplete_cases_are_told_with_names(cases, tmp_path, lazy):
    cases(4)
    os.remove(tmp_path / "la" / "c002.npy")
    pipe = pipeline(fn.readers.numpy, file_root=tmp_path, lazy_init=lazy,
                    files={"image": "im/{case}.npy", "label": "la/{case}.npy"})
    with pytest.raises(varo.ReadError, match="label: c002"):
        pipe.run() if lazy else pipe.build()
    save(tmp_path / "im" / "extra" / "c001.npy", 1)
    save(tmp_path / "im" / "more" / "c001.npy", 1)
    with pytest.raises(varo.ReadError, match=r"image: c001 \(.*im/extra/c001.npy and .*im/more/c001.npy\)"):
        pipeline(fn.readers.numpy, file_root=tmp_path, files={"image": "im/*/{case}.npy", "label": "la/{case}.npy"}).build()


@pytest.mark.parametrize("files, error, text", [
    ({"image": ["a", "b"], "label": ["c"]}, varo.ParamError, "image 2, label 1"),
    ({"image": "im/{case}.npy", "label": ["c"]}, varo.ParamError, "pattern"),
    ({"image": "im/a.npy"}, varo.ParamError, "{case}"),
    ({"image": [["a", "b"], ["c"]]}, varo.ParamError, r'files["image"][1]'),
    ({"image": [["a"], "c"]}, varo.ParamError, r'files["image"][1]'),
    ({"image": [[], []]}, varo.ParamError, "at least one"),
    ({"image": [3]}, varo.ArgumentTypeError, r'files["image"][0]'),
    ({"image": [["a", 3]]}, varo.ArgumentTypeError, "not 3"),
    ({"image": b"x"}, varo.ArgumentTypeError, "bytes"),
    ({3: ["a"]}, varo.ArgumentTypeError, "not 3"),
    ({}, varo.ParamError, "no output"),
    ({"image": [], "label": []}, varo.ReadError, "No files found"),
])
def test_files_that_cannot_be_pairs_are_refused(files, error, text):
    with pytest.raises(error) as caught:
        pipeline(fn.readers.numpy, files=files).build()
    assert text in str(caught.value)


@pytest.mark.parametrize("args, text", [
    (dict(files={"a": ["x"]}, names=["a"]), "names is given twice"),
    (dict(files=["x"], table="t.csv"), "files, table"),
    (dict(files=["x"], columns=["a"]), "columns"),
    (dict(file_root="x", names=["a"]), "names"),
])
def test_arguments_that_contradict_each_other_are_refused(args, text):
    with pytest.raises(varo.ParamError, match=text):
        pipeline(fn.readers.numpy, **args).build()


# --- tables ----------------------------------------------------------------------------------------


def test_tables(cases, tmp_path):
    cases(3)
    (tmp_path / "t.csv").write_text("age,label,image\n" + "".join(f"{i},la/c{i:03}.npy,im/c{i:03}.npy\n" for i in range(3)))
    image, label = pipeline(fn.readers.numpy, 3, table=tmp_path / "t.csv", columns=["image", "label"]).run()
    assert numbers(image) == [0, 1, 2] and numbers(label) == [100, 101, 102]
    both, = pipeline(fn.readers.numpy, 3, table=tmp_path / "t.csv", columns={"both": ["image", "label"]}).run()
    assert both.shape() == [(2, 2, 3, 4)] * 3 and np.asarray(both[1])[:, 0, 0, 0].tolist() == [1, 101]
    rows = [{"image": f"im/c{i:03}.npy", "label": f"la/c{i:03}.npy"} for i in range(3)]
    for content in (rows, {key: [row[key] for row in rows] for key in rows[0]}, {"training": rows, "test": ["x"]}):
        (tmp_path / "t.json").write_text(json.dumps(content))
        image, label = pipeline(fn.readers.numpy, 3, table=str(tmp_path / "t.json")).run()
        assert numbers(image) == [0, 1, 2] and numbers(label) == [100, 101, 102]


def test_a_table_names_files_that_are_not_there(cases, tmp_path):
    cases(3)
    (tmp_path / "t.csv").write_text("image,label\nim/c000.npy,la/c000.npy\nim/c001.npy,la/c007.npy\n")
    with pytest.raises(varo.ReadError, match=r"label: .*la/c007.npy \(line 3\)"):
        pipeline(fn.readers.numpy, table=tmp_path / "t.csv").build()
    with pytest.raises(varo.ReadError, match="none.csv"):
        pipeline(fn.readers.numpy, table=tmp_path / "none.csv")


def test_nnunet_s_dataset(tmp_path):
    for i in range(3):
        for channel in range(2):
            save(tmp_path / "imagesTr" / f"p_{i}_{channel:04}.nii.gz", 10 * i + channel)
        save(tmp_path / "labelsTr" / f"p_{i}.nii.gz", 100 + i, dtype=np.uint8)
    (tmp_path / "dataset.json").write_text(json.dumps(
        {"channel_names": {"0": "T1", "1": "T2"}, "labels": {"background": 0}, "numTraining": 3, "file_ending": ".nii.gz"}))
    image, label = pipeline(fn.readers.nifti, 3, table=tmp_path / "dataset.json").run()
    assert image.layout() == "CDHW" and label.layout() == "DHW"
    for i in range(3):
        assert np.asarray(image[i])[:, 0, 0, 0].tolist() == [10 * i, 10 * i + 1]
    assert numbers(label) == [100, 101, 102]


# --- stacks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("schedule", ["parallel", "reference"])
def test_files_of_a_case_are_stacked_as_channels(tmp_path, ending, schedule):
    rng = np.random.default_rng(0)
    affine = np.array([[0, 2, 0, 5], [1.5, 0, 0, 6], [0, 0, 3, 7], [0, 0, 0, 1.0]])
    arrays = [rng.integers(-1000, 1000, (5, 6, 7)).astype(dtype) for dtype in (np.int16, np.float32, np.int16)]
    for k, array in enumerate(arrays):
        nib.save(nib.Nifti1Image(array, affine), tmp_path / f"a_{k}{ending}")
    nib.save(nib.Nifti1Image(np.ones((5, 6, 7), np.uint8), affine), tmp_path / f"a_seg{ending}")
    whole = np.stack([a.T for a in arrays]).astype(np.float32)

    def then(image, label):
        return image, label, fn.crop(fn.flip(image), crop=(3, 4, 5)), fn.slice(image, 1, 2, axes=[0])

    pipe = pipeline(fn.readers.nifti, 1, then=then, schedule=schedule, file_root=tmp_path,
                    files={"image": [f"{{case}}_{k}{ending}" for k in range(3)], "label": f"{{case}}_seg{ending}"})
    image, label, cropped, one = pipe.run()
    assert image.layout() == "CDHW" and label.layout() == "DHW"
    np.testing.assert_array_equal(np.asarray(image[0]), whole)
    np.testing.assert_array_equal(np.asarray(cropped[0]), whole[..., ::-1][:, 2:5, 1:5, 0:5])
    np.testing.assert_array_equal(np.asarray(one[0]), whole[1:3])
    if schedule != "reference":
        np.testing.assert_allclose(image[0].affine, affine)
        assert image[0].source_info() == str(tmp_path / f"a_0{ending}")


def test_stacks_of_arrays(tmp_path):
    a, b = np.arange(6, dtype=np.int16).reshape(2, 3), np.asfortranarray(np.arange(6, 12, dtype=np.int16).reshape(2, 3))
    np.save(tmp_path / "a.npy", a)
    np.save(tmp_path / "b.npy", b)
    (out,) = pipeline(fn.readers.numpy, 1, files={"x": [[tmp_path / "a.npy", tmp_path / "b.npy"]]}).run()
    np.testing.assert_array_equal(np.asarray(out[0]), np.stack([a, b]))
    assert out.layout() == ""


@pytest.mark.parametrize("change, text", [
    (dict(shape=(2, 3, 5)), r"\[5, 3, 2\]"),
    (dict(shape=(2, 3, 4, 2)), "channels"),
    (dict(affine=np.diag([1, 1, 1.1, 1])), "voxel-to-world"),
])
def test_files_that_are_stacked_must_agree(tmp_path, change, text):
    files = [save(tmp_path / "a_0.nii", 1), save(tmp_path / "a_1.nii", 2, **change)]
    with pytest.raises(varo.ReadError, match=text) as error:
        pipeline(fn.readers.nifti, 1, files={"image": [files]}).run()
    assert "a_1.nii" in str(error.value)


# --- grids -----------------------------------------------------------------------------------------


def grid_error(tmp_path, image, label, **args):
    files = {"image": [save(tmp_path / "im.nii.gz", 1, **image)], "label": [save(tmp_path / "la.nii.gz", 2, **label)]}
    pipe = pipeline(fn.readers.nifti, 1, files=files, **args)
    try:
        pipe.run()
    except varo.ReadError as error:
        return str(error)
    return ""


def test_maps_that_disagree_are_told_with_both(tmp_path):
    turned = np.array([[-1.0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    text = grid_error(tmp_path, {}, {"affine": turned})
    assert "im.nii.gz" in text and "la.nii.gz" in text and "check_affine=False" in text
    assert "affine [[1, 0, 0, 0]" in text and "affine [[-1, 0, 0, 1]" in text
    assert grid_error(tmp_path, {}, {"affine": turned}, check_affine=False) == ""


@pytest.mark.parametrize("shift, same", [(0, True), (5e-4, True), (2e-3, False), (1, False)])
def test_maps_may_differ_by_a_thousandth_of_a_voxel(tmp_path, shift, same):
    moved = np.diag([2.0, 3, 0.5, 1])
    moved[2, 3] = 0.5 * shift
    assert (grid_error(tmp_path, {"affine": np.diag([2.0, 3, 0.5, 1])}, {"affine": moved}) == "") == same


def test_a_small_turn_counts_at_the_far_corner(tmp_path):
    scaled = np.diag([1, 1, 1 + 1e-4, 1])
    assert grid_error(tmp_path, {"shape": (2, 2, 5)}, {"shape": (2, 2, 5), "affine": scaled}) == ""
    assert grid_error(tmp_path, {"shape": (2, 2, 50)}, {"shape": (2, 2, 50), "affine": scaled}) != ""


def test_extents_that_disagree_are_told(tmp_path):
    text = grid_error(tmp_path, {}, {"shape": (2, 3, 5)})
    assert "[4, 3, 2]" in text and "[5, 3, 2]" in text and "extents" in text
    assert grid_error(tmp_path, {}, {"shape": (2, 3, 5)}, check_affine=False) == ""
    assert grid_error(tmp_path, {"shape": (2, 3, 4, 2)}, {}) == "", "channels are no extent of the volume"


def test_arrays_have_no_grid(tmp_path):
    files = {"image": [save(tmp_path / "a.npy", 1)], "points": [save(tmp_path / "b.npy", 2, (7,))]}
    image, points = pipeline(fn.readers.numpy, 1, files=files).run()
    assert points.shape() == [(7,)]
    with pytest.raises(varo.ArgumentTypeError, match="check_affine"):
        pipeline(fn.readers.numpy, 1, files=files, check_affine=True)


def test_an_error_is_that_of_its_sample_alone(cases, tmp_path):
    files = cases(3, ".nii")
    save(tmp_path / "la" / "c001.nii", 101, (2, 3, 5), np.uint8)
    pipe = pipeline(fn.readers.nifti, 1, files=files)
    image, label = pipe.run()
    assert numbers(label) == [100]
    with pytest.raises(varo.ReadError, match="c001.nii"):
        pipe.run()
    image, label = pipe.run()
    assert numbers(image) == [2] and numbers(label) == [102]


# --- what readers do elsewhere ---------------------------------------------------------------------


@pytest.mark.parametrize("reader, ending", READERS[:2])
def test_crops_of_both_outputs_read_their_regions_only(tmp_path, reader, ending):
    shape = (64, 64, 64)
    files = {"image": [[save(tmp_path / f"{k}{ending}", k, shape) for k in range(2)]],
             "label": [save(tmp_path / f"label{ending}", 7, shape, np.uint8)]}

    def then(image, label):
        return tuple(fn.slice(x, [8, 8, 8], [16, 16, 16], axes=[-3, -2, -1]) for x in (image, label))

    pipe = pipeline(reader, 1, then=then, files=files)
    _core.reset_io_stats()
    image, label = pipe.run()
    assert image.shape() == [(2, 16, 16, 16)] and label.shape() == [(16, 16, 16)]
    batches = 4  # with those ahead
    assert _core.io_stats().requested_bytes < batches * (2 * 4 + 1) * 16 * 64 * 64
    del pipe


def test_region_arguments_are_for_every_output(cases):
    files = cases(2, ".nii")
    image, label = pipeline(fn.readers.nifti, files=files, roi_axes=[-1], roi_start=[1], roi_shape=[1]).run()
    assert image.shape() == label.shape() == [(4, 3, 1)] * 2


def test_objects_of_the_label_are_remembered(tmp_path):
    label = np.zeros((20, 20, 20), np.uint8)
    label[3:7, 4:9, 5:11] = 1
    np.save(tmp_path / "l.npy", label)
    np.save(tmp_path / "i.npy", label.astype(np.float32))
    for name in "il":
        os.utime(tmp_path / f"{name}.npy", (1e9, 1e9))

    def then(image, label):
        anchor, shape = fn.segmentation.random_object_bbox(label, cache_objects=True)
        return fn.slice(image, start=anchor, shape=shape, axes=[0, 1, 2]), anchor

    pipe = pipeline(fn.readers.numpy, 1, then=then, files={"image": [tmp_path / "i.npy"], "label": [tmp_path / "l.npy"]})
    for _ in range(3):
        image, anchor = pipe.run()
        assert np.asarray(anchor[0]).tolist() == [3, 4, 5] and np.asarray(image[0]).all() and image.shape() == [(4, 5, 6)]


@pytest.mark.parametrize("args", [dict(cache_header_information=True), dict(dont_use_mmap=True), dict(lazy_init=True),
                                  dict(stick_to_shard=True, num_shards=2), dict(shuffle_after_epoch=True)])
def test_other_arguments_go_with_pairs(cases, args):
    pipe = pipeline(fn.readers.nifti, files=cases(6, ".nii"), **args)
    for _ in range(8):
        image, label = pipe.run()
        assert [i + 100 for i in numbers(image)] == numbers(label)


def test_an_output_that_nobody_reads_costs_no_voxels(cases):
    files = cases(2)
    pipe = pipeline(fn.readers.numpy, 1, then=lambda image, label: (label,), files=files)
    assert numbers(pipe.run()[0]) == [100]


# --- readers that come apart -----------------------------------------------------------------------


@pytest.mark.parametrize("first, second, text", [
    (dict(random_shuffle=True), dict(random_shuffle=True), "seed"),
    (dict(random_shuffle=True, seed=1), dict(random_shuffle=True, seed=1, initial_fill=5), "initial_fill 1024 and 5"),
    (dict(random_shuffle=True, seed=1), dict(seed=1), "random_shuffle True and False"),
    (dict(num_shards=2, shard_id=0), dict(num_shards=2, shard_id=1), "shard_id 0 and 1"),
    (dict(pad_last_batch=True), dict(), "pad_last_batch"),
    (dict(stick_to_shard=True), dict(), "stick_to_shard"),
    (dict(shuffle_after_epoch=True), dict(), "shuffle_after_epoch"),
    (dict(), dict(drop=1), "number of samples 4 and 3"),
])
def test_readers_that_do_not_step_alike_warn_when_built(cases, first, second, text):
    files = cases(4)
    label = files["label"][:4 - second.pop("drop", 0)]

    @varo.pipeline_def(batch_size=1, num_threads=1, seed=1)
    def made():
        return fn.readers.numpy(files=files["image"], name="images", **first), fn.readers.numpy(files=label, name="labels", **second)

    with pytest.warns(UserWarning, match=text) as caught:
        made().build()
    text = str(caught[0].message)
    assert '"images"' in text and '"labels"' in text and 'files={"image"' in text
    assert caught[0].filename == __file__


@pytest.mark.parametrize("order", [dict(), dict(random_shuffle=True, seed=3), dict(shuffle_after_epoch=True), dict(lazy_init=True)])
def test_readers_that_step_alike_do_not_warn(cases, order):
    files = cases(4)

    @varo.pipeline_def(batch_size=1, num_threads=1, seed=1)
    def made():
        return fn.readers.numpy(files=files["image"], **order), fn.readers.numpy(files=files["label"], **order)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made().build()
        pipeline(fn.readers.numpy, files=files, random_shuffle=True).build()


# --- every pair right or refused -------------------------------------------------------------------


def read_of_random_pairs(folder, rng):
    """Files of a few cases, some missing or doubled; reads them on one of several ranks. (read, refused)"""
    n = rng.randrange(8, 25)
    ids = [f"c{rng.randrange(10**6):06}_{i}" for i in range(n)]
    present = {"im": dict.fromkeys(ids, 1), "la": dict.fromkeys(ids, 1)}
    wrong = rng.choice(["nothing", "nothing", "missing", "doubled", "both"])
    if wrong in ("missing", "both"):
        del present[rng.choice(["im", "la"])][rng.choice(ids)]
    if wrong in ("doubled", "both"):
        kind = rng.choice(["im", "la"])
        present[kind][rng.choice(sorted(present[kind]))] = 2
    lists = {"im": [], "la": []}
    for kind, there in present.items():
        for case, count in there.items():
            for copy in range(count):
                path = folder / kind / f"s{copy}" / f"{case}_{kind}.npy"
                path.parent.mkdir(parents=True, exist_ok=True)
                np.save(path, np.array(ids.index(case), np.int32))
                lists[kind].append(str(path))
        rng.shuffle(lists[kind]) if wrong == "nothing" else lists[kind].sort()
    if rng.random() < 0.5 or wrong == "nothing":
        files = {"image": "im/s*/{case}_im.npy", "label": "la/s*/{case}_la.npy"}
    else:
        files = {"image": lists["im"], "label": lists["la"]}
    by_pattern = isinstance(files["image"], str)
    ranks = rng.randrange(1, 9)
    order = dict(num_shards=ranks, shard_id=rng.randrange(ranks), stick_to_shard=rng.random() < 0.5,
                 pad_last_batch=rng.random() < 0.5)
    shuffle = rng.choice(["none", "reservoir", "epoch"])
    if shuffle == "reservoir":
        order.update(random_shuffle=True, initial_fill=rng.randrange(1, 20), seed=rng.randrange(100))
    if shuffle == "epoch":
        order.update(shuffle_after_epoch=True, stick_to_shard=False)
    try:
        pipe = pipeline(fn.readers.numpy, rng.randrange(1, 5), rng.randrange(1, 3), file_root=folder, files=files, **order)
        pipe.build()
    except (varo.ReadError, varo.ParamError):
        assert wrong != "nothing"
        return 0, 1
    assert wrong == "nothing" or not by_pattern, f"{wrong} files were not told"
    read = 0
    for _ in range(12):
        for image, label in zip(*pipe.run()):
            stem = lambda t: os.path.basename(t.source_info())[:-len("_im.npy")]
            if by_pattern:
                assert stem(image) == stem(label) and np.asarray(image) == np.asarray(label) == ids.index(stem(image))
            else:  # as the lists say
                assert files["image"].index(image.source_info()) == files["label"].index(label.source_info())
            read += 1
    return read, 0


def read_until(folder, seed, reads):
    rng = random.Random(seed)
    read = refused = rounds = 0
    while read < reads:
        more = read_of_random_pairs(folder / str(rounds), rng)
        read, refused, rounds = read + more[0], refused + more[1], rounds + 1
    assert refused > rounds / 5


def test_every_random_pair_is_right_or_refused(tmp_path):
    read_until(tmp_path, 1, 500)


@pytest.mark.slow
def test_every_one_of_ten_thousand_random_pairs_is_right_or_refused(tmp_path):
    read_until(tmp_path, 2, 10_000)
