# SPDX-License-Identifier: Apache-2.0
"""Runs rows of the kernel table in this process; as a program, rounds of them on demand for a comparison.

    python kernels.py        reads one JSON request a line, answers with one line of JSON
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from statistics import median

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np

import bounds
import clock
from rows import ROWS
from work import optional


def _one_thread():
    clock.keep_memory()
    try:
        import torch

        torch.set_num_threads(1)
    except ImportError:
        pass
    cv2 = optional("cv2")
    if cv2:
        cv2.setNumThreads(1)


def _results(contenders):
    """What each contender returns, copied: contenders reuse their buffers."""
    results = {}
    for name, call in contenders.items():
        value = call()
        results[name] = value if isinstance(value, list) else np.array(value)
    return results


class _Busy:
    """A call, and how many cores were busy with it."""

    def __init__(self, call):
        self._call, self._cpu, self._wall = call, 0.0, 0.0

    def __call__(self):
        cpu, wall = time.process_time(), time.perf_counter()
        self._call()
        self._cpu += time.process_time() - cpu
        self._wall += time.perf_counter() - wall

    def cores(self):
        return self._cpu / self._wall


def _two_threads(work, rounds, least):
    """One thread against two in a pipeline whose batch is one volume, by the wall's clock; None where there is one core."""
    if not work.on_threads or len(os.sched_getaffinity(0)) < 2:
        return None
    calls = {threads: work.on_threads(threads) for threads in (1, 2)}
    if not np.array_equal(*(np.array(call()) for call in calls.values())):
        raise AssertionError("two threads compute something else than one")
    calls[2] = busy = _Busy(calls[2])
    times = clock.interleaved(calls, rounds, least)
    return {"ms": {n: 1e3 * median(v) for n, v in times.items()}, "ratio": clock.ratio(times[1], times[2]), "cores": busy.cores(),
            "rounds_ms": {n: [1e3 * t for t in v] for n, v in times.items()}}


def measure(row, shrink, rounds, least, now):
    """One row: checked, then timed beside its peers and a plain copy of as many bytes."""
    work = row.prepare(shrink)
    work.check(_results({**work.contenders, **work.reference}))
    source, target = np.ones(work.moved // 2, np.uint8), np.empty(work.moved // 2, np.uint8)
    contenders = {**work.contenders, "copy": lambda: np.copyto(target, source)}
    cpu, wall = time.process_time(), time.perf_counter()
    times = clock.interleaved(contenders, rounds, least, now)
    cores = (time.process_time() - cpu) / (time.perf_counter() - wall)
    threads = _two_threads(work, rounds, least) if now is time.perf_counter else None  # else the machine is busy
    seconds = {k: median(v) for k, v in times.items()}
    touched = work.touched or work.moved
    by_bytes, by_operations = bounds.of(touched, work.needs, 2 * source.size, seconds["copy"], seconds)
    return {
        "name": row.name, "goal": row.goal, "moved_bytes": work.moved, "touched_bytes": touched, "needs": work.needs, "cores": cores,
        "bound_ms": {"bytes": 1e3 * by_bytes, "operations": by_operations and 1e3 * by_operations},
        "ms": {k: 1e3 * s for k, s in seconds.items()},
        "spread": {k: clock.spread(v) for k, v in times.items()},
        "ratios": {k: clock.ratio(v, times["Varo"]) for k, v in times.items() if k != "Varo"},
        "rounds_ms": {k: [1e3 * t for t in v] for k, v in times.items()},
        "two_threads": threads,
    }


def measure_all(rows, shrink, rounds, least, now, say, done):
    """The results of all rows; `done` is told each of them at once."""
    _one_thread()
    results = []
    for row in rows:
        say(row.name)
        try:
            results.append(measure(row, shrink, rounds, least, now))
        except Exception as error:  # one row that fails leaves the others standing
            results.append({"name": row.name, "error": f"{type(error).__name__}: {error}"})
        done(results[-1])
        gc.collect()
    return results


def serve():
    _one_thread()
    work = name = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["row"] != name:
                work = None
                gc.collect()
                name = request["row"]
                work = next(r for r in ROWS if r.name == name).prepare(request["shrink"])
                work.check(_results({**work.contenders, **work.reference}))
            answer = {"seconds": clock.one_round(work.contenders["Varo"], request["least"], getattr(time, request["clock"]))}
        except Exception as error:
            name = None
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve()
