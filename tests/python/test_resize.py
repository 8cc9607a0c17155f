# SPDX-License-Identifier: Apache-2.0
import numpy as np
import varo
from varo import fn, types


def test_arguments_come_per_sample():
    rng = np.random.default_rng(0)
    volumes = [rng.uniform(0, 9, (8, 9 + i, 10)).astype(np.float32) for i in range(4)]
    sizes = [np.array([4 + i, 5, 12], np.float32) for i in range(4)]
    starts = [np.array([i, 1, 0], np.float32) for i in range(4)]
    ends = [np.array([8, 9, 10 - i], np.float32) for i in range(4)]
    filters = [np.int32(types.INTERP_NN), np.int32(types.INTERP_LINEAR), np.int32(types.INTERP_CUBIC), np.int32(types.INTERP_GAUSSIAN)]

    pipe = varo.Pipeline(batch_size=4, num_threads=2, device_id=None)
    with pipe:
        feed = lambda values, **kw: fn.external_source(source=lambda: values, **kw)
        out, attributes = fn.resize(feed(volumes, layout="DHW"), size=feed(sizes), roi_start=feed(starts), roi_end=feed(ends),
                                    interp_type=feed(filters), save_attrs=True)
        pipe.set_outputs(out, attributes)
    pipe.build()
    got, attributes = pipe.run()
    for i in range(4):
        want = fn.resize(varo.as_tensor(volumes[i], layout="DHW"), size=sizes[i].tolist(), roi_start=starts[i].tolist(),
                         roi_end=ends[i].tolist(), interp_type=int(filters[i]))
        assert np.array_equal(np.asarray(got.at(i)), np.asarray(want))
        assert np.asarray(attributes.at(i)).tolist() == list(volumes[i].shape)


def test_threads_do_not_matter():
    volume = np.random.default_rng(1).integers(-900, 2000, (60, 90, 80)).astype(np.int16)
    results = []
    for threads in (1, 2, 5):
        pipe = varo.Pipeline(batch_size=1, num_threads=threads, device_id=None)
        with pipe:
            x = fn.external_source(source=lambda: [volume], layout="DHW")
            pipe.set_outputs(fn.resize(x, size=(50, 70, 99), interp_type=types.INTERP_LANCZOS3))
        pipe.build()
        results.append(np.asarray(pipe.run()[0].at(0)).tobytes())
    assert results[0] == results[1] == results[2]
