# SPDX-License-Identifier: Apache-2.0
"""Whether contenders computed the same thing. Each function raises Disagreement otherwise."""

from __future__ import annotations

import numpy as np


class Disagreement(AssertionError):
    pass


def _pairs(results):
    """(name, Varo's array, the other's), with copies, as contenders reuse their buffers."""
    ours = np.array(results["Varo"])
    for name, value in results.items():
        if name == "Varo":
            continue
        theirs = np.asarray(value)
        if ours.shape != theirs.shape:
            raise Disagreement(f"{name} has shape {theirs.shape}, Varo {ours.shape}")
        yield name, ours, theirs


def same_numbers(results, tolerance, share=0.0):
    """At most `share` of the elements differ by more than `tolerance`."""
    for name, ours, theirs in _pairs(results):
        off = np.abs(ours.astype(np.float64) - theirs)
        wrong = np.count_nonzero(~(off <= tolerance)) / max(off.size, 1)
        if wrong > share:
            raise Disagreement(f"{name} differs from Varo by up to {off.max():.3g} (allowed {tolerance:.3g}), "
                               f"in {wrong:.2%} of the elements (allowed {share:.2%})")


def same_values(results, share):
    """At most `share` of the elements differ at all: nearest neighbours may round a tie either way."""
    same_numbers(results, 0.0, share)


def same_boxes(results, drawn):
    """Every box that Varo drew, as (class, starts, stops), is an object of the others."""
    for name, boxes in results.items():
        if name == "Varo":
            continue
        classes_known = any(box[0] for box in boxes)
        known = {tuple(box) if classes_known else tuple(box[1:]) for box in boxes}
        for box in drawn:
            if (tuple(box) if classes_known else tuple(box[1:])) not in known:
                raise Disagreement(f"the box {box} is none of the {len(boxes)} objects of {name}")


def standard_normal(results):
    """Moments within 5 standard errors, and the distribution function within 5 / sqrt(n)."""
    from scipy import special

    for name, value in results.items():
        x = np.asarray(value, np.float64).ravel()
        n = x.size
        for what, got, wanted, variance in (("mean", x.mean(), 0, 1), ("variance", (x * x).mean(), 1, 2),
                                            ("third moment", (x ** 3).mean(), 0, 15), ("fourth moment", (x ** 4).mean(), 3, 96)):
            if abs(got - wanted) > 5 * np.sqrt(variance / n):
                raise Disagreement(f"{name}: the {what} of {n} normal numbers is {got:.5f}, not {wanted}")
        part = np.sort(x[:100_000])
        gap = np.abs(special.ndtr(part) - (np.arange(part.size) + 0.5) / part.size).max()
        if gap > 2 / np.sqrt(part.size):
            raise Disagreement(f"{name}: the distribution function is off by {gap:.4f}")
