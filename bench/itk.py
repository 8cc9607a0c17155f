# SPDX-License-Identifier: Apache-2.0
"""ITK as a contender: a child process of itk_peer.cc, which times itself.

Debian has no Python package of ITK, so its C++ library is used where the development package
(libinsighttoolkit5-dev) is installed.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

import native

LIBRARIES = ("ITKCommon", "ITKIOImageBase", "ITKIONIFTI", "ITKTransform", "itksys", "itkvnl", "itkvnl_algo")


def _headers():
    """(folder, version) of the newest ITK 5 that is installed, or (None, "")."""
    found = [f for f in Path("/usr/include").glob("ITK-5.*") if (f / "itkImage.h").is_file()]
    if not found:
        native.missing["itk_peer"] = "libinsighttoolkit5-dev is not installed"
        return None, ""
    folder = max(found, key=lambda f: [int(n) for n in re.findall(r"\d+", f.name)])
    return folder, folder.name.removeprefix("ITK-")


def program():
    folder, version = _headers()
    return folder and native.program("itk_peer", "-isystem", str(folder), *(f"-l{name}-{version}" for name in LIBRARIES))


def version():
    """"5.2" where ITK takes part, or None."""
    return _headers()[1] if program() else None


class Peer:
    """One work prepared in a process of its own. Calling it works once and fetches the result."""

    def __init__(self, work, source, numbers, result):
        self._folder = tempfile.TemporaryDirectory(prefix="varo-bench-")
        self._result = result
        if not isinstance(source, (str, Path)):
            path = Path(self._folder.name) / "input"
            source.tofile(path)
            source = path
        command = [str(program()), work, str(source), *(repr(float(n)) for n in numbers)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._answer()

    def _answer(self):
        line = self._process.stdout.readline().strip()
        if not line or line.startswith("error"):
            raise RuntimeError(f"ITK: {line or f'the process ended with {self._process.wait()}'}")
        return line

    def _ask(self, command):
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return self._answer()

    def seconds(self, now):
        """Works once; the seconds that took there, of the processor for any clock but the wall's."""
        wall, cpu = map(float, self._ask("run").split())
        return wall if now is time.perf_counter else cpu

    def __call__(self):
        self._ask("run")
        path = Path(self._folder.name) / "output"
        self._ask(f"write {path}")
        return self._result(path)

    def __del__(self):
        process = getattr(self, "_process", None)
        if process:
            process.stdin.close()
            process.wait()
            process.stdout.close()


def _volume(shape, dtype):
    return lambda path: np.fromfile(path, dtype).reshape(shape)


def resampled(volume, size, interp, matrix=None):
    """{"ITK": contender} of a resize, or of a warp by the 3x4 `matrix` (xyz, output to input, centres at one half)."""
    numbers = [*volume.shape, *size]
    if matrix is not None:  # ITK's voxel centres are whole numbers
        shifted = np.array(matrix)
        shifted[:, 3] += shifted[:, :3] @ np.full(3, 0.5) - 0.5
        numbers += shifted.ravel().tolist()
    return _contender("ITK", interp, volume, numbers, _volume(size, volume.dtype))


def objects(labels):
    """By a label image, and by the filter that makes none. Results are (class, starts, stops)."""
    boxes = lambda path: [tuple(row) for row in np.fromfile(path, np.int32).reshape(-1, 7).tolist()]
    numbers = [*labels.shape, int(labels.max())]
    return {**_contender("ITK", "objects by labels", labels, numbers, boxes),
            **_contender("ITK, label map", "objects by runs", labels, numbers, boxes)}


def gaussian(volume, sigma, taps):
    """DiscreteGaussianImageFilter: its weights are those of the discrete Gaussian."""
    return _contender("ITK", "gaussian", volume, [*volume.shape, sigma, taps], _volume(volume.shape, volume.dtype))


def read(path, shape):
    return _contender("ITK", "read", path, [], _volume(shape, np.int16))


def _contender(name, *how):
    return {name: Peer(*how)} if program() else {}
