# SPDX-License-Identifier: Apache-2.0
"""What conditionals refuse: the error names the variable and the line."""

import numpy as np
import pytest

import varo
from varo import fn, types

VOLUMES = [np.random.default_rng(k).normal(size=(3, 4, 5)).astype("float32") for k in range(2)]


def defining(body, **options):
    """A pipeline of 2 samples; body(x, k, mask) with a volume, the numbers 0 and 1, and a mask."""
    @varo.pipeline_def(batch_size=2, num_threads=1, enable_conditionals=True, **options)
    def define():
        x = fn.external_source(lambda: VOLUMES[:2], layout="DHW")
        k = fn.external_source(lambda: [np.int32(0), np.int32(1)])
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
    assert f"test_conditional_errors.py:{line_of(body, line)} " in str(caught.value)


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


def test_an_error_of_a_merge_names_the_variable():
    def body(x, k, mask):
        if k > 0:
            angle = fn.random.uniform(range=(10, 30))
        else:
            angle = 0
        return fn.rotate(x, angle=angle, axis=(0, 0, 1))

    with pytest.raises(TypeError, match="if k > 0:   which merges angle, a node and 0") as caught:
        defining(body).run()
    assert "int32" in str(caught.value) and "float32" in str(caught.value)


def test_the_users_exceptions_keep_their_lines():
    def failing(x):
        if x is None:
            return 1
        return {}["nothing"]

    with pytest.raises(KeyError) as caught:
        defining(lambda x, k, mask: failing(x))
    last = caught.traceback[-1]
    assert str(last.path) == __file__ and last.lineno + 1 == line_of(failing, 'return {}["nothing"]')
