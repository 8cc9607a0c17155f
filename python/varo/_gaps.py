# SPDX-License-Identifier: Apache-2.0
"""Names of DALI's operators that Varo lacks, and the ways round: what `varo.fn.x` says where there is no x."""

from __future__ import annotations

import difflib
import re

_PICTURES = "Varo is for volumes: read pictures with a library of theirs in an external_source"
_READ = "readers.numpy, readers.nifti, or an external_source"
_SOUND = "sound is not supported; an external_source can hand out what another library makes"
_FUNCTION = "an external_source for what is done before, your own code on the batches for what is done after"
_COLOUR = "arithmetic on x[:, :, :, 0] and the like, and fn.stack"
_BY_HAND = "SciPy or scikit-image in an external_source"
_AFFINE = "fn.warp_affine, for affine maps"

# By the operator's name, or by the first part of it where nothing of a like name is there.
_WAYS_ROUND = {
    "readers": _READ,
    "decoders": _PICTURES,
    "experimental": "varo.fn without `experimental`, where the operator is there",
    "io": _READ,
    "peek_image_shape": _PICTURES,
    "jpeg_compression_distortion": _PICTURES,
    "image_decoder": _PICTURES,
    "optical_flow": _PICTURES,
    "dump_image": "numpy.asarray(outputs[0][0]) and a library of pictures",
    "resize_crop_mirror": "fn.resize, then fn.crop, then fn.flip",
    "fast_resize_crop_mirror": "fn.resize, then fn.crop, then fn.flip",
    "crop_mirror_normalize": "fn.crop, fn.flip, (x - mean) / std and fn.transpose; arithmetic is fused",
    "random_resized_crop": "fn.crop with positions of fn.random.uniform, then fn.resize",
    "random_crop_generator": "fn.random.uniform for crop_pos_x, crop_pos_y and crop_pos_z of fn.crop",
    "random_bbox_crop": "fn.roi_random_crop, or fn.segmentation.random_object_bbox",
    "ssd_random_crop": "fn.roi_random_crop",
    "paste": "fn.pad",
    "multi_paste": "fn.cat",
    "sphere": _AFFINE,
    "water": _AFFINE,
    "jitter": "fn.warp_affine with an offset of fn.random.uniform",
    "bb_flip": "fn.coord_flip",
    "bbox_rotate": "fn.coord_transform",
    "bbox_paste": "fn.coord_transform",
    "box_encoder": "your own code on the batches",
    "hue": _COLOUR,
    "saturation": _COLOUR,
    "hsv": _COLOUR,
    "color_twist": _COLOUR,
    "color_space_conversion": _COLOUR,
    "lookup_table": "sums of (x == key) * value, or fn.select",
    "erase": "fn.select with a mask",
    "grid_mask": "fn.select with a mask",
    "copy": "the node itself: nothing writes into it",
    "element_extract": "x[index]",
    "sequence_rearrange": "fn.stack of x[index]",
    "per_frame": "fn.reshape(x, layout=...) with F as the first letter",
    "get_property": ".source_info() and .layout() of the tensors that run() returns",
    "dl_tensor_python_function": _FUNCTION,
    "numba_function": _FUNCTION,
    "shapes": "x.shape()",
    "coin_flip": "fn.random.coin_flip",
    "normal_distribution": "fn.random.normal",
    "uniform": "fn.random.uniform",
    "transform_translation": "fn.transforms.translation",
    "numpy_reader": "fn.readers.numpy",
    **{name: _SOUND for name in ("audio_resample", "preemphasis_filter", "spectrogram", "power_spectrum", "mel_filter_bank",
                                 "to_decibels", "mfcc", "nonsilent_region", "audio_decoder")},
    **{f"{name}_reader": _READ for name in ("file", "coco", "caffe", "caffe2", "mxnet", "tfrecord", "nemo_asr", "sequence")},
    **{name: _BY_HAND for name in ("dilate", "erode", "median_blur", "equalize", "filter")},
}


def _snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def missing(module, name, present):
    """The AttributeError for `name`, which the module of operators ("varo.fn.readers") lacks."""
    path = ".".join(module.split(".")[2:] + [_snake(name)])
    text = f"module {module!r} has no attribute {name!r}"
    near = difflib.get_close_matches(name, [n for n in present if not n.startswith("_")], 3)
    group = path.split(".")[0]
    way = _WAYS_ROUND.get(path) or (None if near else _WAYS_ROUND.get(group))
    if way is not None:
        return AttributeError(f"{text}: Varo does not have this operator of DALI\n  try      {way}")
    return AttributeError(f"{text}" + (f"\n  try      {', '.join(near)}" if near else ""))


def tell_of(module):
    """Makes the module tell what it lacks."""
    module.__getattr__ = lambda name: _refuse(module, name)


def _refuse(module, name):
    if name.startswith("__"):  # asked for by Python and its tools
        raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
    raise missing(module.__name__, name, vars(module))
