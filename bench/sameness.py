# SPDX-License-Identifier: Apache-2.0
"""Whether the whole pipelines compute what their peers compute, given the same draws."""

from __future__ import annotations

import numpy as np

import data
import loaders
import pipelines
import recipes
from agree import Disagreement
from varo import types

# Random numbers differ between libraries; everything else is compared.
QUIET = {"noise": False}

ALL_ON = {
    "brats": ("zoom", "blur", "brightness", "contrast"),
    "kits": ("brightness",),
    "nnunet": ("rotate", "rescale", "blur", "brightness", "contrast", "lowres", "gamma_inverted", "gamma"),
}



def _differences(pipeline, choose, peer, files, patch, v):
    """Largest and 99.9th percentile of |Varo - peer| over the image's range, and the share of labels that differ."""
    start = v["start"] = [5, 3, 7] if pipeline != "nnunet" else [0, 0, 0]
    v["matrix"] = loaders.turn(v, patch).ravel().tolist() if pipeline == "nnunet" else None
    linear = {"zoom": types.INTERP_LINEAR} if peer == "BratsTuned" else {}
    pipe = getattr(pipelines, pipeline)(data.DataSet(files.images[:1], files.labels[:1]), patch, choose, fixed=v,
                                        batch_size=1, num_threads=1, seed=1, **linear)
    ours, ours_label = (np.array(batch[0]) for batch in pipe.run())
    dataset = getattr(loaders, peer)(files, patch)
    rng = np.random.default_rng(0)
    theirs, theirs_label = (t.numpy() for t in dataset.sample(np.load(files.images[0]), np.load(files.labels[0]), 0, v, rng,
                                                              start))
    if ours.shape != theirs.shape or ours_label.shape != theirs_label.shape:
        raise Disagreement(f"{pipeline}: shapes {ours.shape}, {ours_label.shape} and {theirs.shape}, {theirs_label.shape}")
    off = np.abs(ours - theirs) / max(float(np.ptp(theirs)), 1e-6)
    return float(off.max()), float(np.quantile(off, 0.999)), float((ours_label != theirs_label).mean())


def check(pipeline, spelling, peer, files, patch):
    """Each augmentation alone and several draws of everything. Raises Disagreement."""
    choose = pipelines.by_blend if spelling == "Varo blend" else pipelines.by_select
    recipe = getattr(recipes, pipeline.upper())
    coins = {name: False for name, draw in recipe.items() if isinstance(draw, recipes.Coin)}
    for number, name in enumerate((*ALL_ON[pipeline], "flip_z", "flip_y", "flip_x", None, "everything")):
        v = recipes.numbers(recipe, np.random.default_rng(number))
        v.update(coins)
        if name == "everything":  # but the zoom, which would blur what the others do
            v.update({n: True for n in coins if n != "zoom"})
        elif name:
            v[name] = True
            v.update({f"{name}_{c}": True for c in recipes.CHANNELS if f"{name}_{c}" in coins})
        v.update(QUIET)
        largest, most, labels = _differences(pipeline, choose, peer, files, patch, v)
        # SciPy's cubic is a B-spline, Varo's is Keys': in noise they agree to a few per cent.
        allowed = 0.05 if name == "zoom" and peer == "Brats" else 2e-3
        if most > allowed or labels > 5e-3:
            raise Disagreement(f"{pipeline}, {spelling} and {peer}, {name or 'nothing'} drawn: 99.9 % of the voxels agree to "
                               f"{most:.2e} of the range (allowed {allowed:.0e}), the worst to {largest:.2e}; "
                               f"{labels:.2%} of the labels differ (allowed 0.50%)")
