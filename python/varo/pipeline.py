# SPDX-License-Identifier: Apache-2.0
"""Pipeline: declared once, then a source of batches."""

from __future__ import annotations

import atexit
import functools
import inspect
import operator
import warnings
import weakref
from typing import Any, Callable, Dict, Optional, Sequence, Tuple, overload

import numpy as np

from . import _core, types
from ._graph import current
from ._graph.autograph import do_not_convert, run_converted  # noqa: F401  (pipeline.do_not_convert)
from ._graph.declare import call, node_of
from ._graph.node import DataNode
from ._origin import caller_level
from ._run import checkpoint
from ._run.checkpoint import States
from ._run.eager import was_drawn
from ._run.feeding import Feeding
from .errors import ArgumentTypeError, ParamError, StateError

_PARAMETERS = ("batch_size", "num_threads", "device_id", "seed", "exec_pipelined", "prefetch_queue_depth", "exec_async",
               "bytes_per_sample", "set_affinity", "max_streams", "default_cuda_stream_priority", "enable_memory_stats",
               "enable_checkpointing", "checkpoint", "py_num_workers", "py_start_method", "py_callback_pickler",
               "output_dtype", "output_ndim", "output_layout", "exec_dynamic", "stream_policy", "concurrency",
               "experimental_exec_dynamic", "schedule", "shuffle_seed", "without_rewrites", "common_draws")

_pipelines = weakref.WeakSet()


@atexit.register
def _close_all():
    # Threads cannot come back to an interpreter that takes itself apart.
    _core.end([pipeline._core for pipeline in _pipelines])


def _whole(name, value, least=1, most=2**63 - 1, hint=None):
    """`value` as a whole number. Values below `least` of sizes are the engine's to refuse."""
    try:
        number = operator.index(value)
    except TypeError:
        raise ArgumentTypeError(f"Pipeline: {name} must be a whole number, not {value!r}"
                                + (f"; {hint}" if hint else "")) from None
    if (least <= 0 and number < least) or number > most:
        raise ParamError(f"Pipeline: {name} is out of range\n  got      {number}\n  allowed  {least} to {most}"
                         + (f"; {hint}" if hint else ""))
    return number


class Pipeline:
    """A graph of operators and the machine that runs it ahead of its consumer.

    batch_size            largest number of samples in a batch
    num_threads           worker threads, 1 to 1024; they stay until the process ends
    device_id             which GPU, or None for none; this build computes on the CPU
    seed                  of all random operators without one of their own; None or negative: drawn anew, and
                          read back as `pipeline.seed`
    prefetch_queue_depth  batches under way ahead of the consumer
    output_dtype, output_ndim, output_layout   checked for every batch; one value or a list with None as wildcard
    schedule              "parallel", or for tests "serial", "shuffled" (with shuffle_seed) and "reference": everything on
                          the calling thread, in order or in a random order
    without_rewrites      names of rewrites that are not to be applied: "branches", after which
                          c * a + (c ^ True) * b computes both a and b for a coin c; "fusion", after which every
                          pointwise operator is a pass of its own; "placement", after which what an output is a
                          view of is computed elsewhere and copied to the batch; "prune"

    enable_checkpointing  checkpoint() may be called. Every external_source must then be one that can be found again:
                          a callable of the index, a list, or an object with state_dict() and load_state_dict()
    checkpoint            bytes or str that checkpoint() of a pipeline of the same graph returned: go on from there, with
                          any number of threads and prefetch depth
    common_draws          True: pipelines that differ in nothing but the shard_id of their readers (the ranks of a
                          distributed training) draw the same random numbers. By default each rank draws its own; the order
                          of files is one for all ranks in any case

    The remaining parameters of DALI's Pipeline are accepted where the CPU path makes them hints.
    """

    def __init__(self, batch_size=None, num_threads=None, device_id=None, seed=None, exec_pipelined=True,
                 prefetch_queue_depth=2, exec_async=True, bytes_per_sample=0, set_affinity=False, max_streams=None,
                 default_cuda_stream_priority=None, *, enable_memory_stats=False, enable_checkpointing=False,
                 checkpoint=None, py_num_workers=1, py_start_method="fork", py_callback_pickler=None, output_dtype=None,
                 output_ndim=None, output_layout=None, exec_dynamic=None, stream_policy=None, concurrency=None,
                 experimental_exec_dynamic=None, schedule="parallel", shuffle_seed=0, without_rewrites=(), common_draws=False):
        if batch_size is None:
            raise ParamError("Pipeline: batch_size is missing")
        if num_threads is None:
            raise ParamError("Pipeline: num_threads is missing")
        for name, value in (("max_streams", max_streams), ("default_cuda_stream_priority", default_cuda_stream_priority)):
            if value is not None:
                warnings.warn(f"Pipeline: {name} is deprecated and ignored", DeprecationWarning, stacklevel=2)
        if isinstance(prefetch_queue_depth, dict):
            prefetch_queue_depth = prefetch_queue_depth["cpu_size"]
        batch_size, num_threads = (_whole(*pair, most=2**31 - 1) for pair in
                                   (("batch_size", batch_size), ("num_threads", num_threads)))
        prefetch_queue_depth = _whole("prefetch_queue_depth", prefetch_queue_depth, most=2**31 - 1)
        seed = None if seed is None else _whole("seed", seed, -2**63)
        if device_id is not None and device_id != types.CPU_ONLY_DEVICE_ID:
            _whole("device_id", device_id, 0, hint="None for none")
        if seed is not None and seed < 0:
            warnings.warn("Pipeline: a negative seed means a random one; pass None", stacklevel=2)
        try:
            schedule = {"parallel": _core.Schedule.PARALLEL, "serial": _core.Schedule.SERIAL,
                        "shuffled": _core.Schedule.SHUFFLED,
                        "reference": _core.Schedule.REFERENCE}[schedule]
        except KeyError:
            raise ParamError(f'Pipeline: schedule must be "parallel", "serial", "shuffled" or "reference", not {schedule!r}') from None
        self._depth = prefetch_queue_depth if exec_pipelined else 1
        self._core = _core.Pipeline(batch_size=batch_size, num_threads=num_threads,
                                    seed=-1 if seed is None else seed, prefetch_queue_depth=self._depth,
                                    schedule=schedule, shuffle_seed=shuffle_seed,
                                    without_rewrites=list(without_rewrites),
                                    enable_checkpointing=bool(enable_checkpointing), common_draws=bool(common_draws))
        self._states = States(self, bool(enable_checkpointing), checkpoint)
        self._checks = [_listed("output_dtype", output_dtype, (int,)), _listed("output_ndim", output_ndim, (int,)),
                        _listed("output_layout", output_layout, (str,))]
        if output_dtype is not None and types.NO_TYPE in (self._checks[0] if isinstance(self._checks[0], list) else [output_dtype]):
            raise ValueError("Pipeline: output_dtype cannot be NO_TYPE")
        if any(isinstance(n, int) and n < 0 for n in np.atleast_1d(np.array(output_ndim, object))):
            raise ValueError("Pipeline: output_ndim cannot be negative")
        self.max_batch_size, self.num_threads, self.device_id = batch_size, num_threads, device_id
        _pipelines.add(self)
        self._feeding = Feeding(self._core, self.max_batch_size)
        self._feeder = None  # it, once the pipeline is built, where Python has a say in what is scheduled
        self._functions = []  # of python_function: the engine knows their numbers alone
        self._outputs = None
        self._built = False
        self._set_seeds = 0
        self._shared = None
        self._api = None

    # --- properties ---
    batch_size = property(lambda self: self.max_batch_size)
    seed = property(lambda self: self._core.seed(), doc="What was asked for, or what was drawn where None was.")
    prefetch_queue_depth = property(lambda self: self._depth)
    cpu_queue_size = property(lambda self: self._depth)
    gpu_queue_size = property(lambda self: self._depth)
    exec_pipelined = property(lambda self: True)
    exec_async = property(lambda self: True)
    exec_dynamic = property(lambda self: True)
    exec_separated = property(lambda self: False)
    is_restored_from_checkpoint = property(lambda self: self._states.restored)
    num_outputs = property(lambda self: len(self._outputs or ()))

    # --- declaring ---
    @staticmethod
    def current():
        """The pipeline that this thread is defining, or None."""
        return current.current()

    @staticmethod
    def push_current(pipeline):
        current.push(pipeline)

    @staticmethod
    def pop_current():
        current.pop()

    def __enter__(self):
        current.push(self)
        return self

    def __exit__(self, *_):
        current.pop()

    def define_graph(self):
        """For subclasses: returns the output node or nodes."""
        raise StateError("the pipeline has no outputs: call set_outputs, return nodes from the pipeline function, "
                         "or override define_graph")

    def iter_setup(self):
        """For subclasses: called before every scheduled iteration, to feed_input.

        Must be there when the pipeline is built: one that is assigned to the pipeline later may never be called.
        """

    def set_outputs(self, *nodes: Any) -> None:
        """The nodes whose batches run() returns; numbers and arrays become constants."""
        handles = []
        for node in nodes:
            if isinstance(node, (tuple, list)) and any(isinstance(n, DataNode) for n in node):
                raise TypeError(f"output {len(handles)} is a {type(node).__name__} of nodes; outputs must be nodes, not nested")
            if isinstance(node, _core.TensorCPU) and was_drawn(node):
                raise ParamError(f"output {len(handles)} was drawn or read at once, outside of a pipeline: all samples would be "
                                 "the same\n  try      the operator inside of the pipeline function, or without varo.eager()")
            handles.append(node_of(self, node))
        self._outputs = handles
        self._core.set_outputs([h._handle for h in handles])

    def _call(self, op, inputs, kwargs):
        """What an operator on a node of the pipeline declares."""
        return call(op, inputs, kwargs)

    def _set_seed(self):
        self._set_seeds += 1
        rng = np.random.SeedSequence([self.seed, self._set_seeds])
        return int(rng.generate_state(1, np.uint64)[0] >> np.uint64(2))

    # --- running ---
    def build(self) -> None:
        """Checks the graph and prepares to run; idempotent, and done by the first run.

        Warns of readers that do not step alike: their samples are no pairs.
        """
        if self._built:
            return
        if self._outputs is None:
            with self:
                nodes = self.define_graph()
            self.set_outputs(*(nodes if isinstance(nodes, (tuple, list)) else (nodes,)))
        self._core.build()
        self._built = True
        if type(self).iter_setup is not Pipeline.iter_setup or "iter_setup" in vars(self):
            this = weakref.ref(self)
            self._feeding.setup = lambda: this().iter_setup()
        if self._feeding.groups or self._feeding.setup is not None:
            self._feeder = self._feeding
        self._states.begin()
        for warning in self._core.warnings():
            warnings.warn(warning, stacklevel=caller_level())

    def _use(self, api):
        if self._api not in (None, api):
            raise StateError(f"{api} calls cannot be mixed with {self._api} calls on one pipeline")
        self._api = api

    def feed_input(self, data_node: Any, data: Any, layout: Optional[str] = None, cuda_stream: Any = None,
                   use_copy_kernel: bool = False) -> None:
        """One batch for an external_source without a source.

        data_node  the node, or its name
        data       list of arrays, or one array with a leading batch axis
        """
        self.build()
        name = node_of(self, data_node).name if isinstance(data_node, DataNode) else data_node
        self._feeding.feed_input(self._manual_name(name), data, layout)

    def _manual_name(self, name):
        if name not in self._feeding.manual:
            raise StateError(f"{name} is not an external_source that is fed by hand")
        return name

    def input_feed_count(self, name):
        """How many batches must be fed before the next run, so that it keeps the queue full."""
        node, *_ = self._feeding.manual[self._manual_name(name)]
        return max(0, self._depth - self._core.pending() - self._core.fed(node._handle))

    def run(self, cuda_stream: Any = None, /, **pipeline_inputs: Any) -> Tuple[_core.TensorListCPU, ...]:
        """The next batch: a tuple of TensorListCPU, one an output. StopIteration when a source ends.

        An error is that of a batch, and takes its place: the next call returns the batch after it. A
        KeyboardInterrupt in a source comes at once, before batches that are under way; the batch that was
        asked for is lost.

        pipeline_inputs  batches for external_sources without a source, by name: all are fed, or none where one of
                         them is refused
        """
        self.build()
        self._use("run")
        if pipeline_inputs:
            before = self._feeding.fed()
            try:
                for name, data in pipeline_inputs.items():
                    self.feed_input(name, data)
            except BaseException:
                self._feeding.take_back(before)
                raise
        return self._next()

    def _next(self, samples=0):
        outputs = tuple(self._core.advance(self._feeder, samples))
        self._verify(outputs)
        return outputs

    def _stepper(self, dlpack_types, samples):
        """For iterators: a function that returns the next outputs, one after another.

        An output is a TensorListCPU. It may be a DLPack capsule of the whole batch, if the samples have one shape
        and one of `dlpack_types`. A batch must have so many `samples`, if not 0.
        """
        if self._checks != [None] * 3:
            return lambda: self._next(samples)
        return self._core.stepper(sum(1 << int(t) for t in dlpack_types), self._feeder, samples)

    def schedule_run(self):
        """Begins one iteration; outputs come from share_outputs()."""
        self.build()
        self._use("schedule_run")
        self._core.schedule(self._feeder)

    def share_outputs(self):
        """The oldest scheduled outputs."""
        if self._core.pending() == 0:
            raise StopIteration
        self._shared = tuple(self._core.next())
        self._verify(self._shared)
        return self._shared

    def release_outputs(self):
        """Lets go of what share_outputs returned."""
        self._shared = None

    def outputs(self):
        self.release_outputs()
        return self.share_outputs()

    def empty(self):
        """No scheduled work remains."""
        return self._core.pending() == 0

    def reset(self) -> None:
        """After StopIteration: begins a new epoch of the external sources."""
        if not (self._core.ended() or self._states.ended):
            return
        self._states.ended = False
        self._feeding.reset()
        self._core.reset()

    def _verify(self, outputs):
        for what, wanted, actual in (
            ("dtype", self._checks[0], lambda o: o.dtype),
            ("ndim", self._checks[1], lambda o: o.ndim()),
            ("layout", self._checks[2], lambda o: o.layout()),
        ):
            if wanted is None:
                continue
            wanted = wanted if isinstance(wanted, list) else [wanted] * len(outputs)
            if len(wanted) != len(outputs):
                raise RuntimeError(f"output_{what} lists {len(wanted)} values for {len(outputs)} outputs")
            for i, (want, output) in enumerate(zip(wanted, outputs)):
                if want is not None and actual(output) != want:
                    raise RuntimeError(f"output {i} has {what} {actual(output)!r}, not {want!r} as output_{what} says")

    # --- knowing ---
    def reader_meta(self, name: Optional[str] = None) -> Dict[str, Any]:
        """Sizes and sharding of a reader, or of all readers by name."""
        self.build()
        readers = self._core.readers()
        if name is None:
            return readers
        if name not in readers:
            raise ParamError(f"there is no reader named {name}; there are: {', '.join(readers) or 'none'}")
        return readers[name]

    def epoch_size(self, name: Optional[str] = None) -> Any:
        """Padded epoch size of a reader, or of all readers by name."""
        meta = self.reader_meta(name)
        if name is None:
            return {k: v["epoch_size_padded"] for k, v in meta.items()}
        return meta["epoch_size_padded"]

    def explain(self) -> str:
        """The graph as declared and as it runs, and what each node writes where that is known."""
        self.build()
        return self._core.explain()

    def executor_statistics(self):
        """Batches and samples finished, most samples worked on at the same time, operators run."""
        s = self._core.stats()
        return {"batches": s.batches, "samples": s.samples, "peak_workers": s.peak_workers, "nodes_run": s.nodes_run,
                "copies": s.copies}

    def checkpoint(self, filename: Any = None) -> bytes:
        """Where the pipeline stands after the last batch that was delivered, as versioned JSON.

        A pipeline that is made with it as `checkpoint` gives the batches that would have come next, byte for byte:
        whatever its threads and prefetch depth, and, where nothing depends on the batch (batch-wide operators,
        Python functions, sources of whole batches), whatever its batch size. It must have the same graph, seed and
        lists of files, by their names below file_root; it names the first difference. What was fed by
        feed_input is not part of it.

        filename  also write it there, by one rename: whoever reads the file finds a whole checkpoint

        Takes some 10 us, and 1 us for each operator. Needs enable_checkpointing=True.
        """
        self.build()
        data = self._states.dump()
        if filename is not None:
            checkpoint.write(filename, data)
        return data

    def serialize(self, define_graph=None, filename=None):
        raise StateError("serialization is not supported yet")

    def start_py_workers(self):
        """Nothing to start: sources run in this process."""


def _run(function, args, kwargs):
    return function(*args, **kwargs)


def _listed(name, value, kinds):
    if value is None:
        return None
    values = list(value) if isinstance(value, (list, tuple)) else value
    for v in values if isinstance(values, list) else [values]:
        if v is not None and not isinstance(v, kinds):
            raise TypeError(f"Pipeline: {name} must be {' or '.join(k.__name__ for k in kinds)} or a list with None, not {v!r}")
    return values


@overload
def pipeline_def(fn: Callable[..., Any]) -> Callable[..., Pipeline]:
    ...


@overload
def pipeline_def(*, enable_conditionals: bool = False, debug: bool = False, batch_size: Optional[int] = None,
                 num_threads: Optional[int] = None, device_id: Optional[int] = None, seed: Optional[int] = None,
                 exec_pipelined: bool = True, prefetch_queue_depth: Any = 2, exec_async: bool = True, bytes_per_sample: int = 0,
                 set_affinity: bool = False, max_streams: Any = None, default_cuda_stream_priority: Any = None,
                 enable_memory_stats: bool = False, enable_checkpointing: bool = False, checkpoint: Any = None,
                 py_num_workers: int = 1, py_start_method: str = "fork", py_callback_pickler: Any = None,
                 output_dtype: Any = None, output_ndim: Any = None, output_layout: Any = None, exec_dynamic: Any = None,
                 stream_policy: Any = None, concurrency: Any = None, experimental_exec_dynamic: Any = None,
                 schedule: str = "parallel", shuffle_seed: int = 0, without_rewrites: Sequence[str] = ()
                 ) -> Callable[[Callable[..., Any]], Callable[..., Pipeline]]:
    ...


def pipeline_def(fn: Optional[Callable[..., Any]] = None, *, enable_conditionals: bool = False, debug: bool = False,
                 **pipeline_kwargs: Any) -> Any:
    """Makes a pipeline factory of a function that returns the output nodes.

    Keyword arguments named like Pipeline's parameters configure the pipeline, here or in the call
    (the call wins); everything else goes to the function.

    enable_conditionals  `if`, `and`, `or`, `not` and `a if c else b` take scalar nodes as conditions, in the function and
                         in the user's functions that it calls: a sample runs the branch that it takes. See
                         docs/conditionals.md. Raises ParamError where the source of the function cannot be read.
    """
    if debug:
        raise ParamError("pipeline_def: debug mode is not supported yet; operators run eagerly on arrays outside a pipeline")
    def decorate(function):
        parameters = inspect.signature(function).parameters

        @functools.wraps(function)
        def create(*args, **kwargs):
            if any(p.kind == p.VAR_KEYWORD for p in parameters.values()):
                raise TypeError(f"the pipeline function {function.__name__} cannot take **{list(parameters)[-1]}")
            for name in pipeline_kwargs:
                if name not in _PARAMETERS:
                    raise ArgumentTypeError(f"pipeline_def: unknown argument {name}; allowed: {', '.join(_PARAMETERS)}")
            config, own, conditionals = dict(pipeline_kwargs), {}, enable_conditionals
            for name, value in kwargs.items():
                if name in parameters:
                    own[name] = value
                elif name in _PARAMETERS:
                    config[name] = value
                elif name == "enable_conditionals":
                    conditionals = value
                elif name == "debug":
                    if value:
                        raise ParamError("pipeline_def: debug mode is not supported yet")
                else:
                    raise TypeError(f"{function.__name__}() got an unexpected argument {name!r}")
            pipeline = Pipeline(**config)
            with pipeline:
                outputs = (run_converted if conditionals else _run)(function, args, own)
            if outputs is None:
                raise StateError(f"the pipeline function {function.__name__} returned no outputs")
            pipeline.set_outputs(*(outputs if isinstance(outputs, (tuple, list)) else (outputs,)))
            return pipeline

        create._is_pipeline_def = True
        return create

    return decorate(fn) if fn is not None else decorate
