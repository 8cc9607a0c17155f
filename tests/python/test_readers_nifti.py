# SPDX-License-Identifier: Apache-2.0
"""readers.nifti: nibabel says what is in the files."""

import gzip
import os

import numpy as np
import pytest

import varo
from varo import fn

nib = pytest.importorskip("nibabel")

NIFTI_TYPES = ["u1", "i2", "i4", "f4", "f8", "i1", "u2", "u4", "i8", "u8"]


def noise(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(dtype)
    low = 0 if dtype.kind == "u" else -100
    return np.asarray(rng.integers(low, 100, shape)).astype(dtype)


def pipeline(batch_size=1, then=lambda x: x, **args):
    @varo.pipeline_def(batch_size=batch_size, num_threads=2, seed=1)
    def made():
        return then(fn.readers.nifti(**args))

    return made()


def read(path, **args):
    """The one sample of `path`, after `then` if that is given."""
    return pipeline(files=[str(path)], **args).run()[0][0]


def expect(tensor, array):
    got = np.asarray(tensor)
    assert got.dtype == array.dtype.newbyteorder("=")
    assert got.shape == array.shape
    np.testing.assert_array_equal(got, array)


def save_nifti(path, array, version=1, byte_order="<", affine=None, edit=lambda header: None):
    """`edit` has the last word on the header."""
    kind, header = ((nib.Nifti1Image, nib.Nifti1Header) if version == 1 else (nib.Nifti2Image, nib.Nifti2Header))
    header = header(endianness=byte_order)
    header.set_data_dtype(array.dtype)
    affine = np.diag([2.0, 3, 4, 1]) if affine is None else affine
    header["pixdim"][1:4] = np.linalg.norm(affine[:3, :3], axis=0)
    header.set_sform(affine, 1)
    edit(header)
    nib.save(kind(array, None, header), path)
    return path


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("byte_order", "<>")
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("dtype", NIFTI_TYPES)
def test_nifti_reads_what_nibabel_reads(tmp_path, dtype, version, byte_order, name):
    array = noise((5, 4, 3), dtype)
    affine = np.array([[0, -2.5, 0, 10], [1.5, 0, 0.25, -20], [0, 0, 3, 30], [0, 0, 0, 1]])
    path = save_nifti(tmp_path / name, array, version, byte_order, affine)
    stored = np.asanyarray(nib.load(path).dataobj)
    tensor = read(path)
    expect(tensor, np.transpose(stored))
    assert tensor.layout() == "DHW"
    assert tensor.source_info() == str(path)
    np.testing.assert_allclose(tensor.affine, nib.load(path).affine, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shape, layout", [((4, 3), "HW"), ((4, 3, 1), "DHW"), ((4, 3, 2, 5), "CDHW"), ((4, 3, 2, 1), "DHW"),
                                           ((4, 3, 2, 6, 5), "CFDHW"), ((4, 3, 2, 1, 5), "CFDHW"), ((7,), "W")])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.img"])
def test_nifti_axes(tmp_path, shape, layout, name):
    array = noise(shape, "i2")
    if name.endswith("img"):
        nib.save(nib.Nifti1Pair(array, np.eye(4)), tmp_path / name)
    else:
        save_nifti(tmp_path / name, array)
    tensor = read(tmp_path / name)
    assert tensor.layout() == layout
    expect(tensor, np.transpose(array.reshape(array.shape[:len(layout)])))


@pytest.mark.parametrize("slope, intercept", [(0.01, 0), (2.5, -1024), (1, 3), (-1, 0)])
@pytest.mark.parametrize("dtype", ["u1", ">i2", "i4", "f4"])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_nifti_scaling(tmp_path, slope, intercept, dtype, name):
    dtype = np.dtype(dtype)
    array = noise((5, 4, 3), dtype)
    image = nib.Nifti1Image(array, np.eye(4), nib.Nifti1Header(endianness=">" if dtype.byteorder == ">" else "<"))
    image.header.set_data_dtype(dtype)
    image.header.set_slope_inter(slope, intercept)
    body = bytearray(image.to_bytes())
    # nibabel divides by the slope when it writes; put the voxels there as they are.
    body[352:352 + array.nbytes] = np.asfortranarray(array).tobytes("F")
    order = ">" if dtype.byteorder == ">" else "<"
    body[112:120] = np.array([slope, intercept], order + "f4").tobytes()
    (tmp_path / name).write_bytes(gzip.compress(bytes(body)) if name.endswith("gz") else bytes(body))
    expected = nib.load(tmp_path / name).get_fdata().astype("f4")
    tensor = read(tmp_path / name)
    assert np.asarray(tensor).dtype == np.float32
    np.testing.assert_array_equal(np.asarray(tensor), np.transpose(expected))


@pytest.mark.parametrize("slope", [0, 1, np.nan, np.inf])
def test_nifti_keeps_the_stored_type_without_scaling(tmp_path, slope):
    array = noise((5, 4, 3), "i2")
    path = save_nifti(tmp_path / "a.nii", array)
    with open(path, "r+b") as file:
        file.seek(112)
        file.write(np.array([slope, 0], "f4").tobytes())
    expect(read(path), np.transpose(array))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("version", [1, 2])
def test_nifti_qform(tmp_path, seed, version):
    rng = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))  # either handedness
    affine = np.eye(4)
    affine[:3, :3] = rotation * rng.uniform(0.5, 3, 3)
    affine[:3, 3] = rng.uniform(-100, 100, 3)

    def edit(header):
        header.set_sform(None, 0)
        header.set_qform(affine, 1)

    path = save_nifti(tmp_path / "a.nii", noise((3, 4, 5), "u1"), version, edit=edit)
    loaded = nib.load(path)
    assert loaded.header["sform_code"] == 0
    np.testing.assert_allclose(read(path).affine, loaded.affine, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(loaded.affine, affine, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("unit, factor", [("unknown", 1), ("mm", 1), ("meter", 1000), ("micron", 0.001)])
def test_nifti_units(tmp_path, unit, factor):
    path = save_nifti(tmp_path / "a.nii", noise((3, 4, 5), "u1"), edit=lambda header: header.set_xyzt_units(unit))
    np.testing.assert_allclose(read(path).affine, np.diag([2 * factor, 3 * factor, 4 * factor, 1]))


def test_nifti_without_codes_has_pixdim(tmp_path):
    def edit(header):
        header.set_sform(None, 0)
        header.set_qform(None, 0)

    path = save_nifti(tmp_path / "a.nii", noise((3, 4, 5), "u1"), edit=edit)
    np.testing.assert_array_equal(read(path).affine, np.diag([2.0, 3, 4, 1]))


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_nifti_region(tmp_path, name):
    array = noise((7, 6, 5, 3), ">i2")
    path = save_nifti(tmp_path / name, array, byte_order=">")
    tensor = read(path, roi_axes=[1, 3], roi_start=[1, 2], roi_shape=[3, 4])
    expect(tensor, np.transpose(array)[:, 1:4, :, 2:6])
    affine = np.diag([2.0, 3, 4, 1])
    affine[:3, 3] = [2 * 2, 0, 1 * 4]
    np.testing.assert_allclose(tensor.affine, affine)


def test_nifti_then_flip(tmp_path):
    array = noise((7, 6, 5), "f4")
    path = save_nifti(tmp_path / "a.nii.gz", array)
    tensor = read(path, then=lambda x: fn.flip(x, horizontal=1, depthwise=1))
    expect(tensor, np.transpose(array)[::-1, :, ::-1])


def test_nifti_discovery_takes_both_endings(tmp_path):
    for name in ["b.nii", "a.nii.gz", "c.txt"]:
        save_nifti(tmp_path / "x.nii", noise((2, 2, 2), "u1"))
        data = (tmp_path / "x.nii").read_bytes()
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    (tmp_path / "x.nii").unlink()
    (batch,) = pipeline(batch_size=2, file_root=str(tmp_path)).run()
    assert [os.path.basename(batch[i].source_info()) for i in range(2)] == ["a.nii.gz", "b.nii"]


def test_nifti_reads_a_real_image():
    path = "/usr/share/mricron/templates/ch2.nii.gz"
    if not os.path.exists(path):
        pytest.skip("mricron-data is not installed")
    loaded = nib.load(path)
    tensor = read(path)
    expect(tensor, np.transpose(np.asanyarray(loaded.dataobj)))
    np.testing.assert_allclose(tensor.affine, loaded.affine, rtol=1e-6)


def damaged(tmp_path, change):
    rng = np.random.default_rng(0)
    body = nib.Nifti1Image(rng.integers(0, 99, (20, 20, 20)).astype("i2"), np.eye(4)).to_bytes()
    (tmp_path / "bad.nii.gz").write_bytes(change(body))
    return tmp_path / "bad.nii.gz"


@pytest.mark.parametrize("change, text", [
    (lambda body: gzip.compress(body)[:-100], "ends early"),
    (lambda body: gzip.compress(body) + b"garbage", "7 bytes"),
    (lambda body: gzip.compress(body)[:-8] + b"\0" * 8, "CRC-32"),
    (lambda body: gzip.compress(body[:5000]), "16352 bytes"),
    (lambda body: gzip.compress(body[:40] + b"\x03\x00\xe8\x03\xe8\x03\xe8\x03" + body[48:]), "compressed bytes"),
    (lambda body: b"", "0 bytes"),
    (lambda body: body[:200], "200 bytes"),
])
def test_nifti_refuses_damaged_files(tmp_path, change, text):
    path = damaged(tmp_path, change)
    with pytest.raises(varo.ReadError, match="bad.nii.gz") as error:
        read(path)
    assert text in str(error.value)


@pytest.mark.parametrize("more", [1 << 10, 1 << 17, 1 << 24])
def test_nifti_drops_what_stands_behind_the_voxels(tmp_path, more):
    rng = np.random.default_rng(0)
    array = rng.integers(0, 99, (20, 21, 22)).astype("i2")
    body = nib.Nifti1Image(array, np.eye(4)).to_bytes()
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(body + rng.bytes(more), 1))
    expect(read(tmp_path / "a.nii.gz"), array.T)


def test_nifti_takes_an_extent_of_zero_for_one(tmp_path):
    path = save_nifti(tmp_path / "a.nii", noise((3, 4, 1), "u1"))
    array = np.asarray(nib.load(path).dataobj)
    with open(path, "r+b") as file:
        file.seek(40)
        file.write(np.array([3, 3, 4, 0], "i2").tobytes())
    expect(read(path), array.T)


@pytest.fixture
def pair(tmp_path):
    """Writes voxels and slope as x.hdr and x.img, under other names if asked for."""

    def write(array, slope=1.0, header="x.hdr", voxels="x.img", affine=np.eye(4)):
        image = nib.Nifti1Pair(array, affine)
        image.header.set_slope_inter(slope, 0)
        nib.save(image, tmp_path / "temporary.hdr")
        for made, name in (("hdr", header), ("img", voxels)):
            body = (tmp_path / f"temporary.{made}").read_bytes()
            (tmp_path / name).write_bytes(gzip.compress(body) if name.lower().endswith(".gz") else body)
            (tmp_path / f"temporary.{made}").unlink()
        # nibabel scales what it is given to the slope: the voxels are what is stored.
        (tmp_path / voxels).write_bytes(gzip.compress(array.tobytes("F")) if voxels.lower().endswith(".gz") else array.tobytes("F"))
        return tmp_path / header, tmp_path / voxels

    return write


@pytest.mark.parametrize("asked", [0, 1])
def test_a_remembered_header_of_a_pair_follows_both_files(pair, asked):
    array = noise((3, 4, 5), "i2")
    path = pair(array, 2.0)[asked]
    pipe = pipeline(files=[str(path)], cache_header_information=True)

    def newest():
        for _ in range(5):  # a few are read ahead, some perhaps with the header that was there before
            try:
                out = pipe.run()[0][0]
            except varo.ReadError:
                out = None
        return out

    expect(newest(), array.T * np.float32(2))
    pair(array, 4.0, affine=np.diag([2.0, 3, 4, 1]))
    out = newest()
    expect(out, array.T * np.float32(4))
    np.testing.assert_array_equal(out.affine, np.diag([2.0, 3, 4, 1]))
    other = noise((3, 4, 5), "i2", seed=1)
    pair(other, 4.0)
    expect(newest(), other.T * np.float32(4))


@pytest.mark.parametrize("names", [("P.HDR", "P.IMG"), ("m.hdr", "m.img.gz"), ("n.hdr.gz", "n.img"), ("Q.HDR.GZ", "Q.IMG.GZ")])
def test_the_files_of_a_pair_find_each_other(pair, names):
    array = noise((3, 4, 5), "i2")
    for path in pair(array, header=names[0], voxels=names[1]):
        expect(read(path), array.T)


def test_voxels_that_are_not_the_gzip_that_they_should_be_are_refused(pair):
    header, voxels = pair(noise((3, 4, 5), "i2"), header="p.hdr", voxels="p.img.gz")
    damaged = bytearray(voxels.read_bytes())
    damaged[0] ^= 0xFF
    voxels.write_bytes(bytes(damaged) + bytes(1000))
    for path in (header, voxels):
        with pytest.raises(varo.ReadError, match="p.img.gz: the name says gzip"):
            read(path)


def test_hidden_files_are_no_images(tmp_path):
    for name in ("a.nii.gz", "b/c.nii"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        save_nifti(tmp_path / name, noise((2, 2, 2), "u1"))
        (tmp_path / name).with_name("._" + os.path.basename(name)).write_bytes(b"resource fork")
    (batch,) = pipeline(batch_size=2, file_root=str(tmp_path)).run()
    assert [os.path.relpath(t.source_info(), tmp_path) for t in batch] == ["a.nii.gz", "b/c.nii"]


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_nifti_refuses_an_affine_that_is_not_finite(tmp_path, number):
    path = save_nifti(tmp_path / "bad.nii", noise((2, 2, 2), "u1"))
    with open(path, "r+b") as file:
        file.seek(280 + 4 * 5)
        file.write(np.array([number], "f4").tobytes())
    with pytest.raises(varo.ReadError, match="bad.nii") as error:
        read(path)
    assert "sform" in str(error.value) and str(number) in str(error.value)


@pytest.mark.parametrize("kind", [np.complex64, np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])])
def test_nifti_refuses_colours_and_complex_numbers(tmp_path, kind):
    path = tmp_path / "bad.nii"
    nib.save(nib.Nifti1Image(np.zeros((2, 2, 2), kind), np.eye(4)), path)
    with pytest.raises(varo.ReadError, match="datatype (32|128)"):
        read(path)
