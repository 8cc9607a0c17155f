# SPDX-License-Identifier: Apache-2.0
"""Looking for every component of every class of a label map, and drawing one, beside peers that list boxes."""

from __future__ import annotations

import numpy as np

from agree import same_boxes
from work import Work, volume_of_one


def boxes_of(labels, layout, peers):
    """The work of one row. `peers` is {name: a function that returns [(class, starts..., stops...), ...]}."""
    import varo
    from varo import fn

    tensor = varo.as_tensor(labels, layout)

    def graph(x, **options):
        return fn.segmentation.random_object_bbox(x, foreground_prob=1.0, format="box", output_class=True,
                                                  cache_objects=False, **options)

    def by_varo(seed=1):
        box, value = graph(tensor, seed=seed)
        return [(int(np.asarray(value)), *np.asarray(box).tolist())]

    def check(results):
        same_boxes(results, [by_varo(seed)[0] for seed in range(1, 9)])

    return Work({"Varo": by_varo, **peers}, check, 2 * labels.nbytes, volume_of_one(labels, layout, graph),
                touched=labels.nbytes)
