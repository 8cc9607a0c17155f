# SPDX-License-Identifier: Apache-2.0
"""Indexing of nodes."""

from __future__ import annotations

import numpy as np


class NewAxis:
    """Marks a new axis of extent 1 in an index: x[newaxis], x[newaxis("C")]."""

    def __init__(self, name=None):
        self.name = name

    def __call__(self, name=None):
        return NewAxis(name)


newaxis = NewAxis()


def subscript_steps(index, node_type):
    """What x[index] declares: operators with their arguments, each on the result of the one before it.

    An index holds integers and nodes, of `node_type`.
    """
    if not isinstance(index, tuple):
        index = (index,)
    args, new_axes, names, axis = {}, [], [], 0

    def bound(prefix, value):
        if isinstance(value, (node_type, int, np.integer)):
            args[f"{prefix}_{axis}"] = value if isinstance(value, node_type) else int(value)
        elif value is not None:
            raise TypeError(f"an index must be an integer, a slice or a node, not {type(value).__name__}")

    out_axis = 0
    for item in index:
        if item is Ellipsis:
            raise NotImplementedError("... in an index is not supported")
        if isinstance(item, NewAxis):
            new_axes.append(out_axis)
            names.append(item.name or "")
            out_axis += 1
            continue
        if isinstance(item, slice):
            bound("lo", item.start)
            bound("hi", item.stop)
            bound("step", item.step)
            out_axis += 1
        elif item is None:
            out_axis += 1
        else:
            bound("at", item)
        axis += 1
    steps = []
    if axis:
        steps.append(("tensor_subscript", {**args, "num_subscripts": axis}))
    if new_axes:
        extra = {"new_axis_names": "".join(names)} if all(names) else {}
        steps.append(("expand_dims", {"axes": new_axes, **extra}))
    return steps
