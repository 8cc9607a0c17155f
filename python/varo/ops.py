# SPDX-License-Identifier: Apache-2.0
"""Operators as classes: constant arguments when made, inputs and the rest when called.

    flip = ops.Flip(horizontal=1)
    image, label = flip(image), flip(label)

A class is named as the function of varo.fn: fn.readers.numpy is ops.readers.Numpy.
"""

from __future__ import annotations

from ._graph.declare import call as _call
from ._run.external_source import external_source
from ._schema import PUBLIC, owner_of
from .errors import ParamError

_WORDS = {"bbox": "BBox", "roi": "ROI"}


class _Operator:
    def __init__(self, **kwargs):
        self._kwargs = {name: value for name, value in kwargs.items() if value is not None}

    def _merged(self, kwargs):
        for name, value in kwargs.items():
            if value is not None and name in self._kwargs:
                raise ParamError(f"{type(self).__name__}: argument {name} is given twice, "
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
        return external_source(**self._merged(kwargs))


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


for _schema in PUBLIC:
    _owner, _leaf = owner_of(__name__, _schema)
    if hasattr(_owner, _class_name(_leaf)):  # ExternalSource is written by hand
        continue
    setattr(_owner, _class_name(_leaf),
            type(_class_name(_leaf), (_Operator,),
                 {"_name": _schema["name"], "__module__": _owner.__name__,
                  "__doc__": f"{_schema['summary']}\n\nSee varo.fn.{_schema['name']}."}))
