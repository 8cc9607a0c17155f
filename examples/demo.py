# SPDX-License-Identifier: Apache-2.0
"""Varo on real brain volumes: a data set, a picture, a minute of training, and the speed beside SciPy.

    ./dev demo [--folder F] [--seconds 60] [--patch 128] [--pair IMAGE LABEL ...]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from brain import data, measure, picture


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "varo-demo",
                        help="where the data set and the picture go (default %(default)s)")
    parser.add_argument("--cases", type=int, default=8, help="size of the data set (default %(default)s)")
    parser.add_argument("--pair", nargs=2, action="append", default=[], metavar=("IMAGE", "LABEL"),
                        help="NIfTI files of your own, label numbers below 256; repeat for more")
    parser.add_argument("--seconds", type=float, default=60, help="of training (default %(default)s)")
    parser.add_argument("--measure-seconds", type=float, default=20, help="for each line of the table (default %(default)s)")
    parser.add_argument("--patch", type=int, default=128, help="edge of the patches in the table, voxels (default %(default)s)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="Varo's threads, torch's workers (default: cores)")
    return parser.parse_args()


def throughput(console, cases, options):
    """The table; returns the smallest ratio of the two loaders."""
    table = Table(title=f"patches of {options.patch}^3, batches of 2, {options.threads} threads or workers",
                  caption="waiting: share of the time that a training loop waits for data when the model takes "
                          "that long a step (1.25 times Varo's time for a batch)")
    for heading in ("files", "loader", "samples/s", "ratio", "model step", "waiting", "peak memory"):
        table.add_column(heading, justify="left" if heading in ("files", "loader") else "right")
    ratios = []
    for compressed in (False, True):
        job = dict(cases=[vars(c) for c in cases], patch=options.patch, batch=2, threads=options.threads,
                   compressed=compressed, seconds=options.measure_seconds)
        with console.status(f"measuring on {'.nii.gz' if compressed else '.npy'}"):
            ours = measure.in_own_process(loader="varo", step_ms=None, **job)
            theirs = measure.in_own_process(loader="scipy", step_ms=ours["step_ms"], **job)
        ratios.append(ours["rate"] / theirs["rate"])
        for name, result, ratio in (("Varo", ours, ratios[-1]), ("NumPy/SciPy in DataLoader", theirs, 1.0)):
            table.add_row(".nii.gz" if compressed else ".npy", name, f"{result['rate']:.1f}", f"{ratio:.1f}",
                          f"{result['step_ms']:.0f} ms", f"{100 * result['waited']:.1f} %",
                          f"{result['peak_mib']:.0f} MiB")
    console.print(table)
    return min(ratios)


def main():
    options, start = arguments(), time.monotonic()
    console = Console(width=None if sys.stdout.isatty() else 100, soft_wrap=True)
    console.print(f"[bold]1[/] data set in {options.folder}")
    cases = data.prepare(options.folder, options.cases, options.pair)
    console.print(f"  {len(cases)} cases as .npy and .nii.gz, from "
                  + ("your volumes" if options.pair else "the T1 head and the label atlas of mricron-data"))

    target = options.folder / "augmentations.png"
    console.print(f"[bold]2[/] picture of the augmentations: {target}")
    picture.draw(cases, target)

    console.print(f"[bold]3[/] training a small 3-D U-Net on the CPU for {options.seconds:.0f} s")
    from brain import unet

    first, last, steps = unet.train(cases, options.seconds, threads=options.threads)
    console.print(f"  {steps} steps, loss from {first:.3f} to {last:.3f}")

    console.print("[bold]4[/] speed")
    ratio = throughput(console, cases, options)
    console.print(f"Varo was {ratio:.1f} times as fast or more; {time.monotonic() - start:.0f} s in all")


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, RuntimeError) as stop:
        # Inside of a framework's first import Ctrl-C comes back as a RuntimeError.
        if isinstance(stop, RuntimeError) and "KeyboardInterrupt" not in str(stop):
            raise
        print("\ndemo: interrupted; what is on disk is complete or will be made again", file=sys.stderr)
        os._exit(130)
