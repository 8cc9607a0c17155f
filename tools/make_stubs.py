#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes type stubs of varo.fn from the operators' schemas; the build calls it.

    tools/make_stubs.py PACKAGE_FOLDER       the folder that holds the extension

Operators with a dot in the name (readers.numpy) go into a stub of their module. external_source,
apply, one_of and some_of are written by hand, with their types beside them.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import schema_text  # noqa: E402

HEADER = """\
# SPDX-License-Identifier: Apache-2.0
# Written by tools/make_stubs.py from the operators' schemas.
from typing import Any, Literal, Sequence, Union

import numpy.typing as npt
from varo import types
from varo.data_node import DataNode
{imports}
Data = Union[DataNode, npt.ArrayLike]
# A node while a pipeline is being defined, else a tensor; a tuple where there are several outputs.
Result = Any

"""

TYPES = {
    "bool": "bool", "int": "int", "float": "float", "str": "str",
    "types.DALIDataType": "Union[types.DALIDataType, str]",
    "types.DALIInterpType": "types.DALIInterpType",
    "layout string": "str",
    "list of int": "Union[int, Sequence[int]]",
    "list of float": "Union[float, Sequence[float]]",
    "list of str": "Union[str, Sequence[str]]",
}


def argument(arg: dict) -> str:
    kinds = [f"Literal[{', '.join(map(repr, arg['choices']))}]" if arg["choices"] else TYPES[arg["type"]]]
    if not arg["constant"]:
        kinds.append("Data")
    if not arg["required"]:
        kinds.append("None")
    kind = kinds[0] if len(kinds) == 1 else f"Union[{', '.join(kinds)}]"
    default = "" if arg["required"] else f" = {schema_text.default_text(arg)}"
    return f"{arg['name']}: {kind}{default}"


def function(op: dict) -> str:
    parameters = []
    for node in op["inputs"]:
        if node["variadic"]:
            parameters.append(f"*{node['name']}: Data")
        else:
            parameters.append(f"{node['name']}: Data" + (" = None" if node["optional"] else ""))
    keyword = [argument(arg) for arg in op["args"] if arg["required"]]
    keyword += [argument(arg) for arg in op["args"] if not arg["required"]]
    if keyword and not any(p.startswith("*") for p in parameters):
        parameters.append("*")
    # name=, seed=, device= and the like are the same everywhere and checked by the pipeline.
    parameters += keyword + ["**common: Any"]

    name = op["name"].split(".")[-1]
    signature = f"def {name}(" + "".join(f"\n    {p}," for p in parameters[:-1]) + f"\n    {parameters[-1]}\n) -> Result:"
    text = "\n\n".join(filter(None, [op["summary"], op["doc"]])).replace("\\", "\\\\").replace('"""', "'''")
    doc = text.replace("\n", "\n    ").replace("\n    \n", "\n\n")
    return f'{signature}\n    """{doc}"""\n'


def stubs(operators: list[dict]) -> dict[str, str]:
    """Text of each stub by its path below the package."""
    modules = defaultdict(list)
    for op in filter(schema_text.is_function, operators):
        if op["name"] != "external_source":
            path = schema_text.python_name(op["name"]).split(".")[1:-1]  # fn.readers.numpy: [fn, readers]
            for depth in range(1, len(path)):
                modules.setdefault("/".join(path[:depth]), [])
            modules["/".join(path)].append(op)
    modules.setdefault("fn", [])

    files = {}
    for module, members in modules.items():
        inner = sorted(m.split("/")[-1] for m in modules if m.rpartition("/")[0] == module)
        imports = "".join(f"from . import {name} as {name}\n" for name in inner)
        if module == "fn":
            imports += "from varo._graph.choices import apply as apply, one_of as one_of, some_of as some_of\n"
            imports += "from varo._run.external_source import external_source as external_source\n"
        path = module + ("/__init__.pyi" if inner or module == "fn" else ".pyi")
        body = "\n".join(function(op) for op in sorted(members, key=lambda op: op["name"]))
        files[path] = HEADER.format(imports=imports) + body
    return files


def main() -> int:
    package = Path(sys.argv[1])
    sys.path.insert(0, str(package))
    import _core  # not varo._core: a build does not hang on the rest of the package

    for path, text in stubs(_core.operators()).items():
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
