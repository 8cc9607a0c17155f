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

/// condition * a + inverse * b, where the condition is a scalar that is 0 or 1 and the inverse is
/// condition ^ True or 1 - condition, computes one branch a sample. Values are the same but for
/// NaN, infinity and the sign of zero of the branch not taken, which no longer leak in.
bool select_branches(Graph& graph);

/// Removes nodes that no output needs.
bool prune_dead_nodes(Graph& graph);

}  // namespace varo
