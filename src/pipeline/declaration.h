// SPDX-License-Identifier: Apache-2.0
/// A graph in words: what of it decides about results.
#pragma once

#include <string>
#include <vector>

#include "pipeline/graph.h"

namespace varo {

/// One line a node, "name = operator(inputs; arguments)". Two graphs of equal lines, over the same data,
/// compute the same. Left out are devices, where nodes were declared, arguments without effect, and the
/// texts that tell a source which files it has: those are SourceOperator::items(). Long lists are
/// told by their length and hash.
std::vector<std::string> declaration_of(const Graph& graph);

}  // namespace varo
