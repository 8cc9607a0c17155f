# SPDX-License-Identifier: Apache-2.0
"""Operators as functions, made from the schema of each.

With nodes, or inside a pipeline, a function declares its operator. Outside, on arrays, it runs at once.
"""

from __future__ import annotations

import inspect

from .._graph.choices import apply, one_of, some_of  # noqa: F401  (fn.apply)
from .._graph.declare import call as _call
from .._run.external_source import external_source  # noqa: F401  (fn.external_source)
from .._schema import PUBLIC, owner_of


def _default(arg):
    return inspect.Parameter.empty if arg["required"] else arg["default"]


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
            notes.append(f"default {a['default']!r}")
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


def _function(schema):
    op = schema["name"]

    def function(*inputs, **kwargs):
        return _call(op, list(inputs), kwargs)

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


for _schema in PUBLIC:
    _owner, _leaf = owner_of(__name__, _schema)
    if not hasattr(_owner, _leaf):  # external_source is written by hand
        _made = _function(_schema)
        _made.__module__ = _owner.__name__
        setattr(_owner, _leaf, _made)
