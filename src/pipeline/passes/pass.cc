// SPDX-License-Identifier: Apache-2.0
#include "pipeline/passes/pass.h"

namespace varo {

const std::vector<Pass>& all_passes() {
  static const std::vector<Pass> passes = {
      {"branches", "c * a + (c ^ True) * b computes one branch a sample", select_branches,
       mark_branches},
      {"prune", "nodes that no output needs are removed", prune_dead_nodes},
  };
  return passes;
}

}  // namespace varo
