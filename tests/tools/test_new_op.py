# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests" / "contract")]
import check_layers  # noqa: E402
import new_op as tool  # noqa: E402
import registry  # noqa: E402

KINDS = list(tool.KINDS)


def new_op(root, group, name, *options):
    return subprocess.run([sys.executable, str(ROOT / "tools" / "new_op.py"), *options, str(root), group, name],
                          capture_output=True, text=True)


@pytest.fixture
def house(tmp_path):
    for header in ("core/convert.h", "kernels/copy/copy.h", "operators/api/operator.h", "operators/api/pointwise.h"):
        (tmp_path / "src" / header).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "src" / header).write_text(f"// {check_layers.SPDX}\n")
    return tmp_path


def test_the_default_has_loops_of_its_own(house):
    assert new_op(house, "intensity", "soft_clip").returncode == 0
    source = (house / "src/operators/intensity/soft_clip.cc").read_text()
    assert "class SoftClip final : public HostOperator" in source


@pytest.mark.parametrize("kind", KINDS)
def test_source_and_cases_obey_the_house(house, kind):
    assert new_op(house, "intensity", "soft_clip", "--kind", kind).returncode == 0
    source = (house / "src/operators/intensity/soft_clip.cc").read_text()
    assert "VARO_OPERATORS(intensity, soft_clip)" in source and "class SoftClip final" in source
    assert check_layers.check_tree(house) == ([], [])


@pytest.mark.parametrize("kind", KINDS)
def test_source_compiles(house, kind):
    new_op(house, "intensity", "soft_clip", "--kind", kind)
    compiled = subprocess.run(
        [os.environ.get("CXX", "g++"), "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
         "-Wno-unused-parameter", "-Wno-missing-field-initializers", f"-I{ROOT / 'include'}", f"-I{ROOT / 'src'}",
         str(house / "src/operators/intensity/soft_clip.cc")], capture_output=True, text=True)
    assert compiled.returncode == 0, compiled.stderr


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "source"])
def test_cases_load_and_fail_until_the_reference_is_written(house, kind):
    new_op(house, "intensity", "soft_clip", "--kind", kind)
    file = registry.load(house / "src/operators/intensity/soft_clip_cases.py")
    assert file.error is None and {case.op for case in file.cases} == {"soft_clip"}
    with pytest.raises(AssertionError, match="write the reference of soft_clip"):
        registry.cases_of([file])[0].reference(None)


def test_a_source_is_tested_in_a_pipeline(house):
    new_op(house, "sources", "counter", "--kind", "source")
    assert "fn.counter(" in (house / "tests/python/test_counter.py").read_text()
    assert not list(house.glob("src/operators/sources/*_cases.py"))


def test_a_batch_wide_operator_has_cases_that_say_so(house):
    new_op(house, "intensity", "soft_clip", "--kind", "batch")
    file = registry.load(house / "src/operators/intensity/soft_clip_cases.py")
    assert all(case.batch_wide for case in registry.cases_of([file]))


def test_kinds_are_listed(house):
    result = new_op(house, "intensity", "soft_clip", "--kind", "soft")
    assert result.returncode == 2 and all(kind in result.stderr for kind in KINDS)


def test_nothing_is_overwritten(house):
    new_op(house, "intensity", "soft_clip")
    (house / "src/operators/intensity/soft_clip.cc").write_text("mine")
    result = new_op(house, "intensity", "soft_clip")
    assert result.returncode == 1 and "exists already" in result.stderr
    assert (house / "src/operators/intensity/soft_clip.cc").read_text() == "mine"


@pytest.mark.parametrize("group, name", [("Intensity", "clip"), ("intensity", "soft-clip"), ("intensity", "../clip")])
def test_names_are_plain(house, group, name):
    assert new_op(house, group, name).returncode == 2
