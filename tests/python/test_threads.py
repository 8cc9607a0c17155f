# SPDX-License-Identifier: Apache-2.0
"""Limits of the process: threads that cannot be made, and stacks too small for the pipeline."""

import subprocess
import sys
import textwrap

import pytest


def run(program):
    """What a fresh process prints."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


LIMITED = """
    import resource, threading
    import numpy as np, varo
    from varo import fn

    def limit(mebibytes):
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        most = resource.RLIM_INFINITY if mebibytes is None else used + (mebibytes << 20)
        resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))

    def pipeline(**options):
        return varo.pipeline_def(lambda: fn.random.uniform(shape=[4]) + 1.0, batch_size=3, device_id=None, **options)()

    def attempt(**options):
        try:
            pipe = pipeline(**options)
            pipe.run()
            print("ran")
        except varo.StateError as error:
            print(" ".join(str(error).split()))
"""


def test_threads_that_cannot_be_made_are_an_error_that_says_how_many():
    first, second, third = run(LIMITED + """
    limit(200)
    attempt(num_threads=100)
    attempt(num_threads=2)
    limit(None)
    attempt(num_threads=100)
    """)
    assert "the worker threads could not be made" in first and "of 100" in first and "num_threads" in first
    had = int(first.split("got ")[1].split()[0])
    assert 1 <= had < 13
    assert (second, third) == ("ran", "ran")


def test_the_same_in_a_child_of_fork():
    lines = run(LIMITED + """
    import os
    pipeline(num_threads=2).run()
    for mebibytes in (100, 200):
        child = os.fork()
        if not child:
            limit(mebibytes)
            attempt(num_threads=100)
            attempt(num_threads=2)
            import sys; sys.stdout.flush()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    """)
    assert [line.startswith("the worker threads could not be made") for line in lines[::2]] == [True, True]
    assert lines[1::2] == ["ran", "ran"]


DEEP = """
    import threading, resource
    import varo
    from varo import fn

    def define():
        x = fn.random.uniform(shape=[2])
        for _ in range(950):
            x = fn.random.normal(x)  # nothing to fuse, and a value each
        return x

    def attempt(schedule):
        try:
            varo.pipeline_def(define, batch_size=1, num_threads=1, device_id=None, schedule=schedule)().run()
            print("ran")
        except varo.StateError as error:
            print(" ".join(str(error).split()))
"""


@pytest.mark.parametrize("schedule", ["serial", "shuffled", "reference"])
def test_a_long_chain_on_a_small_stack_is_an_error(schedule):
    small, large = run(DEEP + f"""
    for size in (1 << 20, 16 << 20):
        threading.stack_size(size)
        thread = threading.Thread(target=attempt, args=["{schedule}"])
        thread.start()
        thread.join()
    """)
    assert "stack" in small and "951 operators" in small and large == "ran"


def test_workers_have_stacks_of_their_own_size():
    assert run(DEEP + """
    import os
    resource.setrlimit(resource.RLIMIT_STACK, (1 << 20, resource.RLIM_INFINITY))
    attempt("parallel")
    import sys; sys.stdout.flush()
    child = os.fork()  # with threads that are not oneTBB's
    if not child:
        attempt("parallel")
        sys.stdout.flush()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    """) == ["ran", "ran"]
