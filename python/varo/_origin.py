# SPDX-License-Identifier: Apache-2.0
"""Where in the user's program something was written."""

import linecache
import os
import sys

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def _is_ours(frame):
    # The build tree links to the sources, so both spellings of a path are this package's.
    name = frame.f_code.co_filename
    return name.startswith(_PACKAGE) or os.path.abspath(name).startswith(_PACKAGE)


def caller_level() -> int:
    """The `stacklevel` with which whoever calls this warns the innermost frame outside this package."""
    frame, level = sys._getframe(1), 1
    while frame is not None and _is_ours(frame):
        frame, level = frame.f_back, level + 1
    return level


def origin() -> str:
    """ "train.py:31   x = fn.crop(x, size=(96, 96, 96))" for the innermost frame outside this package."""
    frame = sys._getframe(1)
    while frame is not None and _is_ours(frame):
        frame = frame.f_back
    if frame is None:
        return ""
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}   {line}".rstrip()
