# SPDX-License-Identifier: Apache-2.0
"""Writes random graphs line by line; graph_steps.py holds what it chooses from, graphs.py says what for."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np
from varo import fn, math, types

BATCH = 3
TYPES = {"uint8": "UINT8", "int8": "INT8", "int16": "INT16", "uint16": "UINT16", "int32": "INT32", "float32": "FLOAT",
         "float64": "FLOAT64", "bool": "BOOL"}


# --- where choices come from -------------------------------------------------------------------------------------

class Seeded:
    """Choices that a number determines."""

    def __init__(self, seed):
        self._random = random.Random(seed)

    def below(self, limit):
        return self._random.randrange(limit)


class Drawn:
    """Choices of hypothesis, which makes a failing graph smaller: nearer to 0 is simpler."""

    def __init__(self, draw):
        from hypothesis import strategies

        self._draw, self._integers = draw, strategies.integers

    def below(self, limit):
        return self._draw(self._integers(0, limit - 1))


# --- graphs ------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Graph:
    text: str
    files: str | None = None  # the folder of write_files()
    names: dict = field(default_factory=dict)  # what else the text may use

    def define(self):
        """The data nodes that a pipeline returns."""
        names = dict(fn=fn, math=math, types=types, feed=feed, files=self.files, **self.names)
        exec(compile(self.text, "<graph>", "exec"), names)
        return names["outputs"]


def feed(dtype, shape, layout, number=0):
    """Volumes of made-up numbers, the same in every run; `shape` may hold a pair, from which samples take in turn."""
    rng = np.random.default_rng(number)

    def values(sample):
        extents = [e if isinstance(e, int) else e[sample % 2] for e in shape]
        if dtype == "bool":
            return rng.random(extents) < 0.4
        return (rng.normal(size=extents) * 30).astype("float64").clip(*LIMITS.get(dtype, (-1e4, 1e4))).astype(dtype)

    return fn.external_source(lambda: [values(k) for k in range(BATCH)], layout=layout)


LIMITS = {"uint8": (0, 255), "int8": (-128, 127), "uint16": (0, 65535)}
FILE_SHAPE = (9, 8, 11)


def write_files(folder):
    """Volumes of FILE_SHAPE as int16, in both orders of memory."""
    rng = np.random.default_rng(8)
    for k in range(5):
        values = (rng.normal(size=FILE_SHAPE) * 50).astype("int16")
        np.save(f"{folder}/{k}.npy", np.asfortranarray(values) if k % 2 else values)


@dataclass(frozen=True)
class Value:
    """What the writer knows of a line's result. None: not known, or not the same for all samples."""
    name: str
    shape: tuple | None
    dtype: str | None
    layout: str = "DHW"

    @property
    def rank(self):
        return len(self.layout)


@dataclass(frozen=True)
class Profile:
    weights: dict  # of steps; a step without one is not taken
    extents: tuple = (1, 2, 3, 5, 6, 7, 9, 12)
    depths: tuple | None = None  # of the first axis, where it is chosen apart
    dtypes: tuple = tuple(TYPES)
    layouts: tuple = ("DHW", "DHW", "CDHW", "HW")
    steps: tuple = (2, 12)
    files: bool = True


STEPS = {}
ENDS = [lambda writer, value: value]  # what is done to the last value


def step(weight):
    """Adds the function to the table, taken so often where a profile does not say otherwise."""

    def add(function):
        STEPS[function.__name__] = (weight, function)
        return function

    return add


class Writer:
    """Writes a graph line by line. Functions that take values and return one add the lines it takes."""

    def __init__(self, choices, profile, files=None):
        self.choices, self.profile, self.files = choices, profile, files
        self.lines, self.values, self.taken, self._names = [], [], [], 0

    # choices
    def below(self, limit):
        return self.choices.below(limit)

    def one_of(self, *options):
        return options[self.below(len(options))]

    def number(self, low, high, steps=16):
        """One of a few numbers from `low` to `high`."""
        return round(low + (high - low) * self.below(steps + 1) / steps, 3)

    # lines
    def count(self):
        """A number that no name has."""
        self._names += 1
        return self._names - 1

    def write(self, text, shape, dtype, layout):
        name = f"x{self.count()}"
        self.lines.append(f"{name} = {text}")
        return Value(name, shape, dtype, layout)

    def like(self, text, value, dtype="same", shape="same"):
        return self.write(text, value.shape if shape == "same" else shape,
                          value.dtype if dtype == "same" else dtype, value.layout)

    # operands
    def any(self):
        """One of the latest values."""
        return self.latest(self.values[-4:])

    def latest(self, values):
        """One of them, rather one of the last."""
        return values[len(values) - 1 - min(self.below(len(values)), self.below(len(values)))]

    def known(self):
        """One whose shape is known; a new one if there is none."""
        fitting = [v for v in self.values[-4:] if v.shape is not None]
        if not fitting:
            return self.source(ragged=False)
        return self.latest(fitting)

    def cast(self, value, dtype):
        if value.dtype == dtype:
            return value
        return self.like(f"fn.cast({value.name}, dtype=types.{TYPES[dtype]})", value, dtype)

    def real(self, value=None):
        return self.cast(value or self.any(), "float32")

    def fitted(self, value, like):
        """`value` with the shape of `like`: cut, or filled up with a padding."""
        if value.shape == like.shape:
            return value
        axes = list(range(value.rank))
        return self.write(f"fn.slice({value.name}, start={[0] * value.rank}, shape={list(like.shape)}, axes={axes}, "
                          f'out_of_bounds_policy="pad", fill_values={self.one_of(0, 3)})',
                          like.shape, value.dtype, value.layout)

    def pair(self):
        """Two values of one shape and layout, perhaps the same one twice."""
        a = self.any()
        if a.shape is None:
            return a, a
        others = [v for v in self.values if v.layout == a.layout and v.shape is not None]
        return a, self.fitted(self.latest(others), a)

    def coin(self):
        return self.one_of("fn.random.coin_flip()", "0", "1")

    def source(self, ragged=True):
        if self.files and self.profile.files and self.below(5) == 4:
            return self.write('fn.reshape(fn.readers.numpy(file_root=files, random_shuffle=True, seed=3), layout="DHW")',
                              FILE_SHAPE, "int16", "DHW")
        layout = self.one_of(*self.profile.layouts)
        shape = [self.one_of(*self.profile.extents) for _ in layout]
        if self.profile.depths:
            shape[0] = self.one_of(*self.profile.depths)
        elif layout[0] == "C":
            shape[0] = self.one_of(1, 2, 3)
        ragged = ragged and self.below(8) == 7
        if ragged:
            shape[-1] = (shape[-1], shape[-1] + 2)
        dtype = self.one_of(*self.profile.dtypes)
        return self.write(f'feed("{dtype}", {tuple(shape)}, "{layout}", {self._names})',
                          None if ragged else tuple(shape), dtype, layout)

    def graph(self):
        for _ in range(1 + self.below(2)):
            self.values.append(self.source())
        weights = {name: self.profile.weights.get(name, 0) for name in STEPS}
        table = [name for name, weight in weights.items() for _ in range(weight)]
        low, high = self.profile.steps
        for _ in range(low + self.below(high - low + 1)):
            name = self.one_of(*table)
            made = STEPS[name][1](self)
            if made is not None:
                self.taken.append(name)
                self.values.append(made)
        last = self.values[-1]
        end = self.one_of(*ENDS)(self, last)
        outputs = (end, *(self.any() for _ in range(self.below(3))))
        self.lines.append(f"outputs = ({', '.join(v.name for v in outputs)},)")
        return Graph("\n".join(self.lines) + "\n", self.files)
