# SPDX-License-Identifier: Apache-2.0
"""What stands for values in a graph: Python's operators on it, and what constants have in common."""

from __future__ import annotations


class Operators:
    """Arithmetic, comparison and bitwise operators, each an operator of Varo that a subclass applies.

    Of integers, // rounds towards zero, as in DALI; % has the sign of the right operand, as in Python; both
    give 0 where that is 0. Shifts by a negative number, or by all bits and more, leave nothing but the sign.
    %, << and >> take integers, ~ integers and bools. A Python integer counts as int32.
    """

    def _apply(self, op, inputs, kwargs):
        """The result of operator `op`, of which this object is an input."""
        raise NotImplementedError

    def __add__(self, other):
        return self._apply("arithmetic.add", [self, other], {})

    def __radd__(self, other):
        return self._apply("arithmetic.add", [other, self], {})

    def __sub__(self, other):
        return self._apply("arithmetic.sub", [self, other], {})

    def __rsub__(self, other):
        return self._apply("arithmetic.sub", [other, self], {})

    def __mul__(self, other):
        return self._apply("arithmetic.mul", [self, other], {})

    def __rmul__(self, other):
        return self._apply("arithmetic.mul", [other, self], {})

    def __truediv__(self, other):
        return self._apply("arithmetic.div", [self, other], {})

    def __rtruediv__(self, other):
        return self._apply("arithmetic.div", [other, self], {})

    def __floordiv__(self, other):
        return self._apply("arithmetic.fdiv", [self, other], {})

    def __rfloordiv__(self, other):
        return self._apply("arithmetic.fdiv", [other, self], {})

    def __pow__(self, other):
        return self._apply("arithmetic.pow", [self, other], {})

    def __rpow__(self, other):
        return self._apply("arithmetic.pow", [other, self], {})

    def __and__(self, other):
        return self._apply("arithmetic.bitand", [self, other], {})

    def __rand__(self, other):
        return self._apply("arithmetic.bitand", [other, self], {})

    def __or__(self, other):
        return self._apply("arithmetic.bitor", [self, other], {})

    def __ror__(self, other):
        return self._apply("arithmetic.bitor", [other, self], {})

    def __xor__(self, other):
        return self._apply("arithmetic.bitxor", [self, other], {})

    def __rxor__(self, other):
        return self._apply("arithmetic.bitxor", [other, self], {})

    def __mod__(self, other):
        return self._apply("arithmetic.mod", [self, other], {})

    def __rmod__(self, other):
        return self._apply("arithmetic.mod", [other, self], {})

    def __lshift__(self, other):
        return self._apply("arithmetic.lshift", [self, other], {})

    def __rlshift__(self, other):
        return self._apply("arithmetic.lshift", [other, self], {})

    def __rshift__(self, other):
        return self._apply("arithmetic.rshift", [self, other], {})

    def __rrshift__(self, other):
        return self._apply("arithmetic.rshift", [other, self], {})

    def __invert__(self):
        return self._apply("arithmetic.bitnot", [self], {})

    def __abs__(self):
        return self._apply("math.abs", [self], {})

    def __eq__(self, other):
        return self._apply("arithmetic.eq", [self, other], {})

    def __ne__(self, other):
        return self._apply("arithmetic.ne", [self, other], {})

    def __lt__(self, other):
        return self._apply("arithmetic.lt", [self, other], {})

    def __le__(self, other):
        return self._apply("arithmetic.le", [self, other], {})

    def __gt__(self, other):
        return self._apply("arithmetic.gt", [self, other], {})

    def __ge__(self, other):
        return self._apply("arithmetic.ge", [self, other], {})

    __hash__ = object.__hash__


class ConstantValue(Operators):
    """A constant with an element type, made before there is a pipeline to hold it.

    array   its values
    layout  its axis letters, or None
    device  "cpu", "gpu" or None
    """

    layout = None
    device = None

    def as_argument(self):
        """The constant where an argument of an operator is meant."""
        return self.array
