// SPDX-License-Identifier: Apache-2.0
/// One sample of a graph, for tests of its plan: no pipeline, no scheduler, and a step runs only when
/// the test says so.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "kernels/copy/copy.h"
#include "pipeline/sample/run_steps.h"

namespace varo::testing {

class OneSample {
 public:
  /// A source whose value for the sample is `value`.
  Node source(Tensor value) {
    tickets_.push_back({0, {std::move(value)}});
    return add("external_source", {});
  }
  Node add(const std::string& op, std::vector<Node> inputs, Arguments args = {}) {
    return graph_.add(op, std::move(inputs), std::move(args), {"here", ""}, 1);
  }
  /// Of an operator that is in no table, which outlives the sample.
  Node add(const OperatorDef& def, std::vector<Node> inputs) {
    const Node node{static_cast<int>(graph_.nodes.size())};
    graph_.nodes.push_back({.def = &def,
                            .inputs = std::move(inputs),
                            .args = Args(def),
                            .declared = node.id,
                            .origin = {"here", ""}});
    return node;
  }

  /// What is known and planned of the sample; nothing runs by itself.
  SamplePlan& plan(std::vector<Node> outputs, const PlanRules& rules = {}) {
    nodes_ = std::make_unique<Plan>([&] {
      Graph graph = graph_;
      graph.outputs = std::move(outputs);
      return graph;
    }());
    plan_ = std::make_unique<SamplePlan>(*nodes_, rules);
    plan_->begin(7, tickets_, false, std::nullopt);
    return *plan_;
  }
  /// Another sample of the same plan, with other values of the sources.
  void next(std::vector<Tensor> values) {
    plan_->end();
    for (std::size_t k = 0; k < values.size(); ++k) tickets_[k].values = {std::move(values[k])};
    plan_->begin(8, tickets_, false, std::nullopt);
  }
  const Plan& nodes() const { return *nodes_; }

  /// Plans an output into memory of its own, and runs what must be known for it. The value is there
  /// after run().
  Tensor deliver(Node node) {
    while (!plan_->specs(node.id)) run_more();
    const Tensor memory = Tensor::own(plan_->specs_of(node.id)[0]);
    Tensor landed;
    while (!plan_->value_into(node, {memory.mutable_view(), memory.keep(), false}, landed))
      run_more();
    return landed;
  }

  std::atomic<bool> cancelled{false};
  std::atomic<std::int64_t> nodes_run{0};
  bool run(bool without_files = false) {
    return run_steps(*plan_, Parallel::serial(), cancelled, nodes_run, without_files);
  }

  /// "read fused:cast", without views.
  std::string steps() const {
    std::string text;
    for (const auto& step : plan_->steps()) {
      if (step->kind == Step::Kind::view) continue;
      if (!text.empty()) text += ' ';
      text += std::string(name_of(step->kind)) + ':' + (*nodes_)[step->node].graph.def->name();
    }
    return text;
  }
  /// The n-th step that is no view.
  const Step& step(std::size_t n) const {
    for (const auto& step : plan_->steps())
      if (step->kind != Step::Kind::view && n-- == 0) return *step;
    throw Error(ErrorKind::internal, "there are fewer steps");
  }
  bool in_memory(int buffer) const {
    return plan_->buffers()[static_cast<std::size_t>(buffer)].memory != nullptr;
  }

 private:
  void run_more() {
    const std::size_t before = plan_->steps_run();
    if (!run() || plan_->steps_run() == before)
      throw Error(ErrorKind::internal, "the plan stopped, and no step can run");
  }

  Graph graph_;
  std::vector<Ticket> tickets_;
  std::unique_ptr<Plan> nodes_;
  std::unique_ptr<SamplePlan> plan_;
};

/// 0, 1, 2, ... in a volume with the layout DHW.
inline Tensor counted(const Shape& shape) {
  std::vector<float> values(static_cast<std::size_t>(volume(shape)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  return Tensor::of<float>(values, shape).relabelled(Layout("DHW"));
}

/// The elements of a float32 tensor in row-major order.
inline std::vector<float> floats(const Tensor& t) {
  const Tensor dense = Tensor::own(t.spec());
  copy_padded(t.padded_view(), dense.mutable_view(), Parallel::serial());
  const auto* first = static_cast<const float*>(dense.view().data);
  return {first, first + volume(t.shape())};
}

}  // namespace varo::testing
