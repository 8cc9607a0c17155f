# SPDX-License-Identifier: Apache-2.0
"""Element-wise functions of nodes or arrays, under the names of DALI's math module."""

from ._schema import SCHEMAS
from .fn import _function

for _schema in SCHEMAS.values():
    if _schema["name"].startswith("math."):
        _made = _function(_schema)
        _made.__module__ = __name__
        globals()[_made.__name__] = _made
