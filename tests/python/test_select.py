# SPDX-License-Identifier: Apache-2.0
"""What fn.select does not compute."""

import numpy as np
import pytest
import varo
from varo import fn


def chosen(condition):
    """select between a ramp and a node that fails when it is computed (not when it is declared)."""
    @varo.pipeline_def(batch_size=2, num_threads=2, device_id=None, seed=1)
    def pipeline():
        nothing = np.int32(0)
        ramp = fn.external_source(source=lambda: [np.arange(4, dtype=np.int32)] * 2)
        failing = fn.random.choice(nothing, shape=[4])
        wanted = fn.external_source(source=lambda: [np.bool_(c) for c in condition])
        return fn.select(wanted, ramp, failing)

    pipe = pipeline()
    pipe.build()
    (out,) = pipe.run()
    return [np.array(out[i]) for i in range(2)]


def test_the_other_branch_is_never_computed():
    for out in chosen([True, True]):
        assert np.array_equal(out, np.arange(4))


def test_the_branch_that_is_chosen_is_computed():
    with pytest.raises(varo.ParamError, match="0 choices"):
        chosen([True, False])
