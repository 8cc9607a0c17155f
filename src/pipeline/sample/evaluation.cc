// SPDX-License-Identifier: Apache-2.0
#include "pipeline/sample/evaluation.h"

#include <mutex>

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
    if (node.batch_need == BatchNeed::values ? !memory_->value_in_memory(input)
                                             : !memory_->value(input))
      return false;
  return run();
}

BatchItem Evaluation::batch_item(int id) {
  const PlanNode& node = memory_->nodes()[id];
  BatchItem item{memory_->facts(id), {}, parallel_};
  if (node.batch_need != BatchNeed::shapes)
    for (const Node& input : node.graph.inputs)
      item.in.push_back(memory_->bound(memory_->result(input)));
  return item;
}

}  // namespace varo
