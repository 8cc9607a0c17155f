# SPDX-License-Identifier: Apache-2.0
"""`if`, `and`, `or`, `not` and `a if c else b` over nodes, beside what NumPy makes of one sample after the other."""

import enum
import functools

import numpy as np
import pytest

import varo
from varo import fn, types

BATCH = 12
GENERATOR = np.random.default_rng(3)
VOLUMES = [GENERATOR.normal(size=(3, 4, 5)).astype("float32") for _ in range(BATCH)]
SIZES = [GENERATOR.normal(size=(1 + k % 3, 2, 4)).astype("float32") for k in range(BATCH)]
NUMBERS = [np.int32(k % 4) for k in range(BATCH)]
LEVELS = [np.float32(v) for v in GENERATOR.uniform(size=BATCH)]


class Kind(enum.IntEnum):
    MIRROR = 0
    BRIGHTEN = 1
    SHIFT = 2
    KEEP = 3


class NumPyTwin:
    """The operators of the programs, on arrays."""

    flip = staticmethod(lambda x, **kw: x[..., ::-1] if kw.get("horizontal", 1) else x)
    crop = staticmethod(lambda x, n: x[:, :, :n])
    first = staticmethod(lambda x: x[0:1])


class Nodes:
    flip = staticmethod(lambda x, **kw: fn.flip(x, **{"horizontal": 1, **kw}))
    crop = staticmethod(lambda x, n: x[:, :, :n])
    first = staticmethod(lambda x: x[0:1])


# --- programs: the same text for nodes, converted, and for one sample in plain Python ----------------

def augmented_with_a_probability(op, x, y, k, u, coin):
    if coin:
        x = op.flip(x)
    return x


def else_branch_and_a_name_first_bound_in_branches(op, x, y, k, u, coin):
    if u < 0.5:
        out = x * 2.0
    else:
        out = x - 1.0
    return out


def chain_of_elifs_by_an_enum(op, x, y, k, u, coin):
    if k == Kind.MIRROR:
        out = op.flip(x)
    elif k == Kind.BRIGHTEN:
        out = x + 10.0
    elif k == Kind.SHIFT:
        out = x * u
    else:
        out = x
    return out


def nested(op, x, y, k, u, coin):
    out = x
    if coin:
        if k > 1:
            out = out * 2.0
            if u < 0.3:
                out = out + 5.0
        else:
            out = -out
    elif u > 0.5:
        out = out - 1.0
    return out


def shapes_that_differ(op, x, y, k, u, coin):
    if k > 1:
        out = op.crop(x, 2)
    else:
        out = y
    return out


def shapes_that_differ_twice(op, x, y, k, u, coin):
    out = x
    if coin:
        out = op.first(out)
    if k == 2:
        out = op.crop(out, 3)
    return out, out * 1.0


def choose(op, x, k):
    if k % 2.0 == 1 if isinstance(k, float) else k == 1:
        return op.flip(x)
    else:
        return x * 3.0


def helper_that_returns_in_all_branches(op, x, y, k, u, coin):
    return choose(op, x, k)


def early_returns_in_all_branches(op, x, y, k, u, coin):
    if k == 0:
        return x, y
    elif k == 1:
        return x + 1.0, y
    else:
        if coin:
            return op.first(x), y * 2.0
        else:
            return y, x


def boolean_expressions(op, x, y, k, u, coin):
    if coin and u < 0.7 or not k > 1:
        x = x + 1.0
    if not (coin or k == 3):
        x = x * 2.0
    both = (u > 0.2) and (u < 0.8)
    either = k == 0 or k == 3 or coin
    return x, both, either, not both


def conditional_expressions(op, x, y, k, u, coin):
    scale = 2.0 if coin else 0.5
    shift = (u if k > 1 else 0.25) if not coin else 1.0
    return x * scale + shift


def tuples_and_dicts(op, x, y, k, u, coin):
    pair = (x, y)
    if coin:
        pair = (y, x)
        sample = {"image": x, "more": [y, (x, 1)]}
    else:
        sample = {"image": y, "more": [x, (y, 2)]}
    return pair[0], pair[1], sample["image"], sample["more"][0], sample["more"][1][0], sample["more"][1][1]


def a_dict_changed_in_place(op, x, y, k, u, coin):
    sample = {"image": x, "label": [y, y]}
    if coin:
        sample["image"] = op.flip(sample["image"])
        if k > 1:
            sample["label"][1] = x
    elif u < 0.5:
        sample["label"][0] = sample["label"][0] * 2.0
    return sample["image"], sample["label"][0], sample["label"][1]


def a_list_that_both_branches_extend(op, x, y, k, u, coin):
    out = [x]
    if coin:
        out.append(y)
        out += [x]
    else:
        out.append(op.first(y))
        out.append(y)
    return out[0], out[1], out[2]


def plain_python_beside_it(op, x, y, k, u, coin):
    out = []
    for i in range(4):
        if i == 1:
            continue
        if i == 3:
            break
        if coin:
            x = x + float(i)
        out.append(x)
    n = 0
    while n < 3 and (n != 2 or n > 5):
        n += 1
        x = x if coin else x * 2.0
    return out[0], out[1], x, float(n)


def augmented_assignments(op, x, y, k, u, coin):
    x += 1.0
    if coin:
        x *= 2.0
        x -= u
    else:
        x /= 4.0
    return x


class Augment:
    def __init__(self, amount):
        self.amount = amount
        self.__secret = 3.0
        self.calls = 0

    def __call__(self, x, coin):
        self.calls += 1
        if coin:
            return self.__shifted(x)
        else:
            return x

    def __shifted(self, x):
        return x + (self.amount if self.__secret > 2 else 0.0)


class Stronger(Augment):
    def __call__(self, x, coin):
        out = super().__call__(x, coin)
        return out * 2.0 if coin else out


def methods_and_callable_objects(op, x, y, k, u, coin):
    return Stronger(5.0)(x, coin)


def decorated(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)
    return wrapper


@decorated
def shifted(x, coin, *, by=1.0, **more):
    if coin:
        x = x + by + more.get("extra", 0.0)
    return x


def decorated_functions_defaults_and_closures(op, x, y, k, u, coin):
    count = 0

    def scaled(v, factor=2.0):
        nonlocal count
        count += 1
        if k > 1:
            return v * factor
        else:
            return v - factor

    lower = lambda v: v - 1.0 if coin else v
    a = shifted(x, coin) + scaled(x)
    b = functools.partial(shifted, coin=coin, by=3.0)(x, extra=1.0)
    c, d = map(lower, (x, y))
    return a, b, c, d, float(count)


def closures_that_bind_outer_names(op, x, y, k, u, coin):
    total = x

    def add(v):
        nonlocal total
        total = total + v

    if coin:
        add(1.0)
        if k > 1:
            add(u)
    return total


def attributes_changed_in_a_branch(op, x, y, k, u, coin):
    class State:
        pass

    state = State()
    state.x, state.n = x, 1
    if coin:
        state.x = x * 2.0
        state.n = 2
    return state.x, state.n


def try_with_del_and_imports(op, x, y, k, u, coin):
    if coin:
        import math as m
        with open("/dev/null") as file:
            name = file.name
        try:
            table = {}
            table["missing"]
        except KeyError as error:
            amount = float(len(error.args))
        finally:
            x = x + m.floor(1.5)
        assert name == "/dev/null", "a plain assert"
        del name
    else:
        amount = 7.0
    return x * amount


def comprehensions_and_the_walrus(op, x, y, k, u, coin):
    parts = [v + 1.0 if coin else v for v in (x, y) if v is not None]
    if coin:
        x = sum([(twice := p * 2.0) for p in parts[:1]])
    else:
        twice = y
    return parts[0], parts[1], x, twice


def numbers_and_arrays_merge(op, x, y, k, u, coin):
    if coin:
        amount, table, same = 2, np.arange(4, dtype="float32"), "text"
    else:
        amount, table, same = 0.5, np.ones(2, "float32"), "text"
    return amount, table, x + (1.0 if same == "text" else 0.0)


_count = 0


def globals_bound_in_a_branch(op, x, y, k, u, coin):
    global _count
    _count = x
    if coin:
        _count = x + 2.0
    return _count


def conditions_by_any_number(op, x, y, k, u, coin):
    if k:
        x = x + 1.0
    return x, not k


PROGRAMS = [augmented_with_a_probability, else_branch_and_a_name_first_bound_in_branches, chain_of_elifs_by_an_enum, nested,
            shapes_that_differ, shapes_that_differ_twice, helper_that_returns_in_all_branches, early_returns_in_all_branches,
            boolean_expressions, conditional_expressions, tuples_and_dicts, a_dict_changed_in_place,
            a_list_that_both_branches_extend, plain_python_beside_it, augmented_assignments, methods_and_callable_objects,
            decorated_functions_defaults_and_closures, closures_that_bind_outer_names, attributes_changed_in_a_branch,
            try_with_del_and_imports, comprehensions_and_the_walrus, numbers_and_arrays_merge, globals_bound_in_a_branch,
            conditions_by_any_number]


@pytest.mark.parametrize("options", [dict(num_threads=1), dict(num_threads=7), dict(num_threads=1, schedule="reference")],
                         ids=["1 thread", "7 threads", "reference"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_program(program, options):
    @varo.pipeline_def(batch_size=BATCH, seed=5, enable_conditionals=True)
    def define():
        x = fn.external_source(lambda: VOLUMES, layout="DHW")
        y = fn.external_source(lambda: SIZES, layout="DHW")
        k = fn.external_source(lambda: NUMBERS)
        u = fn.external_source(lambda: LEVELS)
        coin = fn.random.coin_flip(probability=0.4, dtype=types.BOOL)
        out = program(Nodes, x, y, k, u, coin)
        return (coin,) + (out if isinstance(out, tuple) else (out,))

    pipe = define(**options)
    for _ in range(2):
        coins, *outputs = pipe.run()
        assert {bool(np.array(c)) for c in coins} == {True, False}
        for i in range(BATCH):
            values = VOLUMES[i].copy(), SIZES[i].copy(), NUMBERS[i], LEVELS[i], bool(np.array(coins[i]))
            expected = program(NumPyTwin, *values)
            for output, want in zip(outputs, expected if isinstance(expected, tuple) else (expected,)):
                got = np.asarray(output[i])
                assert got.shape == np.shape(want)
                np.testing.assert_array_equal(got, np.asarray(want, got.dtype))


# --- what runs ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("batch_wide", [False, True])
def test_only_the_branch_taken_runs(batch_wide):
    def operators_run(probability):
        @varo.pipeline_def(batch_size=20, num_threads=1, seed=1, schedule="serial", enable_conditionals=True)
        def define():
            x = fn.external_source(lambda: [np.ones((8, 8, 8), "float32")] * 20, layout="DHW")
            coin = fn.random.coin_flip(probability=probability, dtype=types.BOOL, seed=6)
            if coin:
                x = fn.gaussian_blur(fn.pad(x) if batch_wide else x, sigma=1.0)
            return x, coin

        pipe = define()
        taken = sum(int(np.array(c)) for _ in range(10) for c in pipe.run()[1])
        return taken, pipe.executor_statistics()["nodes_run"]

    none, without = operators_run(0.0)
    taken, some = operators_run(0.15)
    every, all_of_them = operators_run(1.0)
    assert (none, every) == (0, 200) and 10 < taken < 60
    assert some - without == taken and all_of_them - without == 200, "as many blurs as samples that take them"


@pytest.mark.parametrize("threads", [1, 7])
def test_a_batch_wide_operator_in_a_branch_sees_the_samples_that_take_it(threads):
    def padded(v):
        return fn.pad(v, fill_value=9.0)

    @varo.pipeline_def(batch_size=BATCH, num_threads=threads, seed=1, enable_conditionals=True)
    def define():
        x = fn.external_source(lambda: SIZES, layout="DHW")
        k = fn.external_source(lambda: NUMBERS)
        if k < 2:
            x = padded(x)
        elif k == 2:
            x = padded(x) * 2.0
        return x

    out, = define().run()
    groups = [[0, 1], [2]]
    for i in range(BATCH):
        want = SIZES[i]
        for group in groups:
            if NUMBERS[i] in group:
                deepest = max(len(SIZES[j]) for j in range(BATCH) if NUMBERS[j] in group)
                want = np.full((deepest,) + want.shape[1:], 9, "float32")
                want[:len(SIZES[i])] = SIZES[i]
                want = want * np.float32(2 if 2 in group else 1)
        np.testing.assert_array_equal(np.asarray(out[i]), want)


def test_an_error_of_a_branch_is_one_of_the_samples_that_take_it():
    @varo.pipeline_def(batch_size=2, num_threads=1, enable_conditionals=True)
    def define(wanted):
        k = fn.external_source(lambda: [np.int32(v) for v in wanted])
        if k > 0:
            out = fn.random.choice(np.int32(0), shape=[4])
        else:
            out = fn.random.choice(np.int32(3), shape=[4])
        return out

    define([0, 0]).run()
    with pytest.raises(varo.ParamError, match="0 choices"):
        define([0, 1]).run()
