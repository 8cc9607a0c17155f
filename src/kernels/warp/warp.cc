// SPDX-License-Identifier: Apache-2.0
#include "kernels/warp/warp.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/convert.h"
#include "core/dispatch.h"
#include "kernels/warp/warp_gather.h"
#include "kernels/warp/warp_row.h"

namespace varo {

namespace {

using warp::Grid;
using warp::kFar;
using warp::kMaxStep;
using warp::kRun;
using warp::kSlack;
using warp::Positions;
using warp::RowLoops;
using warp::Span;
using warp::Start;
using warp::Taps;

// Output rows are walked in tiles of kTileY x kTileZ, so that the oblique slab of input that a tile
// reads stays in the second-level cache.
constexpr std::int64_t kTileY = 8, kTileZ = 8;
// How far a position in float32 may be from the same in float64, and then some.
constexpr double kDoubt = 2e-4;

// A run of output voxels.
struct Run {
  std::int64_t in, out;  // element offsets of the input's first voxel and the first output voxel
  std::int64_t ahead;    // elements from what the run reads to what the next tile reads about there
  int count;
  double at[3], step[3];  // position of the first voxel, from voxel to voxel
  bool regular;           // `start` holds: all numbers are small enough
  Start start;
};

struct Job {
  const ConstView& in;
  const View& out;
  const WarpParams& params;
  bool linear;
  Grid grid;
  RowLoops loops;
  bool addressable;  // every offset fits an int32
  bool nothing;      // the input is empty

  Job(const ConstView& from, const View& to, const WarpParams& p)
      : in(from),
        out(to),
        params(p),
        linear(p.filter == WarpFilter::linear),
        loops(warp::row_loops(from.dtype, to.dtype, p.axes)) {
    grid.axes = p.axes;
    grid.constant = p.border == WarpBorder::constant;
    nothing = false;
    std::int64_t span = 0;
    for (int axis = 0; axis < 3; ++axis) {
      grid.extent[axis] = from.shape[2 - axis];
      grid.stride[axis] = from.strides[2 - axis];
      if (axis >= p.axes) continue;
      nothing = nothing || grid.extent[axis] == 0;
      span += std::abs(grid.stride[axis]) * std::max<std::int64_t>(grid.extent[axis] - 1, 0);
    }
    addressable = span <= std::numeric_limits<std::int32_t>::max();
  }

  // Where output voxels x, x + 1, ... of row (z, y) come from.
  void start_run(std::int64_t z, std::int64_t y, std::int64_t x, Run& run) const {
    const double to[3] = {static_cast<double>(x) + 0.5, static_cast<double>(y) + 0.5,
                          static_cast<double>(z) + 0.5};
    run.regular = true;
    for (int axis = 0; axis < grid.axes; ++axis) {
      const double* row = params.source_of.data() + 4 * axis;
      double at = row[0] * to[0] + row[1] * to[1] + (grid.axes == 3 ? row[2] * to[2] : 0) + row[3];
      if (linear) at -= 0.5;
      run.at[axis] = at;
      run.step[axis] = row[0];
      if (!(std::abs(at) < kFar && std::abs(row[0]) <= kMaxStep)) {
        run.regular = false;
        continue;
      }
      auto whole = static_cast<std::int32_t>(at);
      whole -= at < whole ? 1 : 0;
      run.start.whole[axis] = whole;
      run.start.first[axis] = static_cast<float>(at - whole);
      run.start.step[axis] = static_cast<float>(row[0]);
    }
  }

  void locate(const Run& run, Span span, Positions& positions) const {
    if (run.regular) return loops.locate(run.start, grid.axes, span.begin, span.end, positions);
    for (int axis = 0; axis < grid.axes; ++axis)
      warp::locate_exactly(run.at[axis], run.step[axis], run.count, positions.index[axis],
                           positions.weight[axis]);
  }

  // Voxels whose positions lie `low` or more above the grid's first, `high` or more below its end.
  Span voxels_between(const Run& run, double low, double high) const {
    Span span{0, run.count};
    for (int axis = 0; axis < grid.axes; ++axis)
      span = warp::clipped(span, run.at[axis], run.step[axis], low,
                           static_cast<double>(grid.extent[axis]) - high, run.count);
    return span;
  }

  // Calls visit(run) for every run of row (z, y) in every channel.
  template <class Visit>
  void for_runs(std::int64_t z, std::int64_t y, std::int64_t ahead, const Visit& visit) const {
    for (std::int64_t x = 0; x < out.shape[2]; x += kRun) {
      Run run;
      run.ahead = ahead;
      run.count = static_cast<int>(std::min<std::int64_t>(kRun, out.shape[2] - x));
      start_run(z, y, x, run);
      run.in = grid.axes == 2 ? z * in.strides[0] : 0;
      run.out = z * out.strides[0] + y * out.strides[1] + x * out.strides[2];
      visit(run);
    }
  }

  // Elements of input between what an output voxel reads and what the one `y`, `z` further does.
  std::int64_t distance(std::int64_t z, std::int64_t y) const {
    double sum = grid.axes == 2 ? static_cast<double>(z * in.strides[0]) : 0;
    for (int axis = 0; axis < grid.axes; ++axis) {
      const double* row = params.source_of.data() + 4 * axis;
      const double moved =
          row[1] * static_cast<double>(y) + (grid.axes == 3 ? row[2] * static_cast<double>(z) : 0);
      sum += std::round(moved) * static_cast<double>(grid.stride[axis]);
    }
    return std::abs(sum) < 1e15 ? static_cast<std::int64_t>(sum) : 0;
  }

  // Calls make(rows) for blocks of output, shared out over `parallel`; rows(body) calls
  // body(z, y, ahead) for every row of the block.
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
                           body(z, y, ahead);
                     }
                   });
                 });
  }

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

template <class T>
T from_bits(std::uint64_t bits) {
  T value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// The voxels of a run with a tap inside, and their offsets where these fit.
Span nearest_voxels(const Job& job, const Run& run, Positions& positions) {
  const Grid& grid = job.grid;
  if (job.nothing) return {0, 0};
  if (!run.regular || !job.addressable) {
    job.locate(run, {0, run.count}, positions);
    return grid.constant ? warp::voxels_within(grid, positions, run.count) : Span{0, run.count};
  }
  if (!grid.constant) {
    job.loops.place_nearest(grid, run.start, 0, run.count, positions);
    return {0, run.count};
  }
  Span span = job.voxels_between(run, -kDoubt, -kDoubt);
  const Span certain = job.voxels_between(run, kDoubt, kDoubt);
  const auto inside = [&](int k) {
    for (int axis = 0; axis < grid.axes; ++axis) {
      const std::int32_t index = warp::index_of(run.start, axis, k);
      if (index < 0 || index >= grid.extent[axis]) return false;
    }
    return true;
  };
  const int first = certain.empty() ? span.end : certain.begin;
  while (span.begin < first && !inside(span.begin)) ++span.begin;
  const int end = certain.empty() ? span.begin : certain.end;
  while (span.end > end && !inside(span.end - 1)) --span.end;
  if (!span.empty()) job.loops.place_nearest(grid, run.start, span.begin, span.end, positions);
  return span;
}

template <class In, class Out>
void warp_nearest(const Job& job, Parallel& parallel) {
  const In fill = from_bits<In>(job.params.fill_bits);
  const std::int64_t channels = job.out.shape[3];
  const bool in_place = std::is_same_v<In, Out> && job.out.strides[2] == 1;
  job.for_blocks(parallel, [&](const auto& rows) {
    Positions positions;
    In voxels[kRun];
    Out converted[kRun];
    rows([&](std::int64_t z, std::int64_t y, std::int64_t ahead) {
      job.for_runs(z, y, ahead, [&](Run& run) {
        const Span inside = nearest_voxels(job, run, positions);
        for (std::int64_t c = 0; c < channels; ++c) {
          const In* data = job.in.ptr<In>() + run.in;
          In* to = in_place ? reinterpret_cast<In*>(job.out.ptr<Out>() + run.out) : voxels;
          std::fill(to, to + inside.begin, fill);
          if (job.addressable && run.regular) {
            for (int k = inside.begin; k < inside.end; ++k) to[k] = data[positions.offset[k]];
          } else {
            for (int k = inside.begin; k < inside.end; ++k) {
              std::int64_t offset = 0;
              for (int axis = 0; axis < job.grid.axes; ++axis)
                offset += warp::pinned(job.grid, axis, positions.index[axis][k]);
              to[k] = data[offset];
            }
          }
          std::fill(to + inside.end, to + run.count, fill);
          if constexpr (std::is_same_v<In, Out>) {
            if (!in_place) job.put(voxels, run);
          } else {
            for (int k = 0; k < run.count; ++k) converted[k] = saturate<Out>(voxels[k]);
            job.put(converted, run);
          }
          run.in += job.in.strides[3];
          run.out += job.out.strides[3];
        }
      });
    });
  });
}

template <class In>
void warp_linear(const Job& job, DType out, Parallel& parallel) {
  const Grid& grid = job.grid;
  const RowLoops& loops = job.loops;
  const In fill = from_bits<In>(job.params.fill_bits);
  const std::int64_t channels = job.out.shape[3];
  const bool direct =
      std::is_same_v<In, float> && loops.blend_direct != nullptr && std::abs(grid.stride[0]) == 1;
  const bool in_place = out == DType::f32 && job.out.strides[2] == 1;
  job.for_blocks(parallel, [&](const auto& rows) {
    Positions positions;
    std::memset(&positions, 0, sizeof positions);
    warp::PinnedTaps pins;
    Taps<In> taps;
    std::memset(&taps, 0, sizeof taps);
    alignas(64) float sums[kRun + kSlack];
    alignas(64) std::byte stored[sizeof(float) * (kRun + kSlack)];
    rows([&](std::int64_t z, std::int64_t y, std::int64_t ahead) {
      job.for_runs(z, y, ahead, [&](Run& run) {
        // Some tap inside; outside of it there is only fill.
        Span touching{0, job.nothing ? 0 : run.count};
        if (grid.constant && run.regular && !job.nothing)
          touching = job.voxels_between(run, -1 - kDoubt, -kDoubt);
        Span inside{touching.begin, touching.begin};
        if (run.regular && job.addressable && !touching.empty()) {
          const Span whole = job.voxels_between(run, kDoubt, 1 + kDoubt);
          if (whole.end - whole.begin >= (direct ? loops.direct_least : 1)) inside = whole;
        }
        const Span edges[2] = {{touching.begin, inside.begin}, {inside.end, touching.end}};
        const bool staged = !direct && !inside.empty();
        // Loops write whole vectors, so that each piece goes before what it may run into.
        for (const Span& edge : edges) {
          if (edge.empty()) continue;
          // From an even voxel, as the blends do.
          job.locate(run, {edge.begin & ~1, edge.end}, positions);
          if (job.addressable) loops.pin(grid, positions, edge.begin, edge.end, pins);
        }
        if (!inside.empty()) loops.place(grid, run.start, inside.begin, inside.end, positions);
        for (std::int64_t c = 0; c < channels; ++c) {
          const In* data = job.in.ptr<In>() + run.in;
          float* to = in_place ? reinterpret_cast<float*>(job.out.data) + run.out : sums;
          // Loops write whole vectors, so that each piece goes before what it may run into.
          for (const Span& edge : edges)
            if (job.addressable) {
              warp::taps_pinned(grid, data, pins, edge, taps);
            } else {
              warp::taps_far_apart(grid, data, positions, edge, taps);
            }
          if (staged) {
            warp::taps_inside(grid, data, positions, inside, taps);
            loops.blend(&taps, positions, inside.begin, inside.end, sums);
          }
          for (const Span& edge : edges) {
            if (edge.empty()) continue;
            if (grid.constant) {
              loops.blend_filled(&taps, grid, positions, static_cast<float>(fill), edge.begin,
                                 edge.end, sums);
            } else {
              loops.blend(&taps, positions, edge.begin, edge.end, sums);
            }
            if (in_place) std::copy(sums + edge.begin, sums + edge.end, to + edge.begin);
          }
          if (staged && in_place) {
            std::copy(sums + inside.begin, sums + inside.end, to + inside.begin);
          } else if (!inside.empty() && direct) {
            loops.blend_direct(reinterpret_cast<const float*>(data), grid, positions, inside.begin,
                               inside.end, run.ahead, to);
          }
          std::fill(to, to + touching.begin, static_cast<float>(fill));
          std::fill(to + touching.end, to + run.count, static_cast<float>(fill));
          if (!in_place) {
            loops.store(sums, run.count, stored);
            dispatch<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::int32_t, float>(
                out, [&](auto tag) {
                  job.put(reinterpret_cast<const typename decltype(tag)::type*>(stored), run);
                });
          }
          run.in += job.in.strides[3];
          run.out += job.out.strides[3];
        }
      });
    });
  });
}

bool computes(DType t) {
  return dispatch<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::int32_t, float>(
      t, [](auto) {});
}

}  // namespace

bool warp_takes(DType in, DType out, WarpFilter filter) {
  if (in == out && filter == WarpFilter::nearest) return true;
  return computes(in) && computes(out) && (in == out || in == DType::f32 || out == DType::f32);
}

void warp_affine(const ConstView& in, const View& out, const WarpParams& params,
                 Parallel& parallel) {
  if (out.volume() == 0) return;
  const Job job(in, out, params);
  if (params.filter == WarpFilter::linear) {
    dispatch<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::int32_t, float>(
        in.dtype,
        [&](auto tag) { warp_linear<typename decltype(tag)::type>(job, out.dtype, parallel); });
  } else if (in.dtype == out.dtype) {
    dispatch_width(in.dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      warp_nearest<T, T>(job, parallel);
    });
  } else if (in.dtype == DType::f32) {
    dispatch<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::int32_t>(
        out.dtype,
        [&](auto tag) { warp_nearest<float, typename decltype(tag)::type>(job, parallel); });
  } else {
    dispatch<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::int32_t>(
        in.dtype,
        [&](auto tag) { warp_nearest<typename decltype(tag)::type, float>(job, parallel); });
  }
}

}  // namespace varo
