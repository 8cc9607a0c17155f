// SPDX-License-Identifier: Apache-2.0
/// Walks over the elements of several views of one shape: which axes are left when those of extent
/// 1 are dropped and neighbours merged, in which order they are taken, and where the element of
/// every view lies on the way.
///
///   shape [2, 1, 3, 4]                steps                  axes of the walk
///   out   strides 12, 12, 4, 1        dense                  [6]  out  4   in  8
///   in    strides 24, 24, 8, 1        rows with gaps         [4]  out  1   in  1
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "varo/shape.h"

namespace varo {

/// The order in which a walk takes the axes.
enum class Order : std::uint8_t {
  logical,   ///< as the shape has them: where the order decides, as it does about rounded sums
  memory,    ///< by the first operand's strides, longest outermost: where only speed counts
  forwards,  ///< as memory, and no step of the first operand goes backwards
};

template <int N>
struct WalkAxis {
  std::int64_t extent;
  std::int64_t step[N];  ///< of every operand, from one position to the next
};

/// A walk over N operands of one shape; offsets and steps count elements. Plain data, which a
/// kernel on a device can take by value.
template <int N>
struct Walk {
  int rank = 0;  ///< at least 1 from walk_of(); a single element has an axis of step 1
  WalkAxis<N> axis[kMaxRank];  ///< outermost first
  std::int64_t start[N] = {};  ///< of every operand, from its element (0, 0, ...) to the first

  /// Number of elements.
  constexpr std::int64_t count() const {
    std::int64_t n = 1;
    for (int i = 0; i < rank; ++i) n *= axis[i].extent;
    return n;
  }
  /// Where element `number` of operand k is. \pre count() > 0
  constexpr std::int64_t offset(std::int64_t number, int k) const {
    std::int64_t at = start[k];
    for (int i = rank - 1; i > 0; --i) {
      at += number % axis[i].extent * axis[i].step[k];
      number /= axis[i].extent;
    }
    return rank > 0 ? at + number * axis[0].step[k] : at;
  }
  /// The innermost axes as far as operand k takes equal steps along all of them.
  struct Run {
    std::int64_t length = 1, step = 1;
  };
  constexpr Run run(int k) const {
    if (rank == 0) return {};
    Run r{axis[rank - 1].extent, axis[rank - 1].step[k]};
    for (int i = rank - 2; i >= 0 && axis[i].step[k] == r.step * r.length; --i)
      r.length *= axis[i].extent;
    return r;
  }
};

/// Counts through the outermost `rank` axes of a walk, the last of them fastest, and keeps the
/// offset of every operand: what a car's odometer does. The walk outlives it.
template <int N>
class Odometer {
 public:
  constexpr explicit Odometer(const Walk<N>& walk) : Odometer(walk, walk.rank) {}
  constexpr Odometer(const Walk<N>& walk, int rank) : axes_(walk.axis), rank_(rank) {
    for (int k = 0; k < N; ++k) offset[k] = walk.start[k];
    for (int i = 0; i < rank; ++i) at[i] = 0;
  }
  /// Begins at position `number`. \pre none of these axes is empty
  constexpr Odometer(const Walk<N>& walk, int rank, std::int64_t number) : Odometer(walk, rank) {
    for (int i = rank - 1; i >= 0; --i) {
      at[i] = number % axes_[i].extent;
      number /= axes_[i].extent;
      move(i, at[i]);
    }
  }
  constexpr void next() {
    for (int i = rank_ - 1; i >= 0; --i) {
      move(i, 1);
      if (++at[i] < axes_[i].extent) return;
      at[i] = 0;
      move(i, -axes_[i].extent);
    }
  }

  std::int64_t offset[N];
  std::int64_t at[kMaxRank];  ///< along every axis

 private:
  constexpr void move(int axis, std::int64_t positions) {
    move(axes_[axis].step, positions, std::make_index_sequence<N>());
  }
  // Written out, so that offsets may stay in registers.
  template <std::size_t... K>
  constexpr void move(const std::int64_t* step, std::int64_t positions,
                      std::index_sequence<K...> /*operands*/) {
    ((offset[K] += positions * step[K]), ...);
  }

  const WalkAxis<N>* axes_;
  int rank_;
};

/// Calls body(offsets) for every row along the last axis; offsets[k] is where operand k's begins.
template <int N, class Body>
void for_each_row(const Walk<N>& walk, const Body& body) {
  if (walk.count() == 0) return;
  Odometer<N> at(walk, walk.rank - 1);
  for (auto rows = walk.count() / walk.axis[walk.rank - 1].extent; rows > 0; --rows, at.next())
    body(at.offset);
}

/// Some axes of a shape, in an order.
struct AxisList {
  int rank = 0;
  int axis[kMaxRank];

  const int* begin() const { return axis; }
  const int* end() const { return axis + rank; }
};

/// A set of axes: bit i stands for axis i.
using AxisSet = std::uint32_t;
constexpr bool has(AxisSet axes, int i) { return (axes >> i & 1U) != 0; }

/// Those of `axes` whose extent is not 1, outermost first; `first`: strides of the first operand.
/// Axes of equal strides stay as they are.
AxisList axes_in_order(const Shape& shape, Order order, const Strides& first,
                       AxisSet axes = ~AxisSet{0});

/// What every axis of a walk is made of, for any number of operands.
struct WalkAxes {
  struct Axis {
    std::int64_t extent;
    int outermost, innermost;  ///< of the shape's axes that it holds; -1: none
  };
  int rank;  ///< at least 1
  Axis axis[kMaxRank];
  AxisSet backwards;  ///< axes of the shape that are taken from their ends

  /// The step of an operand along axis k of the walk.
  std::int64_t step(int k, const Strides& strides) const {
    const int i = axis[k].innermost;
    return i < 0 ? 1 : has(backwards, i) ? -strides[i] : strides[i];
  }
};

/// Neighbours are merged where that makes one step of both for all `operands`; the first of these
/// gives the order.
///
/// axes   the axes to walk along
/// apart  axes that are not merged with the one outside of them
WalkAxes walk_axes(const Shape& shape, Order order, std::span<const Strides* const> operands,
                   AxisSet axes = ~AxisSet{0}, AxisSet apart = 0);

/// The walk along these axes of `shape`, over operands of these strides.
template <class... S>
Walk<sizeof...(S)> walk_of(const WalkAxes& axes, const Shape& shape, const S&... strides) {
  Walk<sizeof...(S)> walk;
  walk.rank = axes.rank;
  for (int a = 0; a < axes.rank; ++a)
    walk.axis[a] = {axes.axis[a].extent, {axes.step(a, strides)...}};
  for (int i = 0; axes.backwards >> i != 0; ++i) {
    int k = 0;
    if (has(axes.backwards, i)) ((walk.start[k++] += (shape[i] - 1) * strides[i]), ...);
  }
  return walk;
}

/// The walk along some axes, or all. The first of the operands gives the order.
template <class... S>
Walk<sizeof...(S)> walk_along(AxisSet axes, const Shape& shape, Order order, const S&... strides) {
  const Strides* const operands[] = {&strides...};
  return walk_of(walk_axes(shape, order, operands, axes), shape, strides...);
}
template <class... S>
Walk<1 + sizeof...(S)> walk_of(const Shape& shape, Order order, const Strides& first,
                               const S&... others) {
  return walk_along(~AxisSet{0}, shape, order, first, others...);
}

}  // namespace varo
