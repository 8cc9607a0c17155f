# SPDX-License-Identifier: Apache-2.0
"""Operators as Python functions, made from their schemas."""

from __future__ import annotations

import inspect

from ._dtypes import DALIDataType, DALIInterpType
from ._graph.declare import call


# What numbers are, of arguments that Python writes as members.
_MEMBERS = {"types.DALIDataType": DALIDataType, "types.DALIInterpType": DALIInterpType}


def _default_of(arg):
    value, members = arg["default"], _MEMBERS.get(arg["type"])
    return value if members is None or not isinstance(value, int) else members(value)


def _default(arg):
    return inspect.Parameter.empty if arg["required"] else _default_of(arg)


def _docstring(schema):
    lines = [schema["summary"], ""]
    if schema["doc"]:
        lines += [schema["doc"], ""]
    for i in schema["inputs"]:
        kinds = []
        if i["dtypes"]:
            kinds.append(", ".join(i["dtypes"]))
        if i["layouts"]:
            kinds.append("layouts " + " ".join(i["layouts"]))
        lines.append(f"{i['name']} (input{', optional' if i['optional'] else ''}): {i['doc']}"
                     + (f" Accepts {'; '.join(kinds)}." if kinds else ""))
    for a in schema["args"]:
        notes = [" or ".join(f'"{choice}"' for choice in a["choices"]) or a["type"]]
        if a["required"]:
            notes.append("required")
        elif a["default"] is not None:
            notes.append(f"default {_default_of(a)!r}")
        if a["constant"]:
            notes.append("constant")
        lines.append(f"{a['name']} ({', '.join(notes)}): {a['doc']}")
    for group in schema["exclusive"]:
        names = " or ".join(" with ".join(names) for names in group["alternatives"])
        lines.append(f"{'Exactly' if group['required'] else 'At most'} one is given of {names}.")
    lines += [f"{' and '.join(names)} go together." for names in schema["together"]]
    lines.append("")
    for o in schema["outputs"]:
        lines.append(f"Returns {o['name']}: {o['doc']}")
    return "\n".join(lines).rstrip() + "\n"


def function_of(schema):
    """The Python function of an operator: signature and docstring are its schema's."""
    op = schema["name"]

    def function(*inputs, **kwargs):
        return call(op, list(inputs), kwargs)

    parameters = []
    for i in schema["inputs"]:
        if i["variadic"]:
            parameters.append(inspect.Parameter(i["name"], inspect.Parameter.VAR_POSITIONAL))
        else:
            parameters.append(inspect.Parameter(i["name"], inspect.Parameter.POSITIONAL_ONLY,
                                                default=None if i["optional"] else inspect.Parameter.empty))
    parameters += [inspect.Parameter(a["name"], inspect.Parameter.KEYWORD_ONLY, default=_default(a)) for a in schema["args"]]
    names = {p.name for p in parameters}
    for name in ("device", "name", "seed", "preserve"):
        if name not in names:
            parameters.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None))
    function.__signature__ = inspect.Signature(parameters)
    function.__name__ = function.__qualname__ = op.rsplit(".", 1)[-1]
    function.__doc__ = _docstring(schema)
    return function
