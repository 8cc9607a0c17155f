// SPDX-License-Identifier: Apache-2.0
#include "pipeline/read_ahead.h"

#include <algorithm>
#include <vector>

#include "formats/file_source.h"
#include "operators/api/pointwise.h"

namespace varo {

namespace {

// Follows what the outputs ask for down to values that are views of files.
class ReadAhead {
 public:
  ReadAhead(Evaluation& sample, const Plan& plan)
      : sample_(sample), plan_(plan), found_(plan.nodes.size(), Found::nothing) {}

  /// The value of `node` will be read.
  void wanted(Node node) {
    if (!in_file(node.id) || advised(node.id)) return;
    found_[at(node.id)] = Found::advised;
    for (int o = 0; o < plan_.nodes[at(node.id)].graph.outputs; ++o) {
      const Tensor& value = sample_.value({node.id, o});
      if (!value.deferred()) continue;
      const auto [source, box] = value.fetch();
      if (const auto* file = dynamic_cast<const FileSource*>(source))
        left_ -= file->advise(box, left_);
    }
  }

 private:
  enum class Found : std::uint8_t { nothing, elsewhere, in_file, advised };
  static std::size_t at(int id) { return static_cast<std::size_t>(id); }
  bool advised(int id) const { return found_[at(id)] == Found::advised; }

  // Whether the node's value is a view of a file. If it is not, what it is computed from is wanted.
  bool in_file(int id) {
    Found& found = found_[at(id)];
    if (found != Found::nothing) return found != Found::elsewhere;
    found = Found::elsewhere;
    if (sample_.released(id)) return false;
    if (!sample_.evaluated(id)) {
      if (small(id) && plan_.nodes[at(id)].source == nullptr) return false;
      const std::vector<Node> inputs = inputs_read(id);
      if (!is_view(id, inputs)) {
        for (const Node& input : inputs) wanted(input);
        return false;
      }
    }
    if (!sample_.value({id, 0}).deferred()) return false;
    found = Found::in_file;
    return true;
  }

  // Whether the node is a view of a file for this sample, where that can be told from draws.
  bool is_view(int id, const std::vector<Node>& inputs) {
    const PlanNode& node = plan_.nodes[at(id)];
    if (node.source != nullptr) return sample_.resolve(id);
    if (inputs.empty() || !in_file(inputs[0].id)) return false;
    for (std::size_t i = 1; i < inputs.size(); ++i)
      if (!affordable(inputs[i].id)) return false;
    for (const auto& [name, from] : node.graph.arg_nodes)
      if (!affordable(from.id)) return false;
    return sample_.resolve(id);
  }

  // Of a choice the input that is chosen, where that can be told from draws.
  std::vector<Node> inputs_read(int id) {
    const PlanNode& node = plan_.nodes[at(id)];
    const std::vector<Node>& all = node.graph.inputs;
    if (!node.pointwise) return all;
    for (const Node& input : all) {
      const Shape& shape = sample_.infer(input.id)[at(input.output)].shape;
      if (shape.rank() == 0 && !drawn(input.id)) return all;
    }
    std::vector<Node> read;
    const auto& op = static_cast<const Pointwise&>(*node.op);
    for (std::size_t i = 0; i < all.size(); ++i)
      if (op.reads(sample_.sample(id), static_cast<int>(i))) read.push_back(all[i]);
    return read;
  }

  bool small(int id) {
    constexpr std::int64_t kFew = 4096;
    const std::vector<Spec>& specs = sample_.infer(id);
    return std::all_of(specs.begin(), specs.end(),
                       [](const Spec& spec) { return volume(spec.shape) <= kFew; });
  }
  // Numbers that come from draws and other numbers.
  bool drawn(int id) {
    const std::vector<Node>& edges = plan_.nodes[at(id)].edges;
    return sample_.evaluated(id) || (small(id) && std::all_of(edges.begin(), edges.end(),
                                                              [&](Node e) { return drawn(e.id); }));
  }
  // Numbers from draws, or found in a file by an operator that reads it for itself.
  bool affordable(int id) {
    const std::vector<Node>& edges = plan_.nodes[at(id)].edges;
    return sample_.evaluated(id) ||
           (small(id) && std::all_of(edges.begin(), edges.end(),
                                     [&](Node e) { return affordable(e.id) || in_file(e.id); }));
  }

  Evaluation& sample_;
  const Plan& plan_;
  std::vector<Found> found_;
  std::int64_t left_ = kMostAhead;
};

}  // namespace

void read_ahead(Evaluation& sample, const Plan& plan) {
  ReadAhead ahead(sample, plan);
  for (const Node& output : plan.outputs) {
    try {
      ahead.wanted(output);
    } catch (...) {
    }
  }
}

}  // namespace varo
