// SPDX-License-Identifier: Apache-2.0
/// Rewrites of the declared graph. Each is a file, is tested alone, can be switched off, and leaves
/// results equal to the unrewritten graph's, or says where they are better.
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
  /// What is done instead where the pass is switched off.
  void (*skipped)(Graph& graph) = nullptr;
};

/// In the order in which they run.
const std::vector<Pass>& all_passes();

/// condition * a + inverse * b, where the condition is a scalar that is 0 or 1 and the inverse is
/// condition ^ True or 1 - condition, computes one branch a sample. The value is that of the branch
/// taken, which differs from the sum in what 0 times the other adds to it and what the weights'
/// types do to it:
///
///   NaN, infinity   of the branch not taken make the sum NaN
///   -0.0            of the branch taken is 0.0 in the sum
///   64 bits         integers of the branch taken that a signed weight's product cannot hold, next to
///                   a float, are saturated in the sum
bool select_branches(Graph& graph);

/// Tells those sums which branch is taken, so that metadata of results is the same without the rewrite.
void mark_branches(Graph& graph);

/// Removes nodes that no output needs.
bool prune_dead_nodes(Graph& graph);

}  // namespace varo
