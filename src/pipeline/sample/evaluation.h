// SPDX-License-Identifier: Apache-2.0
/// Evaluation of one sample: its plan, and the steps of it that run here, on the host.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/sample/sample_plan.h"

namespace varo {

/// What the evaluations of one pipeline share. Outlives them.
struct EvaluationShared {
  EvaluationShared();
  ~EvaluationShared();
  EvaluationShared(const EvaluationShared&) = delete;
  EvaluationShared& operator=(const EvaluationShared&) = delete;

  std::atomic<bool> cancelled{false};
  std::atomic<std::int64_t> nodes_run{0};
  std::atomic<std::int64_t> copies{0};
  PlanRules rules;
  struct Idle;
  std::unique_ptr<Idle> idle;  ///< memory of evaluations that ended, for those to come
};

/// Where something is asked for that returns bool, false means that the pipeline is going away or,
/// in a probe, that only a run can tell.
class Evaluation {
 public:
  /// `number` is the running number of the sample; tickets are indexed as plan.sources.
  /// `probing`: the sample stands for what is known before the first run; no file is read.
  Evaluation(const Plan& plan, EvaluationShared& shared, Parallel& parallel, std::int64_t number,
             std::vector<Ticket> tickets, bool probing = false);
  ~Evaluation();
  Evaluation(const Evaluation&) = delete;
  Evaluation& operator=(const Evaluation&) = delete;

  SamplePlan& plan() { return *memory_; }
  const SamplePlan& plan() const { return *memory_; }

  /// Specs of the outputs of node `id`: plan().specs_of(id).
  bool infer(int id) { return memory_->specs(id); }
  /// Makes the value.
  bool compute(Node node);
  /// Makes the value in a place that is dense and shaped as inferred.
  bool value_into(Node node, const Place& place, Tensor& landed);
  /// Makes what batch-wide node `id` looks at, if an output needs that node; `demanded` tells.
  bool gather(int id, bool& demanded);
  /// What the node sees of this sample, for Operator::combine. \pre gather()
  BatchItem batch_item(int id);
  /// Sinks that have run keep their inputs no longer.
  void let_go_of_sinks();

  const std::string& source_name() const { return memory_->source_name(); }
  std::int64_t number() const { return memory_->number(); }

 private:
  bool run();

  EvaluationShared& shared_;
  Parallel& parallel_;
  std::vector<Ticket> tickets_;
  std::vector<Tensor> own_;  // what gather() copied
  const bool probing_;
  std::unique_ptr<SamplePlan> memory_;
  struct Rerun {
    Evaluation* evaluation;
    bool operator()() const { return evaluation->run(); }
  };
  Rerun rerun_{this};
};

}  // namespace varo
