# SPDX-License-Identifier: Apache-2.0
"""What the operators compute, as one digest a case: whatever computes the same bytes prints the same JSON.

Cases are run as they are, and once more on inputs that were repeated until their rows are longer than
any vector; what fails there counts as well, by the class of its error. Then come the whole pipelines
of bench/, on small volumes.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Iterable, Iterator, Sequence

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import conformance as run  # noqa: E402
import registry  # noqa: E402
import varo  # noqa: E402
from case import Case  # noqa: E402

LONG = 67  # voxels a row: no multiple of any number of lanes
MANY = 1 << 16
SAMPLES = 64  # of a random case; its statistics may want thousands


def lengthened(arrays: Sequence[np.ndarray]) -> list[np.ndarray] | None:
    """The inputs with rows of LONG voxels, where inputs of one shape grow together; nothing if they
    are long, or large then."""
    shape = arrays[0].shape if arrays else ()
    if not shape or not 1 <= shape[-1] < LONG or arrays[0].size // shape[-1] * LONG > MANY:
        return None
    row = np.arange(LONG) % shape[-1]
    return [a[..., row].copy() if a.shape == shape else a for a in arrays]


def outputs(case: Case, arrays: Sequence[np.ndarray]) -> list[tuple[np.ndarray, ...]]:
    if case.reference is not None:
        return [run.run_eager(case, arrays)]
    size = min(case.samples, SAMPLES)
    return run.run_pipeline(case, [arrays] * size, threads=1, batch_size=size)


def digest(samples: Iterable[Sequence[np.ndarray]]) -> str:
    total = hashlib.blake2b(digest_size=12)
    for sample in samples:
        for array in sample:
            total.update(f"{array.dtype.str}{array.shape}".encode())
            total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def digest_of(case: Case, arrays: Sequence[np.ndarray]) -> str:
    try:
        return digest(outputs(case, arrays))
    except varo.errors.VaroError as error:
        return type(error).__name__


def of_cases() -> Iterator[tuple[str, str]]:
    for case in registry.cases_of(registry.load_all()):
        for dtype in case.dtypes or [None]:
            name = f"{case.op}: {case.name}" + (f" [{dtype}]" if dtype else "")
            arrays = run.inputs_of(case, dtype)
            yield name, digest_of(case, arrays)
            if longer := lengthened(arrays):
                yield name + ", long rows", digest_of(case, longer)


def of_pipelines() -> Iterator[tuple[str, str]]:
    sys.path.insert(0, str(registry.ROOT / "bench"))
    import data
    import pipelines

    patch = 24
    for name, shape in (("brats", (4, 31, 37, 45)), ("kits", (1, 40, 29, 31)), ("nnunet", (4, patch, patch, patch))):
        with tempfile.TemporaryDirectory() as folder:
            files = data.cases(folder, shape, 3, 5, 2)
            pipe = getattr(pipelines, name)(files, patch, batch_size=4, num_threads=1, seed=1)
            for i in range(6):
                batch = [np.array(tensor) for output in pipe.run() for tensor in output]
                yield f"{name}, batch {i}", digest([batch])


if __name__ == "__main__":
    with np.errstate(all="ignore"):
        found = {**dict(of_cases()), **dict(of_pipelines())}
    json.dump({"targets": varo._core.simd_targets(), "digests": found}, sys.stdout)
