// SPDX-License-Identifier: Apache-2.0
/// A rewritten graph made ready to run: operators made, consumers counted. Shared by all samples.
#pragma once

#include <memory>
#include <vector>

#include "operators/api/reducer.h"
#include "pipeline/graph.h"

namespace varo {

struct PlanNode {
  GraphNode graph;
  std::unique_ptr<Operator> op;
  SourceOperator* source = nullptr;  ///< op, if it is one
  BatchNeed batch_need = BatchNeed::none;
  bool pointwise = false;            ///< op is a Pointwise, and may run in its consumer's pass
  const Reducer* reducer = nullptr;  ///< op, if it is one, of output 0 of another node
  std::vector<int> reducers;         ///< nodes of that kind whose input 0 is output 0
  int depth = 1;                     ///< operators in the longest chain that ends here
  int consumers = 0;  ///< edges that leave its outputs, and one for each pipeline output
  /// Every edge that enters: inputs, then per-sample arguments.
  std::vector<Node> edges;
};

struct Plan {
  std::vector<PlanNode> nodes;  ///< edges point backwards
  std::vector<Node> outputs;
  std::vector<int> sources;   ///< nodes that tick
  std::vector<int> barriers;  ///< batch-wide nodes, in order

  explicit Plan(Graph graph);
  /// The node that was declared as `id`, or nullptr if a rewrite removed it.
  PlanNode* declared(int id);
};

}  // namespace varo
