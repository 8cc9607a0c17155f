# SPDX-License-Identifier: Apache-2.0
"""How fast a row could be at most: its bytes over the bandwidth, its operations over their rates.

Counts are those of the cheapest way we know, in lanes: float multiplications and additions ("flop"),
32-bit integer additions and exclusive ors ("int"), products of 32 by 32 to 64 bits ("wide"), loads
from addresses that follow no vector ("load"). Kinds of operations are taken to overlap, so the
slowest kind is the bound.
"""

from __future__ import annotations

import functools
import itertools
import json
import subprocess
from math import prod

import native


@functools.lru_cache(None)
def rates():
    """{kind: a second} on one thread of this machine, measured by machine.cc; {} where that cannot be built."""
    program = native.program("machine")
    if not program:
        return {}
    return json.loads(subprocess.run([program], stdout=subprocess.PIPE, check=True).stdout)


def of(bytes_, needs, copied, copy_seconds, contender_seconds):
    """(seconds by bytes, seconds by operations or None).

    copied, copy_seconds  a plain copy of about as many bytes in the same run: bandwidth depends on which cache holds them
    needs                 {kind: operations}, or the name of the contender that is the bound
    """
    by_bytes = bytes_ * copy_seconds / copied
    if isinstance(needs, str):
        return by_bytes, contender_seconds.get(needs)
    known = [count / rates()[kind] for kind, count in needs.items() if kind in rates()]
    return by_bytes, max(known, default=None)


def separable(shape, size, taps, before=0):
    """flop of a separable filter, axis after axis in the cheapest order.

    taps    of each axis: an output is so many products and one addition less; 1: the axis is left alone
    before  flop for each element that enters a pass, e.g. of a recursive prefilter
    """
    def cost(order):
        now, total = list(shape), 0
        for axis in order:
            if taps[axis] > 1:
                total += before * prod(now)
                now[axis] = size[axis]
                total += prod(now) * (2 * taps[axis] - 1)
        return total

    return min(map(cost, itertools.permutations(range(len(shape)))))


def warp(outputs, dims, channels, linear):
    """A position is one addition an axis; its whole part and rest two more; a lerp is three."""
    if not linear:
        return {"flop": 2 * dims * outputs, "load": outputs}
    lerps = 2**dims - 1
    # The two corners of a pair along the innermost axis lie beside each other: one load of 64 bits.
    return {"flop": outputs * (3 * dims + 3 * lerps * channels), "load": outputs * 2 ** (dims - 1)}
