# SPDX-License-Identifier: Apache-2.0
"""DataNode: a value that a pipeline will have for each sample."""

from __future__ import annotations

import weakref

import numpy as np

from . import _core, types
from ._device import device_word, say_no_back_end
from ._origin import origin
from .errors import ArgumentTypeError, ParamError


class DataNode:
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
        raise TypeError(f"the node {self.name} has no truth value while the pipeline is being defined; "
                        "use fn.select(condition, a, b)")

    def __len__(self):
        raise TypeError(f"the node {self.name} has no length while the pipeline is being defined; use .shape()")

    def __iter__(self):
        raise TypeError(f"the node {self.name} cannot be iterated over")

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
        return call("tensor_shape", [self], {"device": device, **({} if dtype is None else {"dtype": dtype})})

    # --- operators ---
    def __getitem__(self, index):
        return subscript(self, index)

    def __neg__(self):
        return call("arithmetic.minus", [self], {})

    def __pos__(self):
        return call("arithmetic.plus", [self], {})

    __hash__ = object.__hash__


def arithmetic(name, a, b):
    return call("arithmetic." + name, [a, b], {})


def _add_operators(cls, method):
    table = {"add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "floordiv": "fdiv", "pow": "pow",
             "and": "bitand", "or": "bitor", "xor": "bitxor"}
    for python, ours in table.items():
        setattr(cls, f"__{python}__", lambda self, other, n=ours: method(self, n, other, False))
        setattr(cls, f"__r{python}__", lambda self, other, n=ours: method(self, n, other, True))
    for name in ("eq", "ne", "lt", "le", "gt", "ge"):
        setattr(cls, f"__{name}__", lambda self, other, n=name: method(self, n, other, False))


_add_operators(DataNode, lambda self, name, other, swapped: arithmetic(name, *((other, self) if swapped else (self, other))))


class ArrayConstant:
    """An array with an element type and axis letters, made before there is a pipeline to hold it."""

    __array_ufunc__ = None

    def __init__(self, array, layout, device=None):
        self.array, self.dtype, self.layout, self.device = array, types.to_dali_type(array.dtype), layout, device

    def __array__(self, dtype=None):
        return self.array if dtype is None else self.array.astype(dtype)

    def gpu(self):
        return ArrayConstant(self.array, self.layout, "gpu")

    def cpu(self):
        return ArrayConstant(self.array, self.layout, "cpu")

    def __repr__(self):
        return f"ArrayConstant({self.array!r})"


_add_operators(ArrayConstant, lambda self, name, other, swapped: arithmetic(name, *((other, self) if swapped else (self, other))))
_add_operators(types.ScalarConstant, lambda self, name, other, swapped: self._binary(name, other, swapped))
types.ScalarConstant.__hash__ = ArrayConstant.__hash__ = object.__hash__


class NewAxis:
    """Marks a new axis of extent 1 in an index: x[newaxis], x[newaxis("C")]."""

    def __init__(self, name=None):
        self.name = name

    def __call__(self, name=None):
        return NewAxis(name)


newaxis = NewAxis()


def subscript(node, index):
    if not isinstance(index, tuple):
        index = (index,)
    args, new_axes, names, axis = {}, [], [], 0

    def bound(prefix, value):
        if isinstance(value, DataNode) or isinstance(value, (int, np.integer)):
            args[f"{prefix}_{axis}"] = value if isinstance(value, DataNode) else int(value)
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
    out = node
    if axis:
        out = call("tensor_subscript", [node], {**args, "num_subscripts": axis})
    if new_axes:
        extra = {"new_axis_names": "".join(names)} if all(names) else {}
        out = call("expand_dims", [out], {"axes": new_axes, **extra})
    return out


# --- declaring ------------------------------------------------------------------------------------

_COMMON = ("name", "device", "preserve", "seed", "bytes_per_sample_hint")


def current_pipeline():
    from .pipeline import Pipeline

    return Pipeline.current()


def constant_node(value, dtype=None, shape=None, layout=None, device=None):
    """A node whose samples are all `value`; outside a pipeline, what becomes one where it is used."""
    array, pipeline = types.constant_array(value, dtype, shape), current_pipeline()
    return ArrayConstant(array, layout, device) if pipeline is None else pipeline._constant(array, layout, device)


def _node_of(pipeline, value):
    """`value` as a node of the pipeline: nodes pass, everything else becomes a constant."""
    if isinstance(value, DataNode):
        if value._pipeline is not pipeline:
            raise ParamError(f"the node {value.name} belongs to another pipeline")
        return value
    if isinstance(value, types.ScalarConstant):
        return pipeline._constant(np.asarray(value.value, types.to_numpy_type(value.dtype)), None)
    if isinstance(value, ArrayConstant):
        return pipeline._constant(value.array, value.layout, value.device)
    if isinstance(value, _core.TensorCPU):
        return pipeline._constant(np.asarray(value), value.layout() or None)
    try:
        array = types.constant_array(value)
    except ParamError:
        raise
    except Exception:
        raise ArgumentTypeError(f"{type(value).__name__} cannot be an input of an operator") from None
    return pipeline._constant(array, None)


def call(op, inputs, kwargs):
    """Declares operator `op`, or runs it at once when there is no pipeline to declare it in."""
    sets = [len(i) for i in inputs if isinstance(i, (list, tuple)) and any(isinstance(x, DataNode) for x in i)]
    if sets:
        return _call_sets(op, inputs, kwargs, sets)
    pipeline = next((i._pipeline for i in list(inputs) + list(kwargs.values()) if isinstance(i, DataNode)), None)
    if pipeline is None:
        pipeline = current_pipeline()
    if pipeline is None:
        from ._eager import run_eager

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
            args[key] = _node_of(pipeline, value)._handle
        elif key == "dtype":
            args[key] = types.element_type(value)
        elif isinstance(value, types.ScalarConstant):
            args[key] = value.value
        elif isinstance(value, (ArrayConstant, _core.TensorCPU)):
            args[key] = np.asarray(value)
        else:
            args[key] = value.detach().cpu().numpy() if hasattr(value, "detach") else value
    handles = [_node_of(pipeline, i)._handle for i in inputs]
    node_id, count, node_name, where = pipeline._core.add(op, handles, args, origin(), name or "", device)
    nodes = [DataNode(pipeline, _core.Node(node_id, k), node_name if count == 1 else f"{node_name}[{k}]", where)
             for k in range(count)]
    return nodes[0] if count == 1 else tuple(nodes)
