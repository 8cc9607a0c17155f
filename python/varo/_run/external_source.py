# SPDX-License-Identifier: Apache-2.0
"""fn.external_source: data from the user's program."""

from __future__ import annotations

from typing import Any, Optional, Union

from .._graph.current import current
from .._graph.declare import declare, loose_nodes
from .._graph.loose import Scratch
from .._origin import origin
from ..errors import ParamError
from .feeding import Group


def external_source(source: Any = None, num_outputs: Optional[int] = None, *, cycle: Union[bool, str, None] = None,
                    name: Optional[str] = None, device: Optional[str] = "cpu", layout: Any = None, dtype: Any = None,
                    ndim: Any = None, cuda_stream: Any = None, use_copy_kernel: Any = None, blocking: Any = None,
                    batch: Optional[bool] = True, repeat_last: bool = False, parallel: Optional[bool] = None,
                    no_copy: Optional[bool] = None, prefetch_queue_depth: Optional[int] = None,
                    bytes_per_sample_hint: Any = None, batch_info: Optional[bool] = None,
                    preserve: Optional[bool] = None) -> Any:
    """Data from the user's program.

    source      callable with no or one parameter, iterable, or generator function; None: Pipeline.feed_input
    num_outputs None: one node. k: a list of k nodes; the source yields tuples of k items, or each node is fed by hand
    cycle       None, False or "no": StopIteration at the end. True or "quiet": start again. "raise":
                StopIteration, then start again after reset()
    batch       True: an item is a batch (list of arrays, or one array with a leading batch axis).
                False: an item is a sample
    batch_info  a batch callable is told types.BatchInfo instead of the batch's index
    layout, dtype, ndim   of the data; one value, or a list for num_outputs
    no_copy     True: Varo reads the caller's memory; it must not change until the batch is delivered.
                Otherwise an item is copied as it comes, and its memory may be used again for the next
    repeat_last with feed_input: the last batch again when nothing new was fed
    preserve    True: asked for in every iteration, whether or not an output needs it; it is so anyway

    The source runs in the thread that calls run() or next(), and is asked for prefetch_queue_depth - 1 batches
    more than were taken. An iteration takes one batch of every source of the pipeline, readers among them, or none:
    where a source raises, or gives what is refused, the batch is lost in all of them, and its place in the
    order is the error. A StopIteration costs no source a batch: what others gave is kept for the next epoch, but
    for callables with a parameter, which are asked anew, and sources that begin again (cycle="raise").

    Outside of a pipeline it makes a node, which the pipeline declares that uses it.
    """
    if parallel:
        raise ParamError("external_source: parallel=True is not supported yet; the source runs in this process")
    if prefetch_queue_depth is not None or bytes_per_sample_hint is not None:
        raise ParamError("external_source: prefetch_queue_depth and bytes_per_sample_hint need parallel=True")
    if source is None and cycle not in (None, False, "no"):
        raise ParamError("external_source: cycle needs a source")
    if num_outputs is not None and name is not None:
        raise ParamError("external_source: name and num_outputs cannot be combined")
    if source is not None and repeat_last:
        raise ParamError("external_source: repeat_last is for data given by feed_input, not for a source")
    count = 1 if num_outputs is None else int(num_outputs)
    per_output = lambda v: list(v) + [None] * (count - len(v)) if isinstance(v, (list, tuple)) else [v] * count
    layouts, dtypes, ndims = per_output(layout), per_output(dtype), per_output(ndim)
    where = origin()

    def declare_in(pipeline):
        nodes = [
            declare(pipeline, "external_source", [],
                    dict(name=name, device=device, layout=layouts[k], dtype=dtypes[k], ndim=ndims[k], repeat_last=repeat_last,
                         preserve=preserve), where)
            for k in range(count)
        ]
        if isinstance(pipeline, Scratch):
            pass
        elif source is not None:
            pipeline._feeding.groups.append(
                Group(source, cycle, batch, batch_info, layouts, bool(no_copy), nodes, num_outputs is not None))
        else:
            pipeline._feeding.manual.update(
                (node.name, (node, layouts[k], bool(no_copy), repeat_last)) for k, node in enumerate(nodes))
        return nodes

    pipeline = current()
    nodes = loose_nodes(declare_in) if pipeline is None else declare_in(pipeline)
    return nodes[0] if num_outputs is None else nodes
