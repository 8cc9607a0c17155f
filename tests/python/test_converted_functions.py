# SPDX-License-Identifier: Apache-2.0
"""Which functions are converted for conditionals, and what stays as it is."""

import importlib.util
import linecache
import sys
import textwrap
import warnings

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


def test_functions_of_a_notebooks_cell():
    text, name, scope = textwrap.dedent(HELPER), "<ipython-input-7-varo>", {}
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    exec(compile(text, name, "exec"), scope)
    try:
        out, = defining(scope["body"]).run()
    finally:
        del linecache.cache[name]
    np.testing.assert_array_equal(out[1], VOLUMES[1] + np.float32(1))


def test_a_file_that_has_changed_is_told(tmp_path):
    module = module_of(tmp_path, "changing", HELPER)
    (tmp_path / "changing.py").write_text("# nothing is left\n")
    with pytest.raises(varo.ParamError, match="changing.py has changed since it was imported"):
        varo.pipeline_def(batch_size=1, num_threads=1, enable_conditionals=True)(module.body)(1, 2, 3)


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
