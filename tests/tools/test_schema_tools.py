# SPDX-License-Identifier: Apache-2.0
"""Signatures, stubs and reference pages, from a schema written by hand."""

import ast
import math
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import make_stubs  # noqa: E402
import schema_text  # noqa: E402


def arg(name, type, default=None, required=False, constant=False, least=-math.inf, most=math.inf, choices=()):
    return dict(name=name, type=type, default=default, doc=f"the {name}", required=required, constant=constant,
                least=least, most=most, choices=list(choices), ignored=False)


def op(name, inputs=("data",), args=(), variadic=False, outputs=1, exclusive=(), together=(), hidden=False):
    return dict(
        name=name, summary="Does it.", doc='Says "what".', traits={}, exclusive=exclusive, together=together, hidden=hidden,
        inputs=[dict(name=n, doc="", dtypes=[], layouts=[], optional=i > 0, variadic=variadic, least_rank=0,
                     most_rank=8) for i, n in enumerate(inputs)],
        args=list(args), outputs=[dict(name=f"out{i}", doc="") for i in range(outputs)], outputs_vary=False)


BLUR = op("blur", ("data", "mask"), [
    arg("mode", "str", "reflect", constant=True), arg("sigma", "list of float", required=True, least=0),
    arg("dtype", "types.DALIDataType", 9), arg("interp_type", "types.DALIInterpType", 1)])
CUT = op("cut", args=[arg("policy", "str", "error", constant=True, choices=["error", "pad"])],
         exclusive=[dict(alternatives=[["size"], ["w", "h"]], required=True), dict(alternatives=[["a"], ["b"]], required=False)],
         together=[["w", "h"]])


def test_required_arguments_come_first_and_enums_have_names():
    assert schema_text.call_text(BLUR) == (
        "varo.fn.blur(data, mask=None, *, sigma, mode='reflect', dtype=types.FLOAT, interp_type=types.INTERP_LINEAR)")


def test_nothing_follows_many_inputs_but_keywords():
    assert schema_text.call_text(op("cat", args=[arg("axis", "int", 0)], variadic=True)) == "varo.fn.cat(*data, axis=0)"


def test_ranges_in_words():
    assert [schema_text.range_text(arg("x", "int", **r)) for r in (
        {}, dict(least=0), dict(most=1), dict(least=0, most=1.5))] == ["", "at least 0", "at most 1", "0 to 1.5"]


def test_choices_and_combinations_in_words():
    assert schema_text.type_text(CUT["args"][0]) == '"error" or "pad"'
    assert schema_text.type_text(BLUR["args"][0]) == "str"
    assert schema_text.combination_texts(CUT) == [
        "Exactly one is given of `size` or `w` with `h`.", "At most one is given of `a` or `b`.", "`w` and `h` go together."]


def test_stub_types_say_what_may_come_from_a_node():
    stub = make_stubs.function(BLUR)
    tree = ast.parse(stub).body[0]
    kinds = {a.arg: ast.unparse(a.annotation) for a in tree.args.kwonlyargs}
    assert kinds["sigma"] == "Union[Union[float, Sequence[float]], Data]"
    assert kinds["mode"] == "Union[str, None]"
    assert "policy: Union[Literal['error', 'pad'], None] = 'error'" in make_stubs.function(CUT)
    assert ast.get_docstring(tree) == 'Does it.\n\nSays "what".'


def results(text):
    """What each overload takes first, and gives."""
    return [([ast.unparse(a.annotation) for a in n.args.posonlyargs], ast.unparse(n.returns)) for n in ast.parse(text).body]


def test_nodes_give_nodes_and_arrays_give_tensors():
    assert results(make_stubs.function(op("flip"))) == [
        (["DataNode"], "DataNode"), (["Union[List[DataNode], Tuple[DataNode, ...]]"], "List[DataNode]"), (["Array"], "TensorCPU")]
    assert results(make_stubs.function(op("pick", ("a", "b")))) == [
        (["DataNode", "Optional[Data]"], "DataNode"), (["Data", "DataNode"], "DataNode"),
        (["Array", "Optional[Array]"], "TensorCPU")]
    assert results(make_stubs.function(op("split", outputs=2)))[2] == (["Array"], "List[TensorCPU]")
    assert results(make_stubs.function(op("draw", ()))) == [([], "DataNode")]
    assert [r for _, r in results(make_stubs.function({**op("resize", outputs=2), "outputs_vary": True}))] == ["Any", "List[Any]", "Any"]


def test_misspelt_arguments_have_no_place_to_go():
    for text in (make_stubs.function(BLUR), make_stubs.class_of(BLUR)):
        assert not [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.arguments) and n.kwarg]


def test_operators_with_dots_stand_in_modules_and_hidden_ones_nowhere():
    files = make_stubs.stubs([op("flip"), op("readers.numpy", ()), op("copy", hidden=True), op("split", outputs=2),
                              op("arithmetic.add", hidden=True), op("math.sqrt"), op("external_source", ())])
    names = {path: sorted({n.name for n in ast.parse(text).body if isinstance(n, (ast.FunctionDef, ast.ClassDef))} - {"TorchType"})
             for path, text in files.items()}
    assert names == {"fn/__init__.pyi": ["flip", "split"], "fn/readers.pyi": ["numpy"], "math.pyi": ["sqrt"],
                     "ops/__init__.pyi": ["Compose", "ExternalSource", "Flip", "Operator", "Split"], "ops/readers.pyi": ["Numpy"]}
    assert "from varo._run.external_source import external_source as external_source" in files["fn/__init__.pyi"]
    assert "from . import readers as readers" in files["fn/__init__.pyi"]
