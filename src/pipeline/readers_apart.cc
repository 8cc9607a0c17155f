// SPDX-License-Identifier: Apache-2.0
#include "pipeline/readers_apart.h"

#include <algorithm>
#include <fmt/format.h>

namespace varo {

namespace {

// "seed 1 and 2, number of samples 5 and 4"; empty where they step alike.
std::string difference(const std::vector<OrderFact>& a, const std::vector<OrderFact>& b) {
  std::vector<std::string> texts;
  for (const OrderFact& fact : a) {
    const auto other =
        std::find_if(b.begin(), b.end(), [&](const OrderFact& f) { return f.name == fact.name; });
    if (other != b.end() && other->value != fact.value)
      texts.push_back(fmt::format("{} {} and {}", fact.name, fact.value, other->value));
  }
  return fmt::format("{}", fmt::join(texts, ", "));
}

std::string described(const GraphNode& node) {
  return fmt::format("{} \"{}\" ({})", node.def->name(), node.origin.name, node.origin.defined);
}

}  // namespace

std::vector<std::string> readers_apart(const Plan& plan) {
  std::vector<std::string> warnings;
  const PlanNode* first = nullptr;
  std::vector<OrderFact> expected;
  for (const int id : plan.sources) {
    const PlanNode& node = plan[id];
    const std::vector<OrderFact> order = node.source->order();
    if (order.empty()) continue;
    if (first == nullptr) {
      first = &node;
      expected = order;
    } else if (const std::string differs = difference(expected, order); !differs.empty()) {
      warnings.push_back(fmt::format(
          "two readers of one pipeline do not step alike, so their samples are no pairs: {} and {} "
          "differ in {}. A reader of several lists, files={{\"image\": [...], \"label\": [...]}}, "
          "cannot come apart",
          described(first->graph), described(node.graph), differs));
    }
  }
  return warnings;
}

}  // namespace varo
