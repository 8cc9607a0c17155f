// SPDX-License-Identifier: Apache-2.0
/// Rewrites of the declared graph. Each is a file, is tested alone, can be switched off, and leaves
/// results equal to the unrewritten graph's.
#pragma once

#include <string>
#include <vector>

#include "pipeline/graph.h"

namespace varo {

struct Pass {
  const char* name;
  const char* summary;
  /// Rewrites in place; says whether anything changed. Node ids may change.
  bool (*run)(Graph& graph);
};

/// In the order in which they run.
const std::vector<Pass>& all_passes();

/// Removes nodes that no output needs.
bool prune_dead_nodes(Graph& graph);

}  // namespace varo
