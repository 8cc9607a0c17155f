# SPDX-License-Identifier: Apache-2.0
"""How a pipeline is declared: nodes, constants, operators on them. Nothing here knows Pipeline."""
