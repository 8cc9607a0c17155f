// SPDX-License-Identifier: Apache-2.0
/// One warp: what is known of it beforehand, and the walk over its output; used by warp.cc alone.
#pragma once

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "core/parallel.h"
#include "kernels/warp/warp.h"
#include "kernels/warp/warp_gather.h"
#include "kernels/warp/warp_row.h"
#include "varo/view.h"

namespace varo::warp {

/// Output rows are walked in tiles of kTileY x kTileZ, so that the oblique slab of input that a
/// tile reads stays in the second-level cache.
inline constexpr std::int64_t kTileY = 8, kTileZ = 8;
/// How far a position in float32 may be from the same in float64, and then some.
inline constexpr double kDoubt = 2e-4;

/// A row of output voxels, and where it comes from.
struct Row : Path {
  std::int64_t in, out;  // element offsets of the input's first voxel and the first output voxel
  std::int64_t ahead;    // elements from what the row reads to what the next tile reads about there
  // Voxels that need care: `touching` have taps inside, and all others are fill; `inside` have all
  // taps inside for sure.
  Span touching, inside;
};

/// A stretch of a row.
struct Run {
  std::int64_t in, out;  // element offsets of the input's first voxel and the first output voxel
  int count;
  Start start;            // of regular rows with a tap inside
  Span touching, inside;  // counted from the run's first voxel
};

struct Job {
  const ConstView& in;
  const View& out;
  const WarpParams& params;
  std::uint64_t fill_bits;  ///< of what is outside and fill, and of padding
  bool linear;
  Grid grid;
  RowLoops loops;
  bool addressable = true;  ///< every offset fits an int32
  bool nothing = false;     ///< the input is empty
  /// Of the steps along x; 0 where a whole row moves less than kDoubt.
  double inverse_step[3];
  std::int32_t before[3];  ///< positions count from so many voxels before the grid

  /// Keeps references to all of them.
  Job(const PaddedView& from, const View& to, const WarpParams& p)
      : in(from.inside),
        out(to),
        params(p),
        fill_bits(from.padded() ? from.fill : p.fill_bits),
        linear(p.filter == WarpFilter::linear),
        loops(row_loops(from.dtype(), to.dtype, p.axes)) {
    const Dims& lo = from.box.lo;
    const auto after = [&](int axis) { return from.shape[axis] - from.box.hi[axis]; };
    grid = grid_of({.axes = p.axes,
                    .constant = p.border == WarpBorder::constant,
                    .extent = {in.shape[2], in.shape[1], in.shape[0]},
                    .stride = {in.strides[2], in.strides[1], in.strides[0]},
                    .before = {lo[2], lo[1], lo[0]},
                    .after = {after(2), after(1), after(0)}});
    std::int64_t span = 0;
    for (int axis = 0; axis < 3; ++axis) {
      before[axis] = static_cast<std::int32_t>(lo[2 - axis]);
      const double step = *(p.source_of.data() + 4 * axis);
      const bool moves = std::abs(step) * static_cast<double>(to.shape[2]) > kDoubt / 2;
      inverse_step[axis] = moves ? 1 / step : 0;
      if (axis >= p.axes) continue;
      nothing = nothing || grid.extent[axis] == 0;
      span += std::abs(grid.stride[axis]) * std::max<std::int64_t>(grid.extent[axis] - 1, 0);
    }
    addressable = span <= std::numeric_limits<std::int32_t>::max();
  }

  Row row_at(std::int64_t z, std::int64_t y, std::int64_t ahead) const {
    Row row;
    find_path(params.source_of.data(), grid, linear, z, y, out.shape[2], row);
    row.ahead = ahead;
    row.in = grid.axes == 2 ? z * in.strides[0] : 0;
    row.out = z * out.strides[0] + y * out.strides[1];
    const Span all{0, static_cast<int>(out.shape[2])};
    row.touching = nothing ? Span{0, 0} : all;
    row.inside = {0, 0};
    if (nothing || !row.regular) return row;
    // Taps lie at the position's whole part and, if linear, one further.
    const double above = linear ? 1 : 0;
    const auto inside = [&](int axis) {
      return std::pair{kDoubt, static_cast<double>(grid.extent[axis]) - (above + kDoubt)};
    };
    const auto touching = [&](int axis) {
      return std::pair{grid.low[axis] - (above + kDoubt), grid.high[axis] + kDoubt};
    };
    row.inside = voxels_between(row, inside);
    if (grid.constant && (row.inside.begin > 0 || row.inside.end < all.end))
      row.touching = voxels_between(row, touching);
    return row;
  }

  // Voxels whose positions lie between least and most, of range(axis), counted from the grid's
  // first voxel.
  template <class Range>
  Span voxels_between(const Row& row, const Range& range) const {
    double first = 0, last = static_cast<double>(out.shape[2] - 1);
    for (int axis = 0; axis < grid.axes; ++axis) {
      const auto [least, most] = range(axis);
      const double at = row.at[axis] - before[axis], inverse = inverse_step[axis];
      if (least > most || (inverse == 0 && !(at >= least && at <= most))) return {0, 0};
      if (inverse == 0) continue;
      const double a = (least - at) * inverse, b = (most - at) * inverse;
      first = std::max(first, std::min(a, b));
      last = std::min(last, std::max(a, b));
    }
    if (!(first <= last)) return {0, 0};
    const int begin = static_cast<int>(first);
    return {begin + (begin < first ? 1 : 0), static_cast<int>(last) + 1};
  }

  /// The run from voxel `x` of a row.
  Run run_at(const Row& row, int x) const {
    Run run;
    run.in = row.in;
    run.out = row.out + x * out.strides[2];
    run.count = std::min(kRun, static_cast<int>(out.shape[2]) - x);
    run.touching = within_run(row.touching, x, run.count);
    run.inside = within_run(row.inside, x, run.count);
    if (run.inside.empty()) run.inside = {run.touching.begin, run.touching.begin};
    if (row.regular && !run.touching.empty()) find_start(row, grid.axes, before, x, run.start);
    return run;
  }

  static Span within_run(Span span, int x, int count) {
    return {std::clamp(span.begin - x, 0, count), std::clamp(span.end - x, 0, count)};
  }

  /// Fills index and weight of voxels of the run from voxel `x` of a row.
  void locate(const Row& row, int x, const Run& run, Span span, Positions& positions) const {
    if (row.regular) return loops.locate(run.start, grid.axes, span.begin, span.end, positions);
    for (int axis = 0; axis < grid.axes; ++axis)
      locate_exactly(row.at[axis] + x * row.step[axis], row.step[axis], run.count, before[axis],
                     positions.index[axis], positions.weight[axis]);
  }

  // Elements of input from what an output voxel reads to what the one `z`, `y` further does, at
  // that side of its taps where the tile there begins to read what nobody has read before.
  std::int64_t distance(std::int64_t z, std::int64_t y) const {
    double sum = grid.axes == 2 ? static_cast<double>(z * in.strides[0]) : 0;
    for (int axis = 0; axis < grid.axes; ++axis) {
      const double* m = params.source_of.data() + 4 * axis;
      const double moved =
          m[1] * static_cast<double>(y) + (grid.axes == 3 ? m[2] * static_cast<double>(z) : 0);
      const double tap = axis > 0 && moved > 0 ? 1 : 0;
      sum += (std::round(moved) + tap) * static_cast<double>(grid.stride[axis]);
    }
    return std::abs(sum) < 1e15 ? static_cast<std::int64_t>(sum) : 0;
  }

  /// Calls make(rows) for blocks of output, shared out over `parallel`; rows(body) calls body(row)
  /// for every row of the block.
  template <class MakeBody>
  void for_blocks(Parallel& parallel, const MakeBody& make) const {
    const std::int64_t rows_z = out.shape[0], rows_y = out.shape[1];
    const std::int64_t tiles_y = (rows_y + kTileY - 1) / kTileY;
    const std::int64_t tiles_z = (rows_z + kTileZ - 1) / kTileZ;
    const std::int64_t tile = kTileY * kTileZ * out.shape[2] * out.shape[3];
    const std::int64_t beside = distance(0, kTileY),
                       next = distance(kTileZ, kTileY * (1 - tiles_y));
    parallel_for(parallel, tiles_y * tiles_z, 32768 / std::max<std::int64_t>(tile, 1),
                 [&](std::int64_t first, std::int64_t last) {
                   make([&](const auto& body) {
                     for (std::int64_t t = first; t < last; ++t) {
                       const std::int64_t z0 = t / tiles_y * kTileZ, y0 = t % tiles_y * kTileY;
                       const std::int64_t ahead = t % tiles_y + 1 < tiles_y ? beside : next;
                       for (std::int64_t z = z0; z < std::min(z0 + kTileZ, rows_z); ++z)
                         for (std::int64_t y = y0; y < std::min(y0 + kTileY, rows_y); ++y)
                           body(row_at(z, y, ahead));
                     }
                   });
                 });
  }

  /// Writes a run that was made elsewhere.
  template <class T>
  void put(const T* values, const Run& run) const {
    T* to = out.ptr<T>() + run.out;
    const std::int64_t stride = out.strides[2];
    if (stride == 1) {
      std::memcpy(to, values, static_cast<std::size_t>(run.count) * sizeof(T));
    } else {
      for (int k = 0; k < run.count; ++k) to[k * stride] = values[k];
    }
  }
};

}  // namespace varo::warp
