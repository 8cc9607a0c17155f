# SPDX-License-Identifier: Apache-2.0
"""How the schema of an operator (an entry of varo._core.operators()) reads in Python."""

from __future__ import annotations

import math

# The element types and filters by number, as varo.types names them.
DTYPES = ("UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64",
          "FLOAT16", "FLOAT", "FLOAT64", "BOOL")
INTERPOLATIONS = ("INTERP_NN", "INTERP_LINEAR", "INTERP_CUBIC", "INTERP_LANCZOS3",
                  "INTERP_TRIANGULAR", "INTERP_GAUSSIAN", "INTERP_BSPLINE")


def default_text(arg: dict) -> str:
    """The default as a user would write it; None where nothing is given."""
    value = arg["default"]
    if value is None:
        return "None"
    names = {"types.DALIDataType": DTYPES, "types.DALIInterpType": INTERPOLATIONS}.get(arg["type"])
    if names and isinstance(value, int) and 0 <= value < len(names):
        return f"types.{names[value]}"
    return repr(value)


def range_text(arg: dict) -> str:
    least, most = arg["least"], arg["most"]
    if math.isinf(least) and math.isinf(most):
        return ""
    if math.isinf(most):
        return f"at least {least:g}"
    if math.isinf(least):
        return f"at most {most:g}"
    return f"{least:g} to {most:g}"


def type_text(arg: dict) -> str:
    """The type, or the texts that are allowed."""
    return " or ".join(f'"{choice}"' for choice in arg["choices"]) or arg["type"]


def combination_texts(op: dict) -> list[str]:
    """Which arguments exclude each other and which go together, a sentence each."""
    texts = []
    for group in op["exclusive"]:
        names = " or ".join(" with ".join(f"`{name}`" for name in names) for names in group["alternatives"])
        texts.append(f"{'Exactly' if group['required'] else 'At most'} one is given of {names}.")
    return texts + [f"{' and '.join(f'`{name}`' for name in names)} go together." for names in op["together"]]


def parameters(op: dict) -> tuple[list[str], list[str]]:
    """(positional, keyword) parameters of the Python function, with defaults."""
    positional = []
    for node in op["inputs"]:
        if node["variadic"]:
            positional.append("*" + node["name"])
        else:
            positional.append(node["name"] + ("=None" if node["optional"] else ""))
    required = [arg["name"] for arg in op["args"] if arg["required"]]
    optional = [f"{arg['name']}={default_text(arg)}" for arg in op["args"] if not arg["required"]]
    return positional, required + optional


def call_text(op: dict) -> str:
    """varo.fn.flip(data, *, horizontal=1, vertical=0)"""
    positional, keyword = parameters(op)
    star = [] if not keyword or any(p.startswith("*") for p in positional) else ["*"]
    return f"{python_name(op['name'])}({', '.join(positional + star + keyword)})"


def python_name(name: str) -> str:
    return f"varo.{name}" if name.startswith("math.") else f"varo.fn.{name}"


def is_function(op: dict) -> bool:
    """Callable under its name. Arithmetic and indexing are written with Python's operators."""
    return not op["hidden"]


def class_name(leaf: str) -> str:
    """The class of varo.ops that a function's last name has: random_object_bbox, RandomObjectBBox."""
    words = {"bbox": "BBox", "roi": "ROI"}
    return "".join(words.get(word, word.capitalize()) for word in leaf.split("_"))
