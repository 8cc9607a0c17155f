# SPDX-License-Identifier: Apache-2.0
"""Where in the user's program something was written."""

import linecache
import os
import sys
import warnings

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def is_ours(file):
    # The build tree links to the sources, so both spellings of a path are this package's.
    return file.startswith(_PACKAGE) or os.path.abspath(file).startswith(_PACKAGE)


def _is_ours(frame):
    return is_ours(frame.f_code.co_filename)


def caller_level() -> int:
    """The `stacklevel` with which whoever calls this warns the innermost frame outside this package."""
    frame, level = sys._getframe(1), 1
    while frame is not None and _is_ours(frame):
        frame, level = frame.f_back, level + 1
    return level


def warn(text: str) -> None:
    """Warns about the innermost frame outside this package."""
    warnings.warn(text, stacklevel=caller_level())


def _users_frame():
    """The innermost frame outside this package, or None."""
    frame = sys._getframe(2)
    while frame is not None and _is_ours(frame):
        frame = frame.f_back
    return frame


def caller():
    """(file, line) of the user's program that runs."""
    frame = _users_frame()
    return ("", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)


def place(file, line) -> str:
    """ "train.py:31   x = fn.crop(x, size=(96, 96, 96))"."""
    return f"{os.path.basename(file)}:{line}   {linecache.getline(file, line).strip()}".rstrip()


def origin() -> str:
    """The place for the innermost frame outside this package."""
    frame = _users_frame()
    return "" if frame is None else place(frame.f_code.co_filename, frame.f_lineno)
