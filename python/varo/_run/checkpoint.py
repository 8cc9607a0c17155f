# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: where a pipeline stands, as text, and whether another one can go on from there."""

from __future__ import annotations

import hashlib
import json
import os
import weakref

from ..errors import ParamError, StateError

VERSION = 1
_BLOCKS = 4096  # hashes of a list of files at most

# What a checkpoint must have, and of which type.
_FIELDS = {"batch_size": int, "seed": int, "iteration": int, "sample": int, "graph": list, "lists": dict, "sources": dict,
           "feeding": dict}


def _hash(data):
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def _check_of(content):
    return _hash(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())


def dump(content):
    """The checkpoint as UTF-8 JSON."""
    return json.dumps({"varo_checkpoint": VERSION, **content, "check": _check_of(content)}, separators=(",", ":")).encode()


def parse(text):
    """The content of a checkpoint, bytes or str. ParamError unless it is one, whole and of this version."""
    if isinstance(text, (bytes, bytearray, memoryview)):
        text = bytes(text)
    elif not isinstance(text, str):
        raise ParamError(f"a checkpoint is bytes or str, as Pipeline.checkpoint() returns it, not {type(text).__name__}")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ParamError(f"this is no checkpoint, or not all of one: {error}") from None
    if not isinstance(content, dict) or "varo_checkpoint" not in content:
        raise ParamError("this is no checkpoint of Varo")
    version = content.pop("varo_checkpoint")
    if version != VERSION:
        raise ParamError(f"the checkpoint has another version\n  got      {version!r}\n  allowed  {VERSION}")
    if content.pop("check", None) != _check_of(content):
        raise ParamError("the checkpoint is damaged: its content is not what was written")
    for name, kind in _FIELDS.items():
        if type(content.get(name)) is not kind:
            raise ParamError(f"the checkpoint is damaged: {name} is missing, or no {kind.__name__}")
    return content


def write(filename, data):
    """Replaces the file by one rename, so that whoever reads it finds a whole checkpoint, this one or the one before."""
    filename = os.fspath(filename)
    aside = f"{filename}.{os.getpid()}.part"
    try:
        with open(aside, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, filename)
    except BaseException:
        if os.path.exists(aside):
            os.unlink(aside)
        raise


def list_of(names):
    """What a checkpoint keeps of a list of file names, bytes: how many, and hashes of one or more each."""
    block = -(-len(names) // _BLOCKS) or 1
    hashes = [_hash(b"\0".join(names[i:i + block]))[:8] for i in range(0, len(names), block)]
    return {"count": len(names), "block": block, "hashes": "".join(hashes)}


def check_graph(content, declared):
    """ParamError with the first difference between the graph of a checkpoint and the lines `declared`."""
    old, new = content["graph"], declared
    for before, now in zip(old, new):
        if before != now:
            raise ParamError(f"the checkpoint is of another graph\n  got      {before}\n  allowed  {now}")
    if len(old) != len(new):
        more = (old if len(old) > len(new) else new)[min(len(old), len(new))]
        raise ParamError(f"the checkpoint is of another graph\n  got      {len(old)} nodes\n  allowed  {len(new)} nodes; the "
                         f"first that only one of them has is {more}")


def check_list(name, old, names):
    """ParamError with the first difference between the list of a checkpoint and the file names of a source."""
    new = list_of(names)
    if old == new:
        return
    differs = ""
    if isinstance(old, dict) and old.get("block") == new["block"] and isinstance(old.get("hashes"), str):
        k = next((k for k in range(0, len(new["hashes"]), 8) if old["hashes"][k:k + 8] != new["hashes"][k:k + 8]), None)
        if k is not None:
            first = k // 8 * new["block"]
            here = " to ".join(os.fsdecode(n) for n in dict.fromkeys([names[first], names[min(first + new["block"], len(names)) - 1]]))
            differs = f"; file {first}, counted from 0, is the first that differs: here it is {here}"
    count = old.get("count") if isinstance(old, dict) else None
    raise ParamError(f"the checkpoint is of another list of files of {name}\n  got      {count} files\n"
                     f"  allowed  {new['count']} files{differs}")


class States:
    """The checkpoints of one pipeline: what it gives, and what it goes on from.

    enabled   it gives some
    restored  it has gone on from one
    iterator  what an iterator had added to that one, or None
    """

    def __init__(self, pipeline, enabled, text):
        self._pipeline, self._core = weakref.proxy(pipeline), pipeline._core
        self.enabled = enabled
        self._content = None if text is None else parse(text)
        self.restored, self.iterator = False, None
        self.ended = False  # the sources had when that one was taken, and nobody has reset them
        self._fixed = None  # what all checkpoints have in common

    def begin(self):
        """When the pipeline is built, before anything is scheduled."""
        if self.enabled:
            self._pipeline._feeding.prepare()
        if self._content is not None:
            content, self._content = self._content, None
            self.restore(content)

    def content(self):
        """Of a checkpoint of now."""
        if not self.enabled:
            raise StateError("a checkpoint needs Pipeline(enable_checkpointing=True)")
        if self._fixed is None:
            lists = {name: list_of(self._core.items(name)) for name in self._core.sources()}
            self._fixed = {"batch_size": self._pipeline.max_batch_size, "graph": self._core.declared(), "lists": lists}
        iteration, sample, sources = self._core.progress()
        return {**self._fixed, "seed": self._core.seed(), "iteration": iteration, "sample": sample,
                "ended": self._core.pending() == 0 and (self._core.ended() or self.ended),
                "sources": dict(zip(self._core.sources(), sources)), "feeding": self._pipeline._feeding.state(iteration)}

    def dump(self, **more):
        return dump({**self.content(), **more})

    def restore(self, content):
        """Goes to where a checkpoint was taken. ParamError, and nothing is changed, where it does not fit."""
        pipeline, core = self._pipeline, self._core
        check_graph(content, core.declared())
        names = core.sources()
        if sorted(content["sources"]) != sorted(names) or sorted(content["lists"]) != sorted(names):
            raise ParamError(f"the checkpoint has other sources\n  got      {', '.join(sorted(content['sources']))}\n"
                             f"  allowed  {', '.join(sorted(names))}")
        for name in names:
            check_list(name, content["lists"][name], core.items(name))
        states = [content["sources"][name] for name in names]
        if not all(type(words) is list and all(type(w) is int and abs(w) < 2**62 for w in words) for words in states):
            raise ParamError("the checkpoint is damaged: the states of its sources are no numbers")
        numbers = [content[name] for name in ("batch_size", "seed", "iteration", "sample")]
        if not all(0 <= n < 2**63 for n in numbers) or content["batch_size"] == 0:
            raise ParamError("the checkpoint is damaged: its numbers are out of range")
        then, now = content["batch_size"], pipeline.max_batch_size
        self._check_size(then, now, content["iteration"])
        iteration = content["iteration"] * then // now
        core.restore(iteration, content["sample"], states, content["seed"])
        pipeline._feeding.restore(content["feeding"], iteration, (then, now))
        self.restored, self.iterator, self.ended = True, content.get("iterator"), bool(content.get("ended"))

    def _check_size(self, then, now, iteration):
        if then == now:
            return
        why = self._core.batch_wide()
        groups = self._pipeline._feeding.groups
        batches = next((group.nodes[0].name for group in groups if group.batch), "") or next(iter(self._pipeline._feeding.manual), "")
        if why:
            why = f"{why} runs over whole batches"
        elif batches:
            why = f"the source {batches} gives whole batches"
        elif groups and iteration * then % now:
            why = f"{iteration * then} samples, which sources have given, are no whole number of batches of {now}"
        if why:
            raise ParamError(f"the checkpoint is of another batch size, and {why}\n  got      {then}\n  allowed  {now}")
