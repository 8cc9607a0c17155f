# SPDX-License-Identifier: Apache-2.0
"""DataNode: a value that a pipeline will have for each sample."""

from __future__ import annotations

import sys
import weakref

from .._device import say_no_back_end
from ..errors import StateError
from .subscript import subscript_steps
from .users import why_left
from .values import Operators


class DataNode(Operators):
    """An edge of the graph. Arithmetic, comparison, bitwise operators and indexing build more graph."""

    __array_ufunc__ = None  # NumPy arrays leave operators with nodes to the node

    def __init__(self, pipeline, handle, name, device="cpu"):
        self._pipeline_ref = weakref.ref(pipeline)  # a pipeline holds its outputs: no circle
        self._handle = handle
        self.name = name
        self.device = device
        self.source = None

    _pipeline = property(lambda self: self._pipeline_ref())

    # --- what a node is not ---
    def __bool__(self):
        left = why_left(sys._getframe(1).f_code)
        raise TypeError(f"the node {self.name} has no truth value while the pipeline is being defined"
                        + (f"; this function has Python's own `if`: {left}" if left else "")
                        + "; use pipeline_def(enable_conditionals=True) or fn.select(condition, a, b)")

    def __len__(self):
        raise TypeError(f"the node {self.name} has no length while the pipeline is being defined; use .shape()")

    __iter__ = None  # no Iterable

    def __contains__(self, item):
        raise TypeError(f"the node {self.name} cannot be searched")

    def __repr__(self):
        return f"DataNode(name={self.name!r}, device={self.device!r})"

    def __array__(self, *_):
        raise TypeError(f"the node {self.name} has no values while the pipeline is being defined, so NumPy and torch "
                        "cannot take it; use varo.fn, varo.math and operators")

    def __array_function__(self, function, *_):
        raise TypeError(f"numpy.{function.__name__} cannot take the node {self.name} while the pipeline is being "
                        "defined; use varo.fn, varo.math and operators")

    def gpu(self):
        """The value on the GPU, for operators that read it. This build has no GPU back end: they run on the CPU."""
        say_no_back_end()
        return self._moved("gpu")

    def cpu(self):
        """The value on the CPU, for operators that read it."""
        return self._moved("cpu")

    def _moved(self, device):
        if device == self.device:
            return self
        moved = DataNode(self._pipeline, getattr(self._handle, device)(), self.name, device)
        moved.source = self.source
        return moved

    def shape(self, *, dtype=None, device="cpu"):
        """Extents as a 1-D tensor, INT64 unless `dtype` says otherwise."""
        return self._apply("tensor_shape", [self], {"device": device, **({} if dtype is None else {"dtype": dtype})})

    # --- operators ---
    def _apply(self, op, inputs, kwargs):
        for value in inputs:
            if isinstance(value, (list, tuple)) and any(isinstance(item, DataNode) for item in value):
                raise TypeError(f"a {type(value).__name__} of nodes is no operand; append the node to it, or use the nodes "
                                "one by one")
        pipeline = self._pipeline
        if pipeline is None:
            raise StateError(f"the pipeline of the node {self.name} is gone")
        return pipeline._call(op, inputs, kwargs)

    def __getitem__(self, index):
        out = self
        for op, args in subscript_steps(index, DataNode):
            out = out._apply(op, [out], args)
        return out

    def __neg__(self):
        return self._apply("arithmetic.minus", [self], {})

    def __pos__(self):
        return self._apply("arithmetic.plus", [self], {})
