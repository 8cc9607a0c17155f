# SPDX-License-Identifier: Apache-2.0
"""The operators there are, and the cases written for them.

Cases stand beside the operators, in src/operators/<group>/<name>_cases.py. A source, which cannot be
called on arrays (readers, external_source), counts as tested when a file of tests/python uses it.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))  # cases say `from case import Case`

from case import Case, ErrorCase  # noqa: E402

# Another folder for the tests of the suite itself.
CASES_FOLDER = Path(os.environ.get("VARO_CASES", ROOT / "src" / "operators"))


@dataclass
class CaseFile:
    path: Path
    cases: list = field(default_factory=list)
    error: BaseException | None = None

    @property
    def name(self) -> str:
        return f"{self.path.parent.name}/{self.path.name}"


def load(path: Path) -> CaseFile:
    """Imports one cases file; what goes wrong is kept, so that the other files still run."""
    file = CaseFile(path)
    module_name = f"varo_cases.{path.parent.name}.{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
        file.cases = list(module.CASES)
    except Exception as error:  # reported by test_cases_load
        file.error = error
    return file


def load_all(folder: Path = CASES_FOLDER) -> list[CaseFile]:
    return [load(path) for path in sorted(folder.glob("*/*_cases.py"))]


def operators() -> list[dict]:
    """The schema of every operator."""
    from varo import _core

    return _core.operators()


def coverage_problem(operator: dict, files: list[CaseFile], tests: Path = ROOT / "tests" / "python") -> str | None:
    """Why `operator` does not count as tested, or nothing."""
    name = operator["name"]
    if any(isinstance(case, Case) and case.op == name for file in files for case in file.cases):
        return None
    if not operator["traits"]["source"]:
        return f"{name}: no Case in any src/operators/*/*_cases.py"
    if any(re.search(rf"\bfn\.{re.escape(name)}\b", file.read_text()) for file in tests.glob("test_*.py")):
        return None
    return f"{name}: no file of tests/python uses fn.{name}"


def cases_of(files: list[CaseFile]) -> list[Case]:
    return [case for file in files for case in file.cases if isinstance(case, Case)]


def errors_of(files: list[CaseFile]) -> list[ErrorCase]:
    return [case for file in files for case in file.cases if isinstance(case, ErrorCase)]
