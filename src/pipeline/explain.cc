// SPDX-License-Identifier: Apache-2.0
#include "pipeline/explain.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "pipeline/evaluate.h"
#include "pipeline/passes/pass.h"

namespace varo {

void probe(const Plan& plan, const std::function<void(int, const std::vector<Spec>*)>& report) {
  std::vector<Ticket> tickets;
  for (const int id : plan.sources)
    tickets.push_back(plan.nodes[static_cast<std::size_t>(id)].source->probe().value_or(Ticket{}));
  EvaluationShared shared;
  Evaluation evaluation(plan, shared, Parallel::serial(), 0, std::move(tickets), true);
  for (int id = 0; id < static_cast<int>(plan.nodes.size()); ++id)
    report(id, evaluation.known(id) ? &evaluation.infer(id) : nullptr);
}

namespace {

std::string shown(const Spec& spec) {
  std::string text = fmt::format("{} {}", name_of(spec.dtype), to_string(spec.shape));
  if (!spec.layout.empty()) text += fmt::format(" \"{}\"", spec.layout.str());
  return text;
}

// "%3", "%3.1 on gpu"
std::string shown(const Node& node) {
  std::string text = fmt::format("%{}", node.id);
  if (node.output != 0) text += fmt::format(".{}", node.output);
  if (node.transfer != Transfer::none)
    text += node.transfer == Transfer::to_gpu ? " on gpu" : " on cpu";
  return text;
}

// Nodes that were declared for the GPU, or whose value is moved there.
std::size_t wanting_gpu(const Graph& graph) {
  std::vector<bool> wanting(graph.nodes.size());
  const auto moved = [&](const Node& node) {
    if (node.transfer == Transfer::to_gpu) wanting[static_cast<std::size_t>(node.id)] = true;
  };
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (graph.nodes[n].device != NodeDevice::cpu) wanting[n] = true;
    for (const Node& input : graph.nodes[n].inputs) moved(input);
    for (const auto& [name, source] : graph.nodes[n].arg_nodes) moved(source);
  }
  for (const Node& output : graph.outputs) moved(output);
  return static_cast<std::size_t>(std::count(wanting.begin(), wanting.end(), true));
}

template <class NodeAt>
std::string listed(std::size_t count, const NodeAt& node_at) {
  std::string text;
  for (std::size_t n = 0; n < count; ++n) {
    const GraphNode& node = node_at(n);
    std::vector<std::string> reads;
    for (const Node& input : node.inputs) reads.push_back(shown(input));
    for (const auto& [name, source] : node.arg_nodes)
      reads.push_back(fmt::format("{}={}", name, shown(source)));
    text += fmt::format("  %{:<3} {:<5} {:<28} {}\n", n, name_of(node.device),
                        fmt::format("{}({})", node.def->name(), fmt::join(reads, ", ")),
                        node.origin.defined);
  }
  return text;
}

}  // namespace

std::string explain_plan(const Graph& declared, const Plan& plan,
                         const std::vector<std::string>& applied) {
  std::string text = fmt::format("declared: {} nodes\n", declared.nodes.size());
  text += listed(declared.nodes.size(),
                 [&](std::size_t n) -> const GraphNode& { return declared.nodes[n]; });
  if (const std::size_t wanting = wanting_gpu(declared); wanting != 0)
    text += fmt::format(
        "declared for the GPU: {} nodes; this build has no back end for it, so all run on the CPU\n",
        wanting);
  text += fmt::format("rewrites applied: {}\n",
                      applied.empty() ? "none" : fmt::format("{}", fmt::join(applied, ", ")));
  text += fmt::format("runs: {} nodes, outputs", plan.nodes.size());
  for (const Node& output : plan.outputs) text += fmt::format(" %{}.{}", output.id, output.output);
  text += "\n";
  text += listed(plan.nodes.size(),
                 [&](std::size_t n) -> const GraphNode& { return plan.nodes[n].graph; });
  text += "writes, for the first sample:\n";
  probe(plan, [&](int id, const std::vector<Spec>* specs) {
    std::vector<std::string> outputs;
    if (specs != nullptr)
      for (const Spec& spec : *specs) outputs.push_back(shown(spec));
    text += fmt::format(
        "  %{:<3} {:<28} {}\n", id, plan.nodes[static_cast<std::size_t>(id)].graph.def->name(),
        specs == nullptr ? "known when it runs" : fmt::format("{}", fmt::join(outputs, "; ")));
  });
  return text;
}

}  // namespace varo
