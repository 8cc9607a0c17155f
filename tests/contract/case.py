# SPDX-License-Identifier: Apache-2.0
"""What an operator's <name>_cases.py is made of.

Each file src/operators/<group>/<name>_cases.py defines CASES, a list of Case and ErrorCase. One case
is a test (run over dtypes, memory layouts, eager and in a pipeline), an example, and, with
docs=True, a part of the reference page.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Sequence

import numpy as np

ALL = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "bool")
INTEGERS = ALL[:8]


@dataclass(frozen=True)
class Case:
    """One call of an operator on one sample, and what must come out.

    name        in words
    op          "flip", "transforms.rotation"
    inputs      one array an input; anything np.asarray takes. Callables are called (big data lazily).
    layouts     axis letters of each input; "" where unlabelled
    args        keyword arguments, as a user writes them
    reference   reference(*inputs, **args) -> array, or tuple of arrays; plain NumPy/SciPy/skimage/torch,
                obvious, sharing no code with Varo. Takes `layout=` too if it has that parameter.
    dtypes      input 0 is converted to each of these in turn and the case is run for each
    tol         allowed error of float outputs as a fraction of the range (max - min, at least 1) of
                the reference
    unit        allowed error of integer outputs
    ignore      ignore(*inputs, **args) -> boolean array: output elements that are not compared. Takes
                `layout=` too if it has that parameter.
    check       instead of reference, for random operators: check(outputs, inputs, args) asserts
    samples     with check: how many samples `outputs` holds (a list with one tuple a sample)
    batch_wide  a sample's result depends on the others of its batch; compared in batches of one
    constant    arguments that are left constant, where one given per sample means something else
    """

    name: str
    op: str
    inputs: Sequence[Any] = ()
    layouts: Sequence[str] = ()
    args: dict = field(default_factory=dict)
    reference: Callable | None = None
    dtypes: Sequence[str] | None = None
    tol: float = 1e-5
    unit: int = 0
    ignore: Callable | None = None
    check: Callable | None = None
    samples: int = 1
    batch_wide: bool = False
    constant: Sequence[str] = ()
    docs: bool = False


@dataclass(frozen=True)
class ErrorCase:
    """A call that must fail with `raises` (the name of an exception of varo, e.g. "ShapeError") and a
    message that contains every text of `match` (both numbers: what came and what is allowed)."""

    name: str
    op: str
    inputs: Sequence[Any] = ()
    layouts: Sequence[str] = ()
    args: dict = field(default_factory=dict)
    raises: str = "ParamError"
    match: Sequence[str] = ()


def ramp(*shape, dtype="float32"):
    """0, 1, 2, ... in row-major order (modulo what the dtype holds)."""
    n = int(np.prod(shape, dtype=np.int64))
    return (np.arange(n) % 251).reshape(shape).astype(dtype)


def noise(*shape, dtype="float32", seed=0, low=None, high=None):
    """Uniform values: [low, high), by default [0, 1) for floats and the lower 200 values for ints."""
    rng = np.random.default_rng(seed)
    dt = np.dtype(dtype)
    if dt.kind == "f":
        return rng.uniform(0 if low is None else low, 1 if high is None else high, shape).astype(dt)
    if dt.kind == "b":
        return rng.integers(0, 2, shape).astype(dt)
    lo = (0 if dt.kind == "u" else -100) if low is None else low
    hi = (200 if dt.kind == "u" else 100) if high is None else high
    return rng.integers(lo, hi, shape).astype(dt)
