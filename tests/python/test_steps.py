# SPDX-License-Identifier: Apache-2.0
"""Steps of pipelines and iterators that nobody feeds, which one call of the engine makes; and of those that somebody does."""

import gc
import subprocess
import sys
import weakref

import numpy as np
import pytest
import torch

import varo
from varo import fn, types
from varo.plugin.pytorch import GenericIterator, LastBatchPolicy, RaggedIterator

pytestmark = pytest.mark.filterwarnings("ignore:an explicit size:DeprecationWarning")


def reading(folder, batch=2, depth=2, name="reader", schedule="parallel", **options):
    pipe = varo.Pipeline(batch_size=batch, num_threads=2, seed=1, prefetch_queue_depth=depth, schedule=schedule, **options)
    with pipe:
        pipe.set_outputs(fn.readers.numpy(file_root=folder, name=name))
    return pipe


def numbers(step):
    return [step_of_one["x"].flatten().tolist() for step_of_one in step]


# A pipeline without sources in Python, and two ways to ask for a batch; LENGTH 900 takes seconds.
SLOW = """
import os, signal, sys, threading, time, varo
from varo import fn
from varo.plugin.pytorch import GenericIterator
pipe = varo.Pipeline(batch_size=4, num_threads=2, seed=1, prefetch_queue_depth=2)
with pipe:
    x = fn.random.uniform(range=(0, 1), shape=[128, 128, 128])
    for _ in range(LENGTH):
        x = fn.gaussian_blur(x, sigma=2.0)
    pipe.set_outputs(x)
if sys.argv[1] == "run":
    step = pipe.run
elif sys.argv[1] == "iterator":
    it = GenericIterator(pipe, ["x"], prepare_first_batch=False)
    step = it.__next__
"""


def run_slow(script, length, how):
    return subprocess.run([sys.executable, "-c", SLOW.replace("LENGTH", str(length)) + script, how], capture_output=True,
                          text=True, timeout=120)


@pytest.mark.parametrize("how", ["run", "iterator"])
def test_an_interrupt_ends_the_wait(how):
    result = run_slow("""
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start what is in the background without
sent, caught = [], threading.Event()
def interrupt():
    while not caught.wait(0.5):
        sent.append(time.time())
        os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt, daemon=True).start()
try:
    step()
except KeyboardInterrupt:
    caught.set()
    print("caught after", time.time() - sent[-1])
""", 900, how)
    assert result.returncode == 0, result.stderr
    assert float(result.stdout.split()[2]) < 0.8, result.stdout


@pytest.mark.parametrize("how", ["run", "iterator"])
def test_a_child_of_fork_gets_an_error_even_where_a_batch_is_ready(how):
    result = run_slow("""
step()
time.sleep(1)
child = os.fork()
if child == 0:
    try:
        step()
        os._exit(3)
    except varo.StateError as error:
        os._exit(0 if "child" in str(error) else 4)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
step()
print("fine")
""", 2, how)
    assert "fine" in result.stdout, result.stderr


@pytest.mark.parametrize("schedule", ["parallel", "serial", "shuffled"])
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_an_error_takes_its_batchs_place(numbered, schedule, depth):
    folder = numbered(8)
    with open(f"{folder}/0005.npy", "wb") as spoilt:
        spoilt.write(b"no array")
    it = GenericIterator(reading(folder, depth=depth, schedule=schedule), ["x"])
    pipe = reading(folder, depth=depth, schedule=schedule)
    for _ in range(3):
        seen = []
        for _ in range(4):
            try:
                seen += numbers(next(it))
            except varo.ReadError as error:
                seen.append("0005.npy" in str(error))
        assert seen == [[1, 2], [3, 4], True, [7, 8]]
        assert pipe.run()[0].as_array().flatten().tolist() == [1, 2]
        assert pipe.run()[0].as_array().flatten().tolist() == [3, 4]
        with pytest.raises(varo.ReadError, match="0005.npy"):
            pipe.run()
        assert pipe.run()[0].as_array().flatten().tolist() == [7, 8]


def test_several_pipelines_step_together(numbered):
    @varo.pipeline_def(batch_size=2, num_threads=1)
    def fed():
        return fn.external_source([np.full((2, 1), k, "int32") for k in range(3)], cycle="raise")

    with pytest.warns(DeprecationWarning):
        it = GenericIterator([reading(numbered(6)), fed()], ["x"], size=12)
    assert [numbers(step) for step in it] == [[[1, 2], [0, 0]], [[3, 4], [1, 1]], [[5, 6], [2, 2]]]


def spoilt(numbered, count, k):
    folder = numbered(count)
    with open(f"{folder}/{k:04d}.npy", "wb") as file:
        file.write(b"no array")
    return folder


def called(function, **options):
    """A pipeline of batches of 2 that holds function(iteration)."""
    pipe = varo.Pipeline(batch_size=2, num_threads=1, **options)
    with pipe:
        pipe.set_outputs(fn.external_source(lambda k: np.full((2, 1), function(k), "int32")))
    return pipe


def in_steps(it, count):
    """`count` steps, or in place of each the error."""
    seen = []
    for _ in range(count):
        try:
            seen.append(numbers(next(it)))
        except (varo.ReadError, KeyError, KeyboardInterrupt, StopIteration) as error:
            seen.append(type(error))
    return seen


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("first", [True, False])
def test_a_failed_step_is_one_of_every_pipeline(numbered, depth, first):
    pipes = [reading(numbered(8), depth=depth), reading(spoilt(numbered, 7, 3), depth=depth)]
    it = GenericIterator(pipes[::-1] if first else pipes, ["x"], size=16, last_batch_policy=LastBatchPolicy.DROP)
    whole, broken = [[1, 2], [3, 4], [5, 6], [7, 8]], [[1, 2], None, [5, 6], [7, 1]]
    expected = [varo.ReadError if b is None else [b, w] if first else [w, b] for w, b in zip(whole, broken)]
    assert in_steps(it, 5) == expected + [StopIteration], "the failed step counts"


def test_of_several_errors_in_a_step_the_first_pipelines_comes(numbered):
    pipes = [reading(numbered(4)), reading(spoilt(numbered, 6, 3)), reading(spoilt(numbered, 8, 4))]
    it = GenericIterator(pipes, ["x"], size=24)
    next(it)
    with pytest.raises(varo.ReadError, match="numbered_6"):
        next(it)
    assert numbers(next(it)) == [[1, 2], [5, 6], [5, 6]]


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("pipelines", [1, 2])
def test_an_error_of_a_source_takes_its_step(numbered, depth, pipelines):
    def source(k):
        if k in (2, 3):
            raise KeyError
        return k

    pipes = [called(source, prefetch_queue_depth=depth), reading(numbered(12))]
    pipes = pipes if pipelines == 2 else pipes[:1]
    it = GenericIterator(pipes[::-1], ["x"], size=12 * pipelines, prepare_first_batch=False)
    expected = [[[2 * k + 1, 2 * k + 2], [k, k]][-pipelines:] if k not in (2, 3) else KeyError for k in range(6)]
    assert in_steps(it, 7) == expected + [StopIteration]


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("order", [[0], [0, 1], [1, 0]])
def test_an_interrupt_of_a_source_costs_every_pipeline_the_step(numbered, depth, order):
    def source(k):
        if k in (2, 3):
            raise KeyboardInterrupt
        return k

    pipes = [called(source, prefetch_queue_depth=depth), reading(numbered(12))]
    it = GenericIterator([pipes[k] for k in order], ["x"], size=12 * len(order), prepare_first_batch=False)
    whole = [[[[k, k], [2 * k + 1, 2 * k + 2]][p] for p in order] for k in (0, 1, 4, 5)]
    steps = in_steps(it, 7)
    assert [s for s in steps if s is not KeyboardInterrupt] == whole + [StopIteration]
    assert steps.index(KeyboardInterrupt) == 3 - depth, "at once, before what is under way"


def test_an_interrupt_takes_no_batch_of_several_pipelines():
    result = run_slow("""
import numpy as np
counting = varo.Pipeline(batch_size=4, num_threads=1)
with counting:
    counting.set_outputs(fn.external_source(lambda k: np.full((4, 1), k, "int32")))
def interrupt(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, interrupt)
it = GenericIterator([counting, pipe], ["x"], size=80, prepare_first_batch=False)
for _ in range(2):
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    try:
        next(it)
        print("done before")
    except KeyboardInterrupt:
        print("interrupted")
print([next(it)[0]["x"].flatten().tolist()[0] for _ in range(3)])
""", 150, "none")
    assert result.stdout == "interrupted\ninterrupted\n[0, 1, 2]\n", result.stdout + result.stderr


def test_a_pipeline_that_ends_takes_no_batch_of_the_others(numbered):
    ends = varo.Pipeline(batch_size=2, num_threads=1)
    with ends:
        ends.set_outputs(fn.external_source([np.full((2, 1), k, "int32") for k in range(2)], cycle="raise"))
    it = GenericIterator([reading(numbered(8)), ends], ["x"], size=80)
    assert in_steps(it, 3) == [[[1, 2], [0, 0]], [[3, 4], [1, 1]], StopIteration]
    ends.reset()
    it.reset()
    assert in_steps(it, 3) == [[[5, 6], [0, 0]], [[7, 8], [1, 1]], StopIteration]


def test_the_last_batch_is_cut(numbered):
    it = GenericIterator([reading(numbered(5)), reading(numbered(5))], ["x"], reader_name="reader",
                         last_batch_policy=LastBatchPolicy.PARTIAL)
    assert [numbers(step) for step in it] == [[[1, 2]] * 2, [[3, 4]] * 2, [[5]] * 2]


def test_batches_that_vary_cannot_be_counted():
    @varo.pipeline_def(batch_size=2, num_threads=1)
    def define():
        return fn.external_source([np.zeros((n, 1), "int32") for n in (2, 1)], cycle=True)

    with pytest.warns(DeprecationWarning):
        it = GenericIterator(define(), ["x"], size=8)
    next(it)
    with pytest.raises(varo.ShapeError, match="1 samples"):
        next(it)


def test_iter_setup_is_called_before_every_iteration(numbered):
    folder = numbered(4)
    calls = []

    class Counting(varo.Pipeline):
        def define_graph(self):
            return fn.readers.numpy(file_root=folder)

        def iter_setup(self):
            calls.append(None)
            if len(calls) == 6:
                raise StopIteration

    it = GenericIterator(Counting(batch_size=2, num_threads=1, prefetch_queue_depth=3), ["x"])
    assert [numbers(step) for step in it] == [[[1, 2]], [[3, 4]], [[1, 2]], [[3, 4]], [[1, 2]]]


def test_outputs_are_checked(numbered):
    right = reading(numbered(4), output_dtype=types.INT32, output_ndim=1)
    assert numbers(next(GenericIterator(right, ["x"]))) == [[1, 2]]
    for wrong in (dict(output_dtype=types.FLOAT), dict(output_ndim=[2])):
        with pytest.raises(RuntimeError, match="output 0 has"):
            GenericIterator(reading(numbered(4), **wrong), ["x"])
        with pytest.raises(RuntimeError, match="output 0 has"):
            reading(numbered(4), **wrong).run()


def test_outputs_of_every_kind_in_one_step():
    @varo.pipeline_def(batch_size=2, num_threads=2, seed=1)
    def define():
        x = fn.random.uniform(range=(0, 1), shape=[2, 3])
        length = fn.random.uniform(range=(1, 1000), shape=[1], dtype=types.INT32)
        return x, fn.cast(x, dtype=types.BOOL), fn.random.uniform(range=(0, 1), shape=length)

    ragged = RaggedIterator(define(), ["real", "flag", "list"],
                            output_types=[RaggedIterator.DENSE_TAG] * 2 + [RaggedIterator.SPARSE_LIST_TAG])
    step = next(ragged)[0]
    assert step["real"].shape == (2, 2, 3) and step["real"].dtype == torch.float32
    assert torch.equal(step["flag"], step["real"] > 0.5) and step["flag"].dtype == torch.bool
    assert len(step["list"]) == 2 and step["list"][0].shape != step["list"][1].shape
    mixed = GenericIterator(define(), ["real", "flag", "list"])
    with pytest.raises(varo.ShapeError, match="the samples of output 'list' have different shapes"):
        next(mixed)


@pytest.mark.parametrize("fed", [False, True])
def test_what_is_not_asked_for_goes_back_to_the_pool(numbered, fed):
    def iterator():
        pipe = reading(numbered(4, shape=(64, 64), dtype="float32"))
        if fed:
            pipe = varo.Pipeline(batch_size=2, num_threads=2, prefetch_queue_depth=2)
            with pipe:
                batches = [np.stack([np.full((64, 64), k, "float32") for k in pair]) for pair in ((1, 2), (3, 4))]
                pipe.set_outputs(fn.external_source(batches, cycle=True))
        return GenericIterator(pipe, ["x"], size=1000)  # holds its first batch

    gc.disable()
    try:
        start = varo._core.pool_stats().in_use_bytes
        it = iterator()
        assert varo._core.pool_stats().in_use_bytes > start
        del it
        assert varo._core.pool_stats().in_use_bytes == start
        it = iterator()
        tensors = [next(it)[0]["x"] for _ in range(5)]
        del it
        assert [t[:, 0, 0].tolist() for t in tensors] == [[1, 2], [3, 4], [1, 2], [3, 4], [1, 2]]
        del tensors
        assert varo._core.pool_stats().in_use_bytes == start
    finally:
        gc.enable()


@pytest.mark.parametrize("fed", [False, True])
def test_an_iterator_that_has_raised_is_freed_without_the_collector(numbered, fed):
    def broken(k):
        raise KeyError(k)

    gc.disable()
    try:
        pipe = called(broken) if fed else reading(spoilt(numbered, 4, 3))
        it = GenericIterator([pipe], ["x"], size=1000, prepare_first_batch=False)
        assert in_steps(it, 2)[1] is (KeyError if fed else varo.ReadError)
        gone = weakref.ref(pipe)
        del it, pipe
        assert gone() is None
    finally:
        gc.enable()


def test_capsules_of_lists():
    core = varo._core
    every = (1 << 32) - 1
    same = core.TensorListCPU([np.full((2, 3), k, "int16") for k in range(3)])  # memory of three arrays
    assert core.dlpack_of(same, every) is None
    assert core.dlpack_of(core.TensorListCPU([np.zeros(2), np.zeros(3)]), every) is None
    assert core.dlpack_of(core.TensorListCPU([]), every) is None
    one = core.TensorListCPU([np.arange(6, dtype="int16").reshape(2, 3)])
    assert core.dlpack_of(one, every & ~(1 << int(types.INT16))) is None
    tensor = torch.from_dlpack(core.dlpack_of(one, 1 << int(types.INT16)))
    assert tensor.tolist() == [[[0, 1, 2], [3, 4, 5]]] and tensor.dtype == torch.int16
