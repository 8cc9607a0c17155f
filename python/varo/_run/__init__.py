# SPDX-License-Identifier: Apache-2.0
"""How operators and the user's sources are run."""
