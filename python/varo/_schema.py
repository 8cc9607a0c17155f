# SPDX-License-Identifier: Apache-2.0
"""The schema of every operator, read once, and where its public name lives."""

from __future__ import annotations

import sys
import types

from . import _core, _gaps

SCHEMAS = {schema["name"]: schema for schema in _core.operators()}

# Functions of varo.fn; those of varo.math have a module of their own.
PUBLIC = [schema for name, schema in SCHEMAS.items() if not schema["hidden"] and not name.startswith("math.")]


def takes_number(op, arg):
    """Whether a number may stand for the argument, or an array as a value per sample."""
    args = SCHEMAS[op]["args"] if op in SCHEMAS else []
    return any(a["name"] == arg and a["type"] == "float" and not a["constant"] for a in args)


def owner_of(package, schema):
    """The module below `package` ("varo.fn") that holds the operator, made on first use, and its last name."""
    *path, leaf = schema["name"].split(".")
    parent = sys.modules[package]
    for depth, part in enumerate(path, start=1):
        name = ".".join([package, *path[:depth]])
        if name not in sys.modules:
            sys.modules[name] = types.ModuleType(name, f"Operators {'.'.join(path[:depth])}.*")
        setattr(parent, part, sys.modules[name])
        parent = sys.modules[name]
    return parent, leaf


def finish(package):
    """Modules of operators below `package`, and itself: dir() shows what is public, and what is missing is told."""
    for name, module in list(sys.modules.items()):
        if name == package or name.startswith(package + "."):
            module.__all__ = sorted(n for n in vars(module) if not n.startswith("_"))
            _gaps.tell_of(module)
