# SPDX-License-Identifier: Apache-2.0
"""What converted code (autograph.py) calls while a pipeline is being defined.

A condition that is no node decides at once, as Python would. Where it is a node, both branches are declared one
after the other, from the same state of the function's variables, and what they leave is merged: for every sample
the engine runs what the branch taken needs, and nothing of the other.

What a branch leaves are the names that it binds, and the contents of the lists, dicts, sets and objects of the
user's classes that the function's variables hold.
"""

from __future__ import annotations

import enum
import sys
import threading

import numpy as np

from .. import _core
from .._origin import place
from ..errors import ArgumentTypeError, ParamError
from .declare import call
from .node import DataNode
from .users import is_users_class
from .values import ConstantValue

MERGE = "flow.merge"


class _Unbound:
    """Stands where a name has no value."""

    def __repr__(self):
        return "UNBOUND"


UNBOUND = _Unbound()


# --- errors -----------------------------------------------------------------------------------------

def _error(kind, problem, file, line, remedy):
    return kind(f"{problem}\n  defined  {place(file, line)}\n  try      {remedy}")


def _file():
    """Of the converted code that called the caller."""
    return sys._getframe(2).f_code.co_filename


class Unusable:
    """Stands for a value that the branches do not agree on. Every use of it raises."""

    __slots__ = ("_varo_text",)

    def __init__(self, text):
        object.__setattr__(self, "_varo_text", text)

    def __repr__(self):
        return "<no value: the branches of an `if` disagree>"


def _raise(self, *_, **__):
    raise ParamError(self._varo_text)


for _name in ("getattr setattr delattr call bool len iter next contains getitem setitem delitem hash eq ne lt le gt ge "
              "neg pos invert abs int float index complex str bytes format enter exit array").split() + [
                  prefix + name for prefix in ("", "r", "i")
                  for name in "add sub mul matmul truediv floordiv mod pow and or xor lshift rshift".split()]:
    setattr(Unusable, f"__{_name}__", _raise)


def used(value):
    """`value`, read from a variable."""
    if type(value) is Unusable:
        _raise(value)
    return value


# --- merging ----------------------------------------------------------------------------------------

def merge(condition, a, b, where=None):
    """`a` for samples whose condition is not 0, else `b`; only one of them is computed for a sample."""
    return call(MERGE, [condition, a, b], {}, where)


def _is_constant(value):
    if isinstance(value, enum.Enum):
        return False
    return isinstance(value, (bool, int, float, np.generic, np.ndarray, ConstantValue, _core.TensorCPU)) or hasattr(value, "detach")


def _same(a, b):
    plain = (bool, int, float, complex, str, bytes, type(None), enum.Enum)
    return a is b or (type(a) is type(b) and isinstance(a, plain) and a == b)


def _kind(value):
    """How a value reads in an error."""
    if isinstance(value, DataNode):
        return "a node"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, dict):
        return f"a dict with the keys {', '.join(map(repr, value)) or 'none'}"
    text = repr(value)
    return text if len(text) < 40 else f"a {type(value).__name__}"


class Merger:
    """Joins what two branches leave, for one condition."""

    def __init__(self, condition, file, line):
        self.condition, self.file, self.line = condition, file, line

    def unusable(self, problem, remedy):
        return Unusable(str(_error(ParamError, problem, self.file, self.line, remedy)))

    def one_only(self, what):
        return self.unusable(f"{what} has a value in one branch only of the `if` in line {self.line}, and is used after it",
                             "give it a value before the `if`, or in both branches")

    def __call__(self, a, b, what):
        """The merged value; an Unusable where there is none. `what` names the variable in errors."""
        if a is b:
            return a
        for value in (a, b):
            if type(value) is Unusable:
                return value
        if a is UNBOUND or b is UNBOUND:
            return self.one_only(what)
        if _same(a, b):
            return a
        nested = [isinstance(v, (tuple, list, dict)) for v in (a, b)]
        if all(nested) and type(a) is type(b):
            if isinstance(a, dict) and a.keys() == b.keys():
                out = a.copy()  # of its class: OrderedDict, defaultdict
                dict.update(out, {k: self(a[k], b[k], f"{what}[{k!r}]") for k in a})
                return out
            if not isinstance(a, dict) and len(a) == len(b):
                parts = [self(x, y, f"{what}[{i}]") for i, (x, y) in enumerate(zip(a, b))]
                return type(a)(*parts) if hasattr(a, "_fields") else type(a)(parts)
        if not any(nested):
            numbers = [isinstance(v, (bool, int, float)) and not isinstance(v, enum.Enum) for v in (a, b)]
            if all(numbers) and type(a) is not type(b):
                wider = float if float in (type(a), type(b)) else int
                a, b = wider(a), wider(b)
            if all(isinstance(v, DataNode) or _is_constant(v) for v in (a, b)):
                kinds = "" if isinstance(a, DataNode) and isinstance(b, DataNode) else f", {_kind(a)} and {_kind(b)}"
                return merge(self.condition, a, b, f"{place(self.file, self.line)}   which merges {what}{kinds}")
        return self.unusable(f"{what} is {_kind(a)} in one branch of the `if` in line {self.line} and {_kind(b)} in the other",
                             "make the branches agree in the nesting of tuples, lists and dicts; nodes, numbers and "
                             "arrays can be merged")


# --- contents of what variables hold ---------------------------------------------------------------

_LARGEST = 4096  # a list of more items holds file names, not nodes


def _contents(values):
    """(container, a copy of it) by id, for all containers that `values` reach."""
    found, seen, todo = {}, set(), list(values)
    while todo:
        value = todo.pop()
        if isinstance(value, (str, bytes, int, float, DataNode, Unusable, type(None), type)) or id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, tuple):
            todo.extend(value)
        elif isinstance(value, (list, dict, set)):
            if len(value) <= _LARGEST:
                found[id(value)] = (value, value.copy())
                todo.extend(value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
        elif is_users_class(type(value)) and isinstance(getattr(value, "__dict__", None), dict):
            found[id(value)] = (value.__dict__, dict(value.__dict__))
            todo.extend(value.__dict__.values())
    return found


def _put(container, contents):
    if isinstance(container, list):
        list.__setitem__(container, slice(None), contents)
    elif isinstance(container, dict):
        dict.clear(container)
        dict.update(container, contents)
    else:
        container.clear()
        container.update(contents)


def _unchanged(a, b):
    if isinstance(a, set):
        return a == b
    if isinstance(a, dict):
        return list(a) == list(b) and all(a[k] is b[k] for k in a)
    return len(a) == len(b) and all(x is y for x, y in zip(a, b))


# --- statements -------------------------------------------------------------------------------------

class Returned(BaseException):
    """Leaves a branch by `return` while the other has yet to be declared."""

    def __init__(self, value):
        super().__init__()
        self.value = value


class Branch:
    """One execution of an `if`.

    Reads  the condition; where it is a node, the variables of the function that it stands in
    then   the first branch runs
    both   the condition is a node: so does the second
    """

    def __init__(self, condition, line, names=(), global_names=()):
        self.both = isinstance(condition, DataNode)
        self.then = self.both or bool(condition)
        self.caught = Returned if self.both else ()
        if not self.both:
            return
        frame = sys._getframe(1)
        self._names, self._global_names = names, global_names
        self._merge = Merger(condition, frame.f_code.co_filename, line)
        self._values = self._before = self._bound(frame)
        self._kept = _contents(frame.f_locals.values())
        self._first = None  # what the first branch left
        _pending.branches.append((condition, True))
        self._results = []  # what the branches returned

    def _bound(self, frame):
        variables = frame.f_locals
        out = {name: variables.get(name, UNBOUND) for name in self._names}
        out.update((name, frame.f_globals.get(name, UNBOUND)) for name in self._global_names)
        return out

    def _contents_now(self):
        return {key: container.copy() for key, (container, _) in self._kept.items()}

    def value(self, name):
        return self._values[name]

    def take(self):
        """The branch has returned; called where that is caught."""
        self._results.append(sys.exc_info()[1].value)

    def other(self):
        """Ends the first branch: whether the second runs."""
        if not self.both:
            return not self.then
        _pending.branches[-1] = (_pending.branches[-1][0], False)
        self._first = self._bound(sys._getframe(1)), self._contents_now()
        for container, before in self._kept.values():
            if not _unchanged(container, before):
                _put(container, before)
        self._values = self._before
        return True

    def joins(self):
        """Ends the second branch: whether there is something to merge."""
        if not self.both:
            return False
        frame = sys._getframe(1)
        _pending.branches.pop()
        try:
            if len(self._results) == 1:
                raise _error(ParamError, f"one branch of the `if` in line {self._merge.line} returns and the other does not: "
                             "all branches of an `if` over a node return, or none does", self._merge.file, self._merge.line,
                             "assign to a variable in the branches, and return it after them")
            if self._results:
                self._values = self._bound(frame)
                self.result = used(self._merge(*self._results, "the value that is returned"))
            else:
                self._join(frame)
        finally:
            del frame, self._merge, self._kept, self._first, self._before
        return True

    def _join(self, frame):
        variables, contents = self._bound(frame), self._contents_now()
        first_variables, first_contents = self._first
        for key, (container, before) in self._kept.items():
            a, b = first_contents[key], contents[key]
            if not (_unchanged(a, before) and _unchanged(b, before)):
                self._join_contents(container, a, b, _name_of(container, frame.f_locals))
        self._values = {name: self._merge(first_variables[name], variables[name], name) for name in variables}

    def _join_contents(self, container, a, b, name):
        if isinstance(container, dict):
            _put(container, {k: self._merge(a.get(k, UNBOUND), b.get(k, UNBOUND), f"{name}[{k!r}]") for k in {**a, **b}})
        elif isinstance(container, list) and len(a) == len(b):
            _put(container, [self._merge(x, y, f"{name}[{i}]") for i, (x, y) in enumerate(zip(a, b))])
        elif not (isinstance(container, set) and a == b):
            merge = self._merge
            raise _error(ParamError, f"{name}, a {type(container).__name__}, has {len(a)} items after one branch of the `if` in "
                         f"line {merge.line} and {len(b)}{' others' if len(a) == len(b) else ''} after the other",
                         merge.file, merge.line, "change it in the same way in both branches, or after them")

    @property
    def ended(self):
        """Whether both branches have returned."""
        return bool(self._results)


def _name_of(container, variables):
    for name, value in variables.items():
        if value is container:
            return name
        if type(value) is not Unusable and getattr(value, "__dict__", None) is container:
            return f"{name}.__dict__"
    return "a value"


def returned(states, value, line, guarded):
    """`value`, for a `return` inside the branches `states`; leaves the innermost one that is over a node."""
    if not any(state.both for state in states):
        return value
    if guarded:
        raise _error(ParamError, "return inside of try, in a branch over a node", _file(), line,
                     "assign to a variable, and return it after the `if`")
    raise Returned(value)


def jump(states, what, line):
    """For what would leave branches over nodes half-way."""
    if any(state.both for state in states):
        text = f"{what} in a branch over a node"
        if what == "raise":
            raise _error(ParamError, f"{text}: it would be raised while the pipeline is being defined, whatever the samples are",
                         _file(), line, "decide by a plain Python condition")
        raise _error(ParamError, f"{text}: how often a loop runs cannot depend on samples", _file(), line,
                     "merge values by `if` inside of the loop, without leaving it")


def plain(value, what, line):
    """`value`, which must not be a node: the condition of `while`, `assert` or a comprehension."""
    if isinstance(value, DataNode):
        raise _error(ArgumentTypeError, f"{what} over the node {value.name}, whose value is not known while the pipeline is "
                     "being defined", _file(), line, "`if`, or fn.select(condition, a, b)")
    return value


def items(value, line):
    """`value`, to be iterated over."""
    if isinstance(value, DataNode):
        raise _error(ArgumentTypeError, f"for over the node {value.name}, whose extents are not known while the pipeline is "
                     "being defined", _file(), line, "operators on the whole node, or a loop over Python numbers")
    return value


def link(value, line):
    """`value`, an operand of comparisons that chain."""
    if isinstance(value, DataNode):
        raise _error(ArgumentTypeError, f"comparisons that chain, with the node {value.name}", _file(), line,
                     "(a < b) & (b < c)")
    return value


# --- expressions ------------------------------------------------------------------------------------

class _Pending(threading.local):
    """Expressions whose first part has been evaluated, and branches that are being declared, the innermost last."""

    def __init__(self):
        self.stack = []
        self.branches = []  # (condition, whether this is the branch where it is true)


_pending = _Pending()


def forget_pending():
    """Once no definition runs on this thread: what exceptions have left."""
    _pending.stack.clear()
    _pending.branches.clear()


def _push(frame, entry):
    _pending.stack.append((frame, entry))


def _top(frame):
    # What lies above are expressions that an exception has left.
    while _pending.stack[-1][0] is not frame:
        _pending.stack.pop()
    return _pending.stack[-1][1]


def _pop(frame):
    entry = _top(frame)
    _pending.stack.pop()
    return entry


def _no_walrus(file, binds, what, line):
    if binds:
        raise _error(ParamError, f"`:=` in {what} over a node", file, line, "an assignment before it, or an `if`")


def begin_and(value, line, binds):
    """Whether the operand that follows `value and` is evaluated."""
    frame = sys._getframe(1)
    if isinstance(value, DataNode):
        _no_walrus(frame.f_code.co_filename, binds, "`and`", line)
        _push(frame, ("and", value))
        return True
    truth = bool(value)
    _push(frame, ("plain", value))
    return truth


def begin_or(value, line, binds):
    frame = sys._getframe(1)
    if isinstance(value, DataNode):
        _no_walrus(frame.f_code.co_filename, binds, "`or`", line)
        _push(frame, ("or", value))
        return True
    truth = bool(value)
    _push(frame, ("plain", value))
    return not truth


def end_operand(second):
    """The value of an `and` or `or` whose second operand was evaluated."""
    kind, first = _pop(sys._getframe(1))
    if kind == "plain":
        return second
    if not isinstance(second, DataNode):
        second = bool(second)
        if kind == "and":
            return truth(first) if second else False
        return True if second else truth(first)
    return merge(first, truth(second), False) if kind == "and" else merge(first, True, truth(second))


def skip_operand():
    return _pop(sys._getframe(1))[1]


def truth(node):
    """A scalar node as BOOL."""
    return merge(node, True, False)


def taken_here():
    """A scalar node: whether a sample takes the branch that is being declared. None outside of all branches."""
    taken = None
    for condition, wanted in reversed(_pending.branches):
        inner = True if taken is None else taken
        taken = merge(condition, inner, False) if wanted else merge(condition, False, inner)
    return taken


def not_(value):
    return merge(value, False, True) if isinstance(value, DataNode) else not value


def begin_choice(condition, line, binds):
    """Whether `a` of `a if condition else b` is evaluated."""
    frame = sys._getframe(1)
    if isinstance(condition, DataNode):
        _no_walrus(frame.f_code.co_filename, binds, "`a if condition else b`", line)
        _push(frame, Merger(condition, frame.f_code.co_filename, line))
        return True
    truth = bool(condition)
    _push(frame, truth)
    return truth


def also_other():
    """Whether `b` is."""
    return _top(sys._getframe(1)) is not True


def end_choice(a, b):
    entry = _pop(sys._getframe(1))
    if isinstance(entry, bool):
        return a if entry else b
    return used(entry(a, b, "the value of `a if condition else b`"))


