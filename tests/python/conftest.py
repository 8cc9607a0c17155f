# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest


@pytest.fixture
def numbered(tmp_path):
    """numbered(n): a folder with n .npy files, the k-th (from 1) holding the number k."""

    def make(count, shape=(1,), dtype="int32"):
        folder = tmp_path / f"numbered_{count}"
        folder.mkdir(exist_ok=True)
        for k in range(1, count + 1):
            np.save(folder / f"{k:04d}.npy", np.full(shape, k, dtype))
        return str(folder)

    return make
