// SPDX-License-Identifier: Apache-2.0
#include "pipeline/plan.h"

#include <algorithm>
#include <fmt/format.h>

#include "operators/api/batch_operator.h"
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
      node.depth = std::max(node.depth, (*this)[edge.id].depth + 1);
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
    node.host = dynamic_cast<const HostOperator*>(node.op.get());
    node.function = dynamic_cast<const HostFunction*>(node.op.get());
    node.pointwise = dynamic_cast<const Pointwise*>(node.op.get());
    node.join = dynamic_cast<const Join*>(node.op.get());
    node.branch = dynamic_cast<const Branch*>(node.op.get());
    branches = branches || node.branch != nullptr;
    node.batch_need = node.op->batch_need();
    if (const auto* batch = dynamic_cast<const BatchOperator*>(node.op.get());
        batch != nullptr && batch->calls_foreign_code())
      node.foreign_call = foreign_calls++;
    for (const auto& [name, source] : node.graph.arg_nodes)
      node.arguments.push_back({name, node.op->late(*node.graph.def->find_arg(name))});
    deepest = std::max(deepest, node.depth);
    const int id = size();
    if (!node.edges.empty() && node.arguments.empty() && node.edges[0].output == 0)
      node.reducer = dynamic_cast<const Reducer*>(node.op.get());
    if (node.reducer != nullptr) (*this)[node.edges[0].id].reducers.push_back(id);
    if (node.source != nullptr) sources.push_back(id);
    if (node.batch_need != BatchNeed::none) barriers.push_back(id);
    nodes.push_back(std::move(node));
    for (const Node& edge : nodes.back().edges) ++(*this)[edge.id].consumers;
  }
  for (const Node& output : outputs) ++(*this)[output.id].consumers;
  for (int id = 0; id < size(); ++id)
    if (PlanNode& node = (*this)[id]; node.foreign_call >= 0 && node.consumers == 0) {
      sinks.push_back(id);
      for (std::size_t k = 0; k < node.arguments.size(); ++k)
        if (node.arguments[k].name == "when") node.when = static_cast<int>(k);
    }
}

PlanNode* Plan::declared(int id) {
  for (PlanNode& node : nodes)
    if (node.graph.declared == id) return &node;
  return nullptr;
}

}  // namespace varo
