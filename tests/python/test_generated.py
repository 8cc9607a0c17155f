# SPDX-License-Identifier: Apache-2.0
"""What derives from the schema: reference pages, type stubs, signatures and docstrings agree."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import varo

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import schema_text  # noqa: E402

FUNCTIONS = {schema_text.python_name(op["name"]): op for op in varo._core.operators() if schema_text.is_function(op)}


def resolve(name):
    target = varo
    for part in name.split(".")[1:]:
        target = getattr(target, part)
    return target


@pytest.fixture(scope="module")
def stubs():
    """Functions in the stubs beside the extension, by full name; of several overloads the first."""
    package = Path(varo._core.__file__).parent
    found = {}
    for file in package.rglob("*.pyi"):
        module = ".".join(("varo",) + file.relative_to(package).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef) and module.split(".")[1] in ("fn", "math"):
                found.setdefault(f"{module}.{node.name}", node)
    return found


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    subprocess.run([sys.executable, str(ROOT / "tools" / "make_docs.py"), str(folder)], check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_has_a_docstring(name):
    function = resolve(name)
    assert inspect.getdoc(function)
    if name != "varo.fn.external_source":
        assert FUNCTIONS[name]["summary"] in inspect.getdoc(function)


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "varo.fn.external_source"])
def test_stub_has_the_parameters_of_the_function(name, stubs):
    parameters = inspect.signature(resolve(name)).parameters.values()
    arguments = stubs[name].args
    keywords = [a.arg for a in arguments.kwonlyargs]
    common = ("device", "name", "seed", "preserve", "bytes_per_sample_hint")
    assert sorted(k for k in keywords if k not in common) == sorted(
        p.name for p in parameters if p.kind == p.KEYWORD_ONLY and p.name not in common)
    variadic = [arguments.vararg.arg] if arguments.vararg else []
    positional = [a.arg for a in arguments.posonlyargs if not variadic or a.arg != "first"] + variadic
    assert positional == [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.VAR_POSITIONAL)]


def test_stubs_name_nothing_else(stubs):
    assert set(stubs) == set(FUNCTIONS) - {"varo.fn.external_source"}


def test_every_function_has_a_page_that_names_its_arguments(pages):
    assert len(FUNCTIONS) > 50
    for op in FUNCTIONS.values():
        page = (pages / "operators" / f"{op['name']}.md").read_text()
        assert op["summary"] in page
        assert all(f"| `{arg['name']}` |" in page for arg in op["args"])
    index = (pages / "index.md").read_text()
    assert all(f"(operators/{op['name']}.md)" in index for op in FUNCTIONS.values())


def test_a_page_shows_what_the_call_gives(pages):
    page = (pages / "operators" / "flip.md").read_text()
    assert 'varo.fn.flip(varo.as_tensor(data, layout="CDHW"))' in page
    assert "[ 3.  2.  1.  0.]" in page
    assert "np.flip(data" in page
