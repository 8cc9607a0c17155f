# SPDX-License-Identifier: Apache-2.0
"""external_source: every form of source, and what becomes of wrong ones."""

import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import varo
from varo import fn
from varo.plugin.pytorch import GenericIterator

BATCH = 2


def numbers(start, count=BATCH, dtype=np.int32):
    return [np.full((2, 3), start + i, dtype) for i in range(count)]


def pipeline(source=None, **options):
    pipe = varo.Pipeline(batch_size=BATCH, num_threads=2, device_id=None, seed=1)
    with pipe:
        node = fn.external_source(source, name="data" if source is None else None, **options)
        pipe.set_outputs(node)
    pipe.build()
    return pipe


def firsts(pipe):
    """Element 0 of each sample of the next batch."""
    (data,) = pipe.run()
    return [int(np.asarray(data[i]).flat[0]) for i in range(len(data))]


def test_callable_gives_batches():
    batches = iter([numbers(0), numbers(10)])
    pipe = pipeline(lambda: next(batches))
    assert [firsts(pipe), firsts(pipe)] == [[0, 1], [10, 11]]


def test_callable_is_told_the_iteration():
    pipe = pipeline(lambda iteration: numbers(10 * iteration))
    assert [firsts(pipe) for _ in range(3)] == [[0, 1], [10, 11], [20, 21]]


def test_callable_gives_samples():
    pipe = pipeline(lambda info: np.array([info.idx_in_epoch]), batch=False)
    assert [firsts(pipe), firsts(pipe)] == [[0, 1], [2, 3]]


def test_iterable_ends_and_generator_function_cycles():
    pipe = pipeline([numbers(0)])
    assert firsts(pipe) == [0, 1]
    with pytest.raises(StopIteration):
        pipe.run()

    def generator():
        yield numbers(5)

    pipe = pipeline(generator, cycle="quiet")
    assert [firsts(pipe) for _ in range(3)] == [[5, 6]] * 3


def test_one_array_is_a_batch():
    assert firsts(pipeline(lambda: np.stack(numbers(7)))) == [7, 8]


def test_batches_may_be_smaller():
    assert firsts(pipeline(lambda: numbers(3, count=1))) == [3]


def test_several_outputs():
    pipe = varo.Pipeline(batch_size=BATCH, num_threads=1, device_id=None)
    with pipe:
        pipe.set_outputs(*fn.external_source(lambda: (numbers(0), numbers(5)), num_outputs=2))
    first, second = pipe.run()
    assert np.asarray(first[1]).flat[0] == 1 and np.asarray(second[1]).flat[0] == 6


def test_feed_input():
    pipe = pipeline()
    pipe.feed_input("data", numbers(4))
    assert firsts(pipe) == [4, 5]


def test_feeding_as_many_batches_as_asked_for_fills_no_queue():
    pipe = pipeline()
    counts, fed, seen = [], 0, []
    for _ in range(5):
        counts.append(pipe.input_feed_count("data"))
        for _ in range(counts[-1]):
            pipe.feed_input("data", numbers(10 * fed))
            fed += 1
        seen.append(firsts(pipe)[0])
    assert counts == [2, 1, 1, 1, 1] and seen == [0, 10, 20, 30, 40]
    with pytest.raises(varo.StateError, match="nothing"):
        pipe.input_feed_count("nothing")


def test_later_writes_to_the_array_do_not_show():
    array = np.zeros((BATCH, 4), np.float32)
    pipe = pipeline()
    pipe.feed_input("data", array)
    array[:] = 9
    assert firsts(pipe) == [0, 0]


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float16", "float64", "bool"])
def test_layout_dtype_and_values_arrive(dtype):
    sample = (np.arange(6).reshape(1, 2, 3) % 2).astype(dtype)
    pipe = pipeline(lambda: [sample, sample[:, ::-1]], layout="DHW")
    (data,) = pipe.run()
    assert data.layout() == "DHW"
    assert np.asarray(data[0]).dtype == dtype
    assert np.array_equal(np.asarray(data[1]), sample[:, ::-1])


@pytest.mark.parametrize("options, batch, error, words", [
    (dict(dtype=varo.types.FLOAT), numbers(0), varo.errors.ArgumentTypeError, ["int32", "float32"]),
    (dict(ndim=3), numbers(0), varo.errors.ShapeError, ["2 axes", "3 axes"]),
    (dict(layout="DHW"), numbers(0), varo.errors.VaroError, ["DHW"]),
])
def test_data_that_breaks_its_promise(options, batch, error, words):
    pipe = pipeline(lambda: batch, **options)
    with pytest.raises(error) as caught:
        pipe.run()
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_mistakes_in_the_source_reach_the_user():
    def broken():
        raise KeyError("no such volume")

    with pytest.raises(KeyError, match="no such volume"):
        pipeline(broken).run()


@pytest.mark.parametrize("options, error", [
    (dict(source=lambda: numbers(0), cycle=True), varo.errors.ParamError),
    (dict(source=5), varo.errors.ArgumentTypeError),
    (dict(source=None, cycle=True), varo.errors.ParamError),
    (dict(source=lambda a, b: None), TypeError),
])
def test_wrong_source_is_refused_when_declared(options, error):
    with pytest.raises(error):
        pipeline(**options)


def test_a_failure_comes_after_the_batches_before_it():
    def source(iteration):
        if iteration == 2:
            raise KeyError("volume 2")
        return numbers(10 * iteration)

    pipe = pipeline(source)
    assert [firsts(pipe), firsts(pipe)] == [[0, 1], [10, 11]]
    with pytest.raises(KeyError, match="volume 2"):
        pipe.run()


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("bad", ["raises", "size", "type", "axes", "none"])
def test_a_failure_costs_every_source_its_batch(numbered, depth, bad):
    """Sources with and without an index, a list and a reader, where the third batch of one of them is refused."""
    def wrong(k):
        if bad == "raises":
            raise KeyError("once")
        return {"size": numbers(0, count=1), "type": numbers(0, dtype=np.uint8), "axes": [np.zeros(3, np.int32)] * 2, "none": None}[bad]

    for broken in range(4):
        right = lambda k, source: wrong(k) if k == 2 and source == broken else numbers(2 * k)
        asked = iter(range(99))

        class Items:
            def __iter__(self):
                self.k = -1
                return self

            def __next__(self):
                self.k += 1
                return right(self.k, 2)

        sources = [lambda k: right(k, 0), lambda: right(next(asked), 1), Items(), [right(k, 4) for k in range(9)],
                   (right(k, 4) for k in range(9))]
        pipe = varo.Pipeline(batch_size=BATCH, num_threads=2, prefetch_queue_depth=depth)
        with pipe:
            values = [fn.external_source(s) for s in sources]
            ones = fn.external_source(lambda info: np.int32(2 * info.iteration + info.idx_in_batch) if broken < 3 or info.iteration != 2
                                      else wrong(2), batch=False)
            pipe.set_outputs(*values, ones, fn.readers.numpy(file_root=numbered(18)))
        seen = []
        for _ in range(6):
            try:
                batch = pipe.run()
                firsts = [[int(np.asarray(t).flat[0]) for t in o] for o in batch]
                assert all(f == firsts[0] for f in firsts[:-1]) and firsts[-1] == [v + 1 for v in firsts[0]], firsts
                seen.append(firsts[0][0] // 2)
            except (KeyError, varo.errors.VaroError):
                seen.append(None)
        assert seen == [0, 1, None, 3, 4, 5]


@pytest.mark.parametrize("depth", [1, 3])
def test_the_end_of_a_source_costs_no_source_a_batch(numbered, depth):
    ends = [numbers(2 * k) for k in range(3)]
    asked = []

    def plain():
        asked.append(None)
        return numbers(2 * (len(asked) - 1))

    pipe = varo.Pipeline(batch_size=BATCH, num_threads=1, prefetch_queue_depth=depth)
    with pipe:
        pipe.set_outputs(fn.external_source(plain), fn.external_source(iter([numbers(2 * k) for k in range(9)])),
                         fn.external_source(lambda k: numbers(2 * k)), fn.external_source(ends, cycle="raise"),
                         fn.readers.numpy(file_root=numbered(18)))
    seen = []
    for _ in range(3):
        with pytest.raises(StopIteration):
            while True:
                seen.append([int(np.asarray(o[0]).flat[0]) for o in pipe.run()])
        pipe.reset()
    assert seen == [[2 * k, 2 * k, 2 * (k % 3), 2 * (k % 3), 2 * k + 1] for k in range(9)]


@pytest.mark.parametrize("depth, pipelined", [(1, True), (2, True), (5, True), (3, False)])
def test_how_often_a_source_is_asked(depth, pipelined):
    asked = []
    pipe = varo.Pipeline(batch_size=BATCH, num_threads=1, prefetch_queue_depth=depth, exec_pipelined=pipelined)
    with pipe:
        pipe.set_outputs(fn.external_source(lambda k: asked.append(k) or numbers(k)))
    for k in range(1, 6):
        assert firsts(pipe)[0] == k - 1
        assert len(asked) == k + (depth if pipelined else 1) - 1


def test_a_source_may_use_its_memory_again():
    def generator():
        buffer = np.zeros(3, np.int32)
        for k in range(100):
            buffer[:] = k
            yield buffer

    pipe = pipeline(generator, batch=False)
    assert [firsts(pipe) for _ in range(3)] == [[0, 1], [2, 3], [4, 5]]


def test_a_source_cannot_step_its_own_pipeline():
    def source(k):
        if k == 1:
            pipe.run()
        return numbers(10 * k)

    pipe = pipeline(source)
    assert firsts(pipe) == [0, 1]
    with pytest.raises(varo.StateError, match="own sources"):
        pipe.run()
    assert firsts(pipe) == [20, 21]


def test_inputs_of_run_are_fed_all_or_none():
    pipe = varo.Pipeline(batch_size=BATCH, num_threads=1)
    with pipe:
        pipe.set_outputs(fn.external_source(name="a"), fn.external_source(name="b", ndim=2))
    for k in range(4):
        if k % 2:
            with pytest.raises(varo.ShapeError):
                pipe.run(a=numbers(99), b=[np.zeros(3, np.int32)] * 2)
            with pytest.raises(varo.StateError, match="no data"):
                pipe.run(a=numbers(10 * k))
            a, b = pipe.run(b=numbers(10 * k))
        else:
            a, b = pipe.run(a=numbers(10 * k), b=numbers(10 * k))
        assert int(np.asarray(a[0]).flat[0]) == int(np.asarray(b[0]).flat[0]) == 10 * k


def test_threads_take_turns(numbered):
    """Every batch goes to one of the threads that ask for them."""
    def take(step, count):
        taken = []

        def ask():
            for _ in range(count):
                taken.append(step())

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return taken

    pipe = pipeline(lambda k: time.sleep(0.0005) or numbers(2 * k))
    assert sorted(take(lambda: firsts(pipe)[0], 50)) == list(range(0, 400, 2))
    for fed in (False, True):
        pipe = varo.Pipeline(batch_size=BATCH, num_threads=2)
        with pipe:
            pipe.set_outputs(fn.external_source(lambda k: numbers(2 * k)) if fed else fn.readers.numpy(file_root=numbered(400)))
        it = GenericIterator(pipe, ["x"])
        assert sorted(take(lambda: int(next(it)[0]["x"][0].flatten()[0]), 50)) == list(range(0 if fed else 1, 400, 2))


def test_interrupts_leave_sources_in_step(numbered):
    """Signals at any moment of a run, of which sources and the loop around them see some."""
    result = subprocess.run([sys.executable, "-c", INTERRUPTED, numbered(600)], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    caught, steps = map(int, result.stdout.split())
    assert caught > 20 and steps > 50


INTERRUPTED = """
import random, signal, sys
import numpy as np
import varo
from varo import fn
B = 2
draw = random.Random(7)

def interrupt(*_):
    raise KeyboardInterrupt

def spin():
    return sum(range(draw.randrange(3000)))

class Stream:
    # Counts what was taken of it, wherever it is interrupted.
    def __init__(self):
        self.items = iter(range(10 ** 9))
    def __iter__(self):
        return self
    def __next__(self):
        k = next(self.items)
        spin()
        return [np.int32(k * B + i) for i in range(B)]

def by_index(k):
    spin()
    return [np.int32(k * B + i) for i in range(B)]

pipe = varo.Pipeline(batch_size=B, num_threads=2, prefetch_queue_depth=2)
with pipe:
    listed = [[np.int32(k * B + i) for i in range(B)] for k in range(3000)]
    samples = [np.int32(k) for k in range(6000)]
    pipe.set_outputs(fn.external_source(by_index), fn.external_source(listed), fn.external_source(samples, batch=False),
                     fn.readers.numpy(file_root=sys.argv[1]))
signal.signal(signal.SIGALRM, interrupt)
caught = steps = 0
last = -1
for _ in range(400):
    try:
        signal.setitimer(signal.ITIMER_REAL, draw.uniform(0.0001, 0.002))
        while True:
            a, b, c, d = [[int(np.asarray(t).flat[0]) for t in o] for o in pipe.run()]
            assert a == b == c == [(v - 1) for v in d] or d[0] - 1 == a[0] % 600 and a == b == c, (a, b, c, d)
            assert a[0] > last
            last = a[0]
            steps += 1
            if last > 5000:
                break
    except KeyboardInterrupt:
        caught += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    if last > 5000:
        break
print(caught, steps)
"""


def test_iter_setup_may_end_the_epoch():
    class Fed(varo.Pipeline):
        def define_graph(self):
            self.data = fn.external_source(name="data")
            return self.data

        def iter_setup(self):
            self.feed_input("data", next(self.batches))

    pipe = Fed(batch_size=BATCH, num_threads=1, device_id=None)
    for _ in range(2):
        pipe.batches = iter([numbers(0), numbers(10)])
        assert [firsts(pipe), firsts(pipe)] == [[0, 1], [10, 11]]
        with pytest.raises(StopIteration):
            pipe.run()
        pipe.reset()


def test_memory_that_is_not_copied_is_let_go_when_the_batch_is_done():
    gone = []

    class Volume(np.ndarray):
        def __del__(self):
            gone.append(None)

    def source():
        return [np.zeros((4, 4), np.float32).view(Volume) for _ in range(BATCH)]

    pipe = pipeline(source, no_copy=True)
    pipe.run()
    deadline = time.time() + 20
    while len(gone) < 2 * BATCH and time.time() < deadline:  # also those of batches not taken yet
        time.sleep(0.01)
    assert len(gone) >= 2 * BATCH


def test_several_outputs_fed_by_hand():
    @varo.pipeline_def(batch_size=2, num_threads=1, prefetch_queue_depth=1)
    def define():
        one, two = fn.external_source(num_outputs=2, cycle=False, layout=["W", "H"])
        fn.external_source(lambda: [np.zeros(1)] * 2, preserve=True)
        return one, two * 2

    pipe = define()
    pipe.build()
    names = list(pipe._feeding.manual)
    for k in range(3):
        for name in names:
            pipe.feed_input(name, [np.full(3, k + 10 * names.index(name), "float32")] * 2)
        one, two = pipe.run()
        assert np.array_equal(one.as_array(), np.full((2, 3), k)) and np.array_equal(two.as_array(), np.full((2, 3), 2 * (k + 10)))
        assert one.layout() == "W" and two.layout() == "H"
    with pytest.raises(varo.ParamError, match="cycle needs a source"):
        varo.pipeline_def(lambda: fn.external_source(cycle="quiet"), batch_size=1, num_threads=1)()
