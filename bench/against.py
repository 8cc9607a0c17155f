# SPDX-License-Identifier: Apache-2.0
"""Two revisions of Varo beside each other, measured in turn by the same benchmark."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

import clock
import measure

ROOT = Path(__file__).resolve().parent.parent
FLOOR = 0.03  # differences below this never count: pages and clocks differ from process to process


def _run(*command, **options):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode:
        raise SystemExit(f"bench: {' '.join(map(str, command))} failed\n{done.stdout[-3000:]}")
    return done.stdout.strip()


@contextlib.contextmanager
def built(revision):
    """The folder to import that revision's Varo from. The worktree below build/ goes when this ends."""
    commit = _run("git", "-C", ROOT, "rev-parse", "--verify", revision + "^{commit}")
    tree = ROOT / "build" / f"against-{commit[:12]}-{os.getpid()}"
    _run("git", "-C", ROOT, "worktree", "add", "--detach", tree, commit)
    try:
        env = dict(os.environ, CCACHE_BASEDIR=str(tree), CCACHE_NOHASHDIR="1")
        build = tree / "build" / "release"
        _run("cmake", "-S", tree, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DVARO_TESTS=OFF",
             f"-DPYTHON_EXECUTABLE={sys.executable}", env=env)
        _run("ninja", "-C", build, "_core", *(["-j", env["VARO_JOBS"]] if "VARO_JOBS" in env else []), env=env)
        yield build / "python"
    finally:
        _run("git", "-C", ROOT, "worktree", "remove", "--force", tree)


class _Server:
    """kernels.py with the Varo of one folder."""

    def __init__(self, package):
        program = Path(__file__).with_name("kernels.py")
        self.process = subprocess.Popen([sys.executable, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=dict(os.environ, PYTHONPATH=str(package)))

    def seconds(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": f"the process ended with {self.process.wait()}"}
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["seconds"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def judged(name, before, after):
    """One row of the comparison. `before` and `after`: for each sitting the costs, one a round, measured in pairs.

    What separates two processes (where their pages lie) is not noise between rounds: a difference must show
    in the interval of all rounds and in the median of each sitting.
    """
    sittings = [[b / a for a, b in zip(*rounds)] for rounds in zip(before, after)]
    ratios, medians = sum(sittings, []), [median(s) for s in sittings]
    low, high = clock.confidence(ratios)
    slower = min(low, *medians) > 1 + FLOOR
    faster = max(high, *medians) < 1 - FLOOR
    return {"name": name, "before": median(sum(before, [])), "after": median(sum(after, [])), "ratio": median(ratios),
            "low": low, "high": high, "verdict": "slower" if slower else "faster" if faster else "",
            "sittings_before": before, "sittings_after": after}


def _paired(rounds, cost):
    """(costs before, costs after), one each a round; every second round in the other order."""
    costs = [], []
    for number in range(rounds):
        for side in (0, 1) if number % 2 == 0 else (1, 0):
            try:
                costs[side].append(cost(side))
            except RuntimeError as error:
                raise RuntimeError(f"{('there', 'here')[side]}: {error}") from None
    return costs


def _sitting(packages, rows, shrink, rounds, least, into, say):
    servers = [_Server(p) for p in packages]
    try:
        for row in rows:
            if "error" in into[row.name]:
                continue
            say(row.name)
            cost = lambda side: servers[side].seconds(row=row.name, shrink=shrink, least=least)
            try:
                _paired(1, cost)
                before, after = _paired(rounds, cost)
                into[row.name]["before"].append(before)
                into[row.name]["after"].append(after)
            except RuntimeError as error:
                into[row.name]["error"] = str(error)
    finally:
        for server in servers:
            server.close()


def compare(packages, rows, jobs, shrink, rounds, least, say, sittings=3):
    """packages: (before, after). rows: of the kernel table. jobs: [(name, arguments of measure.stopwatch)]."""
    found = {name: {"before": [], "after": []} for name in [r.name for r in rows] + [name for name, _ in jobs]}
    for number in range(sittings):
        say(f"sitting {number + 1} of {sittings}")
        _sitting(packages, rows, shrink, rounds, least, found, say)
        for name, job in jobs:
            if "error" in found[name]:
                continue
            say(name)
            cost = lambda side: 1 / measure.in_own_process(packages[side], **job)["rate"]
            try:
                before, after = _paired(max(1, rounds // 3), cost)
                found[name]["before"].append(before)
                found[name]["after"].append(after)
            except RuntimeError as error:
                found[name]["error"] = str(error)
    return [{"name": name, "error": f["error"]} if "error" in f else judged(name, **f) for name, f in found.items()]
