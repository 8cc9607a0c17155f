# SPDX-License-Identifier: Apache-2.0
"""Functions of the user's declared as operators."""

from __future__ import annotations

import numpy as np

from .._origin import origin
from .._run.functions import Function
from ..errors import ArgumentTypeError, LayoutError, ParamError
from .branches import taken_here
from .current import current
from .declare import call
from .node import DataNode


def python_function(*inputs, function, num_outputs=1, batch_processing=False, output_layouts=None, device="cpu", name=None,
                    preserve=False, bytes_per_sample_hint=None):
    """Calls a function of yours for every sample, or for every batch.

    The function runs on a thread of its own, ahead of the training loop: one call at a time, in the order of
    samples, batch after batch; of several functions in a pipeline, for each batch in the order of declaration.
    While it holds Python's lock the training loop cannot, so it pays where it spends its time in libraries that
    let go of the lock. Where nothing reads the results the function is called all the same, within a branch for
    the samples that take it.

    inputs            nodes, or constants
    function          sample mode: function(*arrays) with one NumPy array an input. Batch mode: function(*lists) with
                      one list an input, of an array a sample. The arrays are the function's own, dense and
                      writable: it may keep, change and return them
    num_outputs       how many results it returns, 0 to 64: an array or number, or a tuple of that many; with 0, what
                      it returns is not looked at. In batch mode each is a list of an array a sample, or one array
                      with a batch axis. Results are NumPy arrays, torch CPU tensors or anything np.asarray takes;
                      they are copied unless nobody else can reach them
    batch_processing  batch mode
    output_layouts    axis letters, a text for all outputs or a list of one an output; without it none are named

    Of an output all samples of a batch have one element type and number of axes. What the function raises is
    raised in the place of its batch, with its traceback, and a note that names the file; the batches after that
    are not affected. It cannot ask its own pipeline for a batch (StateError).

    Returns one node, a list of `num_outputs` nodes, or None for 0.
    """
    return declare_function(_numpy, inputs, function, num_outputs, batch_processing, output_layouts, device, name)


def _numpy(tensor):
    return np.asarray(tensor)


def declare_function(to_user, inputs, function, num_outputs, batch_processing, output_layouts, device, name):
    if not callable(function):
        raise ArgumentTypeError(f"python_function: function must be callable, not {type(function).__name__}")
    if isinstance(num_outputs, bool) or not isinstance(num_outputs, (int, np.integer)) or not 0 <= num_outputs <= 64:
        raise ParamError(f"python_function: num_outputs must be a number from 0 to 64, not {num_outputs!r}")
    layouts = [output_layouts] if isinstance(output_layouts, str) else list(output_layouts or [])
    if not isinstance(output_layouts, str) and layouts and len(layouts) != num_outputs:
        raise LayoutError(f"python_function: output_layouts has {len(layouts)} entries for {num_outputs} outputs")
    made = Function(function, int(num_outputs), bool(batch_processing), to_user, origin())
    pipeline = next((i._pipeline for i in inputs if isinstance(i, DataNode)), None) or current()
    if pipeline is not None:
        pipeline._functions.append(made)
    nodes = call("python_function", list(inputs),
                 dict(function=made.number, num_outputs=int(num_outputs), output_layouts=layouts, device=device, name=name,
                      when=taken_here(), preserve=True))
    return nodes if num_outputs else None
