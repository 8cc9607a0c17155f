# SPDX-License-Identifier: Apache-2.0
"""Functions of the user's in the middle of a pipeline."""

import gc
import os
import subprocess
import sys
import textwrap
import threading
import time
import traceback

import numpy as np
import pytest
import varo
from varo import fn, ops, types

SCHEDULES = [dict(num_threads=3, prefetch_queue_depth=3), dict(num_threads=1, schedule="shuffled", shuffle_seed=3),
             dict(num_threads=1, schedule="serial"), dict(num_threads=1, schedule="reference")]


def pipeline(define, batch_size=3, **options):
    options = {"num_threads": 2, "seed": 4, "device_id": None, **options}
    return varo.pipeline_def(define, batch_size=batch_size, **options)()


def run(define, batch_size=3, iterations=1, **options):
    pipe = pipeline(define, batch_size, **options)
    return [tuple([np.array(t) for t in out] for out in pipe.run()) for _ in range(iterations)]


def numbered(batch_size=3, shape=(2, 3), dtype="float32"):
    return fn.external_source(lambda i: [np.full(shape, n + i * batch_size, dtype) for n in range(batch_size)], layout="HW"[2 - len(shape):])


@pytest.mark.parametrize("options", SCHEDULES)
def test_each_sample_in_order(options):
    seen = []

    def double(x, y):
        seen.append(int(x.flat[0]))
        return x * 2 + y, x.shape[0], {7: 1}[7]

    def define():
        x = numbered() + 1.0
        a, b, c = fn.python_function(x, np.float32([1, 2, 3]), function=double, num_outputs=3, output_layouts=["HW", "", ""])
        return fn.flip(a, horizontal=1), b, c

    for i, (a, b, c) in enumerate(run(define, 3, 4, **options)):
        for n in range(3):
            assert np.array_equal(a[n], ((n + 3 * i + 1) * 2 + np.float32([[1, 2, 3]] * 2))[:, ::-1])
            assert (b[n], c[n]) == (2, 1)
    assert seen[:12] == list(range(1, 13)), "one call at a time, batch after batch"


@pytest.mark.parametrize("options", SCHEDULES)
def test_whole_batches(options):
    def spread(xs, ys):
        assert len(xs) == len(ys) == 3 and isinstance(xs, list)
        mean = np.mean([x.mean() for x in xs])
        return [x - mean for x in xs], np.stack(ys)

    def define():
        x = numbered()
        return fn.python_function(x, fn.cast(x, dtype=types.UINT8), function=spread, num_outputs=2, batch_processing=True)

    for i, (a, b) in enumerate(run(define, 3, 3, **options)):
        assert [x[0, 0] for x in a] == [-1, 0, 1]
        assert all(y.dtype == np.uint8 and (y == n + 3 * i).all() for n, y in enumerate(b))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "uint64", "float16", "float64"])
@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 5), (2, 0, 4), (1, 2, 3, 4)])
def test_every_type_and_shape_goes_in_and_out(dtype, shape):
    source = np.arange(int(np.prod(shape))).reshape(shape).astype(dtype)
    ((out,),) = run(lambda: fn.python_function(fn.external_source(lambda: [source] * 2), function=lambda x: x[..., ::-1] if x.ndim else x), 2)
    assert out[0].dtype == source.dtype and np.array_equal(out[0], source[..., ::-1] if shape else source)


def test_what_it_keeps_and_changes_is_its_own():
    kept, returned = [], []

    def meddle(x):
        x += 1  # in place
        kept.append(x)
        result = x.copy()
        returned.append(result)
        result_view = result[:1]
        for old in returned[:-1]:
            old[:] = -1  # what it returned before
        return x, result_view

    def define():
        x = numbered(2)
        a, b = fn.python_function(x, function=meddle, num_outputs=2)
        return x, a, b

    batches = run(define, 2, 5, prefetch_queue_depth=3)
    gc.collect()
    for i, (x, a, b) in enumerate(batches):
        for n in range(2):
            k = n + 2 * i
            assert (x[n] == k).all() and (a[n] == k + 1).all() and (b[n] == k + 1).all()
            assert (kept[k] == k + 1).all()


def test_an_error_takes_the_place_of_its_batch_with_its_traceback_and_file(tmp_path):
    files = []
    for n in range(6):
        files.append(str(tmp_path / f"{n}.npy"))
        np.save(files[-1], np.full(2, n, "float32"))

    def fails_at_three(x):
        if x[0] == 3:
            raise KeyError("three")
        return x

    pipe = pipeline(lambda: fn.python_function(fn.readers.numpy(files=files), function=fails_at_three), 2, prefetch_queue_depth=3)
    assert [int(t[0]) for t in map(np.array, pipe.run()[0])] == [0, 1]
    with pytest.raises(KeyError) as caught:
        pipe.run()
    text = "".join(traceback.format_exception(caught.type, caught.value, caught.tb))
    assert "fails_at_three" in text
    if hasattr(caught.value, "__notes__"):
        assert files[3] in text and "fails_at_three" in text
    assert [int(t[0]) for t in map(np.array, pipe.run()[0])] == [4, 5]
    assert [int(t[0]) for t in map(np.array, pipe.run()[0])] == [0, 1]


@pytest.mark.parametrize("function, outputs, error, text", [
    (lambda x: None, 1, varo.ArgumentTypeError, "NoneType"),
    (lambda x: (x, x), 3, varo.ShapeError, "3 results"),
    (lambda x: x, 2, varo.ShapeError, "2 results"),
    (lambda x: next(iter(())), 1, RuntimeError, "StopIteration"),
    (lambda x: x.astype("uint8") if x.flat[0] else x, 1, varo.ArgumentTypeError, "uint8"),
    (lambda x: x[0] if x.flat[0] else x, 1, varo.ShapeError, "differ in output 0")])
def test_what_it_must_not_return(function, outputs, error, text):
    define = lambda: fn.python_function(numbered(), function=function, num_outputs=outputs)
    with pytest.raises(error, match=text):
        run(define)


def test_layouts_and_counts_are_checked():
    for options, error in ((dict(num_outputs=2, output_layouts=["HW"]), varo.LayoutError), (dict(num_outputs=65), varo.ParamError),
                           (dict(num_outputs=1.5), varo.ParamError)):
        with pytest.raises(error):
            pipeline(lambda: fn.python_function(numbered(), function=lambda x: x, **options))
    with pytest.raises(varo.ArgumentTypeError, match="callable"):
        pipeline(lambda: fn.python_function(numbered(), function=3))
    with pytest.raises(varo.LayoutError, match="DHW"):
        run(lambda: fn.python_function(numbered(), function=lambda x: x, output_layouts="DHW"))


def test_it_runs_for_the_samples_of_its_branch_alone():
    calls = []

    def counted(x):
        calls.append(int(x.flat[0]))
        return x * 10

    def define():
        x = numbered(4)
        condition = fn.external_source(lambda i: np.int32([0, 1, 1, 0]))
        return fn.flow.merge(condition, fn.python_function(x, function=counted, output_layouts="HW"), x)

    for i, (out,) in enumerate(run(define, 4, 3, prefetch_queue_depth=2)):
        assert [int(x[0, 0]) for x in out] == [4 * i, 10 * (4 * i + 1), 10 * (4 * i + 2), 4 * i + 3]
    assert calls[:6] == [1, 2, 5, 6, 9, 10]


def test_results_that_nobody_reads_are_made_all_the_same():
    seen, pure = [], []

    def define():
        x = numbered(2)
        assert fn.python_function(x, function=lambda a: seen.append(int(a.flat[0])), num_outputs=0) is None
        fn.flip(fn.python_function(x, function=lambda a: pure.append(1) or a, output_layouts="HW"))
        return x

    run(define, 2, 3, prefetch_queue_depth=1)
    assert seen[:6] == [0, 1, 2, 3, 4, 5] and len(pure) >= 6


@pytest.mark.parametrize("options", SCHEDULES)
def test_results_that_nobody_reads_in_a_branch_are_made_for_its_samples(options):
    seen, others, inner = [], [], []

    def define():
        x = numbered(4)
        if fn.external_source(lambda i: np.int32([0, 1, 1, 0])):
            fn.python_function(x, function=lambda a: seen.append(int(a.flat[0])), num_outputs=0)
            if fn.external_source(lambda i: np.int32([1, 1, 0, 0])):
                fn.python_function(x, function=lambda a: inner.append(int(a.flat[0])), num_outputs=0)
        else:
            fn.python_function(fn.permute_batch(x, indices=[1, 0]), function=lambda a: others.append(int(a.flat[0])), num_outputs=0)
        return x

    run(define, 4, 2, enable_conditionals=True, **{**options, "prefetch_queue_depth": 1})
    assert seen[:4] == [1, 2, 5, 6] and inner[:2] == [1, 5] and others[:4] == [3, 0, 7, 4]


def test_several_functions_take_turns():
    log = []

    def define():
        x = fn.python_function(numbered(2), function=lambda x: log.append("a") or x)
        return fn.python_function(fn.gaussian_blur(fn.reshape(x, layout="HW"), sigma=1.0), function=lambda x: log.append("b") or x)

    run(define, 2, 4, num_threads=4, prefetch_queue_depth=3)
    assert "".join(log)[:16] == "aabb" * 4


def test_the_training_step_overlaps():
    def slow(x):
        time.sleep(0.03)
        return x

    pipe = pipeline(lambda: fn.python_function(numbered(1), function=slow), 1, prefetch_queue_depth=2)
    pipe.run()
    begin = time.monotonic()
    for _ in range(5):
        time.sleep(0.04)  # the step
        pipe.run()
    assert time.monotonic() - begin < 5 * 0.04 + 0.1, "0.35 s if one waited for the other"


def test_one_thread_of_its_own_which_goes_with_the_pipeline():
    threads = set()

    def count():
        return int(next(line for line in open("/proc/self/status") if line.startswith("Threads:")).split()[1])

    gc.collect()
    local = threading.local()

    def remembering(x):
        threads.add(threading.get_ident())
        local.calls = getattr(local, "calls", 0) + 1
        return np.int64(local.calls)

    pipe = pipeline(lambda: fn.python_function(numbered(2), function=remembering), 2)
    calls = [int(np.array(t)) for _ in range(4) for t in pipe.run()[0]]
    assert calls == list(range(1, 9)) and len(threads) == 1 and threading.get_ident() not in threads
    during = count()
    del pipe
    gc.collect()
    assert count() == during - 1


def test_asking_its_own_pipeline_for_a_batch_is_an_error_and_another_one_is_not():
    other = pipeline(lambda: numbered(1), 1)
    held = []

    def ask(x):
        return np.array(other.run()[0][0]) + x

    ((out,),) = run(lambda: fn.python_function(numbered(2), function=ask), 2)
    assert [int(o[0, 0]) for o in out] == [0, 2]

    def recursive(x):
        held[0].run()

    held.append(pipeline(lambda: fn.python_function(numbered(2), function=recursive), 2))
    with pytest.raises(varo.StateError, match="of this pipeline"):
        held[0].run()
    held.clear()


def test_a_pipeline_that_is_dropped_while_its_function_runs():
    for dropped_inside in (False, True):
        entered, pipes = threading.Event(), []

        def function(x):
            entered.set()
            if dropped_inside:
                while pipes:
                    time.sleep(0.001)
                gc.collect()
            else:
                time.sleep(0.05)
            return x

        pipes.append(pipeline(lambda: fn.python_function(numbered(2), function=function), 2))
        pipes[0].build()
        if dropped_inside:
            pipes[0].schedule_run()
            entered.wait()
            pipes.clear()
            time.sleep(0.02)
        else:
            pipes[0].schedule_run()
            entered.wait()
            pipes.clear()
        gc.collect()


def test_as_a_class_and_at_once():
    twice = ops.PythonFunction(lambda x: x * 2)
    ((out,),) = run(lambda: twice(numbered(2)), 2)
    assert (out[1] == 2).all()
    assert np.array_equal(np.array(fn.python_function(np.float32([1, 2]), function=lambda x: x + 1)), [2, 3])


def child(program):
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=30, env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)))
    return done.returncode, done.stdout, done.stderr


PROGRAM = """
    import os, signal, sys, threading, time
    import numpy as np, varo
    from varo import fn

    def make(function, batch_size=2):
        return varo.pipeline_def(lambda: fn.python_function(fn.external_source(lambda i: [np.float32([i])] * batch_size), function=function),
                                 batch_size=batch_size, num_threads=2, device_id=None)()
"""


def test_a_process_ends_while_a_function_runs():
    code, out, err = child(PROGRAM + """
    pipe = make(lambda x: time.sleep(0.2) or x)
    pipe.schedule_run()
    time.sleep(0.05)
    print("end")
    """)
    assert (code, out.strip(), err) == (0, "end", "")


def test_ctrl_c_comes_through_while_a_function_runs():
    code, out, err = child(PROGRAM + """
    pipe = make(lambda x: time.sleep(0.6) or x)
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    begin = time.monotonic()
    try:
        pipe.run()
    except KeyboardInterrupt:
        print(time.monotonic() - begin < 0.5)
    print(int(np.array(pipe.run()[0][0])[0]))
    """)
    assert code == 0 and out.split()[0] == "True", err


def test_a_function_that_forks_and_returns_in_the_child():
    code, out, err = child(PROGRAM + """
    def forks(x):
        child = os.fork()
        if child:
            os.waitpid(child, 0)
        return x
    print(int(np.array(make(forks, 1).run()[0][0])[0]))
    """)
    assert (code, out.strip()) == (0, "0") and "forked" in err


torch = pytest.importorskip("torch")


@pytest.mark.parametrize("dtype", ["bool", "uint8", "float32", "int64"])
def test_torch_tensors(dtype):
    from varo.plugin.pytorch import fn as torch_fn

    def add(x, y):
        assert isinstance(x, torch.Tensor)
        x[0] = y[0]
        return torch.stack([x, y]).transpose(0, 1), x.requires_grad

    define = lambda: torch_fn.torch_python_function(fn.cast(numbered(2), dtype=dtype),
                                                    np.zeros((2, 3), dtype), function=add, num_outputs=2)
    ((a, b),) = run(define, 2)
    for n in range(2):
        x = np.full((2, 3), n).astype(dtype)
        x[0] = 0
        assert a[n].dtype == np.dtype(dtype) and np.array_equal(a[n], np.stack([x, np.zeros((2, 3), dtype)]).swapaxes(0, 1)) and not b[n]
