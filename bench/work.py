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
    on_threads: Callable[[int], Callable] | None = None  # a count of threads -> what Varo does, on so many
    needs: dict[str, float] | str = field(default_factory=dict)  # for bounds.of
    touched: int = 0  # the bytes of the bound, where those are not `moved`
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


missing: set[str] = set()  # modules that were looked for in vain


def optional(name):
    """A module, or None where it is not installed."""
    try:
        return __import__(name, fromlist=["_"])
    except ImportError:
        missing.add(name)
        return None


def runner(pipe):
    """A call that runs one iteration and returns the first sample of the first output."""
    def run():
        pipe.schedule_run()
        result = pipe.share_outputs()[0][0]
        pipe.release_outputs()
        return result

    return run


def volume_of_one(source, layout, graph, **options):
    """What Work.on_threads is: a pipeline of `graph` whose batch is one volume, so that only loops inside it split.

    graph  node or None -> node or nodes
    """
    def on_threads(threads):
        from varo import Pipeline, fn

        pipe = Pipeline(batch_size=1, num_threads=threads, prefetch_queue_depth=1, **{"seed": 1, **options})
        with pipe:
            given = None if source is None else fn.external_source(lambda: [source], layout=layout, no_copy=True)
            outputs = graph(given)
            pipe.set_outputs(*(outputs if isinstance(outputs, (tuple, list)) else (outputs,)))
        return runner(pipe)

    return on_threads


def shrunk(shape, shrink):
    """A smaller shape for --quick; axes of up to 4 (channels) stay."""
    return tuple(n if n <= 4 else max(12, n // shrink) for n in shape)


def seeded():
    return np.random.default_rng(7)
