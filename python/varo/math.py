# SPDX-License-Identifier: Apache-2.0
"""Element-wise functions of nodes or arrays, under the names of DALI's math module."""

from . import _functions, _schema

for _operator in _schema.SCHEMAS.values():
    if _operator["name"].startswith("math."):
        _made = _functions.function_of(_operator)
        _made.__module__ = __name__
        globals()[_made.__name__] = _made

_schema.finish(__name__)
