# SPDX-License-Identifier: Apache-2.0
"""Writes what fuzzers begin with: fuzz_seeds.py FOLDER makes FOLDER/<fuzzer>/, a few small files each."""

import gzip
import io
import json
import struct
import sys
from pathlib import Path

import numpy as np


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def nifti(array, version=1, order="<", slope=1.0):
    """The least that is a NIfTI file: sizes, type, spacing, scaling, an affine, the elements."""
    codes = {"uint8": 2, "int16": 4, "int32": 8, "float32": 16, "float64": 64}
    dims = [array.ndim, *array.shape[::-1], *[1] * (7 - array.ndim)]
    bits = array.itemsize * 8
    affine = [1, 0, 0, 5, 0, 2, 0, 6, 0, 0, 3, 7]
    header = bytearray(352 if version == 1 else 544)

    def put(at, code, *values):
        struct.pack_into(order + code * len(values), header, at, *values)

    if version == 1:
        put(0, "i", 348)
        put(40, "h", *dims)
        put(70, "h", codes[array.dtype.name], bits)
        put(76, "f", 1, *[1.5] * 7)
        put(108, "f", 352, slope, 2)
        put(254, "h", 1)
        put(280, "f", *affine)
        header[344:348] = b"n+1\0"
    else:
        put(0, "i", 540)
        header[4:12] = b"n+2\0\r\n\x1a\n"
        put(12, "h", codes[array.dtype.name], bits)
        put(16, "q", *dims)
        put(104, "d", 1, *[1.5] * 7)
        put(168, "q", 544)
        put(176, "d", slope, 2)
        put(348, "i", 1)
        put(400, "d", *affine)
    return bytes(header) + array.astype(array.dtype.newbyteorder(order)).tobytes()


def seeds():
    """{fuzzer: files}"""
    volume = np.arange(60).reshape(3, 4, 5)
    arrays = [volume.astype("int16"), np.asfortranarray(volume.astype("float32")), np.float64(3.5), volume.astype(">u4"),
              volume[:0].astype("bool"), volume.astype("float16")]
    images = [nifti(volume.astype("int16")), nifti(volume.astype("uint8"), slope=0.5), nifti(volume.astype("float32"), 2),
              nifti(volume.astype("int32"), 1, ">")]
    headers = ["{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4, 5), }", '{"shape":(7L,),"descr":"|b1","fortran_order":True}',
               "{'descr': '>i8', 'fortran_order': False, 'shape': ()}"]
    rng = np.random.default_rng(0)
    rows = [{"image": f"im/{i}.nii", "label": f"la/{i}.nii"} for i in range(2)]
    tables = [{"training": rows, "numTraining": 2}, rows, {"image": [["a", "b"], ["c", "d"]], "label": ["e", "\udce9"]},
              {"channel_names": {"0": "T1", "1": "T2"}, "file_ending": ".nii", "numTraining": 2},
              {"channel_names": {"0": "CT"}, "file_ending": ".nii", "dataset": {"x": {"images": ["a"], "label": "b"}}}]
    return {
        "table_fuzz": [json.dumps(table).encode() for table in tables]
        + [b'image,label\r\n"a, ""1"".nii",b.nii\r\n\r\nc.nii,d.nii', b"image\tlabel\na\tb\n"],
        "npy_fuzz": [npy(a) for a in arrays],
        "npy_header_fuzz": [h.encode() for h in headers],
        "nifti_fuzz": images + [gzip.compress(image, mtime=0) for image in images],
        "gzip_fuzz": [gzip.compress(images[0], mtime=0), gzip.compress(b"", mtime=0),
                      gzip.compress(b"ab", mtime=0) * 2 + b"\0\0", images[1]],
        "program_fuzz": [rng.bytes(count) for count in (20, 60, 120, 200)],
    }


def main(folder):
    for fuzzer, files in seeds().items():
        target = Path(folder) / fuzzer
        target.mkdir(parents=True, exist_ok=True)
        for number, content in enumerate(files):
            (target / f"seed{number}").write_bytes(content)


if __name__ == "__main__":
    main(sys.argv[1])
