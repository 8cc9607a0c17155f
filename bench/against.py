# SPDX-License-Identifier: Apache-2.0
"""Two revisions of Varo beside each other, measured in turn by the same benchmark."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import measure

ROOT = Path(__file__).resolve().parent.parent
FLOOR = 0.03  # smaller differences never count


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


def judged(name, sittings):
    """One row of the comparison. sittings: for each the rounds, a round (there, there again, here), costs each.

    The revision measured twice, in two processes, gives the noise band: twice the standard error of the
    median over rounds, or the worst sitting, as where pages lie differs from process to process. A
    difference counts when it is beyond the band and shows in every sitting.
    """
    pair = lambda top, bottom: [[top(r) / bottom(r) for r in rounds] for rounds in sittings]
    twin = pair(lambda r: r[1], lambda r: r[0])
    change = pair(lambda r: r[2], lambda r: (r[0] + r[1]) / 2)
    every = sum(twin, [])
    deviation = 1.4826 * median(abs(t - median(every)) for t in every)
    error = 2 * 1.2533 * deviation / len(every) ** 0.5
    band = max(FLOOR, error, *(abs(median(s) - 1) for s in twin))
    ratio, medians = median(sum(change, [])), [median(s) for s in change]
    slower = ratio > 1 + band and min(medians) > 1 + FLOOR
    faster = ratio < 1 - band and max(medians) < 1 - FLOOR
    rounds = sum(sittings, [])
    return {"name": name, "there": median((r[0] + r[1]) / 2 for r in rounds), "here": median(r[2] for r in rounds),
            "ratio": ratio, "band": band, "verdict": "slower" if slower else "faster" if faster else "", "sittings": sittings}


def _rounds(count, cost):
    """`count` times (cost(0), cost(1), cost(2)), each round beginning with another."""
    result = []
    for number in range(count):
        costs = [0.0] * 3
        for side in (number % 3, (number + 1) % 3, (number + 2) % 3):
            try:
                costs[side] = cost(side)
            except RuntimeError as error:
                raise RuntimeError(f"{('there', 'there', 'here')[side]}: {error}") from None
        result.append(costs)
    return result


def _kernel_sitting(packages, rows, shrink, rounds, least, now, found, say):
    servers = [_Server(p) for p in packages]
    try:
        for row in rows:
            if isinstance(found[row.name], str):
                continue
            say(row.name)
            cost = lambda side: servers[side].seconds(row=row.name, shrink=shrink, least=least, clock=now.__name__)
            try:
                _rounds(1, cost)  # warms up
                found[row.name].append(_rounds(rounds, cost))
            except RuntimeError as error:
                found[row.name] = str(error)
    finally:
        for server in servers:
            server.close()


def compare(there, here, rows, jobs, shrink, rounds, least, now, say, sittings=3):
    """there, here: folders to import Varo from. rows: of the kernel table. jobs: [(name, arguments of stopwatch)]."""
    packages = (there, there, here)
    found = {name: [] for name in [r.name for r in rows] + [name for name, _ in jobs]}
    for number in range(sittings):
        say(f"sitting {number + 1} of {sittings}")
        _kernel_sitting(packages, rows, shrink, rounds, least, now, found, say)
        for name, job in jobs:
            if isinstance(found[name], str):
                continue
            say(name)

            def cost(side):
                figures = measure.in_own_process(packages[side], **job)
                return 1 / figures["rate"] if now is time.perf_counter else figures["cpu_s"]

            try:
                found[name].append(_rounds(max(1, rounds // 3), cost))
            except RuntimeError as error:
                found[name] = str(error)
    return [{"name": name, "error": f} if isinstance(f, str) else judged(name, f) for name, f in found.items()]
