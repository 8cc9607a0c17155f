# SPDX-License-Identifier: Apache-2.0
"""Operators as classes, constants made before a pipeline, and a volumetric pipeline as users of DALI write it."""

import numpy as np
import pytest
import varo
import varo.fn as fn
import varo.math as math
import varo.ops as ops
import varo.types as types
from varo._schema import PUBLIC
from varo.pipeline import Pipeline
from varo.plugin.pytorch import DALIGenericIterator, LastBatchPolicy

PATCH = [12, 14, 10]


def every_class(module, path=()):
    for name, value in vars(module).items():
        if isinstance(value, type) and hasattr(value, "_name"):
            yield ".".join((*path, name)), value
        elif getattr(value, "__name__", "").startswith(module.__name__ + "."):
            yield from every_class(value, (*path, name))


def test_every_function_has_its_class():
    named = {cls._name for _, cls in every_class(ops)}
    assert named == {s["name"] for s in PUBLIC}


def test_names_are_those_of_dali():
    assert ops.segmentation.RandomObjectBBox and ops.ROIRandomCrop and ops.readers.Numpy and ops.random.CoinFlip
    assert ops.GaussianBlur and ops.CoordTransform and ops.ExternalSource


def run(define, **options):
    pipe = Pipeline(batch_size=2, num_threads=2, device_id=None, seed=3, **options)
    with pipe:
        pipe.set_outputs(define())
    return np.asarray(pipe.run()[0][1])


def test_class_does_what_the_function_does():
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4, 1)
    blur = ops.GaussianBlur(sigma=1.0)
    assert np.array_equal(run(lambda: blur(x[..., 0])), run(lambda: fn.gaussian_blur(x[..., 0], sigma=1.0)))
    flip = ops.Flip(vertical=1)
    assert np.array_equal(run(lambda: flip(x, horizontal=fn.random.coin_flip(probability=1.0))), x[:, ::-1, ::-1])
    both = ops.Compose([ops.Flip(horizontal=1), ops.Cast(dtype=types.INT32)])
    assert np.array_equal(run(lambda: both(x)), x[:, :, ::-1].astype(np.int32))


def test_external_source_class():
    source = ops.ExternalSource(lambda: [np.float32(k) for k in (4, 5)])
    assert run(source) == 5


def test_argument_given_twice():
    with pytest.raises(ValueError, match="horizontal is given twice"):
        run(lambda: ops.Flip(horizontal=1)(np.zeros((2, 2, 1), np.float32), horizontal=0))


def test_constant_made_before_the_pipeline():
    shape = types.Constant(np.array([1, 2, 3]), dtype=types.INT64)
    assert run(lambda: fn.cast(shape, dtype=types.FLOAT)).tolist() == [1, 2, 3]
    assert run(lambda: 2 * shape + fn.cast(np.float32(1), dtype=types.INT32)).dtype == np.int64
    volume = varo.as_tensor(np.zeros((4, 4, 4, 1), np.float32), "DHWC")
    assert run(lambda: fn.resize(volume, size=shape)).shape == (1, 2, 3, 1)


def test_constants_outside_of_pipelines():
    x = np.arange(6, dtype=np.float32).reshape(2, 3, 1)
    size = types.Constant(np.array([4, 6]), dtype=types.FLOAT)
    assert np.asarray(fn.resize(x, size=size)).shape == (4, 6, 1)
    assert np.array_equal(fn.flip(x, horizontal=types.Constant(1)), x[:, ::-1])
    assert np.asarray(math.max(types.Constant(2), np.float32(1))).tolist() == 2


def test_torch_tensors_as_arguments():
    torch = pytest.importorskip("torch")
    x = np.arange(27, dtype=np.float32).reshape(3, 3, 3)
    for sigma in (torch.tensor(1.5), torch.tensor([1.0, 2.0, 0.5])):
        assert np.array_equal(run(lambda: fn.gaussian_blur(x, sigma=sigma)), fn.gaussian_blur(x, sigma=sigma.tolist()))


def random_augmentation(probability, augmented, original):
    condition = fn.cast(fn.random.coin_flip(probability=probability), dtype=types.DALIDataType.BOOL)
    return condition * augmented + (condition ^ True) * original


class Training(Pipeline):
    """As an unchanged program would define it: operators and constants made outside the graph."""

    def __init__(self, images, labels, **options):
        super().__init__(2, 2, device_id=0, seed=1, **options)
        self.crop_shape = types.Constant(np.array(PATCH), dtype=types.INT64)
        self.resize_shape = types.Constant(np.array(PATCH), dtype=types.FLOAT)
        options = dict(device="cpu", read_ahead=True, dont_use_mmap=True, pad_last_batch=True, num_shards=1, shard_id=0,
                       seed=7, shuffle_after_epoch=True)
        self.image_reader = ops.readers.Numpy(files=images, **options)
        self.label_reader = ops.readers.Numpy(files=labels, **options)
        self.channels_last = ops.Transpose(device="gpu", perm=[1, 2, 3, 0])

    def define_graph(self):
        image = fn.reshape(self.image_reader(name="ReaderX"), layout="CDHW")
        label = fn.reshape(self.label_reader(name="ReaderY"), layout="CDHW")
        start, end = fn.segmentation.random_object_bbox(label, device="cpu", background=0, format="start_end",
                                                        cache_objects=True, foreground_prob=0.9)
        anchor = fn.roi_random_crop(label, roi_start=start, roi_end=end, crop_shape=[1, *PATCH])
        anchor = fn.slice(anchor, 1, 3, axes=[0])
        image, label = fn.slice([image, label], anchor, self.crop_shape, axis_names="DHW", out_of_bounds_policy="pad",
                                device="cpu")
        image, label = self.channels_last(image.gpu()), self.channels_last(label.gpu())

        scale = random_augmentation(0.5, fn.random.uniform(range=(0.7, 1.0)), 1.0)
        d, h, w = [scale * extent for extent in PATCH]
        image, label = fn.crop(image, crop_h=h, crop_w=w, crop_d=d), fn.crop(label, crop_h=h, crop_w=w, crop_d=d)
        image = fn.resize(image, interp_type=types.DALIInterpType.INTERP_CUBIC, size=self.resize_shape)
        label = fn.resize(label, interp_type=types.DALIInterpType.INTERP_NN, size=self.resize_shape)
        flips = {axis: fn.random.coin_flip(probability=0.5) for axis in ("horizontal", "vertical", "depthwise")}
        image, label = fn.flip(image, **flips), fn.flip(label, **flips)

        noised = image + fn.random.normal(image, stddev=fn.random.uniform(range=(0.0, 0.33)))
        image = random_augmentation(0.5, noised, image)
        image = random_augmentation(0.5, fn.noise.gaussian(image, stddev=0.1), image)
        image = random_augmentation(0.5, fn.gaussian_blur(image, sigma=fn.random.uniform(range=(0.5, 1.5))), image)
        image = image * random_augmentation(0.5, fn.random.uniform(range=(0.7, 1.3)), 1.0)
        scale = random_augmentation(0.5, fn.random.uniform(range=(0.65, 1.5)), 1.0)
        image = math.clamp(image * scale, fn.reductions.min(image), fn.reductions.max(image))
        return image, label


def test_a_volumetric_pipeline_as_users_of_dali_write_it(tmp_path):
    rng = np.random.default_rng(0)
    images, labels = [], []
    for k in range(5):
        shape = (20 + k, 24, 18)
        label = np.zeros((1, *shape), np.uint8)
        label[0, 5:10, 6:12, 3:9] = 1
        label[0, 12:17, 12:20, 8:16] = 2
        for name, array, files in (("image", rng.normal(size=(2, *shape)).astype(np.float32), images),
                                   ("label", label, labels)):
            files.append(str(tmp_path / f"{name}_{k}.npy"))
            np.save(files[-1], array)

    def epochs(**options):
        it = DALIGenericIterator(Training(images, labels, **options), ["image", "label"], reader_name="ReaderX",
                                 auto_reset=True, last_batch_policy=LastBatchPolicy.PARTIAL, dynamic_shape=True)
        return [[(b[0]["image"].numpy(), b[0]["label"].numpy()) for b in it] for _ in range(2)]

    run = epochs()
    for epoch in run:
        assert [image.shape for image, _ in epoch] == [(2, *PATCH, 2), (2, *PATCH, 2), (1, *PATCH, 2)]
        assert all(label.shape == (len(image), *PATCH, 1) for image, label in epoch)
        assert any(label.any() for _, label in epoch)
    for one, other in zip(sum(run, []), sum(epochs(schedule="serial"), [])):
        assert np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1])


def test_none_at_the_call_means_not_given():
    crop = ops.Crop(crop=(2, 3))
    assert np.asarray(crop(np.ones((4, 5), "float32"), crop=None)).shape == (2, 3)
    assert np.asarray(ops.Flip(horizontal=None)(np.array([[1.0, 2.0]]), horizontal=None)).tolist() == [[2.0, 1.0]]
    with pytest.raises(varo.ParamError, match="given twice"):
        crop(np.ones((4, 5), "float32"), crop=(1, 1))
