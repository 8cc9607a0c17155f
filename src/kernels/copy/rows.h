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

/// Copies elements and padding where rows can be written whole:
///
///   row of elements     the source runs along dst's innermost axis, forwards or backwards
///   row of 2-4 channels the source runs along the axis outside of a short dense one: the channels'
///                       rows are interleaved
///
/// Destinations of more than `stream_above` bytes are written with non-temporal stores, past the
/// caches: no core's share of them holds so much, and lines that are not read first are half of the
/// traffic.
///
/// src      any strides
/// dst      of src's shape, any strides, not overlapping it
/// returns  false, with nothing written, where there are no such rows, or nothing is gained
/// memory   none besides the stack (9 KiB)
/// errors   none
bool copy_rows(const PaddedView& src, const View& dst, Parallel& parallel,
               std::int64_t stream_above = kStreamAbove);

namespace rows_detail {

/// Rows of voxels of `channels` elements, in pieces, under the axes outside of them.
struct Plan {
  const void* src = nullptr;  ///< the first element that is no padding
  void* dst = nullptr;
  int element_bytes = 1;
  std::uint64_t fill = 0;
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
