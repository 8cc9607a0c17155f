# SPDX-License-Identifier: Apache-2.0
"""DataNode, under DALI's path of it."""

from ._graph.node import DataNode
from ._graph.subscript import newaxis

__all__ = ["DataNode", "newaxis"]
