# SPDX-License-Identifier: Apache-2.0
"""Nodes made outside of a pipeline: every pipeline that uses one declares it, once."""

from __future__ import annotations

import contextlib
import threading
import weakref
from typing import Iterator

from .node import DataNode


class _Mode(threading.local):
    eager = 0


_mode = _Mode()


@contextlib.contextmanager
def eager() -> Iterator[None]:
    """Within it, sources and random operators outside of a pipeline run at once, once.

        with varo.eager():
            angle = float(fn.random.uniform(range=(-15, 15)))

    Without it they make nodes, which a pipeline declares that uses them. Operators on arrays run at once anyway.
    """
    _mode.eager += 1
    try:
        yield
    finally:
        _mode.eager -= 1


def is_eager():
    return _mode.eager > 0


class Made:
    """A call outside of a pipeline: declare(pipeline) makes its nodes there; call(op, inputs, kwargs) is for what is done
    with them."""

    def __init__(self, declare, call):
        self._declare, self.call = declare, call
        self._nodes = weakref.WeakKeyDictionary()

    def nodes(self, pipeline):
        if pipeline not in self._nodes:
            nodes = self._declare(pipeline)
            self._nodes[pipeline] = nodes if isinstance(nodes, (list, tuple)) else [nodes]
        return self._nodes[pipeline]


class LooseNode(DataNode):
    """The k-th output of such a call."""

    _pipeline = None

    def __init__(self, made, k, name, device, moved_to=None):
        self._made, self._k, self._moved_to = made, k, moved_to
        self.name, self.device, self.source = name, device, None

    def in_pipeline(self, pipeline):
        """The node that the pipeline has for it."""
        node = self._made.nodes(pipeline)[self._k]
        return node if self._moved_to is None else node._moved(self._moved_to)

    def _moved(self, device):
        return self if device == self.device else LooseNode(self._made, self._k, self.name, device, device)

    def _apply(self, op, inputs, kwargs):
        return self._made.call(op, inputs, kwargs)


class SetSeed:
    """One seed for several calls, drawn in the pipeline that declares the first of them."""

    def __init__(self):
        self._seeds = weakref.WeakKeyDictionary()

    def of(self, pipeline):
        if pipeline not in self._seeds:
            self._seeds[pipeline] = pipeline._set_seed()
        return self._seeds[pipeline]


class Scratch:
    """Where a call is tried when it is made: it tells mistakes, and how many outputs there are."""

    def __init__(self, core):
        self._core = core

    def _set_seed(self):
        return 1
