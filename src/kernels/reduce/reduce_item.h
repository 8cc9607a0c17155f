// SPDX-License-Identifier: Apache-2.0
/// One item of a reduction's work after another, in buffers of its own.
#pragma once

#include <cstddef>

#include "kernels/reduce/accumulate.h"
#include "kernels/reduce/reduce_outcome.h"

namespace varo::reduction {

inline constexpr std::int64_t kBuffer = 2048;  ///< elements; lanes * tile_inner always fit

/// Element `at` of a mean, float32 or float64.
double mean_at(const ConstView& mean, std::int64_t at);

/// For one thread.
class Item {
 public:
  /// Keeps references to the plan and the outcome. `partials`: scratch of reduce().
  Item(const Plan& p, const Outcome& outcome, const void* in, void* out, std::byte* partials);
  /// Item number `item` of the plan.
  void run(std::int64_t item);

 private:
  // Outer positions [begin, end) with one element after another of each: an element of the sum is a
  // row of the buffer.
  void run_side_by_side(std::int64_t begin, std::int64_t end);
  template <class T>
  void transpose(std::int64_t outer, std::int64_t n);
  void load_mean(std::int64_t outer);
  // Reduced indices [begin, end); begin is a multiple of lanes.
  void reduce_range(std::int64_t begin, std::int64_t end);
  // `count` reduced indices, `step` apart in memory, their inner elements side by side.
  void take(const void* x, std::int64_t count, std::int64_t step);
  template <class T>
  void gather(std::int64_t begin, std::int64_t end);

  const Plan& p_;
  const Outcome& outcome_;
  const Accumulate accumulate_;
  const void* in_;
  void* out_;
  std::byte* partials_;
  const Walk<3>::Run outer_run_, reduced_run_, inner_run_;
  const bool side_by_side_;
  std::int64_t base_ = 0, inner_ = 0, width_ = 0;
  alignas(64) double mean_[kMaxInner] = {};
  alignas(64) std::byte acc_[kMaxInner * 8];
  alignas(64) std::byte buffer_[kBuffer * 8];
};

}  // namespace varo::reduction
