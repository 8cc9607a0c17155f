# SPDX-License-Identifier: Apache-2.0
"""What can go wrong. Every error is a VaroError, a RuntimeError, and the built-in class it is a kind of."""


class VaroError(RuntimeError):
    """Base of all errors of Varo."""


class ParamError(VaroError, ValueError):
    """A value that no run can accept."""


class ArgumentTypeError(VaroError, TypeError):
    """A wrong kind of argument, an unknown argument or operator, an element type that is not supported."""


class ShapeError(VaroError, ValueError):
    """Extents or numbers of axes that do not fit."""


class LayoutError(VaroError, ValueError):
    """Axis letters that are missing, unknown or not supported."""


class IndexOutOfRange(VaroError, IndexError):
    """An index outside its axis."""


class ReadError(VaroError, OSError):
    """A file that is missing, truncated, of another format, or hostile."""


class DeviceError(VaroError, BufferError):
    """A device, or a feature of it, that is not there."""


class StateError(VaroError):
    """A call that is not possible now: a closed or inherited pipeline, interfaces mixed."""


class InternalError(VaroError):
    """A mistake of Varo's own; please report it."""


__all__ = ["VaroError", "ParamError", "ArgumentTypeError", "ShapeError", "LayoutError", "IndexOutOfRange", "ReadError", "DeviceError", "StateError", "InternalError"]
