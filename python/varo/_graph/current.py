# SPDX-License-Identifier: Apache-2.0
"""The pipelines that this thread is defining, the innermost last."""

from __future__ import annotations

import threading

_local = threading.local()  # each thread defines pipelines of its own


def _stack():
    return _local.__dict__.setdefault("pipelines", [])


def current():
    """The pipeline that operators without nodes as inputs are declared in, or None: they run at once."""
    stack = _stack()
    return stack[-1] if stack else None


def push(pipeline):
    _stack().append(pipeline)


def pop():
    _stack().pop()
