# SPDX-License-Identifier: Apache-2.0
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import check_layers  # noqa: E402

SPDX = "// SPDX-License-Identifier: Apache-2.0\n"

HOUSE = {
    "include/varo/shape.h": '#include <array>\n',
    "include/varo/view.h": '#include "varo/shape.h"\n',
    "src/core/pool.h": '#include "varo/view.h"\n',
    "src/kernels/copy/copy.cc": '#include "hwy/highway.h"\n#include "core/pool.h"\n#include "kernels/copy/copy.h"\n',
    "src/kernels/copy/copy.h": "",
    "src/operators/api/operator.h": '#include "core/pool.h"\n',
    "src/operators/geometry/flip.cc": '#include "operators/geometry/axes.h"\n#include "operators/api/operator.h"\n',
    "src/operators/geometry/axes.h": "",
    "src/pipeline/plan.h": '#include "operators/api/operator.h"\n',
    "src/python/module.cc": '#include <pybind11/pybind11.h>\n\n#include "pipeline/plan.h"\n',
    "examples/first.cc": "#include <varo/view.h>\n#include <vector>\n",
}


@pytest.fixture
def house(tmp_path):
    """Writes a tree that obeys every rule, with the files given on top; returns its findings."""

    def build(**changes):
        files = {**HOUSE, **{name: text for name, text in changes.pop("files", {}).items()}}
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text if changes.get("raw") and name not in HOUSE else SPDX + text)
        errors, warnings = check_layers.check_tree(tmp_path)
        return [(str(f.file), f.rule, f.text) for f in errors], [(str(f.file), f.rule) for f in warnings]

    return build


def test_orderly_house_has_no_findings(house):
    assert house() == ([], [])


@pytest.mark.parametrize("file, text, words", [
    ("src/core/up.cc", '#include "kernels/copy/copy.h"\n', "core stands below kernels"),
    ("src/kernels/copy/up.cc", '#include "operators/api/operator.h"\n', "kernels stands below operators"),
    ("src/operators/geometry/up.cc", '#include "pipeline/plan.h"\n', "operators stands below pipeline"),
    ("src/operators/color/gamma.cc", '#include "operators/geometry/axes.h"\n', "other groups"),
    ("src/pipeline/pass.cc", '#include "operators/geometry/axes.h"\n', "schema only"),
    ("src/core/short.cc", '#include "pool.h"\n', "written from src/"),
    ("src/core/gone.cc", '#include "varo/nothing.h"\n', "no such public header"),
    ("src/pipeline/bind.cc", "#include <pybind11/pybind11.h>\n", "src/python only"),
    ("include/varo/deep.h", '#include "core/pool.h"\n', "public headers only"),
    ("include/varo/simd.h", '#include "hwy/highway.h"\n', "not found"),
    ("examples/deep.cc", '#include "core/pool.h"\n', "standard headers only"),
    ("examples/fmt.cc", "#include <fmt/core.h>\n", "standard headers only"),
])
def test_wrong_include_is_an_error(house, file, text, words):
    errors, _ = house(files={file: text})
    assert len(errors) == 1
    assert errors[0][:2] == (file, "include") and words in errors[0][2]


def test_missing_licence_is_an_error(house):
    errors, _ = house(files={"src/core/bare.cc": "int x;\n", "tools/run.py": "#!/bin/x\nimport os\n"}, raw=True)
    assert [e[:2] for e in errors] == [("src/core/bare.cc", "licence"), ("tools/run.py", "licence")]


def test_licence_may_follow_the_interpreter_line(house):
    errors, _ = house(files={"tools/run.py": f"#!/bin/x\n# {check_layers.SPDX}\n"}, raw=True)
    assert errors == []


@pytest.mark.parametrize("folder, found", [("wo" "rk", True), ("ho" "me", True), ("usr", False)])
def test_path_of_a_machine_is_an_error(house, folder, found):
    errors, _ = house(files={"docs/a.md": f"see /{folder}/x/y\n"}, raw=True)
    assert [e[1] for e in errors] == (["path"] if found else [])


def test_address_is_no_path(house):
    errors, _ = house(files={"docs/a.md": "https://example.org/" + "work/1 and build/" + "tmp/x\n"}, raw=True)
    assert errors == []


def test_committed_stub_is_an_error(house):
    errors, _ = house(files={"python/varo/fn.pyi": "x: int\n"})
    assert [e[1] for e in errors] == ["generated"]


def test_size_and_adjacent_bools_are_warnings(house):
    errors, warnings = house(files={
        "src/operators/geometry/long.cc": "int x;\n" * 200,
        "src/core/pair.h": "void f(bool a, bool b);\n",
    })
    assert errors == []
    assert warnings == [("src/core/pair.h", "bools"), ("src/operators/geometry/long.cc", "size")]


def test_this_project_has_no_errors():
    errors, _ = check_layers.check_tree(ROOT)
    assert [str(e) for e in errors] == []
