# SPDX-License-Identifier: Apache-2.0
"""Random graphs of all kinds of operators: whatever is switched on, the bytes of the plain evaluation.

VARO_GRAPHS=5000 tries so many, other ones each time; without it the same few hundred. `./dev soak` goes on for
minutes.
"""

import os
from collections import Counter

import graphs
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

settings.register_profile("ci", max_examples=600, derandomize=True)
settings.register_profile("many", max_examples=int(os.environ.get("VARO_GRAPHS", 0)) or 1)
PROFILE = settings.get_profile("many" if "VARO_GRAPHS" in os.environ else "ci")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("graphs")
    graphs.write_files(folder)
    return str(folder)


@st.composite
def graph_of(draw, profile):
    return graphs.random_graph(graphs.Drawn(draw), profile, files=None)


@pytest.mark.parametrize("profile", ["ANY", "PLACED"])
def test_random_graphs(profile):
    @settings(PROFILE, deadline=None, database=None, suppress_health_check=list(HealthCheck),
              phases=[Phase.generate, Phase.shrink])
    @given(graph=graph_of(getattr(graphs, profile)), seed=st.integers(0, 999))
    def run(graph, seed):
        graphs.check(graph, seed)

    run()


@pytest.mark.parametrize("seed", range(100))
def test_random_graphs_with_files(files, seed):
    graphs.check(graphs.random_graph(graphs.Seeded(seed), files=files), seed)


def test_the_graphs_are_worth_running(files):
    """Few fail, none has a step that never occurs, most of what they compute differs from what they are fed."""
    taken, failed, count = Counter(), Counter(), 200
    for seed in range(count):
        writer = graphs.Writer(graphs.Seeded(seed), graphs.ANY, files)
        graph = writer.graph()
        taken.update(writer.taken)
        result = graphs.oracle_outputs(graph)
        failed.update(batch for batch in result.batches if isinstance(batch, str))
    assert set(taken) == set(graphs.STEPS)
    assert 0 < sum(failed.values()) < 0.1 * 2 * count, failed


def test_a_difference_is_seen_and_made_smaller():
    """A volume that is not the same in the second run of a graph."""
    text = 'x0 = feed("float32", (3, 4, 5), "DHW", 1 + next(runs))\nx1 = x0 * 2.0\nx2 = fn.flip(x1)\nx3 = fn.cat(x2, x1)\n' \
           "outputs = (x3,)\n"
    graph = graphs.Graph(text, names={"runs": iter(range(1000))})
    with pytest.raises(AssertionError, match="output 0, sample 0: byte 0 of 480 differs"):
        graphs.check(graph)
    small = graphs.smaller(graph, lambda g: "x0" in g.text and graphs.differs(g))
    assert small.text == 'x0 = feed("float32", (3, 4, 5), "DHW", 1 + next(runs))\noutputs = (x0,)\n'
