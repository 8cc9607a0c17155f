#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes type stubs of varo.fn, math, ops and _core, from the operators' schemas; the build calls it.

    tools/make_stubs.py PACKAGE_FOLDER       the folder that holds the extension

An operator has an overload for nodes and one for arrays. Operators with a dot in the name (readers.numpy) go into a
stub of their module. external_source, apply, one_of and some_of are written by hand, with their types beside them.
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
from typing import Any, List, Literal, Mapping, Optional, Protocol, Sequence, Tuple, Union, overload

import numpy.typing as npt
from varo import types
from varo._core import TensorCPU
from varo._graph.node import DataNode
{imports}
class TorchType(Protocol):
    @property
    def is_floating_point(self) -> bool: ...

Array = Union[TensorCPU, npt.ArrayLike]
Data = Union[DataNode, Array]
DType = Union[types.DALIDataType, TorchType, npt.DTypeLike]

"""

TYPES = {
    "bool": "bool", "int": "int", "float": "float", "str": "str",
    "types.DALIDataType": "DType",
    "types.DALIInterpType": "types.DALIInterpType",
    "layout string": "str",
    "list of int": "Union[int, Sequence[int]]",
    "list of float": "Union[float, Sequence[float]]",
    "list of str": "Union[str, Sequence[str]]",
    "list of str or dict of lists": "Union[str, Sequence[str], Mapping[str, Union[str, Sequence[Any]]]]",
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


COMMON = ("device: Optional[str] = None", "name: Optional[str] = None", "seed: Optional[int] = None",
          "preserve: Optional[bool] = None", "bytes_per_sample_hint: Any = None")


def keywords(op: dict, needed: bool = True) -> list[str]:
    """Keyword parameters; with needed=False all may be left out."""
    given = [argument(arg if needed else {**arg, "required": False, "default": None}) for arg in op["args"] if arg["required"]]
    given += [argument(arg) for arg in op["args"] if not arg["required"]]
    # Those that are the same everywhere.
    names = {arg["name"] for arg in op["args"]}
    return given + [text for text in COMMON if text.split(":")[0] not in names]


def input_kinds(op: dict) -> list[tuple[list[str], str]]:
    """What inputs may be, and what the result is then: "DataNode" or "TensorCPU"."""
    inputs = op["inputs"]
    if not inputs:
        return [([], "DataNode")]
    kinds = []
    for k in range(len(inputs)):
        kinds.append((["Data"] * k + ["DataNode"] + ["Data"] * (len(inputs) - k - 1), "DataNode"))
    return kinds + [(["Array"] * len(inputs), "TensorCPU")]


def positional(op: dict, kinds: list[str]) -> list[str]:
    parameters = []
    # Inputs up to the one that decides about the result are given; without any input, the result is a node.
    given = kinds.index("DataNode") if "DataNode" in kinds else 0
    without = kinds[:1] == ["DataNode"]
    for k, (node, kind) in enumerate(zip(op["inputs"], kinds)):
        if node["variadic"]:
            first = ["first: DataNode", "/"] if kind == "DataNode" else []
            return parameters + first + [f"*{node['name']}: {'Data' if first else kind}"]
        bare = node["optional"] and (k > given or k == given and without)
        parameters.append(f"{node['name']}: " + (f"Optional[{kind}] = None" if bare else kind))
    return parameters + ["/"] if parameters else []


def results(op: dict, kind: str) -> str:
    if op["outputs_vary"]:
        return "Any"
    return f"List[{kind}]" if len(op["outputs"]) > 1 else kind


def signature(name: str, parameters: list[str], result: str) -> str:
    return f"def {name}(" + "".join(f"\n    {p}," for p in parameters) + f"\n) -> {result}: ..."


def docstring(op: dict) -> str:
    text = "\n\n".join(filter(None, [op["summary"], op["doc"]])).replace("\\", "\\\\").replace('"""', "\'\'\'")
    return '"""' + text.replace("\n", "\n    ").replace("\n    \n", "\n\n") + '"""'


def overloads(op: dict) -> list[tuple[list[str], str]]:
    """Parameters and result of each way to call it. A list of nodes as the input gives a list of results."""
    kinds, keyword = input_kinds(op), keywords(op)
    out = []
    for kind, result in kinds:
        inputs = positional(op, kind)
        star = [] if any(p.startswith("*") for p in inputs) else ["*"]
        out.append((inputs + star + keyword, results(op, result)))
    if len(op["inputs"]) == 1 and not op["inputs"][0]["variadic"] and not op["inputs"][0]["optional"]:
        sets = [f"{op['inputs'][0]['name']}: Union[List[DataNode], Tuple[DataNode, ...]]", "/", "*"] + keyword
        out.insert(1, (sets, f"List[{results(op, 'DataNode')}]"))
    return out


def function(op: dict) -> str:
    name, ways = op["name"].split(".")[-1], overloads(op)
    texts = [signature(name, *way) for way in ways]
    # The docstring stands in the first.
    texts[0] = texts[0].removesuffix(" ...") + f"\n    {docstring(op)}"
    return "\n".join(("@overload\n" if len(ways) > 1 else "") + text for text in texts) + "\n"


def class_of(op: dict) -> str:
    """Of varo.ops: constants when made, inputs and the rest when called."""
    leaf = op["name"].split(".")[-1]
    text = f"class {schema_text.class_name(leaf)}(Operator):\n    {docstring(op)}\n    "
    text += signature("__init__", ["self", "*"] + keywords(op, needed=False), "None").replace("\n", "\n    ")
    ways = []
    for kind, result in input_kinds(op):
        inputs = positional(op, kind)
        star = [] if any(p.startswith("*") for p in inputs) else ["*"]
        ways.append(signature("__call__", ["self"] + inputs + star + keywords(op, needed=False), results(op, result)))
    lines = [("@overload\n" if len(ways) > 1 else "") + way for way in ways]
    return text + "".join("\n    " + line.replace("\n", "\n    ") for line in lines) + "\n"


OPS_HEADER = """\

class Operator:
    @property
    def device(self) -> str: ...

"""
OPS_TOP = """\
class ExternalSource(Operator):
    def __init__(self, source: Any = None, num_outputs: Optional[int] = None, **kwargs: Any) -> None: ...
    def __call__(self, **kwargs: Any) -> Any: ...

class Compose:
    def __init__(self, operators: Sequence[Any]) -> None: ...
    def __call__(self, *inputs: Data) -> Any: ...

"""


def python_operators(result: str) -> str:
    """Python's operators of nodes, as varo._graph.values has them, or of tensors, which mix with nodes."""
    names = [f"__{r}{name}__" for name in "add sub mul truediv floordiv mod pow and or xor lshift rshift".split() for r in ("", "r")]
    names += [f"__{name}__" for name in "lt le gt ge".split()]
    lines = []
    for name in names:
        if result == "DataNode":
            lines.append(f"    def {name}(self, other: Any) -> DataNode: ...")
        else:
            lines += [f"    @overload\n    def {name}(self, other: DataNode) -> DataNode: ...",
                      f"    @overload\n    def {name}(self, other: Any) -> {result}: ..."]
    lines += [f"    def __{name}__(self, other: Any) -> {result}: ...  # type: ignore[override]" for name in ("eq", "ne")]
    lines += [f"    def __{name}__(self) -> {result}: ..." for name in "neg pos invert abs".split()]
    return "\n".join(lines) + "\n"


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
            imports += "from varo._graph.functions import python_function as python_function\n"
            imports += "from varo._run.external_source import external_source as external_source\n"
        tail = "/__init__.pyi" if inner or module == "fn" else ".pyi"
        members = sorted(members, key=lambda op: op["name"])
        files[module + tail] = HEADER.format(imports=imports) + "\n".join(map(function, members))
        if module.split("/")[0] == "fn":
            top = OPS_HEADER + OPS_TOP if module == "fn" else ""
            where = "" if module == "fn" else "from varo.ops import Operator\n"
            inside = "".join(f"from . import {name} as {name}\n" for name in inner)
            files["ops" + (module + tail)[len("fn"):]] = (
                HEADER.format(imports=inside + where) + top + "\n".join(map(class_of, members)))
    return files


def main() -> int:
    package = Path(sys.argv[1])
    sys.path.insert(0, str(package))
    import _core  # not varo._core: a build does not hang on the rest of the package

    files = stubs(_core.operators())
    for path, template, result in (("_core.pyi", "core_stub.txt", "TensorCPU"), ("_graph/node.pyi", "node_stub.txt", "DataNode")):
        text = (Path(__file__).parent / template).read_text()
        files[path] = text.replace("{operators}", python_operators(result))
    for path, text in files.items():
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
