# SPDX-License-Identifier: Apache-2.0
import numpy as np
from case import ALL, Case, ErrorCase, ramp


def reference(mask_ids, polygons, vertices, reindex_masks=False):
    rows, points = [], []
    for new, wanted in enumerate(mask_ids.tolist()):
        _, begin, end = [row for row in polygons.tolist() if row[0] == wanted][-1]
        rows.append([new if reindex_masks else wanted, len(points), len(points) + end - begin])
        points += list(range(begin, end))
    return np.array(rows, np.int32).reshape(-1, 3), vertices[np.array(points, int)]


def ids(*values):
    return np.array(values, np.int32)


POLYGONS = ids(0, 0, 3, 1, 3, 7, 2, 7, 10, 5, 10, 10, 7, 2, 8).reshape(-1, 3)
TWICE = ids(4, 0, 3, 4, 3, 5, 6, 5, 9).reshape(-1, 3)
ORDER = ["", "", ""]

CASES = [
    Case("two of five", "segmentation.select_masks", [ids(7, 1), POLYGONS, ramp(10, 2)], ORDER, {}, reference, docs=True),
    *[Case(f"vertices of {dtype}", "segmentation.select_masks", [ids(2, 0), POLYGONS, ramp(10, 3, dtype=dtype)], ORDER, {},
           reference) for dtype in ALL],
    Case("numbered anew", "segmentation.select_masks", [ids(2, 7, 0), POLYGONS, ramp(10, 2)], ORDER,
         dict(reindex_masks=True), reference),
    Case("a polygon without vertices", "segmentation.select_masks", [ids(5, 2), POLYGONS, ramp(10, 2)], ORDER, {}, reference),
    Case("the last polygon of an id", "segmentation.select_masks", [ids(6, 4), TWICE, ramp(9, 2)], ORDER, {}, reference),
    Case("none selected", "segmentation.select_masks", [ids(), POLYGONS, ramp(10, 2)], ORDER, {}, reference),
    Case("one dimension", "segmentation.select_masks", [ids(1), POLYGONS, ramp(10, 1)], ORDER, {}, reference),
    ErrorCase("an id that is not there", "segmentation.select_masks", [ids(1, 3), POLYGONS, ramp(10, 2)], ORDER, {},
              "IndexOutOfRange", ["id 3", "0 to 7"]),
    ErrorCase("an id twice", "segmentation.select_masks", [ids(2, 1, 2), POLYGONS, ramp(10, 2)], ORDER, {},
              "ParamError", ["id 2, 2 times", "once"]),
    ErrorCase("too few vertices", "segmentation.select_masks", [ids(0), POLYGONS, ramp(9, 2)], ORDER, {},
              "IndexOutOfRange", ["first 7, end 10", "9"]),
    ErrorCase("a range that runs backwards", "segmentation.select_masks", [ids(0), ids(0, 4, 3).reshape(1, 3), ramp(9, 2)],
              ORDER, {}, "IndexOutOfRange", ["first 4, end 3", "9"]),
    ErrorCase("two columns", "segmentation.select_masks", [ids(0), ids(0, 4).reshape(1, 2), ramp(9, 2)], ORDER, {},
              "ShapeError", ["2 columns", "3"]),
]
