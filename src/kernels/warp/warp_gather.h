// SPDX-License-Identifier: Apache-2.0
/// Reading the voxels that a run of positions asks for, borders included; used by warp.cc alone.
#pragma once

#include <algorithm>
#include <cstring>

#include "kernels/warp/warp_row.h"

namespace varo::warp {

/// The input along x, y, z.
struct Grid {
  int axes;
  bool constant;  ///< taps outside read as fill; else as the nearest voxel
  std::int64_t extent[3];
  std::int64_t stride[3];
};

/// Voxels [begin, end) of a run.
struct Span {
  int begin, end;
};

/// The voxels of a run whose index on every axis lies in [low, extent - taps_above). Indices are
/// monotone along the run on each axis, so that they are one interval.
inline Span voxels_within(const Grid& grid, const Positions& run, int count, std::int64_t low,
                          std::int64_t taps_above) {
  Span span{0, count};
  for (int axis = 0; axis < grid.axes; ++axis) {
    const std::int32_t* index = run.index[axis];
    const std::int64_t high = grid.extent[axis] - taps_above;
    const auto good = [&](int k) { return index[k] >= low && index[k] < high; };
    if (count > 0 && good(0) && good(count - 1)) continue;
    const bool rising = index[0] <= index[count - 1];
    const auto* first = std::partition_point(
        index, index + count, [&](std::int32_t i) { return rising ? i < low : i >= high; });
    const auto* last = std::partition_point(
        first, index + count, [&](std::int32_t i) { return rising ? i < high : i >= low; });
    span.begin = std::max(span.begin, static_cast<int>(first - index));
    span.end = std::min(span.end, static_cast<int>(last - index));
  }
  span.end = std::max(span.begin, span.end);
  return span;
}

/// Offset of one tap; false if it reads as fill.
inline bool tap(const Grid& grid, int axis, std::int64_t at, std::int64_t& offset) {
  const std::int64_t inside = std::clamp<std::int64_t>(at, 0, grid.extent[axis] - 1);
  offset = inside * grid.stride[axis];
  return !grid.constant || inside == at;
}

/// Nearest: voxel k, wherever it is.
template <class T>
T nearest_at_edge(const Grid& grid, const T* data, T fill, const Positions& run, int k) {
  for (int axis = 0; axis < grid.axes; ++axis) {
    std::int64_t offset;
    if (!tap(grid, axis, run.index[axis][k], offset)) return fill;
    data += offset;
  }
  return *data;
}

/// Linear: the taps of voxel k, wherever they are.
template <bool kConstant, class T>
void taps_at_edge(const Grid& grid, const T* data, T fill, const Positions& run, int k,
                  Taps<T>& taps) {
  std::int64_t offset[3][2] = {};
  bool has[3][2] = {{true, true}, {true, true}, {true, true}};
  for (int axis = 0; axis < grid.axes; ++axis)
    for (int i = 0; i < 2; ++i)
      has[axis][i] =
          tap(grid, axis, std::int64_t{run.index[axis][k]} + i, offset[axis][i]) || !kConstant;
  for (int row = 0; row < (grid.axes == 2 ? 2 : 4); ++row) {
    const int y = row & 1, z = row >> 1;
    const std::int64_t at = offset[1][y] + offset[2][z];
    for (int x = 0; x < 2; ++x)
      taps.of(row, k)[x] = has[0][x] && has[1][y] && has[2][z] ? data[at + offset[0][x]] : fill;
  }
}

/// Linear: the taps of voxels [span.begin, span.end), all inside.
template <class T>
void taps_inside(const Grid& grid, const T* data, const Positions& run, Span span, Taps<T>& taps) {
  const int rows = grid.axes == 2 ? 2 : 4;
  const T* from[4];
  for (int row = 0; row < rows; ++row)
    from[row] = data + (row & 1) * grid.stride[1] + (row >> 1) * grid.stride[2];
  if (grid.stride[0] == 1) {
    for (int k = span.begin; k < span.end; ++k)
      for (int row = 0; row < rows; ++row)
        std::memcpy(taps.of(row, k), from[row] + run.offset[k], 2 * sizeof(T));
    return;
  }
  for (int k = span.begin; k < span.end; ++k)
    for (int row = 0; row < rows; ++row) {
      const T* pair = from[row] + run.offset[k];
      taps.of(row, k)[0] = pair[0];
      taps.of(row, k)[1] = pair[grid.stride[0]];
    }
}

}  // namespace varo::warp
