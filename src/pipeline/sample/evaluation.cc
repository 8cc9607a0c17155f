// SPDX-License-Identifier: Apache-2.0
#include "pipeline/sample/evaluation.h"

#include <mutex>
#include <utility>

#include "kernels/copy/copy.h"
#include "pipeline/sample/run_steps.h"

namespace varo {

// Latest first: its memory is the likeliest to be in some cache.
struct EvaluationShared::Idle {
  std::mutex mutex;
  std::size_t made = 0;
  std::vector<std::unique_ptr<SamplePlan>> plans;  // with room for all that were made
};

EvaluationShared::EvaluationShared() : idle(std::make_unique<Idle>()) {}
EvaluationShared::~EvaluationShared() = default;

Evaluation::Evaluation(const Plan& plan, EvaluationShared& shared, Parallel& parallel,
                       std::int64_t number, std::vector<Ticket> tickets, bool probing)
    : shared_(shared), parallel_(parallel), tickets_(std::move(tickets)), probing_(probing) {
  {
    const std::lock_guard lock(shared.idle->mutex);
    auto& idle = shared.idle->plans;
    if (idle.empty()) {
      idle.reserve(++shared.idle->made);
    } else {
      memory_ = std::move(idle.back());
      idle.pop_back();
    }
  }
  if (memory_ == nullptr) memory_ = std::make_unique<SamplePlan>(plan, shared.rules);
  memory_->begin(number, tickets_, probing, SamplePlan::Runner(rerun_));
}

Evaluation::~Evaluation() {
  shared_.copies.fetch_add(memory_->copies_planned(), std::memory_order_relaxed);
  memory_->end();
  const std::lock_guard lock(shared_.idle->mutex);
  shared_.idle->plans.push_back(std::move(memory_));
}

bool Evaluation::run() {
  return run_steps(*memory_, parallel_, shared_.cancelled, shared_.nodes_run, probing_);
}

bool Evaluation::compute(Node node) { return memory_->value_in_memory(node) && run(); }

bool Evaluation::value_into(Node node, const Place& place, Tensor& landed) {
  return memory_->value_into(node, place, landed) && run();
}

bool Evaluation::gather(int id, bool& demanded) {
  demanded = memory_->demands(id);
  if (!demanded) return true;
  if (!memory_->gather(id)) return false;
  const PlanNode& node = memory_->nodes()[id];
  if (node.batch_need == BatchNeed::shapes) return true;
  for (const Node& input : node.graph.inputs)
    if (node.batch_need == BatchNeed::tensors ? !memory_->value(input)
                                              : !memory_->value_in_memory(input))
      return false;
  if (!run()) return false;
  if (node.batch_need == BatchNeed::own)
    for (const Node& input : node.graph.inputs) {
      const Tensor value = memory_->bound(memory_->result(input)),
                   copied = Tensor::own(value.spec());
      copy(value.view(), copied.mutable_view(), parallel_);
      own_.push_back(copied.with_meta(value.meta()));
    }
  return true;
}

void Evaluation::let_go_of_sinks() {
  for (const int id : memory_->nodes().sinks)
    if (memory_->facts(id).facts.batch != nullptr) memory_->view(id);
}

BatchItem Evaluation::batch_item(int id) {
  const PlanNode& node = memory_->nodes()[id];
  BatchItem item{memory_->facts(id), std::exchange(own_, {}), parallel_};
  if (node.batch_need == BatchNeed::own) return item;
  if (node.batch_need != BatchNeed::shapes)
    for (const Node& input : node.graph.inputs)
      item.in.push_back(memory_->bound(memory_->result(input)));
  return item;
}

}  // namespace varo
