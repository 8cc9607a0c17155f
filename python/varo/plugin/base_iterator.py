# SPDX-License-Identifier: Apache-2.0
"""Epochs: when an iteration over pipelines ends, and what of the last batch counts.

Terms: N samples in the data set, S shards, B samples in a batch, G pipelines.
"""

from __future__ import annotations

import enum
import logging
import threading
import warnings
from typing import Any, Dict, List

from .._run.checkpoint import parse
from ..errors import ParamError, StateError

_log = logging.getLogger("varo")


class LastBatchPolicy(enum.Enum):
    """What becomes of the last batch of an epoch when the samples do not fill it.

    FILL     full: repeated samples where the reader pads, else samples of the next epoch, which then
             count as seen
    DROP     not returned
    PARTIAL  cut to the samples of this epoch
    """

    FILL = 0
    DROP = 1
    PARTIAL = 2


class BaseIterator:
    """Steps G pipelines together and counts. Subclasses say what a step's outputs become (`_convert`).

    The pipelines stay in step when an error is raised. One that takes a batch's place in one pipeline takes
    that step of all of them, and the step counts: it comes when every pipeline has made the step; of several
    errors, that of the first pipeline. A step is lost as well, and counts, where a KeyboardInterrupt in a source
    has cost one pipeline the batch. What takes no batch takes no step of any pipeline: the StopIteration of a
    pipeline, a KeyboardInterrupt while a batch is waited for. What the pipelines before it have given is kept for
    the next call.

    Several threads may take steps of one iterator: each step goes to one of them.
    """

    def __init__(self, pipelines, size=-1, reader_name=None, auto_reset=False, fill_last_batch=None,
                 last_batch_padded=False, last_batch_policy=LastBatchPolicy.FILL, prepare_first_batch=True):
        self._pipes = list(pipelines) if isinstance(pipelines, (list, tuple)) else [pipelines]
        if not self._pipes:
            raise ParamError("an iterator needs at least one pipeline")
        if fill_last_batch is not None:
            warnings.warn("fill_last_batch is deprecated; use last_batch_policy", DeprecationWarning, stacklevel=4)
            last_batch_policy = LastBatchPolicy.FILL if fill_last_batch else LastBatchPolicy.PARTIAL
        if not isinstance(last_batch_policy, LastBatchPolicy):
            raise ParamError(f"last_batch_policy must be a LastBatchPolicy, not {last_batch_policy!r}")
        if auto_reset not in (True, False, None, "yes", "no"):
            raise ParamError(f'auto_reset must be True, False, "yes" or "no", not {auto_reset!r}')
        reader_name = reader_name or None  # "" names none
        if size == 0:
            raise ParamError("size must not be 0")
        if size < 0 and not reader_name and len(self._pipes) > 1:
            raise ParamError("several pipelines need reader_name or size")
        if reader_name is not None and size > 0:
            raise ParamError("reader_name and size exclude each other")
        if reader_name is not None and last_batch_padded:
            raise ParamError("last_batch_padded is known from the reader; it cannot be given with reader_name")
        if size > 0:
            warnings.warn("an explicit size is deprecated; use reader_name", DeprecationWarning, stacklevel=4)
        self.batch_size = self._pipes[0].max_batch_size
        if any(p.max_batch_size != self.batch_size for p in self._pipes):
            raise ParamError("the pipelines have different batch sizes: "
                             + ", ".join(str(p.max_batch_size) for p in self._pipes))
        for pipe in self._pipes:
            pipe.build()
            pipe._use("iterator")
        self._auto_reset = auto_reset in (True, "yes")
        self._policy = last_batch_policy
        self._padded = last_batch_padded
        self._sharded = reader_name is not None
        self._size = size
        # Samples of the current epoch that a pipeline had delivered before the epoch began.
        self._ahead = [0] * len(self._pipes)
        if self._sharded:
            self._read_meta(reader_name)
        elif size < 0 and last_batch_policy is not LastBatchPolicy.FILL:
            _log.warning("without reader_name or size the end of an epoch is only known when it comes; using FILL")
            self._policy = LastBatchPolicy.FILL
        self._per_step = self.batch_size if self._sharded else self.batch_size * len(self._pipes)
        if self._policy is LastBatchPolicy.DROP and 0 < self._size < self._per_step:
            raise ParamError("last_batch_policy=DROP leaves no batch of an epoch\n"
                             f"  got      {self._size} samples in an epoch, {self._per_step} in a step\n"
                             "  try      FILL or PARTIAL, or a smaller batch")
        self._cuts = self._policy is LastBatchPolicy.PARTIAL and self._size > 0
        self._takes = [pipe._stepper(self._dlpack_types, self.batch_size if self._size > 0 else 0) for pipe in self._pipes]
        # What the pipelines have given of the step that is next, in order: the number of the step, and outputs or
        # the error in their place.
        self._given = []
        self._steps = 0  # taken, lost ones among them
        self._starts = [pipe._core.taken() for pipe in self._pipes]
        self._counts = [0] * len(self._pipes)  # steps of each pipeline, as _steps
        self._lock = threading.RLock()
        self._counter = 0
        self._stepped = False
        self._ended = False
        self._begins = False  # the next step is the first of an epoch that follows one of a given size
        self._first = None
        self._before_first = None  # checkpoints of before it
        states = [pipe._states.iterator for pipe in self._pipes]
        if any(state is not None for state in states):
            self._load(states)
        if prepare_first_batch:
            if all(pipe._states.enabled for pipe in self._pipes):
                self._before_first = self._checkpoints()
            try:
                self._first = self._outputs()
            except StopIteration:
                raise StateError("the pipeline ended before its first batch") from None

    def _read_meta(self, name):
        metas = [p.reader_meta(name) for p in self._pipes]
        for key in ("epoch_size", "number_of_shards", "pad_last_batch", "stick_to_shard"):
            if len({m[key] for m in metas}) != 1:
                raise ParamError(f"the readers disagree on {key}: " + ", ".join(str(m[key]) for m in metas))
        self._samples, self._shards = metas[0]["epoch_size"], metas[0]["number_of_shards"]
        self._padded, self._stick = metas[0]["pad_last_batch"], metas[0]["stick_to_shard"]
        self._shard_ids = [m["shard_id"] for m in metas]
        largest = -(-self._samples // self._shards)
        if self._policy is LastBatchPolicy.DROP:
            self._size = self._samples // self._shards
        elif self._padded:
            self._size = largest
        else:
            self._size = self._whole_batches(largest)

    def _whole_batches(self, samples):
        return -(-samples // self.batch_size) * self.batch_size

    def _shard_size(self, shard):
        return self._samples * (shard + 1) // self._shards - self._samples * shard // self._shards

    @property
    def size(self):
        return self._size

    def __len__(self) -> int:
        if self._size < 0:
            raise TypeError("the length is not known: give reader_name")
        return self._size // self._per_step if self._policy is LastBatchPolicy.DROP else -(-self._size // self._per_step)

    # Of these a pipeline's outputs may come as DLPack capsules instead of TensorListCPUs.
    _dlpack_types = ()

    def _take(self, k):
        """Asks pipeline `k` for its next step, which _given[k] is from then on."""
        pipe = self._pipes[k]
        try:
            outputs = self._takes[k]()
            # Where nobody feeds the pipeline no batch is lost.
            count = self._counts[k] + 1 if pipe._feeder is None else pipe._core.taken() - self._starts[k]
            self._given[k:k + 1] = [(count - 1, outputs)]
        except StopIteration:
            raise
        except Exception as error:
            count = pipe._core.taken() - self._starts[k]
            if count == self._counts[k]:
                raise  # it is in the place of no batch
            self._given[k:k + 1] = [(count - 1, error)]
        self._counts[k] = count

    def _outputs(self):
        """What one step gives of every pipeline."""
        step, k = 0, 0
        while k < len(self._pipes):
            if len(self._given) == k or self._given[k][0] < step:
                self._take(k)
            elif self._given[k][0] == step or k == 0:
                step, k = self._given[k][0], k + 1
            else:
                step, k = self._given[k][0], 0  # this pipeline has lost steps that others have made
        given, self._given = self._given, []
        self._counter += (step - self._steps) * self._per_step
        self._steps = step + 1
        outputs = [batches for _, batches in given]
        for batches in outputs:
            if isinstance(batches, Exception):
                self._counter += self._per_step
                self._stepped = True
                try:
                    raise batches
                finally:
                    del batches, outputs, given  # the error knows this frame
        return outputs

    def __iter__(self):
        with self._lock:
            if self._stepped or self._ended:
                self.reset()
        return self

    def __next__(self):
        with self._lock:
            return self._next()

    def _next(self):
        if self._size > 0:
            drops = self._policy is LastBatchPolicy.DROP and self._counter + self._per_step > self._size
            if drops or self._counter >= self._size:
                self._discard_incomplete()
                self._finish()
        if self._first is not None:
            outputs, self._first = self._first, None
        else:
            try:
                outputs = self._first_of_an_epoch() if self._begins else self._outputs()
            except StopIteration:
                self._finish()
        self._counter += self._per_step
        self._stepped, self._begins = True, False
        return self._convert(outputs, self._kept() if self._cuts else None)

    def _first_of_an_epoch(self):
        """A size may end an epoch before the pipelines tell that they end there, too."""
        self._begins = False
        try:
            return self._outputs()
        except StopIteration:
            self._reset_pipelines()
            self._counter = 0
            return self._outputs()

    def _kept(self):
        """How many samples of this step each pipeline returns."""
        full = [self.batch_size] * len(self._pipes)
        if self._sharded:
            over = [self._counter - self._shard_size(s) for s in self._shard_ids]
            kept = [max(0, min(self.batch_size, self.batch_size - o)) for o in over]
        else:
            left, kept = len(self._pipes) * self.batch_size - max(0, self._counter - self._size), []
            for _ in self._pipes:
                kept.append(max(0, min(self.batch_size, left)))
                left -= self.batch_size
        return None if kept == full else kept

    def _finish(self):
        self._ended = True
        if self._auto_reset:
            self._reset()
        raise StopIteration

    def _discard_incomplete(self):
        """Fetches the batch, not to be returned, that lies between the last one and the next epoch."""
        if self._policy is not LastBatchPolicy.DROP or self._ended:
            return
        if self._sharded and self._padded:
            lies_there = self._whole_batches(-(-self._samples // self._shards)) > self._counter
        else:
            lies_there = self._counter < self._size
        if self._first is not None:
            self._first = None
        elif lies_there:
            try:
                self._outputs()
            except StopIteration:
                pass

    def reset(self) -> None:
        """Begins the next epoch. Before the end of this one it is ignored, with a warning."""
        with self._lock:
            self._reset()

    def _reset(self):
        if self._size > 0 and not self._ended and self._counter < self._size:
            _log.warning("an iterator cannot be reset before its epoch ends; ignored")
            return
        anew = self._reset_pipelines()
        if self._size < 0:
            self._counter = 0
        elif self._policy is LastBatchPolicy.FILL and not self._padded:
            if self._sharded:
                return self._reset_shards()
            # What was delivered beyond the size counts for the next epoch, but not where sources begin again.
            self._counter = 0 if anew else self._counter % self._size
        else:
            self._counter = 0
        if self._sharded:
            self._rotate()
        self._begins = self._size > 0 and not self._sharded
        self._stepped = self._ended = False

    def _reset_pipelines(self):
        """Begins again what has ended; whether anything had."""
        ended = any(pipe._core.ended() or pipe._states.ended for pipe in self._pipes)
        for pipe in self._pipes:
            pipe.reset()
        return ended

    def _rotate(self):
        if not self._stick:
            self._shard_ids = [(s + 1) % self._shards for s in self._shard_ids]

    def _reset_shards(self):
        # What a pipeline delivered beyond its shard counts for the next one, which may be all of it.
        shards = [self._shard_size(s) for s in self._shard_ids]
        self._ahead = [a + self._counter - n for a, n in zip(self._ahead, shards)]
        while True:
            self._rotate()
            left = [self._shard_size(s) - a for s, a in zip(self._shard_ids, self._ahead)]
            if max(left) > 0:
                break
            self._ahead = [-n for n in left]
        self._counter, self._size = 0, self._whole_batches(max(left))
        self._stepped = self._ended = False

    def next(self):
        return self.__next__()

    # --- checkpoints ---
    def checkpoints(self) -> List[bytes]:
        """One checkpoint a pipeline, of after the last step that was delivered, with what the iterator counts.

        An iterator over pipelines that are made with them goes on from there; all must have enable_checkpointing.
        """
        with self._lock:
            if self._given:
                raise StateError("a step was interrupted, so that pipelines are apart; a checkpoint can be taken after the next step")
            return self._before_first if self._first is not None else self._checkpoints()

    def state_dict(self) -> Dict[str, Any]:
        """checkpoints() as torchdata's StatefulDataLoader asks for them: what JSON and pickle can hold."""
        return {"varo_iterator": 1, "checkpoints": [text.decode() for text in self.checkpoints()]}

    def load_state_dict(self, state: Dict[str, Any]) -> None:
        """Goes on from where state_dict() of an iterator of the same kind, over the same graphs and lists, was taken.

        ParamError names the first difference where they are others, and nothing is changed. What remains of that epoch
        comes first.
        """
        texts = state.get("checkpoints") if isinstance(state, dict) and state.get("varo_iterator") == 1 else None
        if not isinstance(texts, list):
            raise ParamError("this is no state of an iterator of Varo")
        if len(texts) != len(self._pipes):
            raise ParamError(f"the state is of another number of pipelines\n  got      {len(texts)}\n  allowed  {len(self._pipes)}")
        contents = [parse(text) for text in texts]
        states = [content.get("iterator") for content in contents]
        with self._lock:
            self._check(states)
            for pipe, content in zip(self._pipes, contents):
                pipe._states.restore(content)
            self._load(states)

    def _about(self):
        return {"pipelines": len(self._pipes), "reader": self._sharded, "size": None if self._sharded else self._size,
                "policy": self._policy.name, "auto_reset": self._auto_reset}

    def _checkpoints(self):
        counts = dict(counter=self._counter, length=self._size, ahead=self._ahead, shards=getattr(self, "_shard_ids", None),
                      ended=self._ended, begins=self._begins)
        return [pipe._states.dump(iterator={**counts, "about": self._about()}) for pipe in self._pipes]

    def _check(self, states):
        for state in states:
            if not isinstance(state, dict) or not isinstance(state.get("about"), dict):
                raise ParamError("the checkpoint was not taken by an iterator\n  allowed  what checkpoints() or state_dict() gave")
            for name, value in self._about().items():
                if state["about"].get(name) != value:
                    raise ParamError(f"the checkpoint is of another iterator\n  got      {name} {state['about'].get(name)!r}\n"
                                     f"  allowed  {name} {value!r}")
            numbers = [state.get("counter"), state.get("length")]
            lists = [state.get("ahead"), state.get("shards") if self._sharded else self._ahead]
            whole = all(type(n) is int for n in numbers) and all(
                type(ns) is list and len(ns) == len(self._pipes) and all(type(n) is int for n in ns) for ns in lists)
            if not whole or type(state.get("ended")) is not bool or type(state.get("begins")) is not bool:
                raise ParamError("the checkpoint is damaged: it does not tell what the iterator had counted")

    def _load(self, states):
        self._check(states)
        state = states[0]
        self._counter, self._size, self._ahead = state["counter"], state["length"], list(state["ahead"])
        if self._sharded:
            self._shard_ids = list(state["shards"])
        self._ended, self._begins = state["ended"], state["begins"]
        self._stepped = False  # what remains of the epoch comes first
        self._first, self._given, self._steps = None, [], 0
        self._starts = [pipe._core.taken() for pipe in self._pipes]
        self._counts = [0] * len(self._pipes)

    def _convert(self, outputs, kept):
        raise NotImplementedError
