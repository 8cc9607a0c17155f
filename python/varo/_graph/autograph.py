# SPDX-License-Identifier: Apache-2.0
"""Python's `if`, `and`, `or`, `not` and `a if c else b` over nodes: converts functions into ones that say them to a graph.

A function is found in its source file again, its syntax tree is rewritten, and its code is compiled under the same
file name and line numbers. The new function shares globals, closure cells and defaults with the old one. Calls in
converted code go to converted functions, as long as they are the user's own: neither built in, nor Varo's, nor of an
installed package. What converted code calls is in branches.py.

An `if` becomes two statements, of which the second also runs where the condition is a node:

    branch = Branch(condition)
    if branch.then:
        ...
    if branch.other():
        ...
    if branch.joins():
        x = branch.value("x")       # for all names that the branches bind
"""

from __future__ import annotations

import __future__
import ast
import copy
import functools
import linecache
import operator
import os
import types
from typing import Any, Callable, TypeVar

from ..errors import ParamError
from . import branches
from .users import NotConvertible, active, is_users, leave

_HELPER = "_varo_"  # a closure variable of converted functions
_Function = TypeVar("_Function", bound=Callable[..., Any])


# --- what is converted ------------------------------------------------------------------------------

def do_not_convert(function: _Function) -> _Function:
    """Marks a function: `enable_conditionals` leaves it, and what it calls, as plain Python.

    For functions that only use Python values, and for those whose source cannot be had.
    """
    function._varo_do_not_convert = True  # type: ignore[attr-defined]
    return function


def converted(callee):
    """What converted code calls where it says `callee`: a function converted likewise, or `callee` itself."""
    if isinstance(callee, types.FunctionType):
        return _convert_users(callee)
    if isinstance(callee, types.MethodType):
        function = callee.__func__
        new = _convert_users(function) if isinstance(function, types.FunctionType) else function
        return callee if new is function else types.MethodType(new, callee.__self__)
    if isinstance(callee, functools.partial):
        return functools.partial(converted(callee.func), *callee.args, **callee.keywords)
    if callee is map or callee is filter or callee is functools.reduce:
        return lambda function, *rest: callee(converted(function), *rest)
    if not isinstance(callee, (types.BuiltinFunctionType, type)):
        call = getattr(type(callee), "__call__", None)
        if isinstance(call, types.FunctionType):
            new = _convert_users(call)
            return callee if new is call else types.MethodType(new, callee)
    return callee


def converted_here(function):
    """`converted(function)` where the pipeline that is being defined asks for conditionals."""
    return converted(function) if active.depth else function


def run_converted(function, args, kwargs):
    """What the pipeline function returns, converted."""
    before = active.package
    package = (getattr(function, "__module__", None) or "").split(".")[0]
    active.depth, active.package = active.depth + 1, None if package in ("", "__main__", "builtins") else package
    try:
        return convert(function)(*args, **kwargs)
    finally:
        active.depth, active.package = active.depth - 1, before
        if not active.depth:
            branches.forget_pending()


_codes = {}  # id of a code object: (the object, its converted code)
_made = set()  # ids of converted code objects


def _convert_users(function):
    code = function.__code__
    if getattr(function, "_varo_do_not_convert", False) or id(code) in _made:
        return function
    if not is_users(code.co_filename, function.__module__):
        return function
    try:
        return _function_of(_converted_code(function), function)
    except NotConvertible as reason:
        leave(code, reason)  # an `if` over a node in it tells
        return function


def convert(function):
    """The pipeline function, converted."""
    if isinstance(function, types.MethodType):
        return types.MethodType(convert(function.__func__), function.__self__)
    if isinstance(function, functools.partial):
        return functools.partial(convert(function.func), *function.args, **function.keywords)
    if not isinstance(function, types.FunctionType) or getattr(function, "_varo_do_not_convert", False):
        return converted(function)
    try:
        return _function_of(_converted_code(function), function)
    except NotConvertible as reason:
        raise ParamError(f"enable_conditionals: the pipeline function {function.__name__} cannot be converted: {reason}\n"
                         "  try      a function in a file or in a notebook's cell, or fn.select(condition, a, b) without "
                         "enable_conditionals") from None


def _converted_code(function):
    code = function.__code__
    if id(code) not in _codes:
        made = _compile(function)
        _made.add(id(made))
        _codes[id(code)] = code, made
    return _codes[id(code)][1]


def _function_of(code, function):
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or ()))
    cells[_HELPER] = types.CellType(_helpers)
    new = types.FunctionType(code, function.__globals__, function.__name__, function.__defaults__,
                             tuple(cells[name] for name in code.co_freevars))
    new.__kwdefaults__ = function.__kwdefaults__
    new.__dict__.update(function.__dict__)
    for name in ("__doc__", "__annotations__", "__module__", "__qualname__"):
        setattr(new, name, getattr(function, name))
    return new


# --- a function's syntax tree -----------------------------------------------------------------------

@functools.lru_cache(maxsize=64)
def _tree(text, file):
    return ast.parse(text, file)


_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def _first_line(node):
    return min([node.lineno] + [d.lineno for d in getattr(node, "decorator_list", [])])


def _find(function):
    """(node, name of the class around it or None) of the function's definition."""
    code = function.__code__
    file = code.co_filename
    linecache.checkcache(file)
    lines = linecache.getlines(file, function.__globals__)
    if not lines:
        raise NotConvertible(f"its source ({file}) cannot be read")
    try:
        tree = _tree("".join(lines), file)
    except SyntaxError:
        raise NotConvertible(f"{file} is no Python source") from None
    found = []

    def walk(node, owner):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, _DEFINITIONS) and getattr(child, "name", "<lambda>") == code.co_name:
                if _first_line(child) == code.co_firstlineno:
                    found.append((child, owner))
            walk(child, child.name if isinstance(child, ast.ClassDef) else owner)

    walk(tree, None)
    if len(found) > 1:
        found = [(node, owner) for node, owner in found if _holds(node, code)] or found
    if not found:
        raise NotConvertible(f"{os.path.basename(file)} has changed since it was imported")
    if len({ast.dump(node) for node, _ in found}) > 1:
        raise NotConvertible(f"line {code.co_firstlineno} of {os.path.basename(file)} holds several lambdas; "
                             "put each on a line of its own")
    return found[0]


def _holds(node, code):
    """Whether the code's instructions lie in the node, as far as Python tells columns."""
    if not hasattr(code, "co_positions"):
        return True
    begin, end = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
    places = [(p[0], p[2]) for p in code.co_positions() if None not in p and (p[0], p[2]) != (p[1], p[3])]
    return all(begin <= place <= end for place in places)


def _compile(function):
    code = function.__code__
    generators = 0x20 | 0x80 | 0x100 | 0x200  # generator, coroutine, iterable coroutine, async generator
    if code.co_flags & generators:
        raise NotConvertible("generators and coroutines are left as they are")
    node, owner = _find(function)
    body = _Converter(copy.deepcopy(node), code).function()

    # Enclosing functions make closure variables of the names that the function takes from around it;
    # an enclosing class gives names like __x their meaning.
    free = [name for name in code.co_freevars if name != "__class__"] + [_HELPER]
    inner = [body]
    if owner is not None:
        inner = [ast.ClassDef(name=owner, bases=[], keywords=[], body=inner, decorator_list=[], type_params=[])]
    outer = ast.FunctionDef(name="_varo_outer", args=_parameters(free), body=inner, decorator_list=[], returns=None,
                            type_params=[])
    module = ast.fix_missing_locations(ast.Module(body=[outer], type_ignores=[]))
    flags = code.co_flags & _FUTURE
    made = _code_named(compile(module, code.co_filename, "exec", flags=flags, dont_inherit=True), body.name)
    names = {"co_name": code.co_name}
    if hasattr(code, "co_qualname"):
        names["co_qualname"] = code.co_qualname
    return made.replace(**names)


_FUTURE = functools.reduce(operator.or_, (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names))


def _parameters(names):
    return ast.arguments(posonlyargs=[], args=[ast.arg(arg=n, annotation=None) for n in names], vararg=None, kwonlyargs=[],
                         kw_defaults=[], kwarg=None, defaults=[])


def _code_named(code, name):
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            if constant.co_name == name:
                return constant
            inner = _code_named(constant, name)
            if inner is not None:
                return inner
    return None


# --- rewriting --------------------------------------------------------------------------------------

_SCOPES = _DEFINITIONS + (ast.ClassDef,)


def _inside(statements):
    """All nodes of the function that holds the statements; of functions and classes in it only themselves."""
    todo = list(statements)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, _SCOPES):
            todo.extend(ast.iter_child_nodes(node))


def _bound_names(statements):
    """Names that the statements bind or unbind in the function that holds them."""
    names, loops = set(), set()
    for node in _inside(statements):
        if isinstance(node, ast.comprehension):  # its variables are its own
            loops.update(id(n) for n in ast.walk(node.target))
    for node in _inside(statements):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load) and id(node) not in loops:
            names.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.add(node.name)
        elif type(node).__name__ in ("MatchAs", "MatchStar") and node.name:
            names.add(node.name)
        elif type(node).__name__ == "MatchMapping" and node.rest:
            names.add(node.rest)
    return names


def _holds_any(statements, kinds):
    return any(isinstance(node, kinds) for node in _inside(statements))


def _helper(name, *args, at):
    """The call _varo_.name(args) with the location of `at`."""
    args = [a if isinstance(a, ast.AST) else ast.Constant(value=a) for a in args]
    function = ast.Attribute(value=ast.Name(id=_HELPER, ctx=ast.Load()), attr=name, ctx=ast.Load())
    return _at(ast.Call(func=function, args=args, keywords=[]), at)


def _at(new, old):
    """`new`, with the location of `old` for its nodes that have none."""
    for node in ast.walk(new):
        if "lineno" in node._attributes and not hasattr(node, "lineno"):
            ast.copy_location(node, old)
    return new


_IF = """
{s} = _varo_.Branch(CONDITION, {line}, {names}, {global_names})
if {s}.then:
    FIRST
if {s}.other():
    if {s}.both:
        RESTORE
    SECOND
if {s}.joins():
    RESTORE
    LEAVE
"""
_GUARDED = """
try:
    BODY
except {s}.caught:
    {s}.take()
"""
_RESTORE = """
{name} = {s}.value({name!r})
if {name} is _varo_.UNBOUND:
    del {name}
"""


def _template(text, at, expressions=None, **blocks):
    """The statements of `text`, with expressions and blocks of statements for the names written in capitals."""
    module = _at(_strip(ast.parse(text)), at)

    class Fill(ast.NodeTransformer):
        def visit_Expr(self, node):
            if isinstance(node.value, ast.Name) and node.value.id in blocks:
                return blocks[node.value.id]
            return self.generic_visit(node)

        def visit_Name(self, node):
            return (expressions or {}).get(node.id, node)

    for node in ast.walk(module):
        if isinstance(getattr(node, "body", None), list):
            node.body.append(_at(ast.Pass(), at))  # what fills it may be empty
    return Fill().visit(module).body[:-1]


def _strip(tree):
    for node in ast.walk(tree):
        for attribute in ("lineno", "col_offset", "end_lineno", "end_col_offset"):
            if hasattr(node, attribute):
                delattr(node, attribute)
    return tree


class _Converter(ast.NodeTransformer):
    """Rewrites one function; functions in it are converted when they are called."""

    def __init__(self, node, code):
        self.node = node
        self.body = [ast.Return(value=node.body)] if isinstance(node, ast.Lambda) else node.body
        if isinstance(node, ast.Lambda):
            _at(self.body[0], node.body)
        inner = [n for statement in self.body for n in ast.walk(statement)]
        own = list(_inside(self.body))
        self.globals = {name for n in own if isinstance(n, ast.Global) for name in n.names}
        self.nonlocals = {name for n in own if isinstance(n, ast.Nonlocal) for name in n.names}
        # Variables of this function that functions in it may bind, when they are called.
        self.rebound = {name for n in inner if isinstance(n, ast.Nonlocal) for name in n.names} & set(code.co_cellvars)
        self.watched = set(code.co_freevars) | self.globals
        for n in own:
            if isinstance(n, ast.If):
                self.watched |= _bound_names(n.body + n.orelse)
        self.watched |= self.rebound
        self.watched.discard("__class__")
        self.count = 0
        self.states = []  # variables of the `if`s around
        self.loops = [0]  # how many of them stand around each loop around
        self.tries = [0]

    def function(self):
        """The function as a definition without decorators, defaults and annotations."""
        docless = self.block(self.body)
        for kind, names in ((ast.Global, self.globals), (ast.Nonlocal, self.nonlocals)):
            if names:
                docless.insert(0, _at(kind(names=sorted(names)), self.node))
        arguments = self.node.args
        strip = lambda a: a and ast.arg(arg=a.arg, annotation=None)
        args = ast.arguments(posonlyargs=[strip(a) for a in arguments.posonlyargs], args=[strip(a) for a in arguments.args],
                             vararg=strip(arguments.vararg), kwonlyargs=[strip(a) for a in arguments.kwonlyargs],
                             kw_defaults=[None] * len(arguments.kwonlyargs), kwarg=strip(arguments.kwarg), defaults=[])
        name = getattr(self.node, "name", "_varo_lambda")
        return _at(ast.FunctionDef(name=name, args=args, body=docless, decorator_list=[], returns=None, type_params=[]),
                   self.node)

    def block(self, statements):
        out = []
        for statement in statements:
            new = self.visit(statement)
            out += new if isinstance(new, list) else [] if new is None else [new]
        return out or [_at(ast.Pass(), self.node)]

    # --- scopes ---
    def _leave(self, node):
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = visit_Lambda = _leave

    def _hoisted(self, node):
        return None

    visit_Global = visit_Nonlocal = _hoisted

    # --- statements ---
    def visit_If(self, node):
        state, self.count = f"_varo_if_{self.count}", self.count + 1
        condition = self.visit(node.test)
        names = (_bound_names(node.body + node.orelse) | self.rebound) - {_HELPER}
        returns = _holds_any(node.body + node.orelse, ast.Return)
        self.states.append(state)
        blocks = [self.block(statements) if statements else [] for statements in (node.body, node.orelse)]
        self.states.pop()
        if returns:
            blocks = [_template(_GUARDED.format(s=state), node, BODY=block) for block in blocks]
        restore = "".join(_RESTORE.format(name=name, s=state) for name in sorted(names))
        leave = []
        if returns:
            value = _template(f"{state}.result", node)[0].value
            leave = [ast.If(test=_template(f"{state}.ended", node)[0].value, body=[self._return(value, node)], orelse=[])]
            _at(leave[0], node)
        text = _IF.format(s=state, line=node.lineno, names=tuple(sorted(names - self.globals)),
                          global_names=tuple(sorted(names & self.globals)))
        return _template(text, node.test, {"CONDITION": condition}, FIRST=blocks[0], SECOND=blocks[1], LEAVE=leave,
                         RESTORE=_template(restore, node.test) if names else [])

    def _names(self, states):
        return ast.Tuple(elts=[ast.Name(id=s, ctx=ast.Load()) for s in states], ctx=ast.Load())

    def _return(self, value, node):
        if self.states:
            guarded = self.tries[-1] > 0
            value = _helper("returned", self._names(self.states), value, node.lineno, guarded, at=node)
        return _at(ast.Return(value=value), node)

    def visit_Return(self, node):
        value = ast.Constant(value=None) if node.value is None else self.visit(node.value)
        return self._return(value, node)

    def _jump(self, node, what):
        states = self.states[self.loops[-1]:]
        if not states:
            return node
        return [_at(ast.Expr(value=_helper("jump", self._names(states), what, node.lineno, at=node)), node), node]

    def visit_Break(self, node):
        return self._jump(node, "break")

    def visit_Continue(self, node):
        return self._jump(node, "continue")

    def visit_Raise(self, node):
        new = self.generic_visit(node)
        if not self.states or self.tries[-1]:
            return new
        return [_at(ast.Expr(value=_helper("jump", self._names(self.states), "raise", node.lineno, at=node)), node), new]

    def _loop(self, node):
        self.loops.append(len(self.states))
        node.body = self.block(node.body)
        self.loops.pop()
        node.orelse = self.block(node.orelse) if node.orelse else []
        return node

    def visit_While(self, node):
        node.test = _helper("plain", self.visit(node.test), "while", node.lineno, at=node.test)
        return self._loop(node)

    def visit_For(self, node):
        node.target = self.visit(node.target)
        node.iter = _helper("items", self.visit(node.iter), node.lineno, at=node.iter)
        return self._loop(node)

    def visit_Try(self, node):
        self.tries.append(self.tries[-1] + bool(self.states))
        node = self.generic_visit(node)
        self.tries.pop()
        return node

    visit_TryStar = visit_Try

    def visit_Match(self, node):
        node.subject = _helper("plain", self.visit(node.subject), "match", node.lineno, at=node.subject)
        for case in node.cases:  # patterns are no expressions
            if case.guard is not None:
                case.guard = _helper("plain", self.visit(case.guard), "the guard of a case", case.guard.lineno, at=case.guard)
            case.body = self.block(case.body)
        return node

    def visit_Assert(self, node):
        node.test = _helper("plain", self.visit(node.test), "assert", node.lineno, at=node.test)
        if node.msg is not None:
            node.msg = self.visit(node.msg)
        return node

    # --- expressions ---
    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Load) and node.id in self.watched:
            return _helper("used", node, at=node)
        return node

    def visit_Call(self, node):
        if isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args:
            return node
        new = self.generic_visit(node)
        new.func = _helper("converted", new.func, at=node.func)
        return new

    def visit_BoolOp(self, node):
        kind = "and" if isinstance(node.op, ast.And) else "or"
        walruses = [_holds_any([value], ast.NamedExpr) for value in node.values]
        values = [self.visit(value) for value in node.values]
        out = values[-1]
        for k in range(len(values) - 2, -1, -1):
            begin = _helper(f"begin_{kind}", values[k], node.lineno, any(walruses[k + 1:]), at=node)
            out = ast.IfExp(test=begin, body=_helper("end_operand", out, at=node), orelse=_helper("skip_operand", at=node))
            _at(out, node)
        return out

    def visit_UnaryOp(self, node):
        new = self.generic_visit(node)
        return _helper("not_", new.operand, at=node) if isinstance(node.op, ast.Not) else new

    def visit_IfExp(self, node):
        walrus = _holds_any([node.body, node.orelse], ast.NamedExpr)
        nothing = lambda: ast.Constant(value=None)
        first = ast.IfExp(test=_helper("begin_choice", self.visit(node.test), node.lineno, walrus, at=node),
                          body=self.visit(node.body), orelse=nothing())
        second = ast.IfExp(test=_helper("also_other", at=node), body=self.visit(node.orelse), orelse=nothing())
        return _at(_helper("end_choice", first, second, at=node), node)

    def visit_Compare(self, node):
        new = self.generic_visit(node)
        if len(node.ops) > 1:
            operands = [_helper("link", v, node.lineno, at=v) for v in [new.left] + new.comparators]
            new.left, new.comparators = operands[0], operands[1:]
        return new

    def visit_comprehension(self, node):
        node.target = self.visit(node.target)
        node.iter = _helper("items", self.visit(node.iter), node.iter.lineno, at=node.iter)
        node.ifs = [_helper("plain", self.visit(test), "the condition of a comprehension", test.lineno, at=test)
                    for test in node.ifs]
        return node


# What converted code reaches as _varo_.
_helpers = types.SimpleNamespace(converted=converted, **{
    name: getattr(branches, name)
    for name in ("Branch", "UNBOUND", "used", "returned", "jump", "plain", "items", "link", "begin_and", "begin_or",
                 "end_operand", "skip_operand", "not_", "begin_choice", "also_other", "end_choice")})
