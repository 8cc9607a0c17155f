// SPDX-License-Identifier: Apache-2.0
#include "core/walk.h"

#include <cstdlib>

namespace varo {

AxisList axes_in_order(const Shape& shape, Order order, const Strides& first, AxisSet axes) {
  AxisList list;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] == 1 || !has(axes, i)) continue;
    int at = list.rank++;
    if (order != Order::logical)
      for (; at > 0 && std::abs(first[list.axis[at - 1]]) < std::abs(first[i]); --at)
        list.axis[at] = list.axis[at - 1];
    list.axis[at] = i;
  }
  return list;
}

WalkAxes walk_axes(const Shape& shape, Order order, std::span<const Strides* const> operands,
                   AxisSet axes, AxisSet apart) {
  const Strides& first = *operands[0];
  WalkAxes walk;
  walk.rank = 0;
  walk.backwards = 0;
  for (const int axis : axes_in_order(shape, order, first, axes)) {
    if (order == Order::forwards && first[axis] < 0) walk.backwards |= AxisSet{1} << axis;
    const int inner = walk.rank, outer = inner - 1;
    walk.axis[inner] = {shape[axis], axis, axis};
    bool merges = outer >= 0 && !has(apart, axis);
    for (std::size_t k = 0; merges && k < operands.size(); ++k)
      merges = walk.step(outer, *operands[k]) == walk.step(inner, *operands[k]) * shape[axis];
    if (merges)
      walk.axis[outer] = {walk.axis[outer].extent * shape[axis], walk.axis[outer].outermost, axis};
    else
      ++walk.rank;
  }
  if (walk.rank == 0) walk.axis[walk.rank++] = {1, -1, -1};
  return walk;
}

}  // namespace varo
