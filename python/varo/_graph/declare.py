# SPDX-License-Identifier: Apache-2.0
"""Operators are declared in a pipeline, or run at once."""

from __future__ import annotations

import numpy as np

from .. import _core
from .._device import device_word
from .._dtypes import constant_array, element_type, to_dali_type
from .._origin import origin
from .._run.eager import run_eager
from ..errors import ArgumentTypeError, ParamError
from .current import current
from .node import DataNode
from .values import ConstantValue


def constant(pipeline, array, layout=None, device=None):
    """A node of the pipeline whose samples are all `array`."""
    array = np.asarray(array)
    data = array.ravel()
    kind = "idata" if array.dtype.kind in "iub" else "fdata"
    return declare(pipeline, "constant", [], {kind: [int(v) for v in data] if kind == "idata" else [float(v) for v in data],
                                              "shape": list(array.shape), "dtype": int(to_dali_type(array.dtype)),
                                              "layout": layout, "device": device})


def node_of(pipeline, value):
    """`value` as a node of the pipeline: nodes pass, everything else becomes a constant."""
    if isinstance(value, DataNode):
        if value._pipeline is not pipeline:
            raise ParamError(f"the node {value.name} belongs to another pipeline")
        return value
    if isinstance(value, ConstantValue):
        return constant(pipeline, value.array, value.layout, value.device)
    if isinstance(value, _core.TensorCPU):
        return constant(pipeline, np.asarray(value), value.layout() or None)
    try:
        array = constant_array(value)
    except ParamError:
        raise
    except Exception:
        raise ArgumentTypeError(f"{type(value).__name__} cannot be an input of an operator") from None
    return constant(pipeline, array)


def call(op, inputs, kwargs):
    """Declares operator `op`, or runs it at once when there is no pipeline to declare it in."""
    sets = [len(i) for i in inputs if isinstance(i, (list, tuple)) and any(isinstance(x, DataNode) for x in i)]
    if sets:
        return _call_sets(op, inputs, kwargs, sets)
    pipeline = next((i._pipeline for i in list(inputs) + list(kwargs.values()) if isinstance(i, DataNode)), None)
    if pipeline is None:
        pipeline = current()
    if pipeline is None:
        return run_eager(op, inputs, kwargs)
    return declare(pipeline, op, inputs, kwargs)


def _call_sets(op, inputs, kwargs, sets):
    """A list of nodes as an input: the operator runs once an element, all with one seed."""
    if len(set(sets)) != 1:
        raise ParamError(f"{op}: input sets of different lengths: {sets}")
    kwargs = dict(kwargs)
    if kwargs.get("seed") is None:
        pipeline = next(x._pipeline for i in inputs if isinstance(i, (list, tuple)) for x in i if isinstance(x, DataNode))
        kwargs["seed"] = pipeline._set_seed()
    pick = lambda i, k: i[k] if isinstance(i, (list, tuple)) else i
    return [call(op, [pick(i, k) for i in inputs], kwargs) for k in range(sets[0])]


def declare(pipeline, op, inputs, kwargs):
    name = kwargs.pop("name", None) if "name" in kwargs else None
    device = device_word(op, kwargs.pop("device", None) if "device" in kwargs else None)
    args = {}
    for key, value in kwargs.items():
        if value is None:
            continue
        if isinstance(value, DataNode):
            args[key] = node_of(pipeline, value)._handle
        elif key == "dtype":
            args[key] = element_type(value)
        elif isinstance(value, ConstantValue):
            args[key] = value.as_argument()
        elif isinstance(value, _core.TensorCPU):
            args[key] = np.asarray(value)
        else:
            args[key] = value.detach().cpu().numpy() if hasattr(value, "detach") else value
    handles = [node_of(pipeline, i)._handle for i in inputs]
    node_id, count, node_name, where = pipeline._core.add(op, handles, args, origin(), name or "", device)
    nodes = [DataNode(pipeline, _core.Node(node_id, k), node_name if count == 1 else f"{node_name}[{k}]", where)
             for k in range(count)]
    return nodes[0] if count == 1 else tuple(nodes)
