# SPDX-License-Identifier: Apache-2.0
"""Operators on arrays, at once: a pipeline of one operator and one sample."""

from __future__ import annotations

import secrets
import weakref
from typing import Any

import numpy as np

from .. import _core
from .._device import device_word
from .._dtypes import constant_array, element_type, numpy_of
from .._graph.values import ConstantValue
from .._origin import origin
from .._schema import SCHEMAS, takes_number
from ..errors import ArgumentTypeError


def as_tensor(array: Any, layout: str = "") -> _core.TensorCPU:
    """`array` as a tensor with axis letters, without a copy.

    array   NumPy array, torch CPU tensor, anything np.asarray or DLPack takes, or a tensor of Varo
    layout  one letter an axis, e.g. "DHWC"; "" names none
    """
    return _core.TensorCPU(_host(array), layout)


def _host(array):
    if isinstance(array, _core.TensorCPU):
        return array
    if hasattr(array, "detach"):
        array = numpy_of(array)
    elif _core.is_dlpack(array):
        return _core.tensor_from(array, copy=False)
    return array if isinstance(array, np.ndarray) else np.asarray(array)


def run_eager(op, inputs, kwargs):
    device = device_word(op, kwargs.get("device"))
    kwargs = {k: v for k, v in kwargs.items() if v is not None and k not in ("name", "device", "preserve")}
    if drawn_seed(kwargs.get("seed")):
        kwargs.pop("seed", None)
    core = _core.Pipeline(batch_size=1, num_threads=1, seed=secrets.randbits(62),  # where the operator has no other
                          prefetch_queue_depth=1, schedule=_core.Schedule.SERIAL, shuffle_seed=0)
    where = origin()
    feeds = []

    def fed(value):
        node = _core.Node(core.add("external_source", [], {}, where, "")[0])
        feeds.append((node, value))
        return node

    handles = []
    for value in inputs:
        if isinstance(value, ConstantValue):
            value = value.array
        host = _host(value)
        if isinstance(host, np.ndarray) and host.dtype == object:
            raise ArgumentTypeError(f"{op}: {type(value).__name__} cannot be an input of an operator")
        if not hasattr(value, "dtype") and isinstance(host, np.ndarray):
            host = constant_array(value)
        handles.append(fed(host))
    args = {}
    for key, value in kwargs.items():
        if isinstance(value, ConstantValue):
            value = value.as_argument()
        elif key == "dtype":
            value = element_type(value)
        elif hasattr(value, "detach") or hasattr(value, "__array__"):
            value = np.asarray(_host(value))
        if isinstance(value, np.ndarray) and value.ndim > 0 and takes_number(op, key):
            value = fed(value)  # an array where a number may stand: it keeps its shape as a value per sample
        args[key] = value
    node_id, count, *_ = core.add(op, handles, args, where, "", device)
    core.set_outputs([_core.Node(node_id, k) for k in range(count)])
    core.build()
    for node, value in feeds:
        core.feed(node, [value], "", False)
    core.schedule()
    results = [batch[0] for batch in core.next()]
    if draws(op):
        for result in results:
            _drawn[id(result)] = weakref.ref(result, lambda _, key=id(result): _drawn.pop(key, None))
    return results[0] if count == 1 else results


def drawn_seed(seed):
    """Whether it means a seed that is drawn: none was given, or a negative number."""
    return seed is None or isinstance(seed, (int, np.integer)) and seed < 0


_drawn = {}  # what draws and sources gave at once, by id


def was_drawn(tensor):
    """Whether the tensor is what a draw or a source gave at once."""
    return id(tensor) in _drawn


def draws(op):
    """Whether the operator gives something else every time: a source, or random."""
    traits = SCHEMAS[op]["traits"] if op in SCHEMAS else {}
    return traits.get("source", False) or traits.get("random", False)
