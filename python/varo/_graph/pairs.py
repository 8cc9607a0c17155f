# SPDX-License-Identifier: Apache-2.0
"""files={"image": [...], "label": [...]} of a reader, as the engine takes it: names, channels and one list."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from ..errors import ArgumentTypeError, ParamError


def flattened(op, kwargs):
    """`kwargs` with the dicts of `files` and `columns` taken apart; anything else as it is."""
    if isinstance(kwargs.get("files"), Mapping):
        kwargs = {**kwargs, **_files(op, kwargs.get("names"), kwargs["files"])}
    if isinstance(kwargs.get("columns"), Mapping):
        kwargs = {**kwargs, **_columns(op, kwargs.get("names"), kwargs["columns"])}
    return kwargs


def _files(op, names, files):
    _check(op, "files", names, files)
    entries = {name: [value] if _is_path(value) else _listed(op, f'files["{name}"]', value) for name, value in files.items()}
    if any(_is_path(value) for value in files.values()) or any(_is_pattern(e) for e in entries.values()):
        for name, patterns in entries.items():
            if not _is_pattern(patterns):
                raise ParamError(f'{op}: files["{name}"] must be a pattern with {{case}}, or a list of them, as other outputs '
                                 f"have one; got {_shown(patterns)}")
        channels = [0 if _is_path(files[name]) else len(patterns) for name, patterns in entries.items()]
        return {"names": list(entries), "channels": channels, "files": [p for patterns in entries.values() for p in patterns]}
    lengths = {name: len(cases) for name, cases in entries.items()}
    if len(set(lengths.values())) > 1:
        raise ParamError(f"{op}: the lists of files differ in length: {', '.join(f'{n} {k}' for n, k in lengths.items())}; "
                         "entry i of every list belongs to case i")
    cases = {name: [_case(op, f'files["{name}"][{i}]', case) for i, case in enumerate(entry)] for name, entry in entries.items()}
    channels = [_channels(op, name, entry) for name, entry in cases.items()]
    return {"names": list(cases), "channels": channels, "files": [file for case in zip(*cases.values()) for files in case for file in
                                                                 ([files] if _is_path(files) else files)]}


def _columns(op, names, columns):
    _check(op, "columns", names, columns)
    entries = {name: [value] if isinstance(value, str) else _listed(op, f'columns["{name}"]', value) for name, value in columns.items()}
    return {"names": list(entries), "columns": [column for entry in entries.values() for column in entry],
            "channels": [0 if isinstance(columns[name], str) else len(entry) for name, entry in entries.items()]}


def _check(op, argument, names, value):
    if names is not None:
        raise ParamError(f"{op}: names is given twice, by itself and by the keys of {argument}")
    if not value:
        raise ParamError(f"{op}: {argument} names no output")
    for name in value:
        if not isinstance(name, str) or not name:
            raise ArgumentTypeError(f"{op}: the keys of {argument} must be names of outputs, not {name!r}")


def _is_path(value):
    return isinstance(value, (str, os.PathLike))


def _is_pattern(entry):
    return bool(entry) and all(_is_path(value) and "{case}" in os.fspath(value) for value in entry)


def _listed(op, what, value):
    if isinstance(value, (bytes, Mapping)) or not isinstance(value, Iterable):
        raise ArgumentTypeError(f"{op}: {what} must be a list, not {type(value).__name__}")
    return list(value)


def _case(op, what, case):
    """A path, or the list of paths that are stacked."""
    if _is_path(case):
        return case
    case = _listed(op, what, case)
    for file in case:
        if not _is_path(file):
            raise ArgumentTypeError(f"{op}: {what} must be a path or a list of paths, not {file!r}")
    return case


def _channels(op, name, cases):
    counts = [0 if _is_path(case) else len(case) for case in cases]
    for i, count in enumerate(counts):
        if count != counts[0] or not (count or _is_path(cases[i])):
            raise ParamError(f'{op}: every case has as many files of {name}, at least one; files["{name}"][{i}] has '
                             f'{_shown(cases[i])}, files["{name}"][0] has {_shown(cases[0])}')
    return counts[0] if counts else 0


def _shown(value):
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
