// SPDX-License-Identifier: Apache-2.0
/// Which voxel-to-world map a result has that is computed from several operands.
#pragma once

#include "operators/api/operator.h"

namespace varo {

/// A result made element by element, or of parts side by side, lies where its operands lie:
///
///   operand   has a say if it has an affine and, along the axes of that, the result's extents: one
///             that is broadcast along them has none
///   result    has the affine of the operands that have a say; none where two of them differ by
///             more than rounding
class InheritedGrid {
 public:
  explicit InheritedGrid(const Spec& result) : result_(&result) {}

  /// added   the axis of the result that the operand lacks; -1: the operand is aligned at the last
  ///         axis, as broadcasting does
  void add(const Spec& operand, const Meta& meta, int added = -1);
  /// Sets affine and axes of `meta`.
  void give(Meta& meta) const;

 private:
  const Spec* result_;
  std::optional<Affine> affine_;
  GridAxes axes_{};
  bool differ_ = false;
};

/// Sets affine and axes of `meta` for output 0, computed from input 0, by Operator::moved(). Leaves
/// them where the operator does not move that grid.
void move_grid(const Operator& op, const Inference& facts, const Tensor& input, Meta& meta);

}  // namespace varo
