# SPDX-License-Identifier: Apache-2.0
"""`if`, `and`, `or`, `not` and `a if c else b` over nodes, beside what NumPy makes of one sample after the other."""

import enum
import functools
import importlib.util
import sys
import textwrap
import warnings

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


def mirrored(x):
    return fn.flip(x, horizontal=1, vertical=0)


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

def test_only_the_branch_taken_runs():
    def operators_run(probability):
        @varo.pipeline_def(batch_size=20, num_threads=1, seed=1, schedule="serial", enable_conditionals=True)
        def define():
            x = fn.external_source(lambda: [np.ones((8, 8, 8), "float32")] * 20, layout="DHW")
            coin = fn.random.coin_flip(probability=probability, dtype=types.BOOL, seed=6)
            if coin:
                x = fn.gaussian_blur(x, sigma=1.0)
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


# --- errors ------------------------------------------------------------------------------------------

def defining(body, **options):
    """A pipeline of 2 samples; body(x, k, mask) with a volume, a number and a mask."""
    @varo.pipeline_def(batch_size=2, num_threads=1, enable_conditionals=True, **options)
    def define():
        x = fn.external_source(lambda: VOLUMES[:2], layout="DHW")
        k = fn.external_source(lambda: NUMBERS[:2])
        return body(x, k, x > 0.0)

    return define()


def line_of(function, text):
    lines = open(function.__code__.co_filename).read().splitlines()
    first = function.__code__.co_firstlineno
    return next(i for i in range(first + 1, first + 30) if text in lines[i - 1])


def one_branch_only(x, k, mask):
    if k > 0:
        only = x
    return only


def deleted(x, k, mask):
    if k > 0:
        del x
    return x


def used_in_the_other(x, k, mask):
    if k > 0:
        only = x
    else:
        x = only
    return x


def over_while(x, k, mask):
    while k > 0:
        x = x + 1.0
    return x


def over_for(x, k, mask):
    for part in x:
        k = k + part
    return k


def over_a_comprehension(x, k, mask):
    return [part for part in x][0]


def comprehension_if(x, k, mask):
    return [v for v in (x, x) if k > 0][0]


def chained(x, k, mask):
    if 0 < k < 2:
        x = x + 1.0
    return x


def asserted(x, k, mask):
    assert k > 0
    return x


def one_returns(x, k, mask):
    if k > 0:
        return x
    return x + 1.0


def breaks(x, k, mask):
    for i in range(3):
        if k > i:
            break
    return x


def continues(x, k, mask):
    for i in range(3):
        if k > i:
            x = x + 1.0
        else:
            continue
    return x


def raises(x, k, mask):
    if k > 0:
        raise ValueError("no positive numbers")
    return x


def returns_in_try(x, k, mask):
    if k > 0:
        try:
            return x
        finally:
            pass
    else:
        return x + 1.0


def nesting(x, k, mask):
    if k > 0:
        pair = (x, x)
    else:
        pair = [x, x]
    return pair[0]


def lengths(x, k, mask):
    pair = (x, (x, x)) if k > 0 else (x, (x, x, x))
    return pair[1][0]


def keys(x, k, mask):
    sample = {"image": x}
    if k > 0:
        sample["label"] = x
    return sample["label"]


def appended(x, k, mask):
    out = []
    if k > 0:
        out.append(x)
    return x


def texts(x, k, mask):
    if k > 0:
        kind = "linear"
    else:
        kind = "cubic"
    return fn.cast(x, dtype=kind)


def walrus(x, k, mask):
    if k > 0 and (y := x[0, 0, 0]) > 0.0:
        x = x + y
    return x


ERRORS = [
    (one_branch_only, varo.ParamError, "only has a value in one branch only", "if k > 0"),
    (deleted, varo.ParamError, "x has a value in one branch only", "if k > 0"),
    (over_while, TypeError, "while over the node", "while k > 0"),
    (over_for, TypeError, "for over the node", "for part in x"),
    (over_a_comprehension, TypeError, "for over the node", "for part in x"),
    (comprehension_if, TypeError, "the condition of a comprehension over the node", "if k > 0"),
    (chained, TypeError, "comparisons that chain", "0 < k < 2"),
    (asserted, TypeError, "assert over the node", "assert k > 0"),
    (one_returns, varo.ParamError, "one branch of the `if` in line .* returns and the other does not", "if k > 0"),
    (breaks, varo.ParamError, "break in a branch over a node", "break"),
    (continues, varo.ParamError, "continue in a branch over a node", "continue"),
    (raises, varo.ParamError, "raise in a branch over a node", "raise ValueError"),
    (returns_in_try, varo.ParamError, "return inside of try", "return x"),
    (nesting, varo.ParamError, "pair is a tuple of 2 in one branch .* and a list of 2 in the other", "if k > 0"),
    (lengths, varo.ParamError, r"the value of `a if condition else b`\[1\] is a tuple of 2 .* a tuple of 3", "if k > 0"),
    (keys, varo.ParamError, r"sample\['label'\] has a value in one branch only", "if k > 0"),
    (appended, varo.ParamError, "out, a list, has 1 items after one branch .* and 0 after the other", "if k > 0"),
    (texts, varo.ParamError, "kind is 'linear' in one branch .* and 'cubic' in the other", "if k > 0"),
    (walrus, varo.ParamError, "`:=` in `and` over a node", "if k > 0"),
]


@pytest.mark.parametrize("body, kind, text, line", ERRORS, ids=[e[0].__name__ for e in ERRORS])
def test_errors_name_the_line(body, kind, text, line):
    with pytest.raises(kind, match=text) as caught:
        defining(body)
    assert isinstance(caught.value, varo.VaroError)
    assert f"test_conditionals.py:{line_of(body, line)} " in str(caught.value)


def test_a_name_that_the_other_branch_lacks_is_unbound_there():
    with pytest.raises(UnboundLocalError) as caught:
        defining(used_in_the_other)
    assert caught.traceback[-1].lineno + 1 == line_of(used_in_the_other, "x = only")


def test_a_name_of_one_branch_is_no_error_where_nobody_uses_it():
    def body(x, k, mask):
        if k > 0:
            only = x
            x = only + 1.0
        return x

    defining(body).run()


def test_a_voxel_mask_is_no_condition():
    def body(x, k, mask):
        return x + 1.0 if mask else x

    with pytest.raises(varo.ShapeError, match="fn.select"):
        defining(body).run()


@pytest.mark.parametrize("other", [lambda x: fn.cast(x, dtype=types.INT32), lambda x: x[0], lambda x: fn.reinterpret(x, layout="CHW")],
                         ids=["dtype", "rank", "layout"])
def test_merged_nodes_agree_in_type_rank_and_layout(other):
    def body(x, k, mask):
        if k > 0:
            x = other(x)
        return x

    with pytest.raises(varo.VaroError, match="(branches differ|samples of a batch disagree)"):
        defining(body).run()


def test_the_users_exceptions_keep_their_lines():
    def failing(x):
        if x is None:
            return 1
        return {}["nothing"]

    with pytest.raises(KeyError) as caught:
        defining(lambda x, k, mask: failing(x))
    last = caught.traceback[-1]
    assert str(last.path) == __file__ and last.lineno + 1 == line_of(failing, 'return {}["nothing"]')


# --- what is converted -------------------------------------------------------------------------------

def plain_if(x, c):
    if c:
        return x + 1.0
    else:
        return x


def test_do_not_convert():
    from varo.pipeline import do_not_convert

    left = do_not_convert(lambda x, c: plain_if(x, c))
    with pytest.raises(TypeError, match="no truth value"):
        defining(lambda x, k, mask: left(x, k > 0))
    assert do_not_convert(plain_if) is plain_if
    try:
        with pytest.raises(TypeError, match="no truth value"):
            defining(lambda x, k, mask: plain_if(x, k > 0))
    finally:
        del plain_if._varo_do_not_convert


def test_conditionals_are_asked_for():
    @varo.pipeline_def(batch_size=2, num_threads=1)
    def define():
        return plain_if(fn.external_source(lambda: VOLUMES[:2]), fn.random.coin_flip(dtype=types.BOOL))

    with pytest.raises(TypeError, match="enable_conditionals=True"):
        define()
    define(enable_conditionals=True).run()


def test_functions_without_source():
    scope = {"fn": fn}
    exec("def helper(x, c):\n    if c:\n        x = x + 1.0\n    return x\n", scope)
    with pytest.raises(TypeError, match="this function has Python's own `if`: its source .* cannot be read"):
        defining(lambda x, k, mask: scope["helper"](x, k > 0))
    defining(lambda x, k, mask: scope["helper"](x, True)).run()
    with pytest.raises(varo.ParamError, match="its source .* cannot be read"):
        varo.pipeline_def(batch_size=1, num_threads=1, enable_conditionals=True)(scope["helper"])(1, 2)


def module_of(folder, name, text):
    (folder / f"{name}.py").write_text(textwrap.dedent(text))
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HELPER = """
    from varo import fn

    def shifted(x, c):
        if c:
            x = x + 1.0
        return x

    def body(x, k, mask):
        return shifted(x, k > 0)
"""


def test_installed_packages_stay_as_they_are_but_for_the_pipelines_own(tmp_path):
    folder = tmp_path / "site-packages"
    folder.mkdir()
    other, own = module_of(tmp_path, "users_own", HELPER), module_of(folder, "some_package", HELPER)
    defining(lambda x, k, mask: other.shifted(x, k > 0)).run()
    with pytest.raises(TypeError, match="no truth value"):
        defining(lambda x, k, mask: own.shifted(x, k > 0))
    pipeline = module_of(folder, "other_package", HELPER + """
    import varo

    @varo.pipeline_def(batch_size=1, num_threads=1, enable_conditionals=True)
    def define():
        k = fn.random.coin_flip()
        return body(fn.random.uniform(), k, None)
""")
    pipeline.define().run()


@pytest.mark.skipif(sys.version_info < (3, 10), reason="match is of Python 3.10")
def test_match_over_plain_values(tmp_path):
    module = module_of(tmp_path, "matching", """
        import enum

        class Kind(enum.Enum):
            UP = 1
            DOWN = 2

        def outer(kind):
            size = 3

            def body(x, k, mask):
                match kind:
                    case Kind.UP if size > 2 and kind is not None:
                        y = x + 1.0 if k > 0 else x
                    case [first, *rest] | {"first": first, **rest}:
                        y = x * first
                    case _:
                        y = x
                return y

            return body

        def over_a_node(x, k, mask):
            match k:
                case 1:
                    return x
            return x
        """)
    for kind, factor, extra in ((module.Kind.UP, 1, 1), (module.Kind.DOWN, 1, 0), ([2.0, 1], 2, 0), ({"first": 3.0}, 3, 0)):
        out, = defining(module.outer(kind)).run()
        np.testing.assert_array_equal(out[1], VOLUMES[1] * np.float32(factor) + np.float32(extra))
    with pytest.raises(TypeError, match="match over the node"):
        defining(module.over_a_node)


def test_what_is_caught_leaves_no_expression_half_evaluated():
    def failing():
        raise KeyError("nothing")

    def body(x, k, mask):
        out = x
        for _ in range(3):
            try:
                out = x + 1.0 if k > 0 and failing() else x
            except KeyError:
                pass
            try:
                out = failing() if k > 0 else x
            except KeyError:
                out = x * 2.0 if (k > 0 and not (k > 5 or False)) else out
        return out

    out, = defining(body).run()
    np.testing.assert_array_equal(out[1], VOLUMES[1] * np.float32(2))


def test_returns_inside_of_loops_and_with_in_all_branches():
    def body(x, k, mask):
        if k > 0:
            for i in range(5):
                with warnings.catch_warnings():
                    if i == 2:
                        return x + float(i)
        else:
            while True:
                return x
        raise AssertionError("not reached")

    out, = defining(body).run()
    np.testing.assert_array_equal(out[1], VOLUMES[1] + np.float32(2))


def test_static_methods_class_methods_and_recursion():
    class Tools:
        amount = 2.0

        @staticmethod
        def scaled(x, c):
            return x * 2.0 if c else x

        @classmethod
        def shifted(cls, x, c):
            if c:
                x = x + cls.amount
            return x

    def repeated(x, c, n):
        if n == 0:
            return x
        return repeated(Tools.shifted(Tools.scaled(x, c), c), c, n - 1)

    out, = defining(lambda x, k, mask: repeated(x, k > 0, 3)).run()
    want = VOLUMES[1]
    for _ in range(3):
        want = want * np.float32(2) + np.float32(2)
    np.testing.assert_array_equal(out[1], want)


def test_objects_that_no_branch_changes_are_not_touched():
    class Guarded(dict):
        def __setitem__(self, key, value):
            raise AssertionError("touched")

        clear = update = __setitem__

    table = Guarded(a=1)

    def body(x, k, mask):
        held = table
        if k > 0:
            x = x + float(held["a"])
        return x

    defining(body).run()


def test_two_lambdas_of_one_line_are_told_apart():
    first, second = (lambda x, c: x + 1.0 if c else x), (lambda x, c: x * 2.0 if c else x)
    out, = defining(lambda x, k, mask: second(first(x, k > 0), k > 0)).run()
    np.testing.assert_array_equal(out[0], VOLUMES[0])
    np.testing.assert_array_equal(out[1], (VOLUMES[1] + np.float32(1)) * np.float32(2))


def test_sources_and_callbacks_stay_as_they_are():
    @varo.pipeline_def(batch_size=2, num_threads=1, enable_conditionals=True)
    def define():
        def source(info):
            return [np.float32(1), np.float32(2)] if info and True else [np.float32(0)] * 2

        k = fn.external_source(source)
        return k + 1.0 if k > 1.5 else k

    pipe = define()
    assert [float(v) for v in pipe.run()[0]] == [0, 0]
    assert [float(v) for v in pipe.run()[0]] == [1, 3]


def test_a_function_is_converted_once():
    from varo._graph import autograph

    calls = []

    def body(x, k, mask):
        for _ in range(3):
            x = plain_if(x, k > 0)
        calls.append(autograph.converted(plain_if).__code__)
        return x

    defining(body)
    defining(body)
    assert calls[0] is calls[1]
    assert plain_if(1.0, True) == 2.0  # the function itself is as it was


def test_equal_seeds_give_equal_batches_with_and_without_conditionals():
    def drawn(converted):
        @varo.pipeline_def(batch_size=8, num_threads=2, seed=3, enable_conditionals=converted)
        def define():
            return fn.random.uniform(range=(0, 1)), fn.random.coin_flip()
        return [o.as_array() for o in define().run()]

    for a, b in zip(drawn(False), drawn(True)):
        np.testing.assert_array_equal(a, b)


# --- fn.apply, fn.one_of, fn.some_of ------------------------------------------------------------------

def outputs(body, samples=400, **options):
    @varo.pipeline_def(batch_size=samples, num_threads=3, seed=2, **options)
    def define():
        x = fn.external_source(lambda: [np.float32(k + 1) for k in range(samples)])
        y = fn.external_source(lambda: [np.float32(-k - 1) for k in range(samples)])
        return tuple(body(x, y))

    return [o.as_array() for o in define().run()]


NUMBERED = np.arange(1, 401, dtype="float32")


def test_apply_to_several_inputs_by_one_draw():
    a, b = outputs(lambda x, y: fn.apply(0.25, lambda x, y: (x + 1000.0, y - 1000.0), x, y))
    drawn = a > 1000
    assert 60 < drawn.sum() < 140
    np.testing.assert_array_equal(a, NUMBERED + 1000 * drawn)
    np.testing.assert_array_equal(b, -NUMBERED - 1000 * drawn)


def test_apply_with_a_probability_a_sample_and_conditionals_in_the_function():
    def shift(x):
        if x > 200.0:
            return x + 1000.0
        else:
            return x + 2000.0

    a, = outputs(lambda x, y: [fn.apply(fn.cast(x > 100.0, dtype=types.FLOAT), shift, x)], enable_conditionals=True)
    np.testing.assert_array_equal(a, NUMBERED + np.where(NUMBERED > 200, 1000, np.where(NUMBERED > 100, 2000, 0)))


def test_one_of_by_weights():
    a, b = outputs(lambda x, y: fn.one_of([lambda x, y: (x + 1000.0, y), lambda x, y: (x, y), lambda x, y: (x, y - 1000.0)],
                                          x, y, weights=[1, 0, 3]))
    first, third = a > 1000, b < -1000
    assert np.all(first ^ third) and 60 < first.sum() < 140
    np.testing.assert_array_equal(a, NUMBERED + 1000 * first)
    np.testing.assert_array_equal(b, -NUMBERED - 1000 * third)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_some_of_takes_every_subset_equally_often(n):
    functions = [lambda x: x + 1000.0, lambda x: x + 2000.0, lambda x: x + 4000.0]
    a, = outputs(lambda x, y: [fn.some_of(functions, x, n=n)])
    bits = ((a - NUMBERED) / 1000).astype(int)
    kinds, counts = np.unique(bits, return_counts=True)
    assert kinds.tolist() == [b for b in range(8) if bin(b).count("1") == n]
    assert counts.min() > 400 / len(kinds) * 0.7


def test_some_of_a_number_a_sample_and_a_seed():
    functions = [lambda x: x + 1000.0, lambda x: x + 2000.0, lambda x: x + 4000.0]
    a, = outputs(lambda x, y: [fn.some_of(functions, x, n=fn.random.uniform(range=(0, 2), dtype=types.INT32), seed=4)])
    counts = [bin(int(b)).count("1") for b in (a - NUMBERED) / 1000]
    assert set(counts) == {0, 1, 2}


def test_choices_on_arrays():
    x, y = np.ones(3, "float32"), np.zeros(3, "float32")
    flipped = lambda a, b: (a + 1, b - 1)
    for k in range(5):
        a, b = fn.apply(0.5, flipped, x, y, seed=k)
        assert (a[0], b[0]) in ((1, 0), (2, -1))
    assert {float(fn.one_of([lambda x: x * 2, lambda x: x * 3], x, seed=k)[0]) for k in range(20)} == {2, 3}
    assert float(fn.some_of([lambda x: x + 1, lambda x: x * 10], x, n=2)[0]) == 20
    assert fn.apply(0, flipped, x, y)[0] is x


@pytest.mark.parametrize("use, text", [
    (lambda x: fn.apply(1.5, lambda x: x, x), "no probability"),
    (lambda x: fn.apply(0.5, "flip", x), "not a function"),
    (lambda x: fn.apply(0.5, lambda x: x), "an input is missing"),
    (lambda x: fn.apply(1, lambda x, y: x, x, x), "as many values"),
    (lambda x: fn.one_of([], x), "no function"),
    (lambda x: fn.one_of([lambda x: x], x, weights=[-1]), "weights"),
    (lambda x: fn.one_of([lambda x: x], x, weights=[1, 2]), "weights"),
    (lambda x: fn.some_of([lambda x: x], x, n=2), "0 to 1"),
    (lambda x: fn.some_of([lambda x: x], x, n=0.5), "whole number"),
])
def test_wrong_choices(use, text):
    with pytest.raises(varo.VaroError, match=text):
        use(np.ones(3, "float32"))
