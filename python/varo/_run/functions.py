# SPDX-License-Identifier: Apache-2.0
"""Functions of the user's in the middle of a pipeline, as the engine calls them."""

from __future__ import annotations

import itertools
import weakref

import numpy as np

from .. import _core
from ..errors import ArgumentTypeError, ShapeError, StateError
from .feeding import host_array

_functions = weakref.WeakValueDictionary()  # by number; pipelines own them
_numbers = itertools.count(1)


class Function:
    """One function of one node.

    call          the user's
    num_outputs   how many results it gives
    batch         it is called with lists of all samples instead of one sample after the other
    to_user       makes what the function is given of a tensor
    where         the user's line
    """

    def __init__(self, call, num_outputs, batch, to_user, where):
        self.call, self.num_outputs, self.batch, self.to_user, self.where = call, num_outputs, batch, to_user, where
        self.number = next(_numbers)
        _functions[self.number] = self

    def outputs(self, result):
        """What a call returned, as one item an output."""
        if self.num_outputs == 0:
            return []
        if self.num_outputs == 1 and not (isinstance(result, tuple) and len(result) == 1):
            return [result]
        if not isinstance(result, (tuple, list)) or len(result) != self.num_outputs:
            got = f"{len(result)}" if isinstance(result, (tuple, list)) else type(result).__name__
            raise ShapeError(f"python_function: the function must return {self.num_outputs} results, as a tuple; got {got}")
        return list(result)


def call(number, columns, samples):
    """For the engine: one list of tensors an output, in the order of samples.

    columns  one list of tensors an input, of memory that nobody else has
    """
    function = _functions.get(number)
    if function is None:
        raise StateError("python_function: its pipeline is gone")
    if function.batch:
        return _batch(function, columns, samples)
    results = [_sample(function, row) for row in (zip(*columns) if columns else [()] * samples)]
    return [list(column) for column in zip(*results)]


def _sample(function, row):
    try:
        # At once: the function may change what it has returned in its next call.
        return _core.taken([_array(output) for output in function.outputs(function.call(*map(function.to_user, row)))])
    except BaseException as error:
        raise _told(error, function, [t.source_info() for t in row])


def _batch(function, columns, samples):
    try:
        results = function.outputs(function.call(*([function.to_user(t) for t in column] for column in columns)))
        return [_core.taken(_rows(output, samples)) for output in results]
    except BaseException as error:
        raise _told(error, function, [t.source_info() for column in columns for t in column])


def _rows(output, samples):
    if isinstance(output, (tuple, list)):
        rows = [_array(row) for row in output]
    else:
        whole = _array(output)
        if whole.ndim == 0:
            raise ShapeError("python_function: the result of a batch is a list of arrays, or one array with a batch axis; got a number")
        rows = list(whole)
    if len(rows) != samples:
        raise ShapeError(f"python_function: the function returned {len(rows)} samples for a batch of {samples}")
    return rows


def _array(value):
    try:
        array = host_array(value)
    except ArgumentTypeError:
        raise ArgumentTypeError(f"python_function: the function returned {type(value).__name__}, which is no array") from None
    return np.asarray(array)


def _told(error, function, sources):
    """The error with what is known of its sample. The engine must not take it for the end of a source."""
    files = ", ".join(dict.fromkeys(s for s in sources if s))
    note = f"in python_function, defined at {function.where}" + (f"; file {files}" if files else "")
    if isinstance(error, StopIteration):
        raised = RuntimeError("a function of the pipeline raised StopIteration")
        raised.__cause__ = error
        error = raised
    if hasattr(error, "add_note"):
        error.add_note(note)
    return error
