# SPDX-License-Identifier: Apache-2.0
"""What cases of one call of a warp do not show: affines, sizes from nodes, frames, views."""

import nibabel
import numpy as np
import pytest
import varo
from varo import fn, types

SPACE = [0.9, 0.1, -0.2, 1.5, 0.05, 1.1, 0.1, -2, 0.1, -0.1, 0.95, 3]


def run(build, **options):
    pipe = varo.pipeline_def(batch_size=1, num_threads=2, seed=3, **options)(build)()
    pipe.build()
    return [out[0] for out in pipe.run()]


@pytest.fixture
def scan(tmp_path):
    affine = np.array([[-1.5, 0.1, 0, 70], [0.2, 2, 0.3, -90], [0, -0.1, 3, 12], [0, 0, 0, 1.0]])
    path = tmp_path / "scan.nii"
    voxels = np.random.default_rng(0).uniform(0, 1, (11, 12, 13)).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(voxels, affine), path)
    return str(path)


def to_input(matrix):
    """Output index to input index, 4 x 4, of a map of positions."""
    m = np.vstack([np.reshape(matrix, (3, 4)), [0, 0, 0, 1]])
    half = np.eye(4)
    half[:3, 3] = 0.5
    return np.linalg.inv(half) @ m @ half


@pytest.mark.parametrize("interp", [types.INTERP_NN, types.INTERP_LINEAR])
@pytest.mark.parametrize("matrix", [SPACE, [1, 0, 0, 2, 0, 1, 0, -1, 0, 0, 1, 3], np.eye(3, 4).ravel(),
                                    [0, -1, 0, 12, 1, 0, 0, 0, 0, 0, -1, 13]],
                         ids=["oblique", "shift", "identity", "quarter turn"])
def test_affine_stays_true(scan, matrix, interp):
    def build():
        volume = fn.readers.nifti(files=[scan])
        return volume, fn.warp_affine(volume, matrix=list(matrix), fill_value=0, interp_type=interp)

    before, after = run(build)
    np.testing.assert_allclose(after.affine, before.affine @ to_input(matrix), atol=1e-5)


@pytest.mark.parametrize("angle", [0, 90, 33])
def test_centre_of_a_rotation_stays_in_place(scan, angle):
    def build():
        volume = fn.readers.nifti(files=[scan])
        return volume, fn.rotate(volume, angle=angle, axis=(0, 0, 1), fill_value=0)

    before, after = run(build)

    def centre(t):
        index = (np.array(t.shape()[:3][::-1], float) - 1) / 2
        return (t.affine @ [*index, 1])[:3]

    np.testing.assert_allclose(centre(after), centre(before), atol=1e-4)


def test_size_is_rounded_as_a_constant_and_cut_off_from_a_node():
    x = np.zeros((5, 6, 7), np.float32)

    def build():
        volume = fn.external_source(source=lambda: [x], layout="DHW")
        size = fn.external_source(source=lambda: [np.array([3.5, 4.5, 5.9], np.float32)])
        return (fn.warp_affine(volume, matrix=SPACE, size=(3.5, 4.5, 5.9)),
                fn.warp_affine(volume, matrix=SPACE, size=size))

    constant, node = run(build)
    assert list(constant.shape()) == [4, 5, 6]
    assert list(node.shape()) == [3, 4, 5]


def test_frames_have_their_own_angles():
    film = np.random.default_rng(1).uniform(0, 1, (3, 9, 12, 2)).astype(np.float32)
    angles = np.array([0, 20, -75], np.float32)

    def build():
        frames = fn.external_source(source=lambda: [film], layout="FHWC")
        angle = fn.external_source(source=lambda: [angles], layout="F")
        matrix = fn.transforms.rotation(angle=angle, center=(6, 4.5))
        return (fn.rotate(frames, angle=angle, keep_size=True, fill_value=0),
                fn.warp_affine(frames, matrix, fill_value=0))

    turned, warped = run(build)
    for i, angle in enumerate(angles):
        alone = fn.rotate(varo.as_tensor(film[i], layout="HWC"), angle=float(angle), keep_size=True,
                          fill_value=0)
        np.testing.assert_array_equal(np.array(turned)[i], np.array(alone))
        # The same turn by a matrix, which went through float32.
        np.testing.assert_allclose(np.array(warped)[i], np.array(alone), atol=1e-5)


def test_canvas_of_a_film_holds_every_frame():
    film = np.zeros((2, 9, 12, 1), np.float32)

    def build():
        frames = fn.external_source(source=lambda: [film], layout="FHWC")
        return fn.rotate(frames, angle=fn.external_source(source=lambda: [np.array([0, 90], np.float32)],
                                                          layout="F"))

    turned, = run(build)
    # 9 x 12 and 12 x 9: half of the frames is odd along each axis, which is not the majority.
    assert list(turned.shape()) == [2, 12, 12, 1]


def test_matrices_of_frames_join_a_single_one():
    angles = np.array([10, 20], np.float32)

    def build():
        angle = fn.external_source(source=lambda: [angles], layout="F")
        each = fn.transforms.rotation(angle=angle)
        return fn.transforms.scale(each, scale=(2, 3)), each

    scaled, each = run(build)
    assert scaled.layout() == "F**"
    np.testing.assert_allclose(np.array(scaled), np.array(each) * [[[2], [3]]], rtol=1e-6)
