# SPDX-License-Identifier: Apache-2.0
"""Tensors and lists of tensors."""

from ._core import TensorCPU, TensorListCPU
from ._graph.declare import call as _call
from ._graph.subscript import subscript_steps as _subscript_steps
from ._graph.node import DataNode as _DataNode
from ._graph.values import Operators as _Operators


def _apply(self, op, inputs, kwargs):
    return _call(op, inputs, kwargs)


def _getitem(self, index):
    """As of nodes: a slice or a number an axis; a tensor of its own."""
    out = self
    for op, args in _subscript_steps(index, _DataNode):
        out = _call(op, [out], args)
    return out


# The class is C++'s; Python's operators mean on it what they mean on nodes, at once.
for _name, _method in vars(_Operators).items():
    if _name.startswith("__") and _name not in ("__module__", "__doc__", "__dict__", "__weakref__"):
        setattr(TensorCPU, _name, _method)
TensorCPU._apply, TensorCPU.__getitem__ = _apply, _getitem
TensorCPU.__neg__ = lambda self: _call("arithmetic.minus", [self], {})
TensorCPU.__pos__ = lambda self: _call("arithmetic.plus", [self], {})

__all__ = ["TensorCPU", "TensorListCPU"]
