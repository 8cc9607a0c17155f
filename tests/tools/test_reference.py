# SPDX-License-Identifier: Apache-2.0
"""The reference evaluator is worth comparing with only as long as it is short and shares nothing with the planner."""

import re
from pathlib import Path

SRC = Path(__file__).parents[2] / "src"


def included(name, seen):
    """Adds the project's files that `name` includes, directly or not."""
    for path in re.findall(r'^\s*#\s*include\s*"([^"]+)"', (SRC / name).read_text(), re.MULTILINE):
        if path not in seen and (SRC / path).is_file():
            seen.add(path)
            included(path, seen)
    return seen


def test_it_shares_nothing_with_the_planner_and_the_passes():
    files = included("pipeline/reference.cc", set())
    assert "pipeline/reference.h" in files and "pipeline/plan.h" in files
    assert not [file for file in files if re.match(r"pipeline/(sample|passes)/|pipeline/(executor|scheduler)", file)]


def test_it_stays_short():
    assert len((SRC / "pipeline/reference.cc").read_text().splitlines()) <= 300  # 228 before it knew branches, batches and sinks
