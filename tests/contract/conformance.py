# SPDX-License-Identifier: Apache-2.0
"""Runs one case, on arrays and in a pipeline, and compares with its reference."""

from __future__ import annotations

import inspect
from typing import Any, Sequence

import numpy as np
import varo
from case import Case, ErrorCase
from varo._graph.declare import call

BATCH = 3
THREADS = (1, 2)
SEED = 7


# --- inputs --------------------------------------------------------------------------------------

def inputs_of(case: Case | ErrorCase, dtype: str | None = None) -> list[np.ndarray]:
    """Fresh arrays, row-major in memory; input 0 converted to `dtype`."""
    arrays = [np.array(np.asarray(x() if callable(x) else x), order="C") for x in case.inputs]
    if dtype is not None and arrays:
        with np.errstate(over="ignore", invalid="ignore"):
            arrays[0] = arrays[0].astype(dtype)
    return arrays


def layouts_of(case: Case | ErrorCase) -> list[str]:
    return list(case.layouts) + [""] * (len(case.inputs) - len(case.layouts))


def backwards(array: np.ndarray) -> np.ndarray:
    """The same values; memory runs against every axis."""
    every_axis = (slice(None, None, -1),) * array.ndim
    return array[every_axis].copy()[every_axis] if array.ndim else array.copy()


def offset(array: np.ndarray) -> np.ndarray:
    """The same values as a window of a larger array, with a gap after each row and element."""
    if array.ndim == 0:
        return array.copy()
    shape = [extent + 3 for extent in array.shape]
    shape[-1] = 2 * array.shape[-1] + 3
    window = (slice(2, -1),) * (array.ndim - 1) + (slice(2, 2 + 2 * array.shape[-1], 2),)
    around = np.full(shape, 77).astype(array.dtype)
    around[window] = array
    return around[window]


def transposed(array: np.ndarray) -> np.ndarray:
    """The same values in column-major memory."""
    return np.array(array, order="F")


MEMORY = {"backwards": backwards, "offset": offset, "transposed": transposed}


# --- calls ---------------------------------------------------------------------------------------

def function(name: str):
    """varo.fn.<name>; operators that users reach by other words (x[...], a + b) by their name."""
    target = varo.fn
    for part in name.split("."):
        target = getattr(target, part, None)
    return target or (lambda *inputs, **args: call(name, list(inputs), args))


def as_tuple(outputs: Any) -> tuple:
    return tuple(outputs) if isinstance(outputs, (tuple, list)) else (outputs,)


def run_eager(case: Case | ErrorCase, arrays: Sequence[np.ndarray], **more) -> tuple[np.ndarray, ...]:
    """The outputs, checked for having left the input arrays alone."""
    before = [array.copy() for array in arrays]
    tensors = [varo.as_tensor(a, layout=layout) for a, layout in zip(arrays, layouts_of(case))]
    with varo.eager():
        outputs = tuple(np.array(out) for out in as_tuple(function(case.op)(*tensors, **case.args, **more)))
    for array, kept in zip(arrays, before):
        assert same_bytes(array, kept), "the operator wrote into its input"
    return outputs


def fed(values: Sequence[np.ndarray], layout: str = ""):
    """A node that gives the batch `values` in every iteration."""
    batch = list(values)
    return varo.fn.external_source(source=lambda: batch, layout=layout) if layout else \
        varo.fn.external_source(source=lambda: batch)


def run_pipeline(case: Case | ErrorCase, samples: Sequence[Sequence[np.ndarray]], threads: int = 2,
                 seed: int = SEED, per_sample: Sequence[str] = (), batch_size: int | None = None,
                 iterations: int = 1) -> list[tuple[np.ndarray, ...]]:
    """Outputs, one tuple a sample (of all iterations). Arguments named in `per_sample` come from a
    node instead of as constants."""
    size = batch_size or len(samples)

    @varo.pipeline_def(batch_size=size, num_threads=threads, device_id=None, seed=seed)
    def pipeline():
        nodes = [fed([sample[i] for sample in samples], layout) for i, layout in enumerate(layouts_of(case))]
        # Constants are numbers and lists; an array is a value per sample.
        args = {name: fed([np.asarray(value)] * size)
                if name in per_sample or isinstance(value, np.ndarray) and value.ndim else value
                for name, value in case.args.items()}
        return as_tuple(function(case.op)(*nodes, **args))

    pipe = pipeline()
    pipe.build()
    results = []
    for _ in range(iterations):
        lists = as_tuple(pipe.run())
        results += [tuple(np.array(one[i]) for one in lists) for i in range(size)]
    return results


# --- comparison ----------------------------------------------------------------------------------

def same_bytes(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def assert_same(got: Sequence[np.ndarray], wanted: Sequence[np.ndarray], what: str):
    assert len(got) == len(wanted), f"{what}: {len(got)} outputs instead of {len(wanted)}"
    for i, (a, b) in enumerate(zip(got, wanted)):
        assert a.dtype == b.dtype and a.shape == b.shape, \
            f"{what}: output {i} is {a.dtype}{list(a.shape)}, not {b.dtype}{list(b.shape)}"
        assert same_bytes(a, b), f"{what}: output {i} differs in {np.sum(a != b)} of {a.size} elements"


def ask(case: Case, function, arrays: Sequence[np.ndarray]):
    """What a case's own function says, with the layout of input 0 where it has that parameter."""
    args = dict(case.args)
    if "layout" in inspect.signature(function).parameters and "layout" not in args:
        args["layout"] = (layouts_of(case) or [""])[0]
    return function(*[a.copy() for a in arrays], **args)


def reference_of(case: Case, arrays: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    result = ask(case, case.reference, arrays)
    return tuple(np.asarray(r) for r in (result if isinstance(result, tuple) else (result,)))


def allowed_error(case: Case, output: np.ndarray, wanted: np.ndarray) -> np.ndarray | float:
    """Elementwise: a fraction of the range for floats, plus what rounding to the output's own type
    may cost; units for integers; nothing for bool."""
    if output.dtype.kind == "b":
        return 0.0
    if output.dtype.kind != "f":
        return float(case.unit)
    values = wanted.astype(np.float64)
    finite = values[np.isfinite(values)]
    spread = float(finite.max() - finite.min()) if finite.size else 0.0
    rounding = np.abs(np.where(np.isfinite(values), values, 0)) * float(np.finfo(output.dtype).eps)
    return case.tol * max(spread, 1.0) + rounding


def assert_agrees(case: Case, outputs: Sequence[np.ndarray], arrays: Sequence[np.ndarray]):
    wanted = reference_of(case, arrays)
    assert len(outputs) == len(wanted), f"{len(outputs)} outputs; the reference has {len(wanted)}"
    ignored = None if case.ignore is None else np.asarray(ask(case, case.ignore, arrays))
    for i, (got, want) in enumerate(zip(outputs, wanted)):
        assert got.shape == want.shape, f"output {i}: shape {got.shape}, reference {want.shape}"
        assert got.dtype == want.dtype or got.dtype.kind == want.dtype.kind == "f", \
            f"output {i}: dtype {got.dtype}, reference {want.dtype}"
        # Wide enough for the difference of any two 64-bit integers.
        a, b = got.astype(np.longdouble), want.astype(np.longdouble)
        both = (a == b) | (np.isnan(a) & np.isnan(b))
        with np.errstate(invalid="ignore"):
            error = np.where(both, 0, np.abs(a - b))
        wrong = ~(error <= allowed_error(case, got, want))
        if ignored is not None:
            assert ignored.shape == wrong.shape, f"ignore gives shape {ignored.shape}, output {i} has {wrong.shape}"
            wrong &= ~ignored
        if wrong.any():
            at = tuple(int(k) for k in np.unravel_index(np.nanargmax(np.where(wrong, error, -1)), wrong.shape))
            raise AssertionError(
                f"output {i}: {wrong.sum()} of {wrong.size} elements are off; worst at {at}: "
                f"{got[at]!r} instead of {want[at]!r}")


def check_outputs(case: Case, arrays: Sequence[np.ndarray], samples: list[tuple[np.ndarray, ...]]):
    """The case's own check, for outputs that are random."""
    case.check(samples, arrays, dict(case.args))
