// SPDX-License-Identifier: Apache-2.0
/// Operators that reduce their input to little. They can do so in a pass that others make over it.
#pragma once

#include <optional>

#include "kernels/reduce/reduce.h"
#include "operators/api/operator.h"

namespace varo {

class Reducer : public Operator {
 public:
  /// Instead of run(): what is to be done with the elements `in` of input 0, when the other inputs
  /// are there. Nothing where that needs a pass of its own. Asks for no elements of input 0;
  /// scratch holds until the end of the call as in run().
  virtual std::optional<ReduceRequest> request(Sample& sample, const ConstView& in) const = 0;
};

}  // namespace varo
