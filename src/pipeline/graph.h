// SPDX-License-Identifier: Apache-2.0
/// The declared graph: what the user wrote, with every argument checked.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "operators/api/operator.h"
#include "varo/pipeline.h"

namespace varo {

/// Where an operator was declared to run. mixed: reads on the CPU, writes on the GPU.
enum class NodeDevice : std::uint8_t { cpu, gpu, mixed };
/// "cpu", "gpu", "mixed"
std::string_view name_of(NodeDevice device);

struct GraphNode {
  const OperatorDef* def = nullptr;
  std::vector<Node> inputs;
  Args args;
  std::map<std::string, Node> arg_nodes;  ///< per-sample arguments
  int outputs = 1;
  NodeDevice device = NodeDevice::cpu;
  int declared = -1;  ///< id under which the user knows it; rewrites keep it
  std::uint64_t seed = 0;
  std::int64_t draw = -1;  ///< which of the pipeline's seeds it is; -1: one of its own
  bool preserve = false;   ///< kept though nothing reads it
  Origin origin;
};

/// Nodes in order of declaration, so that every edge points backwards.
struct Graph {
  std::vector<GraphNode> nodes;
  std::vector<Node> outputs;

  /// Checks names, counts, argument types and ranges. Throws Error with operator and line.
  Node add(const std::string& op, std::vector<Node> inputs, Arguments args, Origin origin,
           std::uint64_t pipeline_seed, const std::string& device = {});
  /// Where the value is: where its operator leaves it, unless the node says that it is moved.
  bool on_gpu(Node node) const;
  /// Gives nodes without a seed of their own those that follow from another one of the pipeline.
  void reseed(std::uint64_t pipeline_seed);
  /// Puts every operator on the CPU and drops all transfers: what runs where there is no back end.
  void put_on_cpu();

 private:
  std::uint64_t seeds_drawn_ = 0;
};

}  // namespace varo
