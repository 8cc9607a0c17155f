# SPDX-License-Identifier: Apache-2.0
"""What explain() tells of the steps of the first sample."""

import numpy as np
import pytest

import varo
from varo import fn, types


def steps_of(define, **options):
    """The lines of explain() about the steps of the first sample, with single spaces."""
    text = varo.pipeline_def(define, batch_size=2, num_threads=1, seed=3, **options)().explain()
    return [" ".join(line.split()) for line in text.split("steps, for the first sample:\n")[1].splitlines()]


def test_explain_tells_what_the_steps_of_a_reader_read_and_write(tmp_path):
    for k in range(2):
        np.save(tmp_path / f"{k}.npy", np.zeros((16, 20, 24), "float32"))

    def define():
        x = fn.reshape(fn.readers.numpy(file_root=str(tmp_path)), layout="DHW")
        x = fn.crop(x, crop=[8, 10, 12], crop_pos_x=0.0, crop_pos_y=1.0, crop_pos_z=0.5)
        return fn.gaussian_blur(fn.flip(-x, horizontal=1), sigma=0.8), fn.reductions.mean(x)

    read, minus, blur, mean = [line for line in steps_of(define) if not line.startswith("view")]
    assert read == f"read %2 crop reads [4, 10, 0] to [12, 20, 12] of {tmp_path}/0.npy; writes float32 [8, 10, 12] in b1"
    assert minus == "fused %3 arithmetic.minus reads float32 [8, 10, 12] in b1; writes float32 [8, 10, 12] in b2"
    assert blur == "run %5 gaussian_blur reads float32 [8, 10, 12] in b2; writes float32 [8, 10, 12] in b0; frees b2"
    assert mean == "run %6 reductions.mean reads float32 [8, 10, 12] in b1; writes float32 [] in b3; frees b1"


def test_explain_stops_where_only_a_run_can_tell(tmp_path):
    np.save(tmp_path / "0.npy", np.zeros((16, 20, 24), "float32"))

    def define():
        x = fn.reshape(fn.readers.numpy(file_root=str(tmp_path)), layout="DHW")
        return fn.flip(x, horizontal=fn.cast(fn.reductions.sum(x), dtype=types.INT32))

    steps = steps_of(define)
    assert steps[-1] == "and what depends on elements that only a run reads"
    assert any(line.startswith("read ") and "reads [0, 0, 0] to [16, 20, 24]" in line for line in steps)


@pytest.mark.parametrize("without, steps", [
    ([], ["fused %1 %0 arithmetic.minus writes float32 [4, 5, 6] in b0"]),
    (["fusion"], ["fused %0 random.uniform writes float32 [4, 5, 6] in b1",
                  "fused %1 arithmetic.minus reads float32 [4, 5, 6] in b1; writes float32 [4, 5, 6] in b0; frees b1"]),
    (["placement"], ["fused %1 %0 arithmetic.minus writes float32 [4, 5, 6] in b1",
                     "copy %2 flip reads float32 [4, 5, 6] in b1; writes float32 [4, 5, 6] in b0; frees b1"]),
])
def test_explain_tells_what_a_rule_does(without, steps):
    def define():
        return fn.flip(-fn.random.uniform(range=(0, 1), shape=[4, 5, 6]), horizontal=1)

    assert [line for line in steps_of(define, without_rewrites=without) if not line.startswith("view")] == steps
