# SPDX-License-Identifier: Apache-2.0
"""The package's modules: who imports whom."""

import ast
from pathlib import Path

import varo
from varo import types

PACKAGE = Path(varo.__file__).parent


def imports_of(path):
    """Modules of the package that the file imports, by their paths below it; all imports are at its top."""
    own = path.relative_to(PACKAGE).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = list(own[:len(own) - node.level + 1]) + (node.module.split(".") if node.module else [])
        for name in node.names:
            for parts in (base + [name.name], base):
                target = PACKAGE.joinpath(*parts)
                found = [f for f in (target.with_suffix(".py"), target / "__init__.py") if f.exists() and target != PACKAGE]
                if found:
                    yield found[0]
                    break


def test_modules_import_each_other_in_no_circle():
    files = [f for f in PACKAGE.rglob("*.py") if f != PACKAGE / "__init__.py"]
    graph = {f: set(imports_of(f)) - {f} for f in files}
    assert graph[PACKAGE / "_graph" / "declare.py"] >= {PACKAGE / "_graph" / "node.py", PACKAGE / "_run" / "eager.py"}
    done, path = set(), []

    def visit(file):
        assert file not in path, "a circle: " + " -> ".join(str(f.relative_to(PACKAGE)) for f in path[path.index(file):] + [file])
        if file not in done:
            path.append(file)
            for other in sorted(graph[file]):
                visit(other)
            path.pop()
            done.add(file)

    for file in sorted(files):
        visit(file)
    assert len(done) == len(files)


def test_no_import_inside_a_function():
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.Lambda)):
                assert not [n for n in ast.walk(node) if isinstance(n, (ast.Import, ast.ImportFrom))], (file, node.lineno)


def test_the_graph_does_not_know_pipelines():
    for file in (PACKAGE / "_graph").glob("*.py"):
        assert PACKAGE / "pipeline.py" not in imports_of(file), file


def test_types_names_its_members():
    for enum in (types.DALIDataType, types.DALIInterpType, types.DALIImageType):
        for name, member in enum.__members__.items():
            assert getattr(types, name) is member and name in types.__all__
