# SPDX-License-Identifier: Apache-2.0
"""The user's callables and iterables, driven once an iteration, and batches in the forms they come in."""

from __future__ import annotations

import inspect

import numpy as np

from .. import _core, types
from ..errors import ArgumentTypeError, ParamError, ShapeError


def _parameter_count(function):
    """0 or 1; anything else is an error."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a built-in that does not tell
        return 1
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(positional) != len(parameters) or len(positional) > 1:
        raise TypeError("a source callable takes no argument or one positional argument; "
                        f"got the signature {inspect.signature(function)}")
    return len(positional)


class Group:
    """One source and the nodes it feeds."""

    def __init__(self, source, cycle, batch, batch_info, layouts, no_copy, nodes, many):
        self.batch, self.batch_info, self.layouts, self.copy = batch, batch_info, layouts, not no_copy
        self.nodes, self.many = nodes, many
        self.iteration = self.epoch = self.samples = 0
        self.cycle = {None: "no", False: "no", "no": "no", True: "quiet", "quiet": "quiet", "raise": "raise"}.get(cycle, "?")
        if self.cycle == "?":
            raise ParamError(f'external_source: cycle must be None, False, "no", True, "quiet" or "raise", not {cycle!r}')
        is_generator = inspect.isgenerator(source)
        self.function = self.iterable = self.iterator = None
        if inspect.isgeneratorfunction(source):
            self.make = source
        elif callable(source):
            if cycle is not None:
                raise ParamError("external_source: cycle needs an iterable or a generator function, not a callable")
            self.function, self.argument_count = source, _parameter_count(source)
            return
        else:
            try:
                iter(source)
            except TypeError:
                raise ArgumentTypeError(f"external_source: a source must be callable or iterable, not {type(source).__name__}") from None
            if is_generator and self.cycle != "no":
                raise TypeError("a generator cannot be started again, so it cannot be cycled; pass the generator function")
            self.make = lambda: iter(source)
        self.iterator = self.make()

    def reset(self):
        self.epoch += 1
        self.iteration = self.samples = 0
        if self.function is None and self.cycle == "raise":
            self.iterator = self.make()

    def _next_item(self, argument):
        if self.function is not None:
            return self.function(argument) if self.argument_count else self.function()
        try:
            return next(self.iterator)
        except StopIteration:
            if self.cycle != "quiet":
                raise
            self.iterator = self.make()
            return next(self.iterator)

    def fetch(self, batch_size):
        """One list of samples for each node. Raises StopIteration at the end."""
        try:
            if self.batch:
                argument = types.BatchInfo(self.iteration, self.epoch) if self.batch_info else self.iteration
                item = self._next_item(argument)
                outputs = self._split(item)
                result = [split_batch(o) for o in outputs]
            else:
                rows = []
                for i in range(batch_size):
                    info = types.SampleInfo(self.iteration * batch_size + i, i, self.iteration, self.epoch)
                    rows.append(self._split(self._next_item(info)))
                result = [list(column) for column in zip(*rows)]
        except StopIteration:
            self.iteration = 0
            raise
        self.iteration += 1
        return result

    def _split(self, item):
        if not self.many:
            return [item]
        if not isinstance(item, (tuple, list)) or len(item) != len(self.nodes):
            raise ShapeError(f"external_source: the source must return {len(self.nodes)} items, a tuple or list; got "
                             + (f"{len(item)}" if isinstance(item, (tuple, list)) else type(item).__name__))
        return list(item)


def split_batch(batch):
    """A batch in any accepted form as a list of samples."""
    if isinstance(batch, _core.TensorListCPU):
        return [batch[i] for i in range(len(batch))]
    if isinstance(batch, (list, tuple)):
        return [host_array(sample) for sample in batch]
    array = host_array(batch)
    if isinstance(array, _core.TensorCPU):
        array = np.asarray(array)
    if array.ndim == 0:
        raise ShapeError("external_source: a batch needs a leading batch axis; got a 0-D array")
    return list(array)


def host_array(value):
    if isinstance(value, (_core.TensorCPU, np.ndarray)):
        return value
    if hasattr(value, "detach"):
        return value.detach().cpu().numpy()
    if _core.is_dlpack(value):
        return _core.tensor_from(value, copy=False)
    array = np.asarray(value)
    if array.dtype == object:
        raise ArgumentTypeError(f"external_source: cannot make an array of {type(value).__name__}")
    return array
