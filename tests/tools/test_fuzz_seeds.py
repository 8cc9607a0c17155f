# SPDX-License-Identifier: Apache-2.0
"""What fuzzers begin with is what they are about."""

import sys
from pathlib import Path

import nibabel as nib
import numpy as np

from varo import eager, fn

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import fuzz_seeds  # noqa: E402


def test_every_fuzzer_has_seeds(tmp_path):
    fuzz_seeds.main(tmp_path)
    fuzzers = {file.stem for file in (ROOT / "fuzz").glob("*.cc")}
    assert fuzzers == {folder.name for folder in tmp_path.iterdir()}
    assert all(any(folder.iterdir()) for folder in tmp_path.iterdir())


@eager()
def test_seeds_of_formats_can_be_read(tmp_path):
    fuzz_seeds.main(tmp_path)
    for file in (tmp_path / "npy_fuzz").iterdir():
        assert np.array_equal(np.load(file), fn.readers.numpy(files=[str(file)]))
    for file in (tmp_path / "nifti_fuzz").iterdir():
        named = file.rename(file.with_suffix(".nii.gz" if file.read_bytes()[:2] == b"\x1f\x8b" else ".nii"))
        image = nib.load(named)
        assert image.get_fdata().size == 60 and image.affine[0, 3] == 5
