# SPDX-License-Identifier: Apache-2.0
"""The user's callables and iterables, asked once an iteration, and batches in the forms they come in."""

from __future__ import annotations

import collections.abc
import inspect
import itertools
import json

import numpy as np

from .. import _core, types
from .._dtypes import numpy_of
from ..errors import ArgumentTypeError, ParamError, ShapeError

# What feed() answers: the numbers of the engine's Feed, and kFeedFailed.
_GIVEN, _NOBODY, _ENDED, _FAILED = range(4)


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
    """One source and the nodes it feeds.

    A source is asked by an index, or it is a stream of items one after another. The items of a stream are
    numbered like those of the iterations: iteration k of batches of B samples has the items B*k to B*k + B-1,
    or with batch=True item k. So an iteration whose batch was lost, wherever it was interrupted, leaves
    items behind that the next one steps over.
    """

    def __init__(self, source, cycle, batch, batch_info, layouts, no_copy, nodes, many):
        self.batch, self.batch_info, self.layouts, self.copy = batch, batch_info, layouts, not no_copy
        self.nodes, self.many = nodes, many
        self.held = None  # (iteration, tensors of each node), of an iteration that has not come about yet
        self.cycle = {None: "no", False: "no", "no": "no", True: "quiet", "quiet": "quiet", "raise": "raise"}.get(cycle, "?")
        if self.cycle == "?":
            raise ParamError(f'external_source: cycle must be None, False, "no", True, "quiet" or "raise", not {cycle!r}')
        self.function = None
        self.source = source
        self.stateful = hasattr(source, "state_dict") and hasattr(source, "load_state_dict")
        if inspect.isgeneratorfunction(source):
            self.make = source
        elif callable(source):
            if cycle is not None:
                raise ParamError("external_source: cycle needs an iterable or a generator function, not a callable")
            if _parameter_count(source) == 1:
                self.function = source
                return
            self.make = lambda: itertools.starmap(source, itertools.repeat(()))
        else:
            try:
                iter(source)
            except TypeError:
                raise ArgumentTypeError(f"external_source: a source must be callable or iterable, not {type(source).__name__}") from None
            if inspect.isgenerator(source) and self.cycle != "no":
                raise TypeError("a generator cannot be started again, so it cannot be cycled; pass the generator function")
            self.make = lambda: iter(source)
        self._start(0)

    def _start(self, number):
        self.iterator = self.make()
        self.origin = number  # the number of the iterator's first item
        self._number(number)

    def _number(self, number):
        """The next item has this number."""
        self.reached = number
        # Numbers are counted off in one step with the items, between which no signal comes; and also for
        # what raises instead of giving an item. A slice is a pair that nobody keeps: zip() would keep its last.
        self.counter = itertools.count(number)
        self.numbered = map(slice, self.counter, self.iterator)

    def begin(self, iteration, batch_size):
        """`iteration` is the first one of an epoch."""
        first = iteration if self.batch else iteration * batch_size
        kept = self.held is not None and self.held[0] == iteration
        if self.function is not None:
            self.held = None
        elif self.cycle == "raise":
            self.held = None
            self._start(first)
        elif not kept:
            self.origin += first - next(self.counter)
            self._number(first)

    def _item_of_stream(self, wanted):
        while True:
            try:
                pair = next(self.numbered)
            except StopIteration:
                if self.cycle != "quiet":
                    raise
                self._start(next(self.counter) - 1)
                pair = next(self.numbered)
            except Exception:
                self.reached += 1
                if self.reached > wanted:
                    raise
                continue  # one of those that are stepped over
            self.reached = pair.start + 1
            if pair.start >= wanted:
                return pair.stop

    def fetch(self, core, iteration, batch_size, first, epoch):
        """The tensors of each node, for the iteration of that number. StopIteration at the end.

        first  the number of the epoch's first iteration
        epoch  the number of the epoch
        """
        if self.held is not None and self.held[0] == iteration:
            return self.held[1]
        self.held = None
        index = iteration - first
        if self.batch:
            if self.function is not None:
                item = self.function(types.BatchInfo(index, epoch) if self.batch_info else index)
            else:
                item = self._item_of_stream(iteration)
            columns = [self._tensors(core, k, split_batch(o)) for k, o in enumerate(self._split(item))]
        else:
            columns = [[] for _ in self.nodes]
            for i in range(batch_size):
                if self.function is not None:
                    item = self.function(types.SampleInfo(index * batch_size + i, i, index, epoch))
                else:
                    item = self._item_of_stream(iteration * batch_size + i)
                # At once: the source may use its buffer again for the next sample.
                for k, output in enumerate(self._split(item)):
                    columns[k] += self._tensors(core, k, [host_array(output)], i)
        self.held = iteration, columns
        return columns

    # --- checkpoints ---
    def why_not(self):
        """What of the source cannot be found again, or None."""
        if self.stateful or self.function is not None or isinstance(self.source, (collections.abc.Sequence, np.ndarray)):
            return None
        if inspect.isgenerator(self.source) or inspect.isgeneratorfunction(self.source):
            return "a generator"
        return "a callable without a parameter" if callable(self.source) else "an iterable that is no list"

    def state(self, number):
        """JSON of where the source stands before its item of this number."""
        if self.stateful:
            try:
                return json.dumps(self.source.state_dict())
            except (TypeError, ValueError) as error:
                raise ArgumentTypeError(f"external_source: state_dict() of the source must be what JSON can hold: {error}") from None
        if self.function is not None:
            return "null"
        at = number - self.origin
        return json.dumps(at % max(len(self.source), 1) if self.cycle == "quiet" else min(at, len(self.source)))

    def restore(self, state, number):
        """The source stands before its item of this number, as state() said then."""
        self.held = None
        if self.stateful:
            self.source.load_state_dict(state)
            if self.function is None:
                self._start(number)
        elif self.function is None:
            if not isinstance(state, int) or not 0 <= state <= len(self.source):
                raise ParamError("the checkpoint is of another source\n"
                                 f"  got      item {state}\n  allowed  0 to {len(self.source)}")
            self.iterator = map(self.source.__getitem__, range(state, len(self.source)))
            self.origin = number - state
            self._number(number)

    def _tensors(self, core, k, samples, first=0):
        return core.tensors(self.nodes[k]._handle, samples, self.layouts[k] or "", self.copy, first)

    def _split(self, item):
        if not self.many:
            return [item]
        if not isinstance(item, (tuple, list)) or len(item) != len(self.nodes):
            raise ShapeError(f"external_source: the source must return {len(self.nodes)} items, a tuple or list; got "
                             + (f"{len(item)}" if isinstance(item, (tuple, list)) else type(item).__name__))
        return item


class Feeding:
    """Everything in Python that has a say in what a pipeline schedules: sources, iter_setup, feed_input.

    groups  sources with the nodes that they feed
    checked whether state() can be asked for
    manual  external_sources that are fed by hand, by name: (node, layout, no_copy, repeat_last)
    setup   called before every iteration, or None

    The engine counts iterations, those whose batch was lost among them, and asks for each by its number; what
    a source gives for a number does not depend on what went wrong before.
    """

    def __init__(self, core, batch_size):
        self._core, self._batch_size = core, batch_size
        self.groups, self.manual = [], {}
        self._fed_once = set()  # names of those that are fed by hand
        self.setup = None
        self._setup_feeds = None  # whether it calls feed_input, once that is known
        self.epoch = self.first = 0  # the epoch, and the number of its first iteration
        self._begins = False  # an epoch with the next iteration
        self._failure = None
        self.checked = False
        self._states = []  # (iteration, {...}): where everything stands before it, the oldest first

    def prepare(self):
        """For checkpoints; \\pre nothing was scheduled. ParamError where a source cannot be found again."""
        for group in self.groups:
            why = group.why_not()
            if why is not None:
                raise ParamError(f"{group.nodes[0].name}: with enable_checkpointing a source must be found again, which {why} "
                                 "cannot\n  allowed  a callable of the index, a list, or a source with state_dict() and "
                                 "load_state_dict()")
        if self.setup is not None:
            raise ParamError("with enable_checkpointing there can be no iter_setup, of which nobody knows where it stands\n"
                             "  try      an external_source with a callable of the index")
        self.checked = True
        self._keep(0)

    def _keep(self, iteration):
        """Keeps where everything stands before `iteration`."""
        while len(self._states) > 1 and self._states[1][0] <= self._core.taken():
            del self._states[0]
        groups = [group.state(iteration if group.batch else iteration * self._batch_size) for group in self.groups]
        self._states.append((iteration, {"at": iteration, "epoch": self.epoch, "first": self.first, "groups": groups}))

    def state(self, iteration):
        """Where everything stood before `iteration`, or before one that was lost ahead of it. Not to be changed."""
        state = next(state for at, state in reversed(self._states) if at <= iteration)
        if self._begins and self._core.pending() == 0:
            return {**state, "epoch": self.epoch, "begins": True}
        return state

    def restore(self, state, iteration, scale):
        """Goes to what state() said, in iterations of another size where `scale` is not 1: that is
        (batch size then, batch size now)."""
        then, now = scale
        numbers = [state.get(name) for name in ("at", "epoch", "first")] + [iteration]
        groups = state.get("groups")
        if not all(isinstance(n, int) and n >= 0 for n in numbers) or not isinstance(groups, list) or len(groups) != len(self.groups):
            raise ParamError("the checkpoint is damaged: it does not tell where the sources stand")
        at, self.epoch, self.first, iteration = numbers
        if then != now and self.groups:
            at, self.first = at * then // now, self.first * then // now
        self._begins = bool(state.get("begins"))
        for group, text in zip(self.groups, groups):
            group.restore(json.loads(text), at if group.batch else at * now)
        if self.checked:
            self._states = []
            self._keep(at)
            self._states[0][1]["begins"] = self._begins

    def reset(self):
        """The next iteration begins an epoch."""
        self.epoch += 1
        self._begins = True

    def fed(self):
        """Batches that have not been taken, of each that is fed by hand."""
        return [self._core.fed(node._handle) for node, *_ in self.manual.values()]

    def _lacks(self):
        """Whether one that is fed by hand has nothing for another iteration."""
        if all(self.fed()):
            return False
        fed = lambda name, node, repeats: self._core.fed(node._handle) > 0 or (repeats and name in self._fed_once)
        return self._core.pending() > 0 or not all(fed(name, node, repeats) for name, (node, _, _, repeats) in self.manual.items())

    def feed_input(self, name, data, layout=None):
        node, declared_layout, no_copy, _ = self.manual[name]
        self._core.feed(node._handle, split_batch(data), layout or declared_layout or "", not no_copy)
        self._fed_once.add(name)

    def take_back(self, before):
        """Drops what was fed by hand since fed() said `before`."""
        for (node, *_), count in zip(self.manual.values(), before):
            for _ in range(self._core.fed(node._handle) - count):
                self._core.unfeed(node._handle)

    # --- for the engine ---
    def feed(self, iteration):
        """Feeds every external source, but what is fed by hand."""
        before = self.fed()
        try:
            if self._begins:
                for group in self.groups:
                    group.begin(iteration, self._batch_size)
                self.first, self._begins = iteration, False
            if self.setup is not None and not (self._setup_feeds is False and self._lacks()):
                self.setup()
                if self.manual:
                    self._setup_feeds = self.fed() != before
            if not self._setup_feeds and self._lacks():
                return _NOBODY
            columns = [group.fetch(self._core, iteration, self._batch_size, self.first, self.epoch) for group in self.groups]
            for group, tensors in zip(self.groups, columns):
                for node, samples in zip(group.nodes, tensors):
                    self._core.feed(node._handle, samples, "", False)
                group.held = None
            if self.checked:
                self._keep(iteration + 1)
        except StopIteration:
            self.take_back(before)
            return _ENDED
        except Exception as error:
            self._failure = error
            return _FAILED
        return _GIVEN

    def fail(self):
        failure, self._failure = self._failure, None
        try:
            raise failure
        finally:
            del failure  # it knows this frame


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
        return numpy_of(value)
    if _core.is_dlpack(value):
        return _core.tensor_from(value, copy=False)
    array = np.asarray(value)
    if array.dtype == object:
        raise ArgumentTypeError(f"external_source: cannot make an array of {type(value).__name__}")
    return array
