// SPDX-License-Identifier: Apache-2.0
/// Copies whose destination rows are written whole, from the first byte to the last: padding, what
/// lies inside, padding.
#pragma once

#include "core/parallel.h"
#include "varo/shape.h"
#include "varo/view.h"

namespace varo {

inline constexpr std::int64_t kStreamAbove = std::int64_t{16} << 20;

/// Copies `inside` to the box of dst that it fills, and sets the elements around it to the value
/// whose bytes are `bits`, where rows can be written whole:
///
///   row of elements     the source runs along dst's innermost axis, forwards or backwards
///   row of 2-4 channels the source runs along the axis outside of a short dense one: the channels'
///                       rows are interleaved
///
/// Destinations of more than `stream_above` bytes go past the caches: no core's share of them holds
/// so much, and lines that are not read first are half of the traffic.
///
/// inside   any strides; shape is the box's
/// dst      any strides, not overlapping inside
/// returns  false, with nothing written, where there are no such rows, or nothing is gained
/// memory   none besides the stack (9 KiB)
/// errors   none
bool copy_rows(const ConstView& inside, const Box& box, const View& dst, std::uint64_t bits,
               Parallel& parallel, std::int64_t stream_above = kStreamAbove);

namespace rows_detail {

/// One axis of dst; a step along it moves by `from` and `to` elements; [lo, hi) lies inside.
struct Axis {
  std::int64_t extent = 1, from = 0, to = 0, lo = 0, hi = 1;
};

/// Rows of row.extent voxels of `channels` elements, in pieces, under the axes outside of them.
struct Plan {
  const std::byte* src = nullptr;  ///< the first element inside
  std::byte* dst = nullptr;
  int element_bytes = 1;
  std::uint64_t bits = 0;
  int rank = 0;
  Axis axis[kMaxRank];
  Axis row;
  int channels = 1;
  std::int64_t channel_from = 0;
  std::int64_t piece = 1, pieces = 1;  ///< voxels of a piece, pieces of a row
  std::int64_t units = 0;              ///< pieces of all rows
  bool stream = false;
};

/// Writes units [begin, end).
void write_units(const Plan& plan, std::int64_t begin, std::int64_t end);

}  // namespace rows_detail

}  // namespace varo
