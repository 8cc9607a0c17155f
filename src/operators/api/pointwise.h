// SPDX-License-Identifier: Apache-2.0
/// Operators that compute every element from the elements at its place in the inputs. They write
/// no loops: they emit the instructions for one element, and a chain of them can become one pass.
#pragma once

#include <span>

#include "kernels/pointwise/program.h"
#include "operators/api/operator.h"
#include "operators/shared/promotion.h"

namespace varo {

class Pointwise : public Operator {
 public:
  static constexpr Traits kTraits{.pointwise = true};

  /// Appends what this operator does to one element of output 0, for this sample, and returns the
  /// result, of output_spec(0).dtype. Called after prepare(), in place of run(); may throw.
  ///
  /// inputs  a register for each input, of its dtype; number -1 for those that need() does not want
  /// index   random numbers are addressed by positions in output_spec(0).shape, so the program's
  ///         output has that shape: in a chain, nodes of other shapes come in as inputs
  virtual Register emit(const Inference& facts, ProgramBuilder& to,
                        std::span<const Register> inputs) const = 0;
};

/// Numbers the elements of `shape` in row-major order.
Index row_major(const Shape& shape);

}  // namespace varo
