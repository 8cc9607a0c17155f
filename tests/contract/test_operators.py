# SPDX-License-Identifier: Apache-2.0
"""The contract of every operator, parametrised from the registry and the cases beside the sources:
adding an operator edits nothing here, and an operator without cases fails."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import conformance as run  # noqa: E402
import registry  # noqa: E402
import varo  # noqa: E402

FILES = registry.load_all()
OPERATORS = {op["name"]: op for op in registry.operators()}
CASES = registry.cases_of(FILES)
ERRORS = registry.errors_of(FILES)
EXACT = [case for case in CASES if case.reference is not None]
RANDOM = [case for case in CASES if case.check is not None]


def named(cases):
    return [pytest.param(case, id=f"{case.op}: {case.name}") for case in cases]


def with_dtypes(cases):
    return [pytest.param(case, dtype, id=f"{case.op}: {case.name}" + (f" [{dtype}]" if dtype else ""))
            for case in cases for dtype in (case.dtypes or [None])]


# --- nothing is forgotten ------------------------------------------------------------------------

@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_cases_load(file):
    if file.error is not None:
        raise file.error
    assert file.cases, "no cases in this file"


@pytest.mark.parametrize("name", OPERATORS)
def test_has_cases(name):
    if problem := registry.coverage_problem(OPERATORS[name], FILES):
        pytest.fail(problem, pytrace=False)


@pytest.mark.parametrize("case", named(CASES + ERRORS))
def test_case_is_of_an_operator(case):
    assert case.op in OPERATORS
    if any(case is other for other in CASES):
        assert (case.reference is None) != (case.check is None), "a case has a reference or a check"


# --- agreement with the reference ----------------------------------------------------------------

@pytest.mark.parametrize("case, dtype", with_dtypes(EXACT))
def test_eager(case, dtype):
    arrays = run.inputs_of(case, dtype)
    run.assert_agrees(case, run.run_eager(case, arrays), arrays)


@pytest.mark.parametrize("case", named([case for case in EXACT if case.inputs]))
@pytest.mark.parametrize("memory", run.MEMORY)
def test_memory_order(case, memory):
    arrays = run.inputs_of(case, (case.dtypes or [None])[0])
    strided = [run.MEMORY[memory](array) for array in arrays]
    run.assert_agrees(case, run.run_eager(case, strided), arrays)


@pytest.mark.parametrize("case", named(EXACT))
def test_pipeline(case):
    """Bit for bit what the call on arrays gives, for any number of threads. Samples differ where
    the operator takes other values, so that a mix-up of samples shows."""
    first = run.inputs_of(case, (case.dtypes or [None])[-1])
    size = 1 if case.batch_wide else run.BATCH
    samples = [first] * size
    wanted = [run.run_eager(case, first)] * size
    if size > 1 and len(first) == 1 and first[0].ndim > 0:
        other = [np.ascontiguousarray(first[0][::-1])]
        try:
            wanted[1], samples[1] = run.run_eager(case, other), other
        except varo.errors.VaroError:
            pass  # reversed, the values are no longer valid input
    for threads in run.THREADS:
        results = run.run_pipeline(case, samples, threads, iterations=2)
        for i, result in enumerate(results):
            run.assert_same(result, wanted[i % size], f"{threads} threads, sample {i}")


def per_sample_arguments(case):
    """Arguments of this case that may also come as a node, and are numbers."""
    schema = OPERATORS.get(case.op, {"args": []})
    free = {arg["name"] for arg in schema["args"]
            if not arg["constant"] and arg["type"] in ("bool", "int", "float", "list of int", "list of float")}
    return [name for name, value in case.args.items()
            if name in free and name not in case.constant and value is not None and np.asarray(value).dtype.kind in "biuf"]


@pytest.mark.parametrize("case", named([case for case in EXACT if per_sample_arguments(case)]))
def test_arguments_per_sample(case):
    arrays = run.inputs_of(case, (case.dtypes or [None])[0])
    constant = run.run_pipeline(case, [arrays] * run.BATCH)
    from_nodes = run.run_pipeline(case, [arrays] * run.BATCH, per_sample=per_sample_arguments(case))
    for a, b in zip(from_nodes, constant):
        run.assert_same(a, b, "arguments from a node")


# --- random operators ----------------------------------------------------------------------------

def samples_of(case, threads=2, seed=run.SEED, size=None):
    size = size or case.samples
    arrays = run.inputs_of(case, (case.dtypes or [None])[0])
    return arrays, run.run_pipeline(case, [arrays] * size, threads, seed, batch_size=size)


@pytest.mark.parametrize("case, dtype", with_dtypes(RANDOM))
def test_random_values(case, dtype):
    arrays = run.inputs_of(case, dtype)
    run.check_outputs(case, arrays, run.run_pipeline(case, [arrays] * case.samples, batch_size=case.samples))


@pytest.mark.parametrize("case", named(RANDOM))
def test_same_seed_same_bytes(case):
    _, first = samples_of(case, threads=1)
    _, again = samples_of(case, threads=2)
    for a, b in zip(again, first):
        run.assert_same(a, b, "same seed, other number of threads")


@pytest.mark.parametrize(
    "name", [name for name, op in OPERATORS.items() if op["traits"]["random"] and not op["traits"]["source"]])
def test_other_seed_other_bytes(name):
    """Of a random operator's cases at least one must depend on the seed."""
    cases = [case for case in CASES if case.op == name]

    def depends_on_seed(case):
        case = replace(case, args={key: value for key, value in case.args.items() if key != "seed"})
        size = max(case.samples, 16)
        pairs = zip(samples_of(case, size=size)[1], samples_of(case, seed=run.SEED + 1, size=size)[1])
        return any(not run.same_bytes(a, b) for one, two in pairs for a, b in zip(one, two))

    assert any(map(depends_on_seed, cases)), f"no case of {name} gives other values under another seed"


# --- errors --------------------------------------------------------------------------------------

def assert_reported(case, call):
    with pytest.raises(getattr(varo, case.raises)) as caught:
        call()
    text = str(caught.value)
    assert case.op in text, f"the message does not name the operator:\n{text}"
    missing = [word for word in case.match if str(word) not in text]
    assert not missing, f"the message lacks {missing}:\n{text}"


def assert_still_works():
    ramp = np.arange(6, dtype=np.int16).reshape(2, 3, 1)
    assert np.array_equal(np.asarray(varo.fn.flip(varo.as_tensor(ramp, layout="HWC"))), ramp[:, ::-1])


@pytest.mark.parametrize("case", named(ERRORS))
def test_error(case):
    arrays = run.inputs_of(case)
    assert_reported(case, lambda: run.run_eager(case, arrays))
    assert_still_works()


@pytest.mark.parametrize("case", named(ERRORS))
def test_error_in_pipeline(case):
    arrays = run.inputs_of(case)
    assert_reported(case, lambda: run.run_pipeline(case, [arrays] * run.BATCH, batch_size=run.BATCH))
    assert_still_works()
