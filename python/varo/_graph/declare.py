# SPDX-License-Identifier: Apache-2.0
"""Operators are declared in a pipeline, or run at once."""

from __future__ import annotations

import numpy as np

from .. import _core
from .._device import device_word
from .._dtypes import constant_array, element_type, numpy_of, to_dali_type
from .._origin import origin
from .._run.eager import drawn_seed, draws, run_eager
from .._schema import takes_number
from ..errors import ArgumentTypeError, ParamError
from .current import current
from .loose import LooseNode, Made, Scratch, SetSeed, is_eager
from .node import DataNode
from .pairs import flattened
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
    if isinstance(value, LooseNode):
        return value.in_pipeline(pipeline)
    if isinstance(value, DataNode):
        if value._pipeline is not pipeline:
            raise ParamError(f"the node {value.name} belongs to another pipeline")
        return value
    if isinstance(value, ConstantValue):
        return constant(pipeline, value.array, value.layout, value.device)
    if isinstance(value, _core.TensorCPU):
        return constant(pipeline, np.asarray(value), value.layout() or None)
    if hasattr(value, "detach"):
        value = numpy_of(value)
    try:
        array = constant_array(value)
    except ParamError:
        raise
    except Exception:
        raise ArgumentTypeError(f"{type(value).__name__} cannot be an input of an operator") from None
    return constant(pipeline, array)


def call(op, inputs, kwargs, where=None):
    """Declares operator `op`, or runs it at once when there is no pipeline to declare it in.

    Without a pipeline, what takes a node made outside of one gives such nodes, and so do sources and random operators
    on no arrays: they are one number at once, but one a sample in the pipeline that uses them. `where` stands in errors
    for the line that runs.
    """
    sets = [len(i) for i in inputs if isinstance(i, (list, tuple)) and any(isinstance(x, DataNode) for x in i)]
    if sets:
        return _call_sets(op, inputs, kwargs, sets)
    nodes = [i for i in list(inputs) + list(kwargs.values()) if isinstance(i, DataNode)]
    pipeline = next((i._pipeline for i in nodes if i._pipeline is not None), None)
    if pipeline is None:
        pipeline = current()
    kwargs = flattened(op, kwargs)
    if pipeline is not None:
        return declare(pipeline, op, inputs, kwargs, where)
    loose = any(isinstance(i, LooseNode) for i in nodes)
    if loose or (draws(op) and not is_eager() and not any(map(_is_array, inputs))):
        return _loose(op, inputs, kwargs, where)
    return run_eager(op, inputs, kwargs)


def _is_array(value):
    return hasattr(value, "__array__") or hasattr(value, "__dlpack__")


def loose_nodes(declare_in):
    """Nodes outside of a pipeline; declare_in(pipeline) makes them in one."""
    made = Made(declare_in, call)
    core = _core.Pipeline(batch_size=1, num_threads=1, seed=0, prefetch_queue_depth=1, schedule=_core.Schedule.SERIAL,
                          shuffle_seed=0)
    return [LooseNode(made, k, node.name, node.device) for k, node in enumerate(made.nodes(Scratch(core)))]


def _loose(op, inputs, kwargs, where):
    inputs, kwargs, where = list(inputs), dict(kwargs), where or origin()
    nodes = loose_nodes(lambda pipeline: declare(pipeline, op, inputs, dict(kwargs), where))
    return nodes[0] if len(nodes) == 1 else nodes


def _call_sets(op, inputs, kwargs, sets):
    """A list of nodes as an input: the operator runs once an element, all with one seed."""
    if len(set(sets)) != 1:
        raise ParamError(f"{op}: input sets of different lengths: {sets}")
    kwargs = dict(kwargs)
    if drawn_seed(kwargs.get("seed")):
        pipeline = next(x._pipeline for i in inputs if isinstance(i, (list, tuple)) for x in i if isinstance(x, DataNode))
        kwargs["seed"] = SetSeed() if pipeline is None else pipeline._set_seed()
    pick = lambda i, k: i[k] if isinstance(i, (list, tuple)) else i
    return [call(op, [pick(i, k) for i in inputs], kwargs) for k in range(sets[0])]


def declare(pipeline, op, inputs, kwargs, where=None):
    """The node that `op` adds to the pipeline, or a list of them; `where` the user's program says so."""
    name = kwargs.pop("name", None) if "name" in kwargs else None
    device = device_word(op, kwargs.pop("device", None) if "device" in kwargs else None)
    args = {}
    for key, value in kwargs.items():
        if value is None or key == "seed" and drawn_seed(value):
            continue
        if isinstance(value, DataNode):
            args[key] = node_of(pipeline, value)._handle
        elif key == "dtype":
            args[key] = element_type(value)
        elif isinstance(value, SetSeed):
            args[key] = value.of(pipeline)
        elif isinstance(value, ConstantValue):
            args[key] = value.as_argument()
        elif isinstance(value, _core.TensorCPU):
            args[key] = np.asarray(value)
        else:
            args[key] = numpy_of(value) if hasattr(value, "detach") else value
        if isinstance(args[key], np.ndarray) and args[key].ndim > 0 and takes_number(op, key):
            args[key] = constant(pipeline, constant_array(args[key]))._handle  # it keeps its shape
    handles = [node_of(pipeline, i)._handle for i in inputs]
    node_id, count, node_name, device = pipeline._core.add(op, handles, args, where or origin(), name or "", device)
    nodes = [DataNode(pipeline, _core.Node(node_id, k), node_name if count == 1 else f"{node_name}[{k}]", device)
             for k in range(count)]
    return nodes[0] if count == 1 else nodes
