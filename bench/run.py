# SPDX-License-Identifier: Apache-2.0
"""Speed of kernels and of whole pipelines, beside what is installed, or beside another revision.

    ./dev bench                       everything, about a quarter of an hour
    ./dev bench --rows 'affine|kits'  some of it
    ./dev bench --against main        this tree against another revision; ends with 1 when something is slower
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import bounds
import clock
import data
import goals
import itk
import kernels
import measure
import native
import report
from rows import ROWS
from work import missing, optional

SHAPES = {  # pipeline: image, patch, objects, classes
    "brats": ((4, 155, 240, 240), 128, 12, 3),
    "kits": ((1, 300, 320, 320), 128, 28, 2),
    "nnunet": ((4, 128, 128, 128), 128, 12, 3),
}
TITLES = {
    "brats": "BraTS-style training, 4x155x240x240 f32 and u8 labels, 128^3 crop",
    "kits": "KiTS-style training, 1x300x320x320 f32 and u8 labels, 128^3 crop",
    "nnunet": "nnU-Net's default augmentation of a 4x128^3 f32 patch and u8 labels",
}


def say(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def machine():
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    load = os.getloadavg()[0]
    packages = {}
    for name in ("numpy", "scipy", "torch", "scikit-image", "nibabel"):
        try:
            packages[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pass
    cv2 = optional("cv2")
    peers = {"OpenCV": cv2 and cv2.__version__, "ITK": itk.version()}
    packages.update({name: version for name, version in peers.items() if version})
    git = subprocess.run(["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True)
    return {"cpu": model.group(1) if model else platform.processor(), "cores": len(os.sched_getaffinity(0)),
            "load_before": load, "python": platform.python_version(), "packages": packages, "revision": git.stdout.strip(),
            "date": datetime.date.today().isoformat()}


def heading(m):
    packages = ", ".join(f"{k} {v}" for k, v in m["packages"].items())
    return (f"{m['date']}, {m['cpu']}, {m['cores']} cores, load {m['load_before']:.1f} before; "
            f"Varo {m['revision']}, Python {m['python']}, {packages}")


def jobs_of(pattern, quick, folder, seconds):
    """[(pipeline, contender, batch, threads, arguments of measure.stopwatch)] of what the pattern names; makes the data."""
    jobs = []
    cores = len(os.sched_getaffinity(0))
    for pipeline, (shape, patch, objects, classes) in SHAPES.items():
        wanted = [(c, 2, t) for t in ([cores] if quick else sorted({1, cores})) for c in measure.PIPELINES[pipeline]
                  if re.search(pattern, f"{pipeline} {c} {t}")]
        wanted += [("Varo select", 1, t) for t in (1, 2) if cores >= 2 and re.search(pattern, f"{pipeline} Varo select {t} one volume")]
        if not wanted:
            continue
        if quick:
            shape, patch = (shape[0], *(max(40, n // 5) for n in shape[1:])), 32
            shape = shape if pipeline != "nnunet" else (shape[0], patch, patch, patch)
        say(f"data of {pipeline}")
        files = data.cases(Path(folder) / pipeline, shape, 2 if quick else 4, objects, classes)
        jobs += [(pipeline, c, batch, t,
                  dict(pipeline=pipeline, contender=c, files=vars(files), patch=patch, batch=batch, threads=t,
                       depth=2 if quick else 4, seconds=seconds, warm_up=0.2 if quick else 5))
                 for c, batch, t in wanted]
    return jobs


def check_pipelines(jobs):
    """{(pipeline, contender): what differs} of the contenders of Varo against every peer, on small data."""
    import sameness

    wrong = {}
    for pipeline in dict.fromkeys(j[0] for j in jobs):
        shape = (SHAPES[pipeline][0][0], *((32,) * 3 if pipeline == "nnunet" else (48, 56, 64)))
        with tempfile.TemporaryDirectory(prefix="varo-bench-") as folder:
            files = data.cases(folder, shape, 1, 6, 2)
            for contender in dict.fromkeys(c for p, c, *_ in jobs if p == pipeline and c.startswith("Varo")):
                for peer in filter(None, measure.PIPELINES[pipeline].values()):
                    try:
                        sameness.check(pipeline, contender, peer, files, 32)
                    except Exception as error:  # the other pipelines are measured all the same
                        wrong[pipeline, contender] = f"{type(error).__name__}: {error}"
    return wrong


def measure_pipelines(jobs, rounds, wait_batches):
    """Rounds over all loaders in turn, each run in a process of its own; medians over rounds.

    The consumer that sleeps is looked at over `wait_batches` batches in the first round only, unless that is 0.
    """
    say("whether pipelines agree with their peers")
    wrong = check_pipelines(jobs)
    runs, errors = {}, {}
    for number in range(rounds):
        for *key, job in jobs:
            pipeline, contender, batch, threads = key = tuple(key)
            if (pipeline, contender) in wrong or key in errors:
                continue
            ours = contender.startswith("Varo") and batch > 1 and number == 0
            more = dict(shallow=2, wait_batches=wait_batches) if ours else {}
            try:
                runs.setdefault(key, []).append(measure.in_own_process(**job, **more))
                outcome = f"{runs[key][-1]['rate']:.1f} samples/s"
            except RuntimeError as error:
                errors[key] = outcome = str(error)
            say(f"{pipeline}, {contender}, batch {batch}, {threads} threads, round {number + 1} of {rounds}: {outcome}")
    results = []
    for *key, _ in jobs:
        pipeline, contender, batch, threads = key = tuple(key)
        result = {"pipeline": pipeline, "contender": contender, "batch": batch, "threads": threads}
        error = wrong.get((pipeline, contender)) or errors.get(key)
        if error:
            results.append({**result, "error": error})
            continue
        known = lambda k: [r[k] for r in runs[key] if r[k] is not None]
        result.update({k: median(known(k)) if known(k) else None for k in runs[key][0]}, runs=runs[key],
                      spread=clock.spread([r["rate"] for r in runs[key]]))
        if wait_batches:
            result.update({k: runs[key][0][k] for k in ("waits", "wait_batches")})
        peer = next((c for c, kind in measure.PIPELINES[pipeline].items() if kind), None)
        if contender.startswith("Varo") and runs.get((pipeline, peer, batch, threads)):
            result["times_peer"] = clock.ratio(*([r["rate"] for r in runs[pipeline, c, batch, threads]] for c in (contender, peer)))
        results.append(result)
    return results


def against(args, rows, shrink, rounds, least, seconds, now):
    import against as revisions

    here = Path(importlib.util.find_spec("varo").origin).parent.parent
    with tempfile.TemporaryDirectory(prefix="varo-bench-") as folder:
        jobs = [(f"{p}, {c}, {t} threads", job) for p, c, batch, t, job in jobs_of(args.rows, args.quick, folder, seconds)
                if c.startswith("Varo") and batch > 1]
        say(f"building {args.against}")
        with revisions.built(args.against) as package:
            results = revisions.compare(package, here, rows, jobs, shrink, rounds, least, now, say)
    print(f"\n{report.comparison_table(results, args.against)}\n")
    if args.json:
        Path(args.json).write_text(json.dumps({"machine": machine(), "against": args.against, "rows": results}, indent=1))
    return 1 if any(r.get("verdict") == "slower" or r.get("error", "").startswith("here") for r in results) else 0


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="", metavar="REGEX",
                        help='rows of the kernel table, and "pipeline loader threads", that match')
    parser.add_argument("--quick", action="store_true", help="small volumes, few rounds: shows that it works, not how fast")
    parser.add_argument("--rounds", type=int, help="rounds of the kernel table (7); half as many of the pipelines")
    parser.add_argument("--waits", type=int, default=0, metavar="N",
                        help="the consumer that sleeps takes N batches (500 takes minutes); by default as many as come in 2.5 s")
    parser.add_argument("--cpu-time", action="store_true", help="kernels by processor time, for a busy machine")
    parser.add_argument("--json", metavar="FILE", help="write every number")
    parser.add_argument("--svg", metavar="FILE", help="write a bar chart")
    parser.add_argument("--against", metavar="REV", help="compare this tree with a revision of git")
    args = parser.parse_args()
    try:
        rows = [r for r in ROWS if re.search(args.rows, r.name)]
    except re.error as error:
        parser.error(f"--rows: {args.rows!r} is no regular expression: {error}")
    shrink, rounds, least, seconds = (4, 2, 0.002, 0.3) if args.quick else (1, 7, 0.1, 5)
    rounds = args.rounds or rounds
    now = time.thread_time if args.cpu_time else time.perf_counter
    if args.against:
        return against(args, rows, shrink, rounds, least, seconds, now)

    about = machine()
    print(f"\n{heading(about)}\n", flush=True)
    table = report.KernelTable([r.name for r in rows] or [""], "processor time" if args.cpu_time else "wall time")

    def done(result):
        if args.quick:  # goals are about whole volumes
            result["goal"] = {}
        print(table.row(result), flush=True)

    if rows:
        say("rates of this machine")
        about["rates"] = bounds.rates()
        print(table.head(), flush=True)
    kernel_results = kernels.measure_all(rows, shrink, rounds, least, now, say, done)
    if any("error" not in r for r in kernel_results):
        print("\n" + report.bounds_table(kernel_results, about["rates"]))
        print(report.rates_text(about["rates"]) + "\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="varo-bench-") as folder:
        jobs = jobs_of(args.rows, args.quick, folder, seconds)
        pipeline_results = measure_pipelines(jobs, max(1, rounds // 2), args.waits) if jobs else []
    if not kernel_results and not pipeline_results:
        parser.error(f"--rows {args.rows!r} matches nothing")

    goals_met = [] if args.quick else goals.of_pipelines(pipeline_results)
    if pipeline_results:
        print("\n".join(f"{name:7} {TITLES[name]}" for name in dict.fromkeys(r["pipeline"] for r in pipeline_results)))
        print("\n" + report.pipeline_table(pipeline_results) + "\n")
    if goals_met:
        print(report.goals_table(goals_met) + "\n")
    left_out = sorted(missing) + [f"{name} ({why})" for name, why in native.missing.items()]
    if left_out:
        print("left out: " + ", ".join(left_out))
    if args.json:
        everything = {"machine": about, "quick": args.quick, "cpu_time": args.cpu_time, "kernels": kernel_results,
                      "pipelines": pipeline_results, "goals": goals_met}
        Path(args.json).write_text(json.dumps(everything, indent=1))
    if args.svg:
        Path(args.svg).write_text(report.svg(kernel_results, pipeline_results, heading(about)))
    return 1 if any("error" in r for r in kernel_results + pipeline_results) else 0


if __name__ == "__main__":
    sys.exit(main())
