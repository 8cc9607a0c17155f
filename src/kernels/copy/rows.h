// SPDX-License-Identifier: Apache-2.0
/// Copies whose destination rows are written whole, from the first byte to the last: padding, what
/// lies inside, padding.
#pragma once

#include "core/parallel.h"
#include "core/walk.h"
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
/// Destinations of more than `stream_above` bytes are written with non-temporal stores, past the
/// caches: no core's share of them holds so much, and lines that are not read first are half of the
/// traffic.
///
/// inside   any strides; shape is the box's
/// dst      any strides, not overlapping inside
/// returns  false, with nothing written, where there are no such rows, or nothing is gained
/// memory   none besides the stack (9 KiB)
/// errors   none
bool copy_rows(const ConstView& inside, const Box& box, const View& dst, std::uint64_t bits,
               Parallel& parallel, std::int64_t stream_above = kStreamAbove);

namespace rows_detail {

/// Rows of voxels of `channels` elements, in pieces, under the axes outside of them.
struct Plan {
  const void* src = nullptr;  ///< element (0, 0, ...) of `inside`
  void* dst = nullptr;
  int element_bytes = 1;
  std::uint64_t bits = 0;
  Walk<2> walk;                             ///< of dst and, as if it were as large, the source
  std::int64_t lo[kMaxRank], hi[kMaxRank];  ///< what lies inside along every axis of the walk
  int row = 0;                              ///< the axis of the walk that rows run along
  int channels = 1;                         ///< the extent of the axis inside of it
  std::int64_t piece = 1, pieces = 1;       ///< voxels of a piece, pieces of a row
  std::int64_t units = 0;                   ///< pieces of all rows
  bool stream = false;
};
inline constexpr int kTo = 0, kFrom = 1;

/// Writes units [begin, end).
void write_units(const Plan& plan, std::int64_t begin, std::int64_t end);

}  // namespace rows_detail

}  // namespace varo
