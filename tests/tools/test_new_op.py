# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests" / "contract")]
import check_layers  # noqa: E402
import registry  # noqa: E402


def new_op(root, group, name):
    return subprocess.run([sys.executable, str(ROOT / "tools" / "new_op.py"), str(root), group, name],
                          capture_output=True, text=True)


@pytest.fixture
def house(tmp_path):
    for header in ("kernels/copy/copy.h", "operators/api/operator.h"):
        (tmp_path / "src" / header).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "src" / header).write_text(f"// {check_layers.SPDX}\n")
    return tmp_path


def test_source_and_cases_obey_the_house(house):
    assert new_op(house, "intensity", "soft_clip").returncode == 0
    source = (house / "src/operators/intensity/soft_clip.cc").read_text()
    assert "VARO_OPERATORS(intensity, soft_clip)" in source and "class SoftClip final" in source
    assert check_layers.check_tree(house) == ([], [])


def test_cases_load_and_fail_until_the_reference_is_written(house):
    new_op(house, "intensity", "soft_clip")
    file = registry.load(house / "src/operators/intensity/soft_clip_cases.py")
    assert file.error is None and {case.op for case in file.cases} == {"soft_clip"}
    with pytest.raises(AssertionError, match="write the reference of soft_clip"):
        registry.cases_of([file])[0].reference(None)


def test_nothing_is_overwritten(house):
    new_op(house, "intensity", "soft_clip")
    (house / "src/operators/intensity/soft_clip.cc").write_text("mine")
    result = new_op(house, "intensity", "soft_clip")
    assert result.returncode == 1 and "exists already" in result.stderr
    assert (house / "src/operators/intensity/soft_clip.cc").read_text() == "mine"


@pytest.mark.parametrize("group, name", [("Intensity", "clip"), ("intensity", "soft-clip"), ("intensity", "../clip")])
def test_names_are_plain(house, group, name):
    assert new_op(house, group, name).returncode == 2
