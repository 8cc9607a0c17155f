# SPDX-License-Identifier: Apache-2.0
"""fn.apply, fn.one_of, fn.some_of: functions of the user's that some samples go through."""

from __future__ import annotations

from typing import Any, Callable, Optional, Sequence

import numpy as np

from .._origin import caller
from ..errors import ArgumentTypeError, ParamError
from .autograph import converted_here
from .branches import Merger, used
from .current import current
from .declare import call
from .node import DataNode


def apply(probability: Any, function: Callable[..., Any], *inputs: Any, seed: Optional[int] = None) -> Any:
    """`function(*inputs)` for some samples, the inputs as they are for the others.

        image, label = fn.apply(0.2, lambda x, y: (fn.flip(x, depthwise=1), fn.flip(y, depthwise=1)), image, label)

    probability  0 to 1, a number or a scalar node
    function     takes and returns as many nodes as there are inputs; it is called once, while the pipeline is defined
    inputs       nodes, or arrays outside of a pipeline; all go through together, by one draw
    seed         of the draw; from the pipeline's where it is None

    Returns what `function` returns for one input, a list for several. For a sample that is not drawn nothing of the
    function is computed. Both sides agree in element type, number of axes and layout, extents may differ.
    """
    return _Choice("fn.apply", inputs, seed).apply(probability, function)


def one_of(functions: Sequence[Callable[..., Any]], *inputs: Any, weights: Optional[Sequence[float]] = None,
           seed: Optional[int] = None) -> Any:
    """One of several functions for each sample.

        x = fn.one_of([lambda x: fn.gaussian_blur(x, sigma=1.0), lambda x: x], x, weights=[0.2, 0.8])

    functions  each takes and returns as many nodes as there are inputs; all are called once, while the pipeline is
               defined, and a sample computes one of them
    inputs     nodes, or arrays outside of a pipeline
    weights    how often each is taken, relative to the others; None: equally often
    seed       of the draw; from the pipeline's where it is None

    Returns what a function returns for one input, a list for several.
    """
    return _Choice("fn.one_of", inputs, seed).one_of(functions, weights)


def some_of(functions: Sequence[Callable[..., Any]], *inputs: Any, n: Any, seed: Optional[int] = None) -> Any:
    """`n` different ones of several functions for each sample, one after the other, in the order of the list.

    functions  each takes and returns as many nodes as there are inputs
    inputs     nodes, or arrays outside of a pipeline
    n          0 to the number of functions: a number or a scalar node; all choices of n are equally likely
    seed       of the draws; from the pipeline's where it is None

    Returns what a function returns for one input, a list for several.
    """
    return _Choice("fn.some_of", inputs, seed).some_of(functions, n)


class _Choice:
    def __init__(self, name, inputs, seed):
        self.name, self.seed = name, seed
        if not inputs:
            raise ParamError(f"{name}: an input is missing")
        self.inputs = list(inputs)
        self.lazy = current() is not None or any(isinstance(x, DataNode) for x in inputs)
        self.random = None if self.lazy else np.random.default_rng(seed)
        self.file, self.line = caller()

    def checked(self, functions):
        functions = list(functions)
        if not functions:
            raise ParamError(f"{self.name}: there is no function to choose from")
        for function in functions:
            if not callable(function):
                raise ArgumentTypeError(f"{self.name}: this is not a function\n  got      {type(function).__name__}")
        return functions

    def called(self, function, inputs):
        out = converted_here(function)(*inputs)
        if len(inputs) == 1:
            return [out]
        if not isinstance(out, (tuple, list)) or len(out) != len(inputs):
            raise ParamError(f"{self.name}: a function must return as many values as it takes\n"
                             f"  got      {len(out) if isinstance(out, (tuple, list)) else 1}\n  allowed  {len(inputs)}")
        return list(out)

    def result(self, values):
        return values[0] if len(self.inputs) == 1 else values

    def uniform(self, k=0):
        """The k-th draw of a number from 0 to 1."""
        if not self.lazy:
            return self.random.uniform()
        return call("random.uniform", [], {"range": (0.0, 1.0), "seed": None if self.seed is None else self.seed + k})

    def merged(self, condition, a, b):
        """`a()` where the condition is true, else `b()`."""
        if not isinstance(condition, DataNode):
            return a() if condition else b()
        merge = Merger(condition, self.file, self.line)
        return [used(merge(x, y, f"{self.name}'s result {i}")) for i, (x, y) in enumerate(zip(a(), b()))]

    def apply(self, probability, function):
        if not isinstance(probability, DataNode) and not 0 <= float(probability) <= 1:
            raise ParamError(f"{self.name}: this is no probability\n  got      {probability}\n  allowed  0 to 1")
        self.checked([function])
        drawn = self.uniform() < probability
        return self.result(self.merged(drawn, lambda: self.called(function, self.inputs), lambda: self.inputs))

    def one_of(self, functions, weights):
        functions = self.checked(functions)
        weights = np.ones(len(functions)) if weights is None else np.asarray(weights, float)
        if weights.shape != (len(functions),) or not np.all(np.isfinite(weights)) or weights.min() < 0 or weights.sum() <= 0:
            raise ParamError(f"{self.name}: weights must be one number a function, at least 0 and not all 0\n"
                             f"  got      {weights.tolist()} for {len(functions)} functions")
        draw = self.uniform()
        kept = [i for i, weight in enumerate(weights) if weight > 0]
        ends = np.cumsum(weights / weights.sum())

        def pick(at):
            function = lambda: self.called(functions[kept[at]], self.inputs)
            if at == len(kept) - 1:
                return function()
            return self.merged(draw < float(ends[kept[at]]), function, lambda: pick(at + 1))

        return self.result(pick(0))

    def some_of(self, functions, n):
        functions = self.checked(functions)
        if not isinstance(n, DataNode) and not (float(n).is_integer() and 0 <= n <= len(functions)):
            raise ParamError(f"{self.name}: n is how many functions a sample goes through\n"
                             f"  got      {n}\n  allowed  a whole number from 0 to {len(functions)}")
        values, left = self.inputs, n if isinstance(n, DataNode) else float(n)
        for i, function in enumerate(functions):
            # Each subset of n is equally likely: take this one with (how many are to be taken) / (how many are left).
            u = self.uniform(i)
            chosen = u * float(len(functions) - i) < left
            before = values
            values = self.merged(chosen, lambda: self.called(function, before), lambda: before)
            if isinstance(chosen, DataNode):
                left = left - call("cast", [chosen], {"dtype": "float32"})
            else:
                left -= chosen
        return self.result(values)
