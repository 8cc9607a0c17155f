# SPDX-License-Identifier: Apache-2.0
"""What a row of the kernel table is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable

import numpy as np


@dataclass
class Work:
    """What is timed. `contenders` has "Varo" first; every value returns the result as an array."""

    contenders: dict[str, Callable]
    check: Callable[[dict], None]
    moved: int  # bytes read and written
    reference: dict[str, Callable] = field(default_factory=dict)  # compared, not timed
    keep: list = field(default_factory=list)


@dataclass
class Row:
    name: str
    goal: dict[str, float]  # contender -> how many times faster Varo is meant to be; "copy" -> at most so many copies
    prepare: Callable[[int], Work]


ROWS: list[Row] = []


def row(name, **goal):
    def add(prepare):
        ROWS.append(Row(name, {k.replace("_", " "): v for k, v in goal.items()}, prepare))
        return prepare

    return add


def optional(name):
    """A module, or None where it is not installed."""
    try:
        return __import__(name, fromlist=["_"])
    except ImportError:
        return None


def shrunk(shape, shrink):
    """A smaller shape for --quick; axes of up to 4 (channels) stay."""
    return tuple(n if n <= 4 else max(12, n // shrink) for n in shape)


def seeded():
    return np.random.default_rng(7)
