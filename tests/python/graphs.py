# SPDX-License-Identifier: Apache-2.0
"""Random graphs of operators, and what they must give: the bytes of the plain evaluation.

A graph is a program text, one operator a line, so that one that fails can be read and run:

    x0 = feed("int16", (7, 1, 9), "DHW")
    x1 = fn.flip(x0, horizontal=1)
    x2 = fn.cast(x1, dtype=types.FLOAT) * 1.5
    outputs = (x2,)

    graph = random_graph(Seeded(5))         # or random_graph(Drawn(draw)) in a hypothesis strategy
    assert outputs(graph, **EVERYTHING) == oracle_outputs(graph)

What a graph is made of is a table of steps, graph_steps.py: functions that take the writer of the graph and
add lines. A profile says how often each is taken and how large the volumes are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import graph_steps  # noqa: F401  (fills the table)
import numpy as np
import varo
from graph_writer import BATCH, STEPS, Drawn, Graph, Profile, Seeded, Writer, write_files  # noqa: F401
from varo.errors import VaroError

PLAIN = dict(schedule="serial", num_threads=1, prefetch_queue_depth=1, without_rewrites=["fusion", "branches", "placement"])
ORACLE = dict(PLAIN, schedule="reference", without_rewrites=["fusion", "placement"])
EVERYTHING = dict(num_threads=3, prefetch_queue_depth=3)


# --- profiles ----------------------------------------------------------------------------------------------------

ANY = Profile(weights={name: weight for name, (weight, _) in STEPS.items()})

# Chains of pointwise operators with what they meet between. Reductions join others in large enough volumes;
# larger ones are done in pieces.
POINTWISE = Profile(
    weights=dict(with_a_number=4, of_two=4, function=5, cast=2, intensity=3, noise=4, by_mask=2, by_coin=2, blend=2,
                 with_a_reduction=6, with_reductions_of_another=3, of_a_shape=2, with_a_row=1, normalize=1, flip=3, part=1,
                 transpose=1, blur=1, join=2, join_of_parts=2),
    extents=(6, 7), depths=(5, 110, 1600), dtypes=("float32", "int16", "uint8"), layouts=("DHW",), steps=(4, 14), files=False)

# Outputs that are views and joins of what is computed.
PLACED = Profile(
    weights=dict(with_a_number=4, function=2, blur=3, resize=1, flip=6, transpose=3, reshape=3, new_axis=3, join=5, join_of_parts=3, part=2,
                 by_coin=2, with_a_reduction=1, padded_window=1),
    extents=(1, 5, 6, 7), layouts=("DHW",), steps=(2, 8), files=False)


def random_graph(choices, profile=ANY, files=None):
    return Writer(choices, profile, files).graph()


# --- runs --------------------------------------------------------------------------------------------------------

@dataclass
class Result:
    """Of each batch in order: bytes, shapes, dtype and layout of every output, or the first line of an error."""
    batches: list
    nodes_run: int = 0

    def failed(self):
        return any(isinstance(batch, str) for batch in self.batches)


def outputs(graph, batches=2, seed=6, **options):
    """What the graph gives in a pipeline with these options."""
    options = {**EVERYTHING, **options}
    try:
        pipe = varo.pipeline_def(graph.define, batch_size=BATCH, seed=seed, **options)()
        pipe.build()
    except VaroError as error:
        return Result([first_line(error)] * batches)
    found = []
    for _ in range(batches):
        try:
            if options["prefetch_queue_depth"] == 1:  # one batch at a time, so that its operators can be counted
                pipe.schedule_run()
            delivered = pipe.outputs() if options["prefetch_queue_depth"] == 1 else pipe.run()
            found.append([([np.asarray(t).tobytes() for t in out], out.shape(), out.dtype, out.layout())
                          for out in delivered])
        except VaroError as error:
            found.append(first_line(error))
    return Result(found, pipe.executor_statistics()["nodes_run"])


def first_line(error):
    return f"{type(error).__name__}: {str(error).splitlines()[0]}"


def oracle_outputs(graph, batches=2, seed=6):
    """What the graph must give, by the reference evaluator: after the choice of branches one operator after
    the other, every value dense, in memory of its own."""
    return outputs(graph, batches, seed, **ORACLE)


def schedules(seed):
    """Options of the runs that must give the oracle's bytes."""
    return [EVERYTHING, dict(num_threads=1, schedule="shuffled", shuffle_seed=seed % 1000)]


def check(graph, seed=0, batches=2):
    """Raises AssertionError with the graph's text where a run differs from the oracle. Returns the oracle's result."""
    wanted = oracle_outputs(graph, batches)
    for options in schedules(seed):
        found = outputs(graph, batches, **options)
        assert found.batches == wanted.batches, f"{options}: {difference(found, wanted)}\n\n{graph.text}"
    return wanted


def differs(graph, seed=0):
    try:
        check(graph, seed)
    except AssertionError:
        return True
    return False


def smaller(graph, fails):
    """The graph with as many operators left out as it takes while fails(graph) holds.

    An operator is left out by what reads it reading what it reads.
    """
    shrunk = True
    while shrunk:
        shrunk = False
        for candidate in _with_one_less(graph):
            if fails(candidate):
                graph, shrunk = candidate, True
                break
    return graph


def _with_one_less(graph):
    lines = graph.text.splitlines()
    for at in range(len(lines) - 1, -1, -1):
        name, _, made = lines[at].partition(" = ")
        for read in ["", *dict.fromkeys(re.findall(r"\bx\d+\b", made))]:
            others = lines[:at] + [re.sub(rf"\b{name}\b", read, line) for line in lines[at + 1:]]
            if name != "outputs" and (read or others == lines[:at] + lines[at + 1:]):
                yield replace(graph, text="\n".join(others) + "\n")


def difference(found, wanted):
    """Where two results differ first, in a few words."""
    for batch, (got, want) in enumerate(zip(found.batches, wanted.batches)):
        if isinstance(got, str) or isinstance(want, str):
            if got != want:
                return f"batch {batch}: {got if isinstance(got, str) else 'a result'} where the oracle has " \
                       f"{want if isinstance(want, str) else 'a result'}"
            continue
        for number, (a, b) in enumerate(zip(got, want)):
            if a[1:] != b[1:]:
                return f"batch {batch}, output {number}: {a[1:]} where the oracle has {b[1:]}"
            for sample, (x, y) in enumerate(zip(a[0], b[0])):
                if x != y:
                    at = next(k for k in range(len(y)) if x[k] != y[k])
                    return f"batch {batch}, output {number}, sample {sample}: byte {at} of {len(y)} differs"
    return "nothing"
