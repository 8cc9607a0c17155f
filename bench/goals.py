# SPDX-License-Identifier: Apache-2.0
"""What whole pipelines are meant to reach, beside what they did."""

from __future__ import annotations

import clock

SAMPLES = {"brats": 50, "kits": 150, "nnunet": 40}  # a second, on one thread that has a core to itself
TIMES = {"brats": {"NumPy/SciPy": 20, "torch, tuned": 3.5}}  # a peer's, on one thread
TWO_THREADS = 1.7  # times one thread, with a batch of one volume
WAITS = 0.02  # of T, at depth 4
FAULTS = 50  # a batch
BUSY = 0.9  # fewer cores than threads * BUSY: the machine had other work


def _verdict(reached, cores, threads):
    return "yes" if reached else "no" if cores >= BUSY * threads else f"no, had {cores:.2f} cores"


def of_pipelines(results):
    """[(what, measured, goal, reached)] as text, of the results that are there."""
    found = {(r["pipeline"], r["contender"], r["batch"], r["threads"]): r for r in results if "error" not in r}
    lines = []
    for (pipeline, contender, batch, threads), r in found.items():
        if not contender.startswith("Varo"):
            continue
        name = f"{pipeline}, {contender}, {threads} thread{'s' * (threads > 1)}"
        if batch == 1:
            one = found.get((pipeline, contender, 1, 1))
            if threads == 2 and one:
                ratio = clock.ratio(*([run["rate"] for run in side["runs"]] for side in (r, one)))
                lines.append((f"{name} over 1, a batch of one volume", f"{ratio:.2f}x", f"{TWO_THREADS}x",
                              _verdict(ratio >= TWO_THREADS, r["cores"], threads)))
            continue
        if threads == 1:
            goal = SAMPLES[pipeline]
            verdict = _verdict(r["rate"] >= goal, r["cores"], 1)
            if "cores" in verdict:
                verdict += f"; {1 / r['cpu_s']:.0f} a core-second"
            lines.append((f"{name}: samples/s", f"{r['rate']:.1f}", f"{goal}", verdict))
            for peer, goal in TIMES.get(pipeline, {}).items():
                other = found.get((pipeline, peer, batch, 1))
                if other:
                    ratio = clock.ratio(*([run["rate"] for run in side["runs"]] for side in (r, other)))
                    lines.append((f"{name}: times {peer}", f"{ratio:.1f}x", f"{goal}x", "yes" if ratio >= goal else "no"))
        lines.append((f"{name}: waits / T at depth 4, {r['wait_batches']} batches", f"{r['waits']:.2%}", f"< {WAITS:.0%}",
                      _verdict(r["waits"] < WAITS, r["cores"], threads)))
        if r.get("waits_at_2") is not None:
            lines.append((f"{name}: at depth 2", f"{r['waits_at_2']:.2%}", "", ""))
        lines.append((f"{name}: minor faults a batch", f"{r['faults']:.0f}", f"{FAULTS}", "yes" if r["faults"] <= FAULTS else "no"))
    return lines
