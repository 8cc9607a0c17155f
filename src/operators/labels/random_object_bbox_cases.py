# SPDX-License-Identifier: Apache-2.0
from collections import Counter

import numpy as np
from case import Case, ErrorCase
from scipy import ndimage, stats

LABELS = ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "uint64", "float32", "float64")


def boxes_of(mask):
    """Box of each face-connected component, in scan order."""
    components, _ = ndimage.label(mask, ndimage.generate_binary_structure(mask.ndim, 1))
    return [tuple((s.start, s.stop) for s in found) for found in ndimage.find_objects(components)]


def scan_order(boxes_by_class, labels):
    """Boxes of all classes in the order of their components' first voxels."""
    placed = []
    for value in boxes_by_class:
        components, count = ndimage.label(labels == value, ndimage.generate_binary_structure(labels.ndim, 1))
        firsts = [np.flatnonzero(components.ravel() == i + 1)[0] for i in range(count)]
        placed += list(zip(firsts, boxes_by_class[value]))
    return [box for _, box in sorted(placed)]


def distribution(labels, ignore_class=False, foreground_prob=1.0, classes=None, background=None, class_weights=None,
                 k_largest=None, threshold=None):
    """{(box, class): probability}, straight from the definition; box = ((start, end), ...) an axis."""
    whole = tuple((0, n) for n in labels.shape)
    if background is None:
        background = min(classes) - 1 if classes and 0 in classes else 0

    def qualifying(boxes):
        if threshold is not None:
            least = np.broadcast_to(threshold, labels.ndim)
            boxes = [b for b in boxes if all(hi - lo >= t for (lo, hi), t in zip(b, least))]
        if k_largest is not None:
            boxes = sorted(boxes, key=lambda b: -np.prod([hi - lo for lo, hi in b]))[:k_largest]
        return boxes

    present = {int(v): boxes_of(labels == v) for v in np.unique(labels) if v != background}
    result = Counter({(whole, background): 1 - foreground_prob})
    if ignore_class:
        boxes = qualifying(scan_order(present, labels))
        for box in boxes:
            result[box, background] += foreground_prob / len(boxes)
        if not boxes:
            result[whole, background] += foreground_prob
        return result
    if classes is None and class_weights is None:
        weights = {v: 1.0 for v in present}
    elif classes is None:
        names = [v for v in range(len(class_weights) + 1) if v != background][:len(class_weights)]
        weights = dict(zip(names, class_weights))
    else:
        weights = dict(zip(classes, class_weights if class_weights is not None else [1.0] * len(classes)))
    candidates = {v: qualifying(present.get(v, [])) for v in weights}
    total = sum(w for v, w in weights.items() if candidates[v])
    if total == 0:
        result[whole, background] += foreground_prob
    for v, w in weights.items():
        for box in candidates[v] if total > 0 else []:
            result[box, v] += foreground_prob * w / total / len(candidates[v])
    return result


def check(outputs, inputs, args):
    args = dict(args)
    with_class, format = args.pop("output_class", False), args.pop("format", "anchor_shape")
    args.pop("seed", None), args.pop("cache_objects", None)
    labels = np.asarray(inputs[0])
    if labels.dtype == bool:
        labels = labels.astype(np.uint8)
    expected = Counter()
    for (box, value), p in distribution(labels, **args).items():
        expected[box, value if with_class else None] += p
    seen = Counter()
    for sample in outputs:
        sample = [np.asarray(o) for o in sample]
        assert all(o.dtype == np.int32 for o in sample)
        value = int(sample.pop()) if with_class else None
        if format == "box":
            assert len(sample) == 1 and sample[0].shape == (2 * labels.ndim,)
            start, end = np.split(sample[0], 2)
        else:
            start, end = sample
            assert start.shape == end.shape == (labels.ndim,)
            if format == "anchor_shape":
                end = start + end
        seen[tuple(zip(start.tolist(), end.tolist())), value] += 1
    possible = {key: p for key, p in expected.items() if p > 0}
    assert set(seen) <= set(possible), f"impossible: {set(seen) - set(possible)}"
    n = len(outputs)
    if n > 1 and len(possible) > 1:
        keys = [k for k in possible if n * possible[k] >= 5]
        rest = n - sum(seen[k] for k in keys), n * (1 - sum(possible[k] for k in keys))
        pairs = [(seen[k], n * possible[k]) for k in keys] + ([rest] if rest[1] > 1e-9 else [])
        statistic = sum((s - e) ** 2 / e for s, e in pairs)
        assert stats.chi2.sf(statistic, max(len(pairs) - 1, 1)) > 1e-5, (pairs, statistic)


def scattered(*shape, classes=3, seed=0, fill=0.35):
    """Blobs: smoothed noise, cut at two levels."""
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.standard_normal(shape), 0.8)
    level = np.quantile(field, 1 - fill)
    value = 1 + (ndimage.gaussian_filter(rng.standard_normal(shape), 2) * 1e6).astype(np.int64) % classes
    return np.where(field > level, value, 0).astype(np.uint8)


def drawn(*rows):
    return np.array([[int(c) for c in row] for row in rows], np.uint8)


# Extents: class 1 has boxes of 1x1, 2x2, 1x4, class 2 of 3x2 and 1x1, class 3 of 2x1.
PICTURE = drawn("100110003",
                "000110003",
                "000000000",
                "111102200",
                "000002000",
                "020022000")
TOUCHING = drawn("1122", "1122", "0000", "3000")
DIAGONAL = drawn("1010", "0101", "1010")

CASES = [
    Case("box of any object", "segmentation.random_object_bbox", [PICTURE], [""], dict(output_class=True),
         check=check, samples=3000, docs=True),
    Case("every type of label", "segmentation.random_object_bbox", [scattered(6, 7, 9, classes=1)], ["DHW"],
         {}, dtypes=LABELS, check=check, samples=200),
    *[Case(f"{n} axes", "segmentation.random_object_bbox", [scattered(*shape)], [""], dict(output_class=True),
           check=check, samples=1500)
      for n, shape in enumerate([(37,), (9, 11), (5, 6, 7), (4, 5, 3, 4), (3, 4, 2, 3, 3), (2, 3, 2, 3, 2, 3)], 1)],
    Case("channel axis counts", "segmentation.random_object_bbox", [scattered(7, 8, 9, 2)], ["DHWC"],
         dict(format="start_end"), check=check, samples=500),
    Case("start and end", "segmentation.random_object_bbox", [scattered(9, 10, 11)], ["DHW"],
         dict(format="start_end"), check=check, samples=500),
    Case("one output with start and end", "segmentation.random_object_bbox", [scattered(9, 10, 11)], ["DHW"],
         dict(format="box", output_class=True), check=check, samples=500),
    Case("touching objects of two classes stay apart", "segmentation.random_object_bbox", [TOUCHING], [""],
         dict(ignore_class=True), check=check, samples=1000),
    Case("corners do not connect", "segmentation.random_object_bbox", [DIAGONAL], [""], {}, check=check,
         samples=1000),
    Case("classes", "segmentation.random_object_bbox", [PICTURE], [""],
         dict(classes=[3, 1], output_class=True), check=check, samples=1000),
    Case("one class as a number", "segmentation.random_object_bbox", [PICTURE], [""],
         dict(classes=[2], output_class=True), check=check, samples=300),
    Case("weights, one of a class that does not occur", "segmentation.random_object_bbox", [PICTURE], [""],
         dict(classes=[1, 7, 2], class_weights=[3, 100, 1], output_class=True), check=check, samples=2000),
    Case("weights without classes", "segmentation.random_object_bbox", [PICTURE], [""],
         dict(class_weights=[0.1, 0.0, 0.3], output_class=True), check=check, samples=2000),
    Case("weights without classes skip the background", "segmentation.random_object_bbox", [PICTURE], [""],
         dict(class_weights=[1, 2, 3], background=1, output_class=True), check=check, samples=2000),
    Case("all weights zero", "segmentation.random_object_bbox", [PICTURE], [""],
         dict(class_weights=[0, 0], output_class=True), check=check, samples=3),
    Case("only classes that do not occur", "segmentation.random_object_bbox", [PICTURE], [""],
         dict(classes=[8, 9], output_class=True), check=check, samples=3),
    Case("another background", "segmentation.random_object_bbox", [PICTURE], [""],
         dict(background=1, output_class=True), check=check, samples=2000),
    Case("class 0 moves the background below it", "segmentation.random_object_bbox", [PICTURE], [""],
         dict(classes=[0, 2], output_class=True), check=check, samples=1000),
    Case("the moved background, drawn", "segmentation.random_object_bbox", [PICTURE], [""],
         dict(classes=[0, -4], foreground_prob=0.25, output_class=True), check=check, samples=1000),
    Case("a background that the type lacks", "segmentation.random_object_bbox", [PICTURE], [""],
         dict(background=-1, output_class=True), check=check, samples=2000),
    Case("sometimes the whole input", "segmentation.random_object_bbox", [PICTURE], [""],
         dict(foreground_prob=0.3, output_class=True), check=check, samples=2000),
    Case("never an object", "segmentation.random_object_bbox", [PICTURE], [""],
         dict(foreground_prob=0.0, output_class=True), check=check, samples=50),
    Case("a box as large as the threshold stays", "segmentation.random_object_bbox", [PICTURE], [""],
         dict(threshold=[2, 2], output_class=True), check=check, samples=500),
    Case("one threshold for every axis", "segmentation.random_object_bbox", [PICTURE], [""],
         dict(threshold=2, output_class=True), check=check, samples=500),
    Case("a threshold along one axis", "segmentation.random_object_bbox", [PICTURE], [""],
         dict(threshold=[1, 4], output_class=True), check=check, samples=500),
    Case("a threshold that leaves one class empty", "segmentation.random_object_bbox", [PICTURE], [""],
         dict(threshold=[3, 1], class_weights=[5, 1, 5], output_class=True), check=check, samples=500),
    Case("a threshold too large for all", "segmentation.random_object_bbox", [PICTURE], [""],
         dict(threshold=7, output_class=True), check=check, samples=5),
    Case("the largest object of a class", "segmentation.random_object_bbox", [PICTURE], [""],
         dict(k_largest=1, output_class=True), check=check, samples=500),
    Case("two objects of equal volume: the first", "segmentation.random_object_bbox", [DIAGONAL], [""],
         dict(k_largest=2), check=check, samples=500),
    Case("as many as there are", "segmentation.random_object_bbox", [PICTURE], [""],
         dict(k_largest=3, classes=[1]), check=check, samples=1000),
    Case("more than there are", "segmentation.random_object_bbox", [PICTURE], [""],
         dict(k_largest=50), check=check, samples=1000),
    Case("the largest after the threshold", "segmentation.random_object_bbox", [scattered(11, 12, 13)], ["DHW"],
         dict(k_largest=4, threshold=[1, 2, 2], format="box", output_class=True), check=check, samples=1500),
    Case("the largest of all classes", "segmentation.random_object_bbox", [scattered(8, 12, 13)], ["DHW"],
         dict(k_largest=5, ignore_class=True, foreground_prob=0.8), check=check, samples=1500),
    Case("cached", "segmentation.random_object_bbox", [scattered(9, 10, 11)], ["DHW"],
         dict(cache_objects=True, output_class=True, foreground_prob=0.9), check=check, samples=1500),
    Case("nothing but background", "segmentation.random_object_bbox", [np.zeros((3, 4, 5), np.uint8)], ["DHW"],
         dict(output_class=True), check=check, samples=3),
    Case("nothing but background, any class", "segmentation.random_object_bbox", [np.zeros((3, 4), np.uint8)], [""],
         dict(ignore_class=True), check=check, samples=3),
    Case("one voxel", "segmentation.random_object_bbox", [np.ones((1, 1, 1), np.uint8)], ["DHW"],
         dict(output_class=True), dtypes=LABELS, check=check),
    Case("empty", "segmentation.random_object_bbox", [np.zeros((0, 4, 5), np.uint8)], ["DHW"],
         dict(output_class=True), check=check),
    Case("values at the ends of the type", "segmentation.random_object_bbox",
         [np.array([-2**31, 2**31 - 1, 0, -2**31, 5], np.int32)], [""], dict(output_class=True), check=check,
         samples=1000),
    ErrorCase("background among the classes", "segmentation.random_object_bbox", [PICTURE], [""],
              dict(background=2, classes=[1, 2]), "ParamError", ["background 2", "[1, 2]"]),
    ErrorCase("zero as background among the classes", "segmentation.random_object_bbox", [PICTURE], [""],
              dict(background=0, classes=[0, 2]), "ParamError", ["background 0", "[0, 2]"]),
    ErrorCase("too few weights", "segmentation.random_object_bbox", [PICTURE], [""],
              dict(classes=[1, 2, 3], class_weights=[1, 2]), "ShapeError", ["2 weights", "3 classes"]),
    ErrorCase("threshold of another rank", "segmentation.random_object_bbox", [PICTURE], [""],
              dict(threshold=[1, 2, 3]), "ShapeError", ["threshold", "3", "2"]),
    ErrorCase("negative weight", "segmentation.random_object_bbox", [PICTURE], [""],
              dict(class_weights=[1, -2]), "ParamError", ["class_weights", "-2", "0"]),
    ErrorCase("none of the largest", "segmentation.random_object_bbox", [PICTURE], [""], dict(k_largest=0),
              "ParamError", ["k_largest", "0", "at least 1"]),
    ErrorCase("unknown format", "segmentation.random_object_bbox", [PICTURE], [""], dict(format="corners"),
              "ParamError", ["corners", "anchor_shape"]),
    ErrorCase("classes and ignore_class", "segmentation.random_object_bbox", [PICTURE], [""],
              dict(classes=[1], ignore_class=True), "ParamError", ["ignore_class", "classes"]),
    ErrorCase("weights and ignore_class", "segmentation.random_object_bbox", [PICTURE], [""],
              dict(class_weights=[1], ignore_class=True), "ParamError", ["ignore_class", "class_weights"]),
    ErrorCase("class of an ignored class", "segmentation.random_object_bbox", [PICTURE], [""],
              dict(output_class=True, ignore_class=True), "ParamError", ["ignore_class", "output_class"]),
    ErrorCase("half a label", "segmentation.random_object_bbox", [PICTURE + np.float32(0.5)], [""], {},
              "ParamError", ["whole number of int32", "2147483647"]),
    ErrorCase("a label beyond int32", "segmentation.random_object_bbox", [PICTURE.astype(np.int64) << 40], [""], {},
              "ParamError", ["whole number of int32", "2147483647"]),
    ErrorCase("a label of half precision", "segmentation.random_object_bbox", [PICTURE.astype(np.float16)], [""], {},
              "ArgumentTypeError", ["float16", "int32"]),
    ErrorCase("seven axes", "segmentation.random_object_bbox", [np.zeros((1,) * 7, np.uint8)], [""], {},
              "ShapeError", ["7", "6"]),
]
