# SPDX-License-Identifier: Apache-2.0
"""The pipelines of bench/ touch hardly any new page once they have met their shapes; allocations are
counted by tests/steady_test.cc."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"

# In a process of its own: what other tests left in the C library's heap is not ours to explain.
PROGRAM = """
import resource, sys
bench, folder, name, patch, threads, warm, count = sys.argv[1:]
patch, threads, warm, count = map(int, (patch, threads, warm, count))
sys.path.insert(0, bench)
import data, pipelines, run
shape, full, objects, classes = run.SHAPES[name]
shape = (shape[0], *(max(patch, n * patch // full) for n in shape[1:]))
files = data.cases(folder, shape, 4, objects, classes)
pipe = getattr(pipelines, name)(files, patch, batch_size=2, num_threads=threads, seed=1, prefetch_queue_depth=4)
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(warm):
    pipe.run()
before = faults()
for _ in range(count):
    pipe.run()
print((faults() - before) / count)
"""


def faults_a_batch(folder, name, patch, threads, warm, count):
    done = subprocess.run([sys.executable, "-c", PROGRAM, BENCH, folder, name, *map(str, (patch, threads, warm, count))],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


@pytest.mark.parametrize("name", ["brats", "kits", "nnunet"])
def test_page_faults_of_small_pipelines(tmp_path, name):
    assert faults_a_batch(str(tmp_path), name, patch=40, threads=2, warm=100, count=200) <= 50


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", ["brats", "kits", "nnunet"])
def test_page_faults_of_whole_pipelines(tmp_path, name, threads):
    assert faults_a_batch(str(tmp_path), name, patch=128, threads=threads, warm=40, count=100) <= 50
