# SPDX-License-Identifier: Apache-2.0
"""Operators as classes: constant arguments when made, inputs and the rest when called.

    flip = ops.Flip(horizontal=1)
    image, label = flip(image), flip(label)

A class is named as the function of varo.fn: fn.readers.numpy is ops.readers.Numpy.
"""

from . import _schema
from ._graph.declare import call as _call
from ._graph.functions import python_function as _python_function
from ._run.external_source import external_source as _external_source
from .errors import ParamError as _ParamError

_WORDS = {"bbox": "BBox", "roi": "ROI"}


class _Operator:
    def __init__(self, **kwargs):
        self._kwargs = {name: value for name, value in kwargs.items() if value is not None}

    @property
    def device(self):
        """"cpu", "gpu" or "mixed": what was asked for; "cpu" where nothing was, and the inputs decide."""
        return self._kwargs.get("device", "cpu")

    def _merged(self, kwargs):
        """Both together; None means "not given", in the call as in the constructor."""
        kwargs = {name: value for name, value in kwargs.items() if value is not None}
        for name in kwargs:
            if name in self._kwargs:
                raise _ParamError(f"{type(self).__name__}: argument {name} is given twice, "
                                  "when the operator was made and when it was called")
        return {**self._kwargs, **kwargs}

    def __call__(self, *inputs, **kwargs):
        return _call(self._name, list(inputs), self._merged(kwargs))


class ExternalSource(_Operator):
    """See varo.fn.external_source."""

    _name = "external_source"

    def __init__(self, source=None, num_outputs=None, **kwargs):
        super().__init__(source=source, num_outputs=num_outputs, **kwargs)

    def __call__(self, **kwargs):
        return _external_source(**self._merged(kwargs))


class PythonFunction(_Operator):
    """See varo.fn.python_function."""

    def __init__(self, function, num_outputs=1, **kwargs):
        super().__init__(function=function, num_outputs=num_outputs, **kwargs)

    def __call__(self, *inputs, **kwargs):
        return _python_function(*inputs, **self._merged(kwargs))


class Compose:
    """Calls each operator on what the one before it returned."""

    def __init__(self, operators):
        self._operators = list(operators)

    def __call__(self, *inputs):
        for operator in self._operators:
            outputs = operator(*inputs)
            inputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
        return outputs


def _class_name(leaf):
    return "".join(_WORDS.get(word, word.capitalize()) for word in leaf.split("_"))


for _operator in _schema.PUBLIC:
    _owner, _leaf = _schema.owner_of(__name__, _operator)
    if _class_name(_leaf) in vars(_owner):  # ExternalSource is written by hand
        continue
    setattr(_owner, _class_name(_leaf),
            type(_class_name(_leaf), (_Operator,),
                 {"_name": _operator["name"], "__module__": _owner.__name__,
                  "__doc__": f"{_operator['summary']}\n\nSee varo.fn.{_operator['name']}."}))

_schema.finish(__name__)
