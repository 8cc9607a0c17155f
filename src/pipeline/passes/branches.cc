// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/passes/pass.h"

namespace varo {

namespace {

// What can be told of the nodes' values from the graph alone.
class Facts {
 public:
  explicit Facts(const Graph& graph) : graph_(graph) {
    // Edges point backwards, so one walk in order knows all inputs of what it meets.
    for (const GraphNode& node : graph.nodes) {
      scalar_.push_back(is_scalar(node));
      zero_or_one_.push_back(scalar_.back() && is_zero_or_one(node));
    }
  }

  const GraphNode& at(Node node) const { return graph_.nodes[static_cast<std::size_t>(node.id)]; }
  bool is(Node node, std::string_view op) const { return at(node).def->name() == op; }
  /// A scalar that is 0 or 1 in every sample.
  bool zero_or_one(Node node) const { return zero_or_one_[static_cast<std::size_t>(node.id)]; }
  /// The one number of a 0-D constant.
  std::optional<double> constant(Node node) const {
    return is(node, "constant") && scalar(node) ? number_of(at(node)) : std::nullopt;
  }
  DType constant_type(Node node) const {
    const Args& args = at(node).args;
    if (args.given("dtype")) return args.dtype("dtype");
    return args.given("idata") ? DType::i32 : DType::f32;
  }

 private:
  bool scalar(Node node) const { return scalar_[static_cast<std::size_t>(node.id)]; }

  template <class Test>
  static bool all_inputs(const GraphNode& node, const Test& test) {
    return !node.inputs.empty() && std::all_of(node.inputs.begin(), node.inputs.end(), test);
  }

  bool is_scalar(const GraphNode& node) const {
    const std::string& op = node.def->name();
    if (op == "constant") return node.args.given("shape") && node.args.integers("shape").empty();
    if (op.starts_with("random."))
      return node.inputs.empty() && node.def->find_arg("shape") != nullptr &&
             !node.args.given("shape");
    return (op.starts_with("arithmetic.") || op.starts_with("math.") || op == "cast") &&
           all_inputs(node, [this](Node input) { return scalar(input); });
  }

  // \pre is_scalar(node)
  bool is_zero_or_one(const GraphNode& node) const {
    const std::string& op = node.def->name();
    if (op == "random.coin_flip") return true;
    if (op == "constant") return number_of(node) == 0.0 || number_of(node) == 1.0;
    for (const char* comparison : {"eq", "ne", "lt", "le", "gt", "ge"})
      if (op == std::string("arithmetic.") + comparison) return true;
    for (const char* keeps :
         {"arithmetic.bitand", "arithmetic.bitor", "arithmetic.bitxor", "arithmetic.mul", "cast"})
      if (op == keeps) return all_inputs(node, [this](Node input) { return zero_or_one(input); });
    return false;
  }

  static std::optional<double> number_of(const GraphNode& node) {
    const Args& args = node.args;
    if (args.given("idata") && args.integers("idata").size() == 1)
      return static_cast<double>(args.integers("idata")[0]);
    if (args.given("fdata") && args.reals("fdata").size() == 1) return args.reals("fdata")[0];
    return std::nullopt;
  }

  const Graph& graph_;
  std::vector<bool> scalar_, zero_or_one_;
};

bool same(Node a, Node b) { return a.id == b.id && a.output == b.output; }

struct Weighted {
  Node weight, value;
};

// The type of the constant 1 if `inverse` is condition ^ True or 1 - condition.
std::optional<DType> inverse_type(const Facts& facts, Node inverse, Node condition) {
  const std::vector<Node>& in = facts.at(inverse).inputs;
  const auto one = [&](Node node) { return facts.constant(node) == 1.0; };
  if (facts.is(inverse, "arithmetic.bitxor")) {
    if (same(in[0], condition) && one(in[1])) return facts.constant_type(in[1]);
    if (same(in[1], condition) && one(in[0])) return facts.constant_type(in[0]);
  }
  if (facts.is(inverse, "arithmetic.sub") && same(in[1], condition) && one(in[0]))
    return facts.constant_type(in[0]);
  return std::nullopt;
}

struct Branches {
  Node condition, yes, no;
  DType inverse;
  int yes_input;  // of the sum
};

std::optional<Branches> branches_of(const Facts& facts, const GraphNode& sum) {
  if (sum.def->name() != "arithmetic.add") return std::nullopt;
  for (const int yes_input : {0, 1}) {
    const Node first = sum.inputs[static_cast<std::size_t>(yes_input)],
               second = sum.inputs[static_cast<std::size_t>(1 - yes_input)];
    if (!facts.is(first, "arithmetic.mul") || !facts.is(second, "arithmetic.mul"))
      return std::nullopt;
    const std::vector<Node>&a = facts.at(first).inputs, &b = facts.at(second).inputs;
    // Either factor may be the weight.
    for (const auto& left : {Weighted{a[0], a[1]}, Weighted{a[1], a[0]}})
      for (const auto& right : {Weighted{b[0], b[1]}, Weighted{b[1], b[0]}}) {
        const auto inverse = inverse_type(facts, right.weight, left.weight);
        if (inverse && facts.zero_or_one(left.weight))
          return Branches{left.weight, left.value, right.value, *inverse, yes_input};
      }
  }
  return std::nullopt;
}

}  // namespace

void mark_branches(Graph& graph) {
  const Facts facts(graph);
  for (GraphNode& node : graph.nodes) {
    const auto found = branches_of(facts, node);
    if (!found || node.args.given("taken")) continue;
    node.args.set("yes_input", static_cast<std::int64_t>(found->yes_input));
    node.args.set_per_sample("taken");
    node.arg_nodes["taken"] = found->condition;
  }
}

bool select_branches(Graph& graph) {
  const OperatorDef* blend = find_operator("arithmetic.blend");
  const Facts facts(graph);
  bool changed = false;
  for (GraphNode& node : graph.nodes) {
    const auto found = branches_of(facts, node);
    if (!found) continue;
    Args args(*blend);
    args.set("inverse", static_cast<std::int64_t>(found->inverse));
    node.def = blend;
    node.args = std::move(args);
    node.inputs = {found->condition, found->yes, found->no};
    changed = true;
  }
  return changed;
}

}  // namespace varo
