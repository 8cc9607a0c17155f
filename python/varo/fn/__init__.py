# SPDX-License-Identifier: Apache-2.0
"""Operators as functions, made from the schema of each.

With nodes, or inside a pipeline, a function declares its operator. Outside, on arrays, it runs at once; sources and
draws make nodes there, which a pipeline declares that uses them.
"""

from .. import _functions, _schema
from .._graph.choices import apply, one_of, some_of  # noqa: F401  (fn.apply)
from .._graph.functions import python_function  # noqa: F401  (fn.python_function)
from .._run.external_source import external_source  # noqa: F401  (fn.external_source)

for _operator in _schema.PUBLIC:
    _owner, _leaf = _schema.owner_of(__name__, _operator)
    if _leaf not in vars(_owner):  # external_source is written by hand
        _made = _functions.function_of(_operator)
        _made.__module__ = _owner.__name__
        setattr(_owner, _leaf, _made)

_schema.finish(__name__)
