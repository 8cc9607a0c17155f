// SPDX-License-Identifier: Apache-2.0
/// One output voxel of a warp: where it comes from, and what is made of its taps. The loops of this
/// folder have these bits.
///
/// needs   nothing of Highway, oneTBB or fmt; compiles for devices
#pragma once

#include <cstdint>

#include "core/hd.h"
#include "core/scalar.h"

namespace varo::warp {

/// Output voxels handled together. Short, so that offsets from the run's start stay exact enough
/// in float32; the start itself is float64.
inline constexpr int kRun = 64;
/// Steps of whole voxels up to which a run keeps to float32: beyond, its offsets would be coarser
/// than 3e-5 voxel.
inline constexpr double kMaxStep = 8;
/// Positions are pinned here; far outside of every axis, and sums of two still fit an int32.
inline constexpr double kFar = 1 << 29;
/// Beyond every index, counted from whatever padding.
inline constexpr std::int32_t kNoEnd = 1 << 30;

/// The input along x, y, z.
struct Grid {
  int axes;
  bool constant;  ///< taps outside some face read as fill
  std::int64_t extent[3];
  std::int64_t stride[3];
  /// Indices from `low` on, below `high`, read as the nearest voxel; others as fill. A face of the
  /// grid, or kNoEnd away.
  std::int32_t low[3], high[3];
};

/// Where the voxels of a run come from. Voxel k lies at whole + (first + k * step) along x, y, z;
/// the bracket in float32, rounded after each operation. Linear: less the half voxel, so that the
/// whole part is the lower tap and the rest the weight of the upper one.
struct Start {
  std::int32_t whole[3];
  float first[3], step[3];
};

struct GridRequest {
  int axes;
  bool constant;  ///< WarpBorder::constant
  std::int64_t extent[3], stride[3];
  std::int64_t before[3], after[3];  ///< padding
};
VARO_HD constexpr Grid grid_of(const GridRequest& r) {
  Grid grid{.axes = r.axes, .constant = false, .extent = {}, .stride = {}, .low = {}, .high = {}};
  for (int axis = 0; axis < 3; ++axis) {
    grid.extent[axis] = r.extent[axis];
    grid.stride[axis] = r.stride[axis];
    const bool fill_below = r.constant || r.before[axis] > 0;
    const bool fill_above = r.constant || r.after[axis] > 0;
    grid.low[axis] = fill_below ? 0 : -kNoEnd;
    grid.high[axis] = fill_above ? static_cast<std::int32_t>(r.extent[axis]) : kNoEnd;
    if (axis < r.axes) grid.constant = grid.constant || fill_below || fill_above;
  }
  return grid;
}

// --- positions: of a row in float64, of a run in float32

/// The positions of a row of output voxels.
struct Path {
  double at[3], step[3];  ///< of the first voxel, from voxel to voxel
  bool regular;           ///< runs have a Start
};

/// Row (z, y) of `width` voxels; source_of is that of WarpParams.
VARO_HD constexpr void find_path(const double* source_of, const Grid& grid, bool linear,
                                 std::int64_t z, std::int64_t y, std::int64_t width, Path& path) {
  const double to_y = static_cast<double>(y) + 0.5, to_z = static_cast<double>(z) + 0.5;
  const auto last = static_cast<double>(width - 1);
  path.regular = true;
  for (int axis = 0; axis < grid.axes; ++axis) {
    const double* m = source_of + 4 * axis;
    path.step[axis] = m[0];
    path.at[axis] = m[0] * 0.5 + (m[1] * to_y + (grid.axes == 3 ? m[2] * to_z : 0) + m[3]);
    if (linear) path.at[axis] -= 0.5;
    path.regular = path.regular && scalar::abs(path.at[axis]) < kFar &&
                   scalar::abs(m[0]) <= kMaxStep && scalar::abs(path.at[axis] + last * m[0]) < kFar;
  }
}

/// The run from voxel x on; indices count from `before` on. \pre path.regular
VARO_HD constexpr void find_start(const Path& path, int axes, const std::int32_t* before,
                                  std::int64_t x, Start& start) {
  for (int axis = 0; axis < axes; ++axis) {
    const double at = path.at[axis] + static_cast<double>(x) * path.step[axis];
    auto whole = static_cast<std::int32_t>(at);
    whole -= at < whole ? 1 : 0;
    start.whole[axis] = whole - before[axis];
    start.first[axis] = static_cast<float>(at - whole);
    start.step[axis] = static_cast<float>(path.step[axis]);
  }
}

/// Along one axis: the nearest voxel, or the lower tap and the weight of the upper one.
struct Place {
  std::int32_t index;
  float weight;
};

/// Voxel k of a run.
VARO_HD constexpr Place place_of(const Start& start, int axis, int k) {
  const float p = start.first[axis] + static_cast<float>(k) * start.step[axis];
  auto whole = static_cast<std::int32_t>(p);
  whole -= p < static_cast<float>(whole) ? 1 : 0;
  return {start.whole[axis] + whole, p - static_cast<float>(whole)};
}

/// A position of any size, or none.
VARO_HD inline Place exact_place(double position, std::int32_t before) {
  const double low = position < kFar ? position : kFar;
  const double pinned = position >= -kFar ? low : -kFar;  // NaN goes to -kFar
  const double floor = scalar::floor(pinned);
  return {static_cast<std::int32_t>(floor) - before, static_cast<float>(pinned - floor)};
}

/// Voxel x of a row, along all axes.
VARO_HD inline void find_places(const Path& path, int axes, const std::int32_t* before,
                                std::int64_t x, Place* places) {
  const int k = static_cast<int>(x % kRun);
  const auto first = static_cast<double>(x - k);
  if (path.regular) {
    Start start{};
    find_start(path, axes, before, x - k, start);
    for (int axis = 0; axis < axes; ++axis) places[axis] = place_of(start, axis, k);
    return;
  }
  for (int axis = 0; axis < axes; ++axis) {
    const double at = path.at[axis] + first * path.step[axis];
    places[axis] = exact_place(at + k * path.step[axis], before[axis]);
  }
}

// --- voxels

VARO_HD constexpr float mix(float low, float high, float weight) {
  return low + weight * (high - low);
}

/// Offset of a tap, pinned to the grid.
VARO_HD constexpr std::int64_t pinned(const Grid& grid, int axis, std::int64_t at) {
  const std::int64_t last = grid.extent[axis] - 1;
  return (at < 0 ? 0 : at > last ? last : at) * grid.stride[axis];
}

/// Whether a tap is none of fill, as far as one axis decides.
VARO_HD constexpr bool within(const Grid& grid, int axis, std::int64_t at) {
  return at >= grid.low[axis] && at < grid.high[axis];
}

/// WarpFilter::nearest. read(offset): an element
template <class T, class Read>
VARO_HD constexpr T nearest_of(const Grid& grid, const Place* places, T fill, const Read& read) {
  std::int64_t offset = 0;
  for (int axis = 0; axis < grid.axes; ++axis) {
    if (grid.extent[axis] == 0 || !within(grid, axis, places[axis].index)) return fill;
    offset += pinned(grid, axis, places[axis].index);
  }
  return read(offset);
}

/// WarpFilter::linear: taps are mixed along y, then z, then x. read(offset): an element, as float
template <class Read>
VARO_HD constexpr float linear_of(const Grid& grid, const Place* places, float fill,
                                  const Read& read) {
  const std::int64_t x = places[0].index, y = places[1].index,
                     z = grid.axes == 3 ? places[2].index : 0;
  bool some_row = false;
  for (int row = 0; row < (grid.axes == 3 ? 4 : 2); ++row)
    some_row = some_row || (within(grid, 1, y + (row & 1)) &&
                            (grid.axes == 2 || within(grid, 2, z + (row >> 1))));
  // Far from the grid there is nothing but fill, whether or not that can be mixed with itself.
  if (!some_row || (!within(grid, 0, x) && !within(grid, 0, x + 1))) return fill;
  for (int axis = 0; axis < grid.axes; ++axis)
    if (grid.extent[axis] == 0) return fill;
  const auto across = [&](std::int64_t at) {
    if (!within(grid, 0, at)) return fill;
    const auto tap = [&](int upper_y, int upper_z) {
      if (!within(grid, 1, y + upper_y)) return fill;
      std::int64_t offset = pinned(grid, 0, at) + pinned(grid, 1, y + upper_y);
      if (grid.axes == 3) {
        if (!within(grid, 2, z + upper_z)) return fill;
        offset += pinned(grid, 2, z + upper_z);
      }
      return static_cast<float>(read(offset));
    };
    const float near = mix(tap(0, 0), tap(1, 0), places[1].weight);
    if (grid.axes == 2) return near;
    return mix(near, mix(tap(0, 1), tap(1, 1), places[1].weight), places[2].weight);
  };
  return mix(across(x), across(x + 1), places[0].weight);
}

}  // namespace varo::warp
