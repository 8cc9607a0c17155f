# SPDX-License-Identifier: Apache-2.0
"""The benchmark runs, on small volumes; what it decides about numbers is right."""
import json
import os
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path

import numpy as np
import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.fixture
def modules(monkeypatch):
    """Imports modules of bench/ by name."""
    import importlib

    known = set(sys.modules)
    monkeypatch.syspath_prepend(str(BENCH))
    yield importlib.import_module
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(BENCH)):
            del sys.modules[name]


def run(*args, check=True):
    done = subprocess.run([sys.executable, str(BENCH / "run.py"), "--quick", *args], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.mark.slow
def test_quick_run_measures_every_row(tmp_path, modules):
    out = run("--json", str(tmp_path / "out.json"), "--svg", str(tmp_path / "out.svg")).stdout
    found = json.loads((tmp_path / "out.json").read_text())
    assert len(found["kernels"]) == len(modules("rows").ROWS) >= 22
    one_volume = [r for r in found["pipelines"] if r["batch"] == 1]
    assert len(found["pipelines"]) - len(one_volume) == 9 and len(one_volume) == (6 if len(os.sched_getaffinity(0)) > 1 else 0)
    for row in found["kernels"]:
        assert row["name"] in out
        assert all(0 < ms < 1e4 for ms in row["ms"].values())
        assert set(row["ratios"]) == set(row["ms"]) - {"Varo"} and "copy" in row["ratios"]
        assert all(len(times) == 2 for times in row["rounds_ms"].values())
        assert row["bound_ms"]["bytes"] > 0 and (row["two_threads"] is None) == (len(os.sched_getaffinity(0)) < 2)
    for row in found["pipelines"]:
        assert row["rate"] > 0 and row["cpu_s"] > 0 and row["peak_mib"] > 10
        assert (row["waits_at_2"] is not None) == (row["contender"].startswith("Varo") and row["batch"] > 1)
    root = xml.etree.ElementTree.parse(tmp_path / "out.svg").getroot()
    bars = [e for e in root.iter() if e.tag.endswith("rect")]
    assert len(bars) == 1 + sum(len(r["ms"]) for r in found["kernels"]) + len(found["pipelines"])


@pytest.mark.slow
def test_rows_are_chosen_by_pattern(tmp_path):
    run("--rows", "^gaussian blur", "--json", str(tmp_path / "out.json"))
    found = json.loads((tmp_path / "out.json").read_text())
    assert [r["name"] for r in found["kernels"]] == ["gaussian blur, sigma 1, 128^3, f32"] and not found["pipelines"]
    assert run("--rows", "no such row", check=False).returncode == 2


@pytest.mark.slow
def test_comparison_with_a_revision_builds_it_and_cleans_up(tmp_path):
    if subprocess.run(["git", "-C", str(BENCH), "rev-parse", "HEAD"], capture_output=True).returncode:
        pytest.skip("not a clone")
    done = run("--rows", "^gaussian blur", "--rounds", "5", "--against", "HEAD", "--json", str(tmp_path / "out.json"),
               check=False)
    row, = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert [len(s) for s in row["sittings"]] == [5, 5, 5] and row["band"] >= 0.03
    assert done.returncode == (1 if row["verdict"] == "slower" else 0)
    assert not list((BENCH.parent / "build").glob("against-*"))


@pytest.mark.slow
def test_wrong_results_are_not_timed(tmp_path):
    """With another Varo, whose blur is twice too strong, the row fails and so does the run."""
    import varo

    (tmp_path / "varo").symlink_to(Path(varo.__file__).parent)
    (tmp_path / "sitecustomize.py").write_text(
        "import varo\nblur = varo.fn.gaussian_blur\n"
        "varo.fn.gaussian_blur = lambda x, sigma, **rest: blur(x, sigma=2 * sigma, **rest)\n")
    done = subprocess.run([sys.executable, str(BENCH / "run.py"), "--quick", "--rows", "^gaussian blur"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env=dict(os.environ, PYTHONPATH=str(tmp_path)))
    assert done.returncode == 1 and "differs from Varo by up to" in done.stdout


def test_comparison_tells_slower_from_noise(modules):
    judged = modules("against").judged
    rng = np.random.default_rng(3)

    def sittings(here, noise=0.02):
        return [[[level * rng.normal(1, noise) for level in (1, 1, of_sitting)] for _ in range(7)] for of_sitting in here]

    assert judged("same", sittings((1, 1, 1)))["verdict"] == ""
    assert judged("slower", sittings((1.1, 1.1, 1.1)))["verdict"] == "slower"
    assert judged("faster", sittings((0.9, 0.9, 0.9)))["verdict"] == "faster"
    assert judged("one process with unlucky pages", sittings((1, 1.3, 1)))["verdict"] == ""
    loud = judged("loud", sittings((1.1, 1.1, 1.1), noise=0.4))
    assert loud["band"] > 0.1 and loud["verdict"] == ""


def test_interleaved_rounds_begin_with_another_contender(modules):
    order = []
    times = modules("clock").interleaved({k: lambda k=k: order.append(k) for k in "abc"}, rounds=3, least=0)
    assert "".join(order) == "abc" + "abc" + "bca" + "cab"
    assert all(len(t) == 3 for t in times.values())


def test_bounds_count_the_cheapest_order_and_the_slowest_kind(modules, monkeypatch):
    bounds = modules("bounds")
    # Shrinking the long axis first: 4 outputs of 2 taps, then 2; 3 flop each. The other way round: 8 + 2.
    assert bounds.separable((2, 8), (1, 2), (2, 2)) == 3 * 4 + 3 * 2
    assert bounds.separable((2, 8), (1, 2), (2, 2), before=5) == 5 * 16 + 3 * 4 + 5 * 4 + 3 * 2
    assert bounds.separable((8, 3), (4, 3), (2, 1)) == 3 * 4 * 3
    assert bounds.warp(10, 3, 1, linear=True) == {"flop": 300, "load": 40}
    monkeypatch.setattr(bounds, "rates", lambda: {"flop": 100.0, "load": 10.0})
    assert bounds.of(50, {"flop": 300, "load": 40}, 100, 2.0, {}) == (1.0, 4.0)
    assert bounds.of(50, "peer", 100, 2.0, {"peer": 3.0}) == (1.0, 3.0)
    assert bounds.of(50, {}, 100, 2.0, {}) == (1.0, None)


def test_goals_of_pipelines_need_a_core(modules):
    run = lambda rate: [{"rate": rate}]
    result = dict(pipeline="brats", batch=2, threads=1, waits=0.01, wait_batches=500, waits_at_2=0.1, faults=10)
    ours = {**result, "contender": "Varo select", "rate": 60.0, "cores": 0.95, "runs": run(60.0)}
    peer = {**result, "contender": "NumPy/SciPy", "rate": 2.0, "cores": 1.0, "runs": run(2.0)}
    one, two = ({**ours, "batch": 1, "threads": n, "rate": r, "cores": n * 0.97, "runs": run(r)} for n, r in ((1, 50.0), (2, 90.0)))
    reached = {what: verdict for what, _, _, verdict in modules("goals").of_pipelines([ours, peer, one, two])}
    assert list(reached.values()) == ["yes", "yes", "yes", "", "yes", "yes"]
    busy = modules("goals").of_pipelines([{**ours, "rate": 30.0, "cores": 0.5, "cpu_s": 1 / 60}])
    assert busy[0][1:] == ("30.0", "50", "no, had 0.50 cores; 60 a core-second")


def test_kernel_table_keeps_its_columns(modules):
    table = modules("report").KernelTable(["short", "a rather long name of a row"], "wall time")
    row = {"name": "short", "goal": {"SciPy": 2.0}, "ms": {"Varo": 1.0, "SciPy": 3.0}, "spread": {"Varo": 0.01, "SciPy": 0.02},
           "ratios": {"SciPy": 3.0}}
    assert table.row(row).endswith("yes") and len(table.row(row)) == len(table.head())
    assert table.head().index("spread") + len("spread") == table.row(row).index("1%") + 2


@pytest.mark.skipif(not Path("/usr/include/ITK-5.2").is_dir(), reason="ITK's development files are not installed")
def test_itk_times_itself(modules):
    import time

    volume = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
    peer, = modules("itk").resampled(volume, (3, 4, 5), "linear").values()
    assert np.array_equal(peer(), volume)
    assert 0 < peer.seconds(time.perf_counter) < 1 and 0 < peer.seconds(time.thread_time) < 1


@pytest.mark.parametrize("count, classes", [(1, 1), (9, 2), (28, 2)])
def test_synthetic_objects_are_separate(modules, count, classes):
    from scipy import ndimage

    labels = modules("data").blobs((60, 64, 64), count, classes, np.random.default_rng(1))
    assert ndimage.label(labels)[1] == count
    assert set(np.unique(labels)) == set(range(min(count, classes) + 1))


def test_agreement_refuses_what_differs(modules):
    agree = modules("agree")
    a = np.zeros((4, 4), np.float32)
    agree.same_numbers({"Varo": a, "other": a + 1e-7}, 1e-6)
    for other in (a + 1, np.full_like(a, np.nan), a[:2]):
        with pytest.raises(agree.Disagreement):
            agree.same_numbers({"Varo": a, "other": other}, 1e-6)
    agree.same_boxes({"Varo": [], "other": [(1, 0, 0, 2, 2)]}, [(1, 0, 0, 2, 2)])
    with pytest.raises(agree.Disagreement):
        agree.same_boxes({"Varo": [], "other": [(1, 0, 0, 2, 2)]}, [(2, 0, 0, 2, 2)])
    numbers = np.random.default_rng(1).standard_normal(10**5)
    agree.standard_normal({"Varo": numbers})
    with pytest.raises(agree.Disagreement):
        agree.standard_normal({"Varo": np.clip(numbers, -2, 2)})
