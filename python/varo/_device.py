# SPDX-License-Identifier: Apache-2.0
"""The devices that operators are declared for."""

import warnings

from ._origin import caller_level
from .errors import ArgumentTypeError

_said = False  # that there is no back end


def device_word(op, device):
    """`device=` of an operator as the engine takes it, which knows the words; None leaves it to the inputs."""
    if device is None:
        return ""
    if not isinstance(device, str):
        raise ArgumentTypeError(f'{op}: device must be "cpu", "gpu" or "mixed", not {device!r}')
    if device in ("gpu", "mixed"):
        say_no_back_end()
    return device


def say_no_back_end():
    """Once a process."""
    global _said
    if not _said:
        _said = True
        warnings.warn('this build of Varo has no GPU back end; device="gpu" runs on the CPU', stacklevel=caller_level())
