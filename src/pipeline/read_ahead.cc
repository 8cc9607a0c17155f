// SPDX-License-Identifier: Apache-2.0
#include "pipeline/read_ahead.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "formats/file_source.h"

namespace varo {

namespace {

// Follows what the outputs ask for down to values that are views of files.
class ReadAhead {
 public:
  explicit ReadAhead(SamplePlan& sample)
      : sample_(sample),
        plan_(sample.nodes()),
        found_(plan_.nodes.size(), Found::nothing),
        advised_(plan_.nodes.size(), 0) {}

  /// The value of `node`, or `region` of it, will be read.
  void wanted(Node node, const std::optional<Box>& region = std::nullopt) {
    std::uint64_t& advised = advised_[static_cast<std::size_t>(node.id)];
    const std::uint64_t bit = node.output < 64 ? std::uint64_t{1} << node.output : 0;
    if (!in_file(node.id) || (advised & bit) != 0) return;
    if (!region) advised |= bit;
    Tensor value = sample_.result(node);
    if (!value.deferred()) return;
    if (region)
      for (int i = 0; i < value.rank(); ++i)
        value = value.sliced(i, region->lo[i], region->hi[i] - region->lo[i]);
    const auto [source, box] = value.fetch();
    if (const auto* file = dynamic_cast<const AdvisedSource*>(source))
      left_ -= file->advise(box, left_);
  }

 private:
  enum class Found : std::uint8_t { nothing, elsewhere, in_file };
  Found& found(int id) { return found_[static_cast<std::size_t>(id)]; }

  // Whether the node's value is a view of a file. If it is not, what it is computed from is wanted.
  bool in_file(int id) {
    if (found(id) != Found::nothing) return found(id) != Found::elsewhere;
    found(id) = Found::elsewhere;
    if (sample_.released(id)) return false;
    if (!sample_.planned(id)) {
      if (!sample_.specs(id) || (small(id) && plan_[id].source == nullptr)) return false;
      if (!is_view(id)) {
        follow_inputs(id);
        return false;
      }
    }
    if (sample_.released(id) || !sample_.result({id, 0}).deferred()) return false;
    found(id) = Found::in_file;
    return true;
  }

  // Whether the node is a view of a file for this sample, where that can be told from draws.
  bool is_view(int id) {
    const PlanNode& node = plan_[id];
    if (node.source != nullptr) return sample_.view(id) == SamplePlan::Answer::yes;
    if (node.graph.inputs.empty() || !in_file(first_read(id).id)) return false;
    return decidable(id) && sample_.view(id) == SamplePlan::Answer::yes;
  }
  // All that decides what the node does are draws, or numbers found in files.
  bool decidable(int id) {
    const PlanNode& node = plan_[id];
    for (std::size_t i = 0; i < node.edges.size(); ++i) {
      const bool input = i < node.graph.inputs.size();
      if (input && sample_.need(id, static_cast<int>(i)).access != Access::number) continue;
      if (!affordable(node.edges[i].id)) return false;
    }
    return true;
  }
  // Of a choice the input that is chosen, where that can be told from draws.
  Node first_read(int id) {
    const std::vector<Node>& inputs = plan_[id].graph.inputs;
    const bool chooses = plan_[id].pointwise != nullptr || plan_[id].branch != nullptr;
    if (!chooses || !decide(id)) return inputs[0];
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (reads(id, i)) return inputs[i];
    return inputs[0];
  }
  bool reads(int id, std::size_t input) {
    const Access access = sample_.need(id, static_cast<int>(input)).access;
    return access != Access::nothing && access != Access::spec && access != Access::number;
  }
  bool decide(int id) { return drawn_edges(id) && sample_.decide(id); }
  bool drawn_edges(int id) {
    const PlanNode& node = plan_[id];
    for (std::size_t i = 0; i < node.edges.size(); ++i) {
      const bool input = i < node.graph.inputs.size();
      if (input && sample_.need(id, static_cast<int>(i)).access != Access::number) continue;
      if (!drawn(node.edges[i].id)) return false;
    }
    return true;
  }

  void follow_inputs(int id) {
    const std::vector<Node>& inputs = plan_[id].graph.inputs;
    const bool decided = decide(id);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!decided)
        wanted(inputs[i]);
      else if (reads(id, i))
        wanted(inputs[i], sample_.need(id, static_cast<int>(i)).region);
    }
  }

  bool small(int id) {
    constexpr std::int64_t kFew = 4096;
    const std::vector<Spec>& specs = sample_.specs_of(id);
    return std::all_of(specs.begin(), specs.end(),
                       [](const Spec& spec) { return volume(spec.shape) <= kFew; });
  }
  // Numbers that come from draws and other numbers.
  bool drawn(int id) {
    if (sample_.planned(id)) return true;
    const std::vector<Node>& edges = plan_[id].edges;
    if (!sample_.specs(id) || !small(id)) return false;
    if (plan_[id].branch != nullptr) return drawn(edges[0].id) && drawn(taken(id));
    return std::all_of(edges.begin(), edges.end(), [&](Node e) { return drawn(e.id); });
  }
  // \pre specs(id) of a branch
  int taken(int id) {
    const int input = plan_[id].branch->taken(sample_.facts(id));
    return plan_[id].edges[static_cast<std::size_t>(input)].id;
  }
  // Numbers from draws, or found in a file by an operator that reads it for itself.
  bool affordable(int id) {
    if (sample_.planned(id)) return true;
    const std::vector<Node>& edges = plan_[id].edges;
    if (!sample_.specs(id) || !small(id)) return false;
    if (plan_[id].branch != nullptr) return affordable(edges[0].id) && affordable(taken(id));
    return std::all_of(edges.begin(), edges.end(),
                       [&](Node e) { return affordable(e.id) || in_file(e.id); });
  }

  SamplePlan& sample_;
  const Plan& plan_;
  std::vector<Found> found_;
  std::vector<std::uint64_t>
      advised_;  // of each node the outputs that were asked for whole, a bit each
  std::int64_t left_ = kMostAhead;
};

}  // namespace

void read_ahead(SamplePlan& sample) {
  ReadAhead ahead(sample);
  for (const Node& output : sample.nodes().outputs) {
    try {
      ahead.wanted(output);
    } catch (...) {
    }
  }
}

}  // namespace varo
