# SPDX-License-Identifier: Apache-2.0
"""The contract suite can fail: cases that are wrong on purpose, run by the suite itself."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import conformance  # noqa: E402
import registry  # noqa: E402
from case import Case, ramp  # noqa: E402

WRONG_CASES = """
import numpy as np
from case import Case, ErrorCase, ramp

def mirror(data, **_):
    return data[:, :, ::-1]

CASES = [
    Case("right", "flip", [ramp(3, 4, 5)], ["DHW"], {}, mirror),
    Case("other values", "flip", [ramp(3, 4, 5)], ["DHW"], {}, lambda data: data),
    Case("other shape", "flip", [ramp(3, 4, 5)], ["DHW"], {}, lambda data: mirror(data)[:2]),
    Case("other dtype", "flip", [ramp(3, 4, 5)], ["DHW"], {}, lambda data: mirror(data).astype("int16"),
         dtypes=["uint8"]),
    Case("no reference", "flip", [ramp(3, 4, 5)], ["DHW"]),
    Case("no such operator", "flop", [ramp(3, 4, 5)], ["DHW"], {}, mirror),
    ErrorCase("right error", "flip", [ramp(2, 3)], ["AB"], {}, "LayoutError", ["AB"]),
    ErrorCase("no error", "flip", [ramp(3, 4, 5)], ["DHW"], {}, "LayoutError"),
    ErrorCase("other class", "flip", [ramp(2, 3)], ["AB"], {}, "ReadError"),
    ErrorCase("other words", "flip", [ramp(2, 3)], ["AB"], {}, "LayoutError", ["pineapple"]),
]
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """What the suite says of the wrong cases: {test: "passed" or "failed"}, and its text."""
    folder = tmp_path_factory.mktemp("cases")
    (folder / "group").mkdir()
    (folder / "group" / "flip_cases.py").write_text(WRONG_CASES)
    (folder / "group" / "broken_cases.py").write_text("import nothing_of_this_name\n")
    result = subprocess.run(
        [sys.executable, "-m", "pytest", str(HERE / "test_operators.py"), "-vv", "-rN", "-m", "",
         f"--rootdir={HERE.parents[1]}", "-c", str(HERE.parents[1] / "pyproject.toml")],
        capture_output=True, text=True, env={**os.environ, "VARO_CASES": str(folder)})
    tests = {}
    for line in result.stdout.splitlines():
        for word in ("PASSED", "FAILED"):
            if f" {word}" in line and "::" in line:
                tests[line.split("::")[1].split(f" {word}")[0].strip()] = word.lower()
    return result.returncode, tests, result.stdout


@pytest.mark.parametrize("test", [
    "test_eager[flip: other values]", "test_eager[flip: other shape]",
    "test_eager[flip: other dtype [uint8]]", "test_memory_order[backwards-flip: other values]",
    "test_case_is_of_an_operator[flip: no reference]", "test_case_is_of_an_operator[flop: no such operator]",
    "test_error[flip: no error]", "test_error[flip: other class]", "test_error[flip: other words]",
    "test_error_in_pipeline[flip: no error]", "test_error_in_pipeline[flip: other class]",
    "test_cases_load[group/broken_cases.py]",
])
def test_wrong_case_is_caught(outcome, test):
    code, tests, text = outcome
    assert code == 1, text
    assert tests[test] == "failed"


@pytest.mark.parametrize("test", [
    "test_eager[flip: right]", "test_pipeline[flip: right]", "test_memory_order[offset-flip: right]",
    "test_error[flip: right error]", "test_error_in_pipeline[flip: right error]", "test_has_cases[flip]",
])
def test_right_case_passes_beside_them(outcome, test):
    assert outcome[1][test] == "passed"


def test_operator_without_cases_is_named(outcome):
    _, tests, text = outcome
    others = [op["name"] for op in registry.operators() if op["name"] != "flip" and not op["traits"]["source"]]
    assert all(tests[f"test_has_cases[{name}]"] == "failed" and f"{name}: no Case" in text for name in others)


def schema(name, source=False):
    return dict(name=name, traits=dict(source=source))


def test_coverage_asks_for_a_case_or_a_use(tmp_path):
    flip = Case("x", "flip", [ramp(2, 3)])
    files = [registry.CaseFile(tmp_path / "flip_cases.py", [flip])]
    (tmp_path / "test_reading.py").write_text("varo.fn.readers.numpy(file_root='x')")
    problem = lambda op: registry.coverage_problem(op, files, tmp_path)
    assert problem(schema("flip")) is None
    assert problem(schema("crop")) == "crop: no Case in any src/operators/*/*_cases.py"
    assert problem(schema("readers.numpy", source=True)) is None
    assert problem(schema("readers.nifti", source=True)) == "readers.nifti: no file of tests/python uses fn.readers.nifti"
    assert problem(schema("readers.numpy")) is not None, "what can be called on arrays needs cases"


def agree(got, want, **case):
    conformance.assert_agrees(Case("x", "x", reference=lambda: np.asarray(want), **case), [np.asarray(got)], [])


@pytest.mark.parametrize("got, want, case", [
    (np.float32([0, 1 + 3e-5]), np.float32([0, 1]), {}),
    (np.float32([0, np.nan]), np.float32([0, 1]), {}),
    (np.float32([0, np.inf]), np.float32([0, -np.inf]), {}),
    (np.uint8([5]), np.uint8([6]), {}),
    (np.uint8([5]), np.uint8([7]), dict(unit=1)),
    (np.uint64([2**63 + 1]), np.uint64([2**63]), {}),
    (np.array([True]), np.array([False]), dict(unit=1)),
    (np.float32([1]), np.int32([1]), {}),
    (np.float32([[1]]), np.float32([1]), {}),
])
def test_difference_is_seen(got, want, case):
    with pytest.raises(AssertionError):
        agree(got, want, **case)


@pytest.mark.parametrize("got, want, case", [
    (np.float32([0, 100 + 5e-4]), np.float32([0, 100]), {}),
    (np.float16([0, 1000]), np.float64([0, 1000.2]), {}),
    (np.float32([np.nan, -np.inf]), np.float64([np.nan, -np.inf]), {}),
    (np.uint8([5]), np.uint8([6]), dict(unit=1)),
    (np.uint8([5, 9]), np.uint8([5, 0]), dict(ignore=lambda: np.array([False, True]))),
    (np.float32([]), np.float32([]), {}),
])
def test_allowed_difference_passes(got, want, case):
    agree(got, want, **case)


def test_writing_into_the_input_is_caught(monkeypatch):
    array = ramp(3, 4, 5)

    def spoils(tensor, **_):
        array[0, 0, 0] = 99
        return tensor

    monkeypatch.setattr(conformance, "function", lambda name: spoils)
    with pytest.raises(AssertionError, match="wrote into its input"):
        conformance.run_eager(Case("x", "x", [array], ["DHW"]), [array])


@pytest.mark.parametrize("memory", conformance.MEMORY)
def test_memory_orders_keep_values_and_are_strided(memory):
    array = ramp(3, 4, 5)
    strided = conformance.MEMORY[memory](array)
    assert np.array_equal(strided, array) and not strided.flags.c_contiguous
    for shape in ((), (0, 3), (1, 1)):
        assert conformance.MEMORY[memory](np.ones(shape)).shape == shape


def test_bits_are_compared_not_values():
    with pytest.raises(AssertionError):
        conformance.assert_same([np.float32([-0.0])], [np.float32([0.0])], "zero")
