# SPDX-License-Identifier: Apache-2.0
"""Small programs of the benchmark, compiled for this machine when they are first asked for."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
missing: dict[str, str] = {}  # program -> why it cannot be built


@functools.lru_cache(None)
def program(name, *flags):
    """The path of bench/NAME.cc as a program, or None: `missing` says why."""
    source = HERE / f"{name}.cc"
    compiler = shutil.which(os.environ.get("CXX", "g++"))
    if not compiler:
        missing[name] = "there is no C++ compiler"
        return None
    command = [compiler, "-std=c++17", "-O3", "-march=native", "-ffp-contract=off", "-DNDEBUG", "-w", str(source), *flags]
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags")), "")
    key = hashlib.sha256("\n".join([*command, cpu, source.read_text()]).encode()).hexdigest()[:16]
    folder = HERE.parent / "build" / "bench"
    path = folder / f"{name}-{key}"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(f".{os.getpid()}")
        done = subprocess.run([*command, "-o", str(scratch)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            missing[name] = f"{name}.cc does not compile: {done.stdout.strip()[-300:]}"
            return None
        for old in folder.glob(f"{name}-????????????????"):
            old.unlink(missing_ok=True)
        scratch.rename(path)
    return path
