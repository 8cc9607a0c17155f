// SPDX-License-Identifier: Apache-2.0
/// Output rows that run along rows of the input: scaling, mirroring, shifts, turns about x. Four
/// input rows are mixed into one, which is then read along x. The same operations in the same order
/// as for any other row, so that results agree bit for bit. Used by warp.cc alone.
#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/warp/warp.h"
#include "kernels/warp/warp_gather.h"
#include "kernels/warp/warp_row.h"

namespace varo::warp {

/// With longer steps than this more would be mixed than is read.
inline constexpr int kLevelStep = 4;
/// Columns of input under a run: one for each step, two at each end, and what vectors write past
/// it.
inline constexpr int kLevelColumns = kRun * kLevelStep + 6 + kSlack;

inline bool is_level(const WarpParams& p) {
  return p.source_of[4] == 0 && (p.axes == 2 || p.source_of[8] == 0) &&
         std::abs(p.source_of[0]) <= kLevelStep;
}

struct LevelLoops {
  /// Mixes rows (y, z), (y+1, z), (y, z+1), (y+1, z+1), of In with these element strides, into
  /// `count` columns.
  void (*mix)(const void* const* rows, const std::int64_t* strides, int count, float y, float z,
              float* columns);
  /// Reads columns `low`, `low` + 1, ... at positions along x, pinned to [-2, extent].
  void (*across)(const float* columns, int low, const Start& start, int extent, int count,
                 float* out);
  /// As across, where voxel k lies between columns k and k + 1.
  void (*shift)(const float* columns, const Start& start, int count, float* out);
};

/// \pre in: a type of warp_takes(.., linear)
LevelLoops level_loops(DType in, int axes);

/// What one thread needs for level rows of In.
template <class In>
class LevelRows {
 public:
  LevelRows(const Grid& grid, const LevelLoops& loops, In fill)
      : grid_(grid), loops_(loops), fill_(static_cast<float>(fill)) {
    if (grid.constant) std::fill(blank_, blank_ + kLevelColumns, fill);
  }

  /// Voxels of a run of which some have taps inside.
  void blend(const In* data, const Start& start, int count, float* out) {
    const int extent = static_cast<int>(grid_.extent[0]);
    const int from = place_of(start, 0, 0).index, to = place_of(start, 0, count - 1).index;
    const int first = std::clamp(from, -2, extent), last = std::clamp(to, -2, extent);
    // Columns that are read, and those of them that there are.
    const int low = std::min(first, last), high = std::max(first, last) + 1;
    int begin = std::max(low, 0), end = std::min(high, extent - 1) + 1;
    const bool repeats_first = grid_.low[0] < 0;
    const bool repeats_last = grid_.high[0] > extent;
    if (repeats_first) end = std::max(end, 1);
    if (repeats_last) begin = std::min(begin, extent - 1);
    float at[3] = {};
    std::int32_t index[3] = {};
    for (int axis = 1; axis < grid_.axes; ++axis) {
      const Place place = place_of(start, axis, 0);
      index[axis] = place.index;
      at[axis] = place.weight;
    }
    // Before column `low` there may be the one that an edge repeats.
    float* columns = columns_ + 2 - low;
    float before = fill_, after = fill_;
    if (begin < end) {
      const void* rows[4];
      std::int64_t strides[4];
      for (int r = 0; r < (grid_.axes == 2 ? 2 : 4); ++r)
        rows[r] = row(data, index[1] + (r & 1), index[2] + (r >> 1), begin, end, strides[r]);
      loops_.mix(rows, strides, end - begin, at[1], at[2], columns + begin);
      if (repeats_first) before = columns[begin];
      if (repeats_last) after = columns[end - 1];
    }
    for (int x = low; x < std::min(begin, high + 1); ++x) columns[x] = before;
    for (int x = std::max(end, low); x <= high; ++x) columns[x] = after;
    // With steps of 1 an index that rounding has put one further is followed by others alike.
    if (start.step[0] == 1 && to - from == count - 1 && first == from && last == to) {
      loops_.shift(columns + first, start, count, out);
    } else {
      loops_.across(columns_ + 2, low, start, extent, count, out);
    }
  }

 private:
  // Voxel `begin` of a row, and the way to the next.
  const In* row(const In* data, std::int64_t y, std::int64_t z, int begin, int end,
                std::int64_t& stride) const {
    stride = grid_.stride[0];
    const bool inside = y >= grid_.low[1] && y < grid_.high[1] &&
                        (grid_.axes == 2 || (z >= grid_.low[2] && z < grid_.high[2]));
    if (grid_.constant && !inside) {
      // Alike in whatever direction the others run.
      if (std::abs(stride) != 1) stride = 0;
      return stride == -1 ? blank_ + (end - begin - 1) : blank_;
    }
    return data + begin * stride + pinned(grid_, 1, y) +
           (grid_.axes == 3 ? pinned(grid_, 2, z) : 0);
  }

  const Grid& grid_;
  LevelLoops loops_;
  float fill_;
  In blank_[kLevelColumns];
  alignas(64) float columns_[kLevelColumns];
};

}  // namespace varo::warp
