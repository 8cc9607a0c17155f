// SPDX-License-Identifier: Apache-2.0
/// A rewritten graph made ready to run: operators made, consumers counted. Shared by all samples.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "operators/api/pointwise.h"
#include "operators/api/reducer.h"
#include "pipeline/graph.h"

namespace varo {

struct PlanNode {
  GraphNode graph;
  std::unique_ptr<Operator> op;
  // op as what its class is; at most one of the first six.
  const HostOperator* host = nullptr;
  const HostFunction* function = nullptr;
  const Pointwise* pointwise = nullptr;
  const Join* join = nullptr;
  const Branch* branch = nullptr;
  int foreign_call = -1;  ///< of a BatchOperator that calls foreign code: its number among those
  SourceOperator* source = nullptr;
  const Reducer* reducer = nullptr;  ///< a host operator too; of output 0 of another node
  BatchNeed batch_need = BatchNeed::none;
  std::vector<int> reducers;  ///< nodes that reduce output 0
  int depth = 1;              ///< operators in the longest chain that ends here
  int consumers = 0;          ///< edges that leave its outputs, and one for each pipeline output
  /// Every edge that enters: inputs, then per-sample arguments in the order of `arguments`.
  std::vector<Node> edges;
  struct Argument {
    std::string name;
    bool late = false;  ///< infer() does without it
  };
  std::vector<Argument> arguments;

  /// The place of "when" among the arguments, -1 where it is not given per sample.
  int when = -1;

  const Node& argument_node(std::size_t k) const { return edges[graph.inputs.size() + k]; }
};

struct Plan {
  std::vector<PlanNode> nodes;  ///< edges point backwards
  std::vector<Node> outputs;
  std::vector<int> sources;   ///< nodes that tick
  std::uint64_t stream = 0;   ///< added to sample numbers where they name streams of random numbers
  std::vector<int> barriers;  ///< batch-wide nodes, in order
  bool branches = false;      ///< some node is a Branch
  int foreign_calls = 0;      ///< nodes that call foreign code
  /// Nodes that run though no output needs them. Those with an argument "when" run for samples where
  /// it is true.
  std::vector<int> sinks;
  int deepest = 0;  ///< operators in the longest chain

  explicit Plan(Graph graph);
  const PlanNode& operator[](int id) const { return nodes[static_cast<std::size_t>(id)]; }
  PlanNode& operator[](int id) { return nodes[static_cast<std::size_t>(id)]; }
  int size() const { return static_cast<int>(nodes.size()); }
  /// The node that was declared as `id`, or nullptr if a rewrite removed it.
  PlanNode* declared(int id);
};

}  // namespace varo
