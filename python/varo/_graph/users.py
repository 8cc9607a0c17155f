# SPDX-License-Identifier: Apache-2.0
"""Whose a function or class is, and which functions are left as they are when a definition is converted."""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
import threading

from .._origin import is_ours


class _Active(threading.local):
    """Definitions that run on this thread with conditionals."""

    depth = 0
    package = None  # of the pipeline function: the user's, wherever it is installed


active = _Active()
_installed = tuple(os.path.join(os.path.realpath(path), "")
                   for path in {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


@functools.lru_cache(maxsize=None)
def _is_users_file(file):
    parts = file.split(os.sep)
    if is_ours(file) or file.startswith("<frozen") or "site-packages" in parts or "dist-packages" in parts:
        return False
    return not os.path.realpath(file).startswith(_installed)


def is_users(file, module):
    """Whether code of the file and module is the user's: neither Varo's nor Python's nor of an installed package."""
    if active.package is not None and module is not None and module.split(".")[0] == active.package:
        return not is_ours(file)
    return _is_users_file(file)


def is_users_class(cls):
    name = cls.__module__
    if name in ("builtins", "__main__"):
        return name == "__main__"
    if name not in sys.modules:  # of a module that somebody loaded by hand, or of code that was executed
        return True
    file = getattr(sys.modules[name], "__file__", None)
    return file is not None and is_users(file, name)


class NotConvertible(Exception):
    """Says why a function is left as it is."""


_left = {}  # id of a code object: (the object, why)


def leave(code, reason):
    _left[id(code)] = code, reason


def why_left(code):
    """Why the function that runs `code` has Python's own `if`; "" where it was not tried, or is converted."""
    return str(_left[id(code)][1]) if id(code) in _left else ""
