# SPDX-License-Identifier: Apache-2.0
"""Random graphs for as long as is asked, see python/graphs.py: ./dev soak, or

    ./dev python tests/soak.py MINUTES [--seed N]      # N: of the first graph; by default a new one
    ./dev python tests/soak.py --only SEED             # one graph again: its text, and whether it differs

Every graph runs in order and unrewritten, on threads, and in shuffled orders. One that differs is made smaller
and printed with its seed; the exit status is then 1.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "python"))
import graphs  # noqa: E402

# Volumes of POINTWISE are large and take most of the time.
PROFILES = [graphs.ANY] * 6 + [graphs.PLACED] * 2 + [graphs.POINTWISE]


def graph_of(seed, files):
    return graphs.random_graph(graphs.Seeded(seed), PROFILES[seed % len(PROFILES)], files)


def difference(graph, seed):
    """What differs from the oracle, or nothing; an error that is none of Varo's differs too."""
    try:
        graphs.check(graph, seed)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def show(graph, seed, what):
    print(f"\ngraph {seed} differs: {what}\nsmaller:\n", flush=True)
    print(graphs.smaller(graph, lambda g: graphs.differs(g, seed)).text, flush=True)
    print(f"again: ./dev python tests/soak.py --only {seed}\n", flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("minutes", nargs="?", type=float, default=5)
    arguments.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    arguments.add_argument("--only", type=int)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as files:
        graphs.write_files(files)
        if given.only is not None:
            graph = graph_of(given.only, files)
            what = difference(graph, given.only)
            print(graph.text, what or "the same bytes in every schedule", sep="\n")
            return what is not None
        seed, differing, end, told = given.seed, 0, time.monotonic() + 60 * given.minutes, time.monotonic()
        print(f"graphs from seed {seed} on", flush=True)
        while time.monotonic() < end and differing < 5:
            graph = graph_of(seed, files)
            if what := difference(graph, seed):
                differing += 1
                show(graph, seed, what)
            seed += 1
            if time.monotonic() > told + 30:
                told = time.monotonic()
                print(f"{seed - given.seed} graphs, the next is {seed}, {differing} differ", flush=True)
        print(f"{seed - given.seed} graphs, seeds {given.seed} to {seed - 1}, {differing} differ")
        return differing > 0


if __name__ == "__main__":
    sys.exit(main())
