#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the rules of the house that a script can hold.

    tools/check_layers.py [ROOT]

Errors (exit code 1)
  include   a file includes only what stands at or below its own layer; public headers only each
            other; operator groups not each other; examples only public and standard headers;
            pybind11 only in src/python. Quoted includes are spelt from src/ or include/ and exist.
  licence   the first line (after #!) is the SPDX line
  path      no absolute path of somebody's machine
  generated nothing that a build writes is committed

Warnings
  size      longer than what its kind of file comfortably holds
  bools     two boolean parameters side by side: swapped without anybody noticing
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path, PurePosixPath
from typing import Iterator, NamedTuple

LAYERS = ("core", "kernels", "formats", "operators", "pipeline", "python")
SHARED = ("api", "shared")  # folders of src/operators that are no group of operators
CXX = {".h", ".cc", ".cu"}
THIRD_PARTY = ("hwy/", "gtest/", "gmock/", "benchmark/")  # may be quoted, as their own manuals do
LICENSED = CXX | {".py", ".cmake", ".in", ".sh", ".toml", ".supp"}
LICENSED_NAMES = {"CMakeLists.txt", "dev", "run", ".clang-format", ".clang-tidy"}
SPDX = "SPDX-License-Identifier: Apache-2.0"

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
MACHINE_PATH = re.compile(r"(?<![\w.$}*])/(?:work|tmp|home|root|Users)/")
GENERATED = re.compile(r"(^|/)(operator_table\.cc|compile_commands\.json|.*\.pyi)$")
ADJACENT_BOOLS = re.compile(r"\bbool \w+(?: = \w+)?, bool \w+")


class Finding(NamedTuple):
    file: PurePosixPath
    line: int
    rule: str
    text: str

    def __str__(self):
        return f"{self.file}:{self.line}: {self.rule}: {self.text}"


def project_files(root: Path) -> list[PurePosixPath]:
    """Committed files and new ones that are not ignored; every file where there is no git."""
    listing = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True)
    if listing.returncode == 0:
        names = listing.stdout.splitlines()
    else:
        names = [p.relative_to(root).as_posix() for p in root.rglob("*")]
        names = [n for n in names if not n.startswith((".git/", "build/"))]
    return sorted(PurePosixPath(n) for n in names if (root / n).is_file())


def layer_of(path: PurePosixPath) -> str | None:
    """The folder below src/, "include" for public headers, else the top folder."""
    if path.parts[0] == "src":
        return path.parts[1]
    return path.parts[0] if len(path.parts) > 1 else None


def group_of(path: PurePosixPath) -> str | None:
    """geometry for src/operators/geometry/flip.cc; None for what all groups share."""
    parts = path.parts
    group = parts[2] if parts[:2] == ("src", "operators") and len(parts) > 3 else None
    return None if group in SHARED else group


def include_problem(path: PurePosixPath, quoted: str | None, angled: str | None, exists) -> str | None:
    layer = layer_of(path)
    name = quoted or angled
    if name.startswith("pybind11/") and layer != "python":
        return f"{name}: pybind11 is for src/python only"
    if layer == "examples":
        public = angled and (angled.startswith("varo/") or "/" not in angled)
        return None if public else f"{name}: examples include <varo/...> and standard headers only"
    if not quoted or (quoted.startswith(THIRD_PARTY) and layer != "include"):
        return None

    if quoted.startswith("varo/"):
        return None if exists("include/" + quoted) else f"{quoted}: no such public header"
    if not exists("src/" + quoted):
        return f"{quoted}: not found; paths are written from src/ or include/"
    if layer == "include":
        return f"{quoted}: public headers include public headers only"

    target = PurePosixPath("src", quoted)
    target_layer = layer_of(target)
    if layer in LAYERS and LAYERS.index(target_layer) > LAYERS.index(layer):
        return f"{quoted}: {layer} stands below {target_layer}"
    target_group = group_of(target)
    if target_group and layer == "operators" and group_of(path) != target_group:
        return f"{quoted}: operators do not know other groups"
    if target_group and layer in ("pipeline", "python") and not path.stem.endswith("_test"):
        return f"{quoted}: {layer} knows operators by their schema only"
    return None


def lines_allowed(path: PurePosixPath) -> int | None:
    if path.stem.endswith(("_test", "_cases")) or path.name.startswith("test_"):
        return 400
    layer = layer_of(path)
    if path.suffix == ".h" and not path.stem.endswith("-inl"):
        return 250
    if path.suffix in CXX:
        return 200 if group_of(path) else 350 if layer == "kernels" else 500
    return 500 if path.suffix == ".py" else None


def check_file(root: Path, path: PurePosixPath) -> Iterator[tuple[str, Finding]]:
    """Yields ("error" | "warning", finding)."""
    if GENERATED.search(path.as_posix()):
        yield "error", Finding(path, 1, "generated", "written by the build; it does not belong in the repository")
    try:
        text = (root / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    lines = text.splitlines()

    if lines and (path.suffix in LICENSED or path.name in LICENSED_NAMES):
        first = lines[1] if lines[0].startswith("#!") and len(lines) > 1 else lines[0]
        if SPDX not in first:
            yield "error", Finding(path, 1, "licence", f"first line must be: {SPDX}")

    for number, line in enumerate(lines, 1):
        if match := MACHINE_PATH.search(line):
            yield "error", Finding(path, number, "path", f"{match.group()}... exists on one machine only")
        if path.suffix in CXX:
            if match := INCLUDE.match(line):
                problem = include_problem(path, *match.groups(), exists=lambda f: (root / f).is_file())
                if problem:
                    yield "error", Finding(path, number, "include", problem)
            if ADJACENT_BOOLS.search(line):
                yield "warning", Finding(path, number, "bools", "two boolean parameters side by side")

    limit = lines_allowed(path)
    if limit and len(lines) > limit:
        yield "warning", Finding(path, 1, "size", f"{len(lines)} lines; comfortable up to {limit}")


def check_tree(root: Path) -> tuple[list[Finding], list[Finding]]:
    """Returns (errors, warnings)."""
    found = {"error": [], "warning": []}
    for path in project_files(root):
        for kind, finding in check_file(root, path):
            found[kind].append(finding)
    return found["error"], found["warning"]


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1]).resolve()
    errors, warnings = check_tree(root)
    for finding in warnings:
        print(f"warning: {finding}")
    for finding in errors:
        print(f"error: {finding}")
    print(f"check_layers: {len(errors)} errors, {len(warnings)} warnings in {len(project_files(root))} files")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
