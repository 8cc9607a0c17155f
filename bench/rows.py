# SPDX-License-Identifier: Apache-2.0
"""The kernel table: each row is one piece of work, as Varo's Python API and each peer do it."""

import resampling  # noqa: F401  their rows add themselves
import voxels  # noqa: F401
import pictures  # noqa: F401
from work import ROWS  # noqa: F401
