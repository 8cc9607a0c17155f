// SPDX-License-Identifier: Apache-2.0
#include "pipeline/plan.h"

#include <algorithm>
#include <fmt/format.h>

#include "operators/api/pointwise.h"

namespace varo {

namespace {
// Operators ask for their inputs, so that a chain is as many calls deep; the 4 MiB stack of a
// worker that somebody else made holds about three times as many.
constexpr int kDeepest = 1000;
}  // namespace

Plan::Plan(Graph graph) : outputs(graph.outputs) {
  nodes.reserve(graph.nodes.size());
  for (GraphNode& declared : graph.nodes) {
    PlanNode node{.graph = std::move(declared)};
    node.edges = node.graph.inputs;
    for (const auto& [name, source] : node.graph.arg_nodes) node.edges.push_back(source);
    for (const Node& edge : node.edges)
      node.depth = std::max(node.depth, nodes[static_cast<std::size_t>(edge.id)].depth + 1);
    try {
      if (node.depth > kDeepest)
        throw Error(ErrorKind::param, "too many operators in one chain")
            .got(fmt::format("an operator with {} before it", node.depth - 1))
            .allowed(fmt::format("chains of at most {} operators", kDeepest));
      node.op = node.graph.def->create(node.graph.args);
    } catch (Error& error) {
      error.set_operator(node.graph.def->name());
      error.set_defined(node.graph.origin.defined);
      throw;
    }
    node.source = dynamic_cast<SourceOperator*>(node.op.get());
    node.batch_need = node.op->batch_need();
    node.pointwise = node.batch_need == BatchNeed::none &&
                     dynamic_cast<const Pointwise*>(node.op.get()) != nullptr;
    const int id = static_cast<int>(nodes.size());
    if (!node.edges.empty() && node.edges.size() == node.graph.inputs.size() &&
        node.edges[0].output == 0)
      node.reducer = dynamic_cast<const Reducer*>(node.op.get());
    if (node.reducer != nullptr)
      nodes[static_cast<std::size_t>(node.edges[0].id)].reducers.push_back(id);
    if (node.source != nullptr) sources.push_back(id);
    if (node.batch_need != BatchNeed::none) barriers.push_back(id);
    nodes.push_back(std::move(node));
    for (const Node& edge : nodes.back().edges)
      ++nodes[static_cast<std::size_t>(edge.id)].consumers;
  }
  for (const Node& output : outputs) ++nodes[static_cast<std::size_t>(output.id)].consumers;
}

PlanNode* Plan::declared(int id) {
  for (PlanNode& node : nodes)
    if (node.graph.declared == id) return &node;
  return nullptr;
}

}  // namespace varo
