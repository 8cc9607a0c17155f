# SPDX-License-Identifier: Apache-2.0
from case import Case


def permutation_of_one(outputs, inputs, args):
    assert all(o.dtype == "int32" and o.shape == () for (o,) in outputs)


# Cases are run in batches of one; orders of larger ones are in tests/python/test_batches.py.
CASES = [
    Case("in batches", "batch_permutation", [], [], {}, check=permutation_of_one, batch_wide=True, docs=True),
    Case("nothing to move", "batch_permutation", [], [], dict(no_fixed_points=True), check=permutation_of_one, batch_wide=True),
]
