// SPDX-License-Identifier: Apache-2.0
#include "kernels/copy/rows.h"

#include <algorithm>
#include <cstdlib>

namespace varo {

namespace {

using rows_detail::kFrom;
using rows_detail::kTo;
using rows_detail::Plan;

constexpr std::int64_t kGrainElements = std::int64_t{1} << 16;
// Shorter rows move as one wide element, or in tiles (chunks.h).
constexpr std::int64_t kLeastRowBytes = 128;

// Axes are merged only where all of the inner one lies inside.
void set_walk(Plan& p, const Strides& from, const Box& box, const View& dst) {
  AxisSet partly = 0;
  for (int i = 0; i < dst.rank(); ++i)
    if (box.lo[i] != 0 || box.hi[i] != dst.shape[i]) partly |= AxisSet{1} << i;
  const Strides* const strides[] = {&dst.strides, &from};
  const WalkAxes axes = walk_axes(dst.shape, Order::forwards, strides, ~AxisSet{0}, partly);
  p.walk = walk_of(axes, dst.shape, dst.strides, from);
  p.walk.start[kFrom] -= offset_of(from, box.lo);
  for (int k = 0; k < axes.rank; ++k) {
    p.lo[k] = 0;
    p.hi[k] = 1;
    const int i = axes.axis[k].outermost;
    if (i < 0) continue;
    const std::int64_t extent = dst.shape[i], each = axes.axis[k].extent / extent;
    const bool turned = has(axes.backwards, i);
    p.lo[k] = (turned ? extent - box.hi[i] : box.lo[i]) * each;
    p.hi[k] = (turned ? extent - box.lo[i] : box.hi[i]) * each;
  }
}

// Which axes are a row; false where there are none.
bool take_rows(Plan& p) {
  const int last = p.walk.rank - 1;
  const auto steps = [&](int k) { return p.walk.axis[k].step; };
  const auto runs = [&](int k) { return std::abs(steps(k)[kFrom]) == 1; };
  p.row = last;
  if (steps(last)[kTo] != 1) return false;
  if (!runs(last)) {
    const std::int64_t extent = p.walk.axis[last].extent;
    if (--p.row < 0 || extent > 4 || p.lo[last] != 0 || p.hi[last] != extent) return false;
    if (!runs(p.row) || steps(p.row)[kTo] != extent) return false;
    p.channels = static_cast<int>(extent);
  }
  return p.walk.axis[p.row].extent * p.channels * p.element_bytes >= kLeastRowBytes;
}

}  // namespace

bool copy_rows(const PaddedView& src, const View& dst, Parallel& parallel,
               std::int64_t stream_above) {
  if (src.box.empty()) return false;
  Plan p;
  p.src = src.inside.data;
  p.dst = dst.data;
  p.element_bytes = static_cast<int>(dst.element_size());
  p.fill = src.fill;
  set_walk(p, src.inside.strides, src.box, dst);
  if (!take_rows(p)) return false;
  const std::int64_t elements = volume(dst.shape);
  p.stream = elements * p.element_bytes > stream_above;
  if (!p.stream && p.channels == 1 && !src.padded()) return false;

  const std::int64_t extent = p.walk.axis[p.row].extent;
  p.piece = std::min(extent, kGrainElements / p.channels);
  p.pieces = (extent + p.piece - 1) / p.piece;
  p.units = elements / (extent * p.channels) * p.pieces;
  parallel_for(
      parallel, p.units, kGrainElements / (p.piece * p.channels),
      [&](std::int64_t begin, std::int64_t end) { rows_detail::write_units(p, begin, end); });
  return true;
}

}  // namespace varo
