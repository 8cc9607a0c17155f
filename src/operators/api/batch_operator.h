// SPDX-License-Identifier: Apache-2.0
/// Operators that make the outputs of all samples of a batch together.
#pragma once

#include <span>
#include <vector>

#include "operators/api/operator.h"

namespace varo {

/// One of those. Its batch is the samples of an iteration that ask for it, in order: all of them, or
/// those of the branch that it stands in. The outputs are tensors of its own making, or inputs of any
/// of the samples, as they are.
class BatchOperator : public Operator {
 public:
  /// The outputs of a sample.
  using Outputs = std::vector<Tensor>;

  /// outputs[i] has the outputs of items[i]: undefined when it is called, all to be set. May throw.
  virtual void run_batch(std::span<const BatchItem> items, std::span<Outputs> outputs) const = 0;
  /// It calls foreign code: such operators run one at a time, in the order of batches and, in a batch,
  /// of declaration, on a thread apart from the workers. What they throw need not be an Error.
  virtual bool calls_foreign_code() const { return false; }
  /// In which form the inputs come.
  BatchNeed batch_need() const override { return BatchNeed::tensors; }

  std::any combine(std::span<const BatchItem> items) const final;
  void infer(Inference& facts) const final;
  Need need(const Inference& facts, int input) const final { return {Access::spec}; }
  std::optional<int> view_of(const Inference& facts) const final { return kNoInput; }
  bool resolve(Views& views) const final;
};

}  // namespace varo
