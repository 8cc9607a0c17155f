# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: whatever the moment, what comes after one is what would have come."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
import varo
from varo import fn

torch = pytest.importorskip("torch")
from varo.plugin.pytorch import GenericIterator, LastBatchPolicy  # noqa: E402

SAVED = dict(num_threads=2, prefetch_queue_depth=3)
RESUMED = dict(num_threads=1, prefetch_queue_depth=1)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    for n in range(7):
        np.save(folder / f"{n}.npy", np.full((2, 3), n, "float32"))
    return str(folder)


class Counter:
    """A source that remembers where it is."""

    def __init__(self, end=None):
        self.at, self.end = 0, end

    def __call__(self):
        if self.at == self.end:
            raise StopIteration
        self.at += 1
        return [np.float32([self.at, n]) for n in range(2)]

    def state_dict(self):
        return {"at": self.at}

    def load_state_dict(self, state):
        self.at = state["at"]


def items(n=5):
    return [[np.float32([10 * k + s]) for s in range(2)] for k in range(n)]


# What a pipeline reads, by name; each gives nodes.
SOURCES = {
    "shuffled": lambda files: [fn.readers.numpy(file_root=files, random_shuffle=True, initial_fill=3, seed=5, name="r")],
    "anew": lambda files: [fn.readers.numpy(file_root=files, shuffle_after_epoch=True, name="r")],
    "shard": lambda files: [fn.readers.numpy(file_root=files, random_shuffle=True, shard_id=1, num_shards=2, name="r", seed=1)],
    "padded shard": lambda files: [fn.readers.numpy(file_root=files, shard_id=0, num_shards=3, pad_last_batch=True, stick_to_shard=True, name="r")],
    "two readers": lambda files: [fn.readers.numpy(file_root=files, random_shuffle=True, seed=2, name="r"),
                                  fn.readers.numpy(file_root=files, random_shuffle=True, seed=2, lazy_init=True)],
    "pairs": lambda files: list(fn.readers.numpy(file_root=files, files={"a": "{case}.npy", "b": "{case}.npy"}, random_shuffle=True, name="r")),
    "index": lambda files: [fn.external_source(lambda i: [np.float32([i, n]) for n in range(2)])],
    "samples": lambda files: [fn.external_source(lambda info: np.float32([info.idx_in_epoch, info.iteration, info.epoch_idx]), batch=False)],
    "list": lambda files: [fn.external_source(items(), cycle="quiet")],
    "array": lambda files: [fn.external_source(np.arange(30, dtype="float32").reshape(5, 2, 3), cycle=True)],
    "stateful": lambda files: [fn.external_source(Counter())],
    "stateful and a reader": lambda files: [fn.external_source(Counter()), fn.readers.numpy(file_root=files, random_shuffle=True, name="r")],
}


def make(files, source, checkpoint=None, enable_checkpointing=True, **options):
    @varo.pipeline_def(device_id=None, enable_checkpointing=enable_checkpointing, checkpoint=checkpoint,
                       enable_conditionals=True, **{"batch_size": 2, "seed": 3, **RESUMED, **options})
    def define():
        nodes = SOURCES[source](files)
        x = fn.cast(nodes[0], dtype="float32") + fn.random.uniform(range=(0, 1))
        if fn.random.coin_flip(dtype="bool"):
            x = x * 2.0 + fn.random.normal()
        return [x, fn.permute_batch(x, indices=fn.batch_permutation()), fn.random.coin_flip(), *nodes[1:]]

    return define()


def step(pipe):
    return b"".join(np.array(t).tobytes() for out in pipe.run() for t in out)


def steps(pipe, count):
    return [step(pipe) for _ in range(count)]


@pytest.mark.parametrize("source", SOURCES)
def test_the_rest_is_the_same_whatever_the_moment(files, source):
    whole = steps(make(files, source, enable_checkpointing=False, **SAVED), 15)
    pipe = make(files, source, **SAVED)
    for k in range(10):
        saved = pipe.checkpoint()
        assert saved == pipe.checkpoint()
        resumed = make(files, source, saved)
        assert steps(resumed, 4) == whole[k:k + 4]
        assert resumed.is_restored_from_checkpoint and not pipe.is_restored_from_checkpoint
        again = make(files, source, resumed.checkpoint(), **SAVED)  # of one that has itself gone on
        assert step(again) == whole[k + 4]
        assert step(pipe) == whole[k]


@pytest.mark.parametrize("source", ["stateful", "list", "index"])
def test_epochs_that_end_and_begin_again(files, source):
    """StopIteration and reset() are in the order of things, too."""
    sources = {"stateful": lambda: Counter(3), "list": lambda: items(3), "index": lambda: ended_at_three}

    def ended_at_three(k):
        if k == 3:
            raise StopIteration
        return [np.float32([k, n]) for n in range(2)]

    def make_ending(checkpoint=None, **options):
        kind = dict(cycle="raise") if source == "list" else {}

        @varo.pipeline_def(batch_size=2, device_id=None, enable_checkpointing=True, checkpoint=checkpoint, seed=1, **options)
        def define():
            return fn.external_source(sources[source](), **kind) + fn.random.uniform()

        return define()

    def events(pipe, count):
        found = []
        for _ in range(count):
            try:
                found.append(step(pipe))
            except StopIteration:
                found.append("end")
                pipe.reset()
        return found

    count = 9 if source != "stateful" else 4
    whole = events(make_ending(**RESUMED), count)
    assert whole[3] == "end"
    for k in range(count):
        pipe = make_ending(**SAVED)
        assert events(pipe, k) == whole[:k]
        assert events(make_ending(pipe.checkpoint(), **RESUMED), count - k) == whole[k:], k


def test_seeds_that_were_drawn_go_along(files):
    pipe = make(files, "shuffled", seed=None)
    steps(pipe, 3)
    resumed = make(files, "shuffled", pipe.checkpoint(), seed=None)
    assert step(resumed) == step(pipe)
    assert resumed.seed == pipe.seed and pipe.seed >= 0


def sampled(files, checkpoint=None, batch_size=2, source="shuffled"):
    @varo.pipeline_def(batch_size=batch_size, device_id=None, seed=3, enable_checkpointing=True, checkpoint=checkpoint, **RESUMED)
    def define():
        (x,) = SOURCES[source](files)
        return x + fn.random.uniform()

    return define()


@pytest.mark.parametrize("source", ["shuffled", "anew", "shard", "samples"])
def test_another_batch_size_where_nothing_depends_on_it(files, source):
    one = lambda pipe, count: b"".join(steps(pipe, count))
    pipe = sampled(files, source=source)
    steps(pipe, 3)
    rest = one(sampled(files, pipe.checkpoint(), source=source), 3)
    for batch_size in (1, 3, 6):
        if source == "samples" and batch_size != 1:
            continue  # what it is told of the iteration differs
        resumed = sampled(files, pipe.checkpoint(), batch_size, source)
        if source == "samples":
            resumed.run()
            continue
        assert one(resumed, 6 // batch_size) == rest


@pytest.mark.parametrize("source, text", [("index", "whole batches"), ("shuffled", "batch_permutation")])
def test_another_batch_size_where_something_depends_on_it(files, source, text):
    saved = make(files, source).checkpoint()
    with pytest.raises(varo.ParamError, match=text) as caught:
        make(files, source, saved, batch_size=3).build()
    assert "2" in str(caught.value) and "3" in str(caught.value)


def test_what_does_not_fit_is_named(files, tmp_path):
    pipe = sampled(files)
    steps(pipe, 2)
    saved = pipe.checkpoint()

    def other(define, text, **options):
        with pytest.raises(varo.ParamError, match=text):
            varo.pipeline_def(define, batch_size=2, num_threads=1, device_id=None, checkpoint=saved, **{"seed": 3, **options})().build()

    reader = lambda **more: fn.readers.numpy(**{**dict(file_root=files, random_shuffle=True, initial_fill=3, seed=5, name="r"), **more})
    other(lambda: reader() + fn.random.uniform(range=(0, 2)), r"range=\[0, 2\]")
    other(lambda: reader(initial_fill=4) + fn.random.uniform(), "initial_fill=4")
    other(lambda: fn.flip(reader() + fn.random.uniform(), horizontal=1), "another graph")
    other(lambda: reader() + fn.random.uniform(), "seed", seed=4)
    for n in range(7):
        np.save(tmp_path / f"{n if n != 4 else 44}.npy", np.zeros((2, 3), "float32"))
    other(lambda: reader(file_root=str(tmp_path)) + fn.random.uniform(), "44.npy")
    (tmp_path / "0.npy").unlink()
    other(lambda: reader(file_root=str(tmp_path)) + fn.random.uniform(), "6 files")
    # The same files elsewhere are the same files.
    for n in range(7):
        np.save(tmp_path / f"{n}.npy", np.full((2, 3), n, "float32"))
    (tmp_path / "44.npy").unlink()
    assert steps(sampled(str(tmp_path), saved), 3) == steps(pipe, 3)


def test_texts_that_are_no_checkpoints(files):
    pipe = sampled(files)
    saved = pipe.checkpoint()
    content = json.loads(saved)
    assert content["varo_checkpoint"] == 1
    damaged = json.dumps({**content, "sample": content["sample"] + 1})
    wrong = [b"", "{}", "[1]", saved[:-20], saved[:40], damaged, json.dumps({**content, "varo_checkpoint": 2}), "nonsense", "[" * 100000]
    rng = np.random.default_rng(0)
    for _ in range(200):  # one byte changed
        bad = bytearray(saved)
        bad[rng.integers(len(bad))] ^= 1 << rng.integers(8)
        wrong.append(bytes(bad))
    for text in wrong:
        with pytest.raises(varo.ParamError, match="checkpoint"):
            sampled(files, text).build()
    with pytest.raises(varo.ParamError, match="int"):
        sampled(files, 3)
    assert step(sampled(files, saved.decode())) == step(pipe)


@pytest.mark.parametrize("source, text", [((x for x in items()), "generator"), (lambda: items()[0], "without a parameter"),
                                          (iter(items()), "no list")])
def test_sources_that_cannot_be_found_again_are_refused(source, text):
    @varo.pipeline_def(batch_size=2, num_threads=1, device_id=None, enable_checkpointing=True)
    def define():
        return fn.external_source(source)

    with pytest.raises(varo.ParamError, match=text):
        define().build()


def test_it_must_be_asked_for(files):
    with pytest.raises(varo.StateError, match="enable_checkpointing"):
        make(files, "shuffled", enable_checkpointing=False).checkpoint()


def test_a_file_is_replaced_whole(files, tmp_path):
    pipe = sampled(files)
    for _ in range(3):
        assert pipe.checkpoint(tmp_path / "c.json") == (tmp_path / "c.json").read_bytes()
        rest = step(pipe)
        assert step(sampled(files, (tmp_path / "c.json").read_bytes())) == rest
    assert os.listdir(tmp_path) == ["c.json"]
    with pytest.raises(OSError):
        pipe.checkpoint(tmp_path / "no" / "c.json")


def test_errors_and_lost_batches_keep_their_place():
    def source(k):
        if k == 2:
            raise KeyError(k)
        return [np.int64([k])] * 2

    def make_one(checkpoint=None, **options):
        return varo.pipeline_def(lambda: fn.external_source(source) + fn.random.uniform(), batch_size=2, device_id=None, seed=1,
                                 enable_checkpointing=True, checkpoint=checkpoint, **options)()

    def events(pipe, count):
        found = []
        for _ in range(count):
            try:
                found.append(step(pipe))
            except KeyError:
                found.append("error")
        return found

    whole = events(make_one(**RESUMED), 6)
    assert whole[2] == "error" and "error" not in whole[3:]
    for k in range(6):
        pipe = make_one(**SAVED)
        events(pipe, k)
        assert events(make_one(pipe.checkpoint(), **RESUMED), 6 - k) == whole[k:], k


# --- ranks ----------------------------------------------------------------------------------------

def of_rank(files, rank, ranks, **options):
    @varo.pipeline_def(batch_size=2, device_id=None, seed=3, **RESUMED, **options)
    def define():
        x = fn.readers.numpy(file_root=files, random_shuffle=True, seed=7, shard_id=rank, num_shards=ranks)
        return x[0, 0], fn.random.uniform(), fn.random.uniform(seed=9)

    return define()


def test_ranks_have_one_order_and_draws_of_their_own(files):
    def drawn(**options):
        return [np.array([[np.array(t) for t in out] for out in of_rank(files, rank, 2, **options).run()]) for rank in range(2)]

    ours, common = drawn(), drawn(common_draws=True)
    assert not np.any(ours[0][1:] == ours[1][1:])
    assert np.array_equal(common[0][1:], common[1][1:]) and np.array_equal(ours[0], common[0])
    alone = np.array([[np.array(t) for t in out] for out in of_rank(files, 0, 1).run()])
    assert np.array_equal(alone[1:], common[0][1:]), "one rank draws what it always drew"
    orders = [np.concatenate([[float(np.array(t)) for t in pipe.run()[0]] for _ in range(2)]) for pipe in
              (of_rank(files, rank, 2) for rank in range(2))]
    assert len({*orders[0][:3], *orders[1][:4]}) == 7, "shards of one order"


# --- iterators ------------------------------------------------------------------------------------

def iterator(files, checkpoints=None, ranks=1, batch_size=2, pad=False, stick=False, options=RESUMED, **more):
    pipes = []
    for rank in range(ranks):
        @varo.pipeline_def(batch_size=batch_size, device_id=None, seed=3, enable_checkpointing=True,
                           checkpoint=checkpoints and checkpoints[rank], **options)
        def define():
            x = fn.readers.numpy(file_root=files, random_shuffle=True, seed=7, shard_id=rank, num_shards=ranks, name="r",
                                 pad_last_batch=pad, stick_to_shard=stick)
            return x + fn.random.uniform()

        pipes.append(define())
    return GenericIterator(pipes, ["x"], reader_name="r", **more)


def walk(it, count, reset=True):
    """So many events: steps as bytes, and ends of epochs."""
    found = []
    while len(found) < count:
        try:
            for taken in it:
                found.append(b"".join(d["x"].numpy().tobytes() for d in taken))
                if len(found) == count:
                    return found
        finally:
            pass
        found.append("end")
    return found


POLICIES = [dict(last_batch_policy=p, pad=pad, ranks=ranks, auto_reset=auto) for p in LastBatchPolicy for pad in (False, True)
            for ranks in (1, 2) for auto in (False, True)]


@pytest.mark.parametrize("how", POLICIES, ids=lambda h: "-".join(str(getattr(v, "name", v)) for v in h.values()))
def test_iterators_go_on_at_every_step_of_several_epochs(files, how):
    whole = walk(iterator(files, options=SAVED, **how), 13)
    assert "end" in whole[3:]
    for k in range(0, 13, 1 if how["ranks"] == 1 else 3):
        it = iterator(files, options=SAVED, **how)
        if k:
            walk(it, k)
        saved = it.checkpoints()
        rest = whole[k:]
        assert walk(iterator(files, saved, **how), len(rest)) == rest, k
        state = json.loads(json.dumps(it.state_dict()))
        fresh = iterator(files, **how)
        walk(fresh, 2)
        fresh.load_state_dict(state)
        assert walk(fresh, len(rest)) == rest, k


def test_iterators_refuse_what_is_of_another(files):
    it = iterator(files)
    walk(it, 2)
    state = it.state_dict()
    for more, text in ((dict(auto_reset=True), "auto_reset"), (dict(last_batch_policy=LastBatchPolicy.DROP), "policy"),
                       (dict(ranks=2), "pipelines"), (dict(pad=True), "pad_last_batch")):
        other = iterator(files, **more)
        before = walk(other, 1)
        with pytest.raises(varo.ParamError, match=text):
            other.load_state_dict(state)
        assert walk(iterator(files, **more), 1) == before
    with pytest.raises(varo.ParamError):
        it.load_state_dict({"checkpoints": []})
    with pytest.raises(varo.ParamError, match="not taken by an iterator"):
        it.load_state_dict({"varo_iterator": 1, "checkpoints": [sampled_like(files).checkpoint().decode()]})


def sampled_like(files):
    @varo.pipeline_def(batch_size=2, device_id=None, seed=3, enable_checkpointing=True, **RESUMED)
    def define():
        x = fn.readers.numpy(file_root=files, random_shuffle=True, seed=7, shard_id=0, num_shards=1, name="r",
                             pad_last_batch=False, stick_to_shard=False)
        return x + fn.random.uniform()

    pipe = define()
    pipe.build()
    return pipe


# --- killed ---------------------------------------------------------------------------------------

CONSUMER = """
    import hashlib, json, os, sys
    import numpy as np, varo
    from varo import fn

    files, record, last = sys.argv[1], sys.argv[2], int(sys.argv[3])
    done = json.load(open(record)) if os.path.exists(record) else {"digests": [], "checkpoint": None}

    @varo.pipeline_def(batch_size=2, num_threads=2, prefetch_queue_depth=3, device_id=None, seed=3, enable_checkpointing=True,
                       checkpoint=done["checkpoint"])
    def define():
        x = fn.readers.numpy(file_root=files, random_shuffle=True, seed=7)
        y = fn.external_source(lambda i: [np.float32([[i]])] * 2)
        return x * fn.random.uniform() + y

    pipe = define()
    while len(done["digests"]) < last:
        (out,) = pipe.run()
        done["digests"].append(hashlib.blake2b(b"".join(np.array(t).tobytes() for t in out), digest_size=8).hexdigest())
        done["checkpoint"] = pipe.checkpoint().decode()
        with open(record + ".new", "w") as file:
            json.dump(done, file)
        os.rename(record + ".new", record)
"""


def killed_and_resumed(files, tmp_path, kills, last):
    program = textwrap.dedent(CONSUMER)
    command = lambda record: [sys.executable, "-c", program, files, str(record), str(last)]
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    subprocess.run(command(tmp_path / "whole"), check=True, env=env, timeout=120)
    rng = np.random.default_rng(kills)
    for _ in range(kills):
        process = subprocess.Popen(command(tmp_path / "killed"), env=env)
        time.sleep(rng.uniform(0.2, 0.6))
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(command(tmp_path / "killed"), check=True, env=env, timeout=120)
    whole, killed = (json.loads((tmp_path / name).read_text()) for name in ("whole", "killed"))
    assert killed == whole and len(whole["digests"]) == last


def test_a_consumer_that_is_killed(files, tmp_path):
    killed_and_resumed(files, tmp_path, 4, 600)


@pytest.mark.slow
def test_a_consumer_that_is_killed_fifty_times(files, tmp_path):
    killed_and_resumed(files, tmp_path, 50, 4000)
