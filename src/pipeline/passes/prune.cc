// SPDX-License-Identifier: Apache-2.0
#include "pipeline/passes/pass.h"

namespace varo {

bool prune_dead_nodes(Graph& graph) {
  std::vector<bool> live(graph.nodes.size(), false);
  for (const Node& output : graph.outputs) live[static_cast<std::size_t>(output.id)] = true;
  for (std::size_t n = graph.nodes.size(); n-- > 0;) {
    const GraphNode& node = graph.nodes[n];
    if (node.preserve) live[n] = true;
    if (!live[n]) continue;
    for (const Node& input : node.inputs) live[static_cast<std::size_t>(input.id)] = true;
    for (const auto& [name, source] : node.arg_nodes)
      live[static_cast<std::size_t>(source.id)] = true;
  }
  std::vector<int> moved(graph.nodes.size(), -1);
  std::vector<GraphNode> kept;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (!live[n]) continue;
    moved[n] = static_cast<int>(kept.size());
    kept.push_back(std::move(graph.nodes[n]));
  }
  const bool changed = kept.size() != graph.nodes.size();
  const auto move = [&](Node& node) { node.id = moved[static_cast<std::size_t>(node.id)]; };
  for (GraphNode& node : kept) {
    for (Node& input : node.inputs) move(input);
    for (auto& [name, source] : node.arg_nodes) move(source);
  }
  for (Node& output : graph.outputs) move(output);
  graph.nodes = std::move(kept);
  return changed;
}

}  // namespace varo
