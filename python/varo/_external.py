# SPDX-License-Identifier: Apache-2.0
"""external_source: the user's callables and iterables, driven once an iteration."""

from __future__ import annotations

import inspect

import numpy as np

from . import _core, types
from .data_node import current_pipeline
from .errors import ArgumentTypeError, ParamError, ShapeError, StateError


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


def external_source(source=None, num_outputs=None, *, cycle=None, name=None, device="cpu", layout=None, dtype=None,
                    ndim=None, cuda_stream=None, use_copy_kernel=None, blocking=None, batch=True, repeat_last=False,
                    parallel=None, no_copy=None, prefetch_queue_depth=None, bytes_per_sample_hint=None, batch_info=None):
    """Data from the user's program.

    source      callable with no or one parameter, iterable, or generator function; None: Pipeline.feed_input
    num_outputs None: one node. k: a list of k nodes; the source yields tuples of k items
    cycle       None, False or "no": StopIteration at the end. True or "quiet": start again. "raise":
                StopIteration, then start again after reset()
    batch       True: an item is a batch (list of arrays, or one array with a leading batch axis).
                False: an item is a sample
    batch_info  a batch callable is told types.BatchInfo instead of the batch's index
    layout, dtype, ndim   of the data; one value, or a list for num_outputs
    no_copy     True: Varo reads the caller's memory; it must not change until the batch is delivered
    repeat_last with feed_input: the last batch again when nothing new was fed
    """
    pipeline = current_pipeline()
    if pipeline is None:
        raise StateError("external_source needs a pipeline: call it inside a pipeline function or a `with` block")
    if parallel:
        raise ParamError("external_source: parallel=True is not supported yet; the source runs in this process")
    if prefetch_queue_depth is not None or bytes_per_sample_hint is not None:
        raise ParamError("external_source: prefetch_queue_depth and bytes_per_sample_hint need parallel=True")
    if source is None and cycle is not None:
        raise ParamError("external_source: cycle needs a source")
    if source is None and num_outputs is not None:
        raise ParamError("external_source: num_outputs needs a source")
    if num_outputs is not None and name is not None:
        raise ParamError("external_source: name and num_outputs cannot be combined")
    if source is not None and repeat_last:
        raise ParamError("external_source: repeat_last is for data given by feed_input, not for a source")
    count = 1 if num_outputs is None else int(num_outputs)
    per_output = lambda v: list(v) + [None] * (count - len(v)) if isinstance(v, (list, tuple)) else [v] * count
    layouts, dtypes, ndims = per_output(layout), per_output(dtype), per_output(ndim)
    from .data_node import declare

    nodes = [
        declare(pipeline, "external_source", [],
                dict(name=name, device=device, layout=layouts[k], dtype=dtypes[k], ndim=ndims[k], repeat_last=repeat_last))
        for k in range(count)
    ]
    if source is not None:
        pipeline._groups.append(Group(source, cycle, batch, batch_info, layouts, bool(no_copy), nodes, num_outputs is not None))
    else:
        pipeline._manual[nodes[0].name] = (nodes[0], layouts[0], bool(no_copy))
    return nodes[0] if num_outputs is None else nodes
