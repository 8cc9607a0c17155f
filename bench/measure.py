# SPDX-License-Identifier: Apache-2.0
"""One loader in a process of its own, so that memory and processor time are its own.

    python measure.py '{"pipeline": "brats", "contender": "Varo select", ...}'    prints one line of JSON
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

import data

PIPELINES = {
    "brats": {"Varo blend": None, "Varo select": None, "NumPy/SciPy": "Brats", "torch, tuned": "BratsTuned"},
    "kits": {"Varo select": None, "NumPy/SciPy": "Kits", "NumPy, tuned": "KitsTuned"},
    "nnunet": {"Varo select": None, "torch/SciPy": "NnUNet"},
}

TURN = 100  # batches


def _children():
    tasks = Path("/proc/self/task")
    return [int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()]


def _cpu_seconds():
    """Of this process and its live children; getrusage counts children only when they have ended."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    total = own.ru_utime + own.ru_stime
    ticks = os.sysconf("SC_CLK_TCK")
    for pid in _children():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / ticks
        except OSError:
            pass
    return total


class PeakMemory(threading.Thread):
    """The most memory of this process and its children; pages of files do not count, shared ones count once."""

    def __init__(self):
        super().__init__(daemon=True)
        self.peak, self.stop = 0, threading.Event()

    def run(self):
        while not self.stop.wait(0.1):
            total = 0
            for pid in ("self", *_children()):
                try:
                    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                        if line.startswith(("Pss_Anon:", "Pss_Shmem:")):
                            total += int(line.split()[1]) * 1024
                except OSError:
                    pass
            self.peak = max(self.peak, total)


def batches_of(pipeline, contender, files, patch, batch, threads, depth):
    """An endless iterator of batches. `threads` 1 means: no worker processes for a DataLoader."""
    peer = PIPELINES[pipeline][contender]
    if peer is None:
        import pipelines
        from varo.plugin.pytorch import GenericIterator

        choose = pipelines.by_blend if contender == "Varo blend" else pipelines.by_select
        pipe = getattr(pipelines, pipeline)(files, patch, choose, batch_size=batch, num_threads=threads, seed=1,
                                            prefetch_queue_depth=depth)
        it = GenericIterator(pipe, ["image", "label"])
        while True:
            yield next(it)
    import torch

    import loaders

    torch.set_num_threads(1)
    dataset = getattr(loaders, peer)(files, patch)
    yield from loaders.loader(dataset, batch, threads if threads > 1 else 0)


def _warmed(batches, warm_up):
    begin, made = time.monotonic(), 0
    while made < 3 or time.monotonic() - begin < warm_up:
        next(batches)
        made += 1


def _rate(batches, seconds, least=2):
    """(batches, seconds they took) of a consumer that does nothing; at least `least` batches."""
    count, start = 0, time.monotonic()
    while count < least or time.monotonic() - start < seconds:
        next(batches)
        count += 1
    return count, time.monotonic() - start


def _waits(batches, step, seconds, least=2):
    """(time waited, batches) of a consumer that sleeps `step` a batch."""
    waited, steps, begin = 0.0, 0, time.monotonic()
    while steps < least or time.monotonic() - begin < seconds:
        time.sleep(step)
        asked = time.monotonic()
        next(batches)
        waited += time.monotonic() - asked
        steps += 1
    return waited, steps


def _waits_beside_rates(batches, depth, wait_batches):
    """(waits / T, batches).

    In turns of TURN batches: as fast as it goes, then, when the queue is full again, with a consumer that sleeps 1.1
    times the mean of just before. A machine whose speed drifts by a tenth would decide a comparison of minutes.
    """
    waited = slept = 0.0
    waits = 0
    while waits < wait_batches:
        count, took = _rate(batches, 0, TURN)
        step = 1.1 * took / count
        time.sleep(depth * step)
        turn, steps = _waits(batches, step, 0, min(TURN, wait_batches - waits))
        waited, slept, waits = waited + turn, slept + steps * step, waits + steps
    return waited / slept, waits


def stopwatch(files, batch, seconds, warm_up, depth, shallow=0, wait_batches=0, **job):
    """As fast as it goes, then with a consumer that sleeps 1.1 times as long as a batch took to make.

    depth         batches prefetched; `shallow`, unless 0: the consumer that sleeps is also measured with so many
    wait_batches  how many the sleeping consumer takes, in turns with one that does nothing and takes as many; 0: as many
                  as come in half of `seconds`
    """
    job.update(files=data.DataSet(**files), batch=batch)
    batches = batches_of(depth=depth, **job)
    _warmed(batches, warm_up)

    def waits_at(batches, depth, mean):
        if wait_batches:
            return _waits_beside_rates(batches, depth, wait_batches)
        waited, steps = _waits(batches, 1.1 * mean, seconds / 2)
        return waited / (steps * 1.1 * mean), steps

    faults, cpu = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, _cpu_seconds()
    count, wall = _rate(batches, seconds)
    cpu = _cpu_seconds() - cpu
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
    waits, waited_for = waits_at(batches, depth, wall / count)

    # Memory is looked at when the clock has stopped: reading it takes processor time.
    memory = PeakMemory()
    memory.start()
    _rate(batches, max(0.5, seconds / 4))
    memory.stop.set()
    memory.join()

    waits_at_2 = None
    if shallow:
        batches.close()
        batches = batches_of(depth=shallow, **job)
        _warmed(batches, warm_up)
        again, took = _rate(batches, seconds / 2)
        waits_at_2, _ = waits_at(batches, shallow, took / again)
    samples = count * batch
    return {"rate": samples / wall, "cpu_s": cpu / samples, "cores": cpu / wall, "waits": waits, "waits_at_2": waits_at_2,
            "wait_batches": waited_for, "faults": faults / count, "peak_mib": memory.peak / 2**20, "samples": samples}


def in_own_process(package=None, **job):
    """stopwatch(**job) in a fresh process. `package` is the folder to import Varo from, if not this one's."""
    env = dict(os.environ)
    if package:
        env["PYTHONPATH"] = str(package)
    done = subprocess.run([sys.executable, __file__, json.dumps(job)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, env=env)
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[-2000:])
    return json.loads(done.stdout.strip().splitlines()[-1])


if __name__ == "__main__":
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    print(json.dumps(stopwatch(**json.loads(sys.argv[1]))), flush=True)
    os._exit(0)  # an endless DataLoader takes its time to end
