# SPDX-License-Identifier: Apache-2.0
"""Where kernels spend their time: each measured with parts of its work left out.

    ./dev python bench/parts.py       processor time on one thread, the least of 15 calls
"""

from __future__ import annotations

import os
import time

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np

import clock
import data
from resampling import _turned
from work import seeded


def least(call):
    times = []
    call()
    for _ in range(15):
        start = time.thread_time()
        call()
        times.append(time.thread_time() - start)
    return 1e3 * min(times)


def resizing():
    import varo
    from varo import fn, types

    volume = data.image((155, 240, 240), seeded())
    tensor = varo.as_tensor(volume, "DHW")
    yield "read 155x240x240, f32, by NumPy's sum", least(lambda: volume.sum())
    for interp in ("LINEAR", "CUBIC", "BSPLINE"):
        for axes in ("D", "H", "W", "DH", "DHW"):
            size = [128 if axis in axes else n for axis, n in zip("DHW", volume.shape)]
            call = lambda: fn.resize(tensor, size=size, interp_type=getattr(types, f"INTERP_{interp}"), antialias=False)
            yield f"resize {interp.lower()} to 128 along {axes}", least(call)


def warping():
    import varo
    from varo import fn, types

    shape = (128,) * 3
    turned = _turned(shape)
    centre = np.full(3, 64.0)
    inside = np.hstack([turned[:, :3] / 2, (centre - turned[:, :3] @ centre / 2)[:, None]])
    outside = turned + [0, 0, 0, 1000]
    shifted = np.hstack([np.eye(3), [[0.3], [0.4], [0.2]]])
    for volume, kinds in ((data.image(shape, seeded()), ("LINEAR", "NN")), (data.blobs(shape, 28, 5, seeded()), ("NN",))):
        tensor = varo.as_tensor(volume, "DHW")
        for kind in kinds:
            for name, matrix in (("turned", turned), ("turned, all inside", inside), ("all outside", outside), ("shifted", shifted)):
                call = lambda: fn.warp_affine(tensor, matrix=matrix.ravel().tolist(), fill_value=0.0,
                                              interp_type=getattr(types, f"INTERP_{kind}"))
                yield f"affine 128^3, {volume.dtype}, {kind.lower()}, {name}", least(call)


def blurring():
    import varo
    from varo import fn

    tensor = varo.as_tensor(data.image((128,) * 3, seeded()), "DHW")
    for name, window in (("D", (7, 1, 1)), ("H", (1, 7, 1)), ("W", (1, 1, 7)), ("DHW", (7, 7, 7))):
        yield f"blur 128^3 along {name}", least(lambda: fn.gaussian_blur(tensor, sigma=1.0, window_size=window))


def drawing():
    from varo import eager, fn, types

    shape = [4, 128, 128, 128]
    with eager():
        yield "4x128^3 normal numbers", least(lambda: fn.random.normal(shape=shape, seed=1))
        yield "4x128^3 uniform numbers", least(lambda: fn.random.uniform(shape=shape, seed=1, range=(0.0, 1.0)))
        yield "4x128^3 coins", least(lambda: fn.random.coin_flip(shape=shape, seed=1, dtype=types.UINT8))


def labelling():
    import varo
    from varo import fn

    blobs = data.blobs((300, 320, 320), 28, 2, seeded())
    empty = np.zeros_like(blobs)
    empty[5, 5, 5] = 1
    noise = data.noise_mask((256,) * 3, 0.31, seeded())
    yield "read 300x320x320, u8, by NumPy's max", least(lambda: blobs.max())
    for name, labels in (("one voxel", empty), ("28 objects", blobs), ("noise, 256^3", noise)):
        tensor = varo.as_tensor(labels, "DHW")
        before = np.pad(labels, ((0, 0), (0, 0), (1, 0)))[:, :, :-1]
        runs = np.count_nonzero((labels != before) & (labels != 0))
        call = lambda: fn.segmentation.random_object_bbox(tensor, foreground_prob=1.0, cache_objects=False, seed=1)
        yield f"components, {name}: {runs} runs", least(call)


if __name__ == "__main__":
    clock.keep_memory()
    for part in (resizing, warping, blurring, drawing, labelling):
        for what, ms in part():
            print(f"{what:48} {ms:8.2f}", flush=True)
