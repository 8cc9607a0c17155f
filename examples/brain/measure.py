# SPDX-License-Identifier: Apache-2.0
"""Throughput, waiting and memory of a loader, each in a process of its own.

    python measure.py '{"loader": "varo", ...}'   prints one line of JSON
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path


class PeakMemory(threading.Thread):
    """The largest memory of this process and its children, shared pages counted once (PSS)."""

    def __init__(self):
        super().__init__(daemon=True)
        import psutil

        self.me, self.peak, self.stop = psutil.Process(), 0, threading.Event()

    def run(self):
        import psutil

        while not self.stop.wait(0.1):
            total = 0
            for process in [self.me, *self.me.children(recursive=True)]:
                try:
                    total += process.memory_full_info().pss
                except psutil.Error:
                    pass
            self.peak = max(self.peak, total)


def batches_of(loader, cases, patch, batch, threads, compressed):
    """An endless iterator of batches."""
    if loader == "varo":
        from brain.varo_pipeline import training
        from varo.plugin.pytorch import GenericIterator

        pipe = training(cases, patch, compressed, batch_size=batch, num_threads=threads, seed=1, prefetch_queue_depth=2)
        it = GenericIterator(pipe, ["image", "label"])
        while True:
            yield next(it)
    from torch.utils.data import DataLoader

    from brain.scipy_loader import Heads

    yield from DataLoader(Heads(cases, patch, 10**6, compressed), batch_size=batch, num_workers=threads)


def stopwatch(loader, cases, patch, batch, threads, compressed, seconds, step_ms):
    """samples/s as fast as possible, then the share of time that a consumer of step_ms a batch waits."""
    memory = PeakMemory()
    memory.start()
    batches = batches_of(loader, cases, patch, batch, threads, compressed)
    for _ in range(3):
        next(batches)
    count, start = 0, time.monotonic()
    while time.monotonic() - start < seconds:
        next(batches)
        count += batch
    rate = count / (time.monotonic() - start)
    waited, start = 0.0, time.monotonic()
    step = (step_ms or 1.25 * 1000 * batch / rate) / 1000
    while time.monotonic() - start < seconds / 2:
        time.sleep(step)
        asked = time.monotonic()
        next(batches)
        waited += time.monotonic() - asked
    share = waited / (time.monotonic() - start)
    memory.stop.set()
    memory.join()
    return {"rate": rate, "waited": share, "step_ms": step * 1000, "peak_mib": memory.peak / 2**20}


def in_own_process(**job):
    """stopwatch(**job) in a fresh process, so that memory is its own."""
    out = subprocess.run([sys.executable, __file__, json.dumps(job)], stdout=subprocess.PIPE, check=True, text=True).stdout
    return json.loads(out.strip().splitlines()[-1])


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from brain.data import Case

    job = json.loads(sys.argv[1])
    job["cases"] = [Case(**c) for c in job["cases"]]
    print(json.dumps(stopwatch(**job)), flush=True)
    sys.stdout.flush()
    import os

    os._exit(0)  # a DataLoader with an endless queue takes its time to end
