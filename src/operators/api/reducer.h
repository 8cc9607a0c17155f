// SPDX-License-Identifier: Apache-2.0
/// Operators that reduce their input to little. They can do so in a pass that others make over it.
#pragma once

#include "kernels/reduce/reduce.h"
#include "operators/api/operator.h"

namespace varo {

/// Input 0 is reduced to output 0; the other inputs are the means that deviations are from.
class Reducer : public HostOperator {
 public:
  /// What is done with input 0, but for the mean.
  virtual ReduceSpec reduction(const std::any& state) const = 0;

  /// reduction() with the views of a run: the reduced axes are put back with extent 1.
  ReduceSpec specified(const HostRun& run, int rank) const;
  /// Where the result goes, with the input's rank.
  static View result(const HostRun& run, const ReduceSpec& spec, int rank);

  std::size_t setup(const HostRun& run, std::any& plan) const override;
  void run(const HostRun& run) const noexcept override;
};

}  // namespace varo
