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
using warp::kRun;
using warp::kSlack;
using warp::Positions;
using warp::RowLoops;
using warp::Span;
using warp::Taps;

// Output rows are walked in tiles of kTileY x kTileZ, so that the oblique slab of input that a tile
// reads stays in the second-level cache.
constexpr std::int64_t kTileY = 8, kTileZ = 8;

// A run of output voxels: where its row lies in the views, and what of it needs which care.
struct Run {
  std::int64_t in, out;  // element offsets of the input's first voxel and the first output voxel
  int count;
  Span touching;  // some tap inside; outside of it there is only fill. All of it if clamped
  Span inside;    // every tap inside, and run.offset is valid
};

struct Job {
  const ConstView& in;
  const View& out;
  const WarpParams& params;
  Grid grid;
  RowLoops loops;
  bool addressable;  // every offset fits an int32

  Job(const ConstView& from, const View& to, const WarpParams& p)
      : in(from), out(to), params(p), loops(warp::row_loops(from.dtype, to.dtype, p.axes)) {
    grid.axes = p.axes;
    grid.constant = p.border == WarpBorder::constant;
    std::int64_t span = 0;
    for (int axis = 0; axis < 3; ++axis) {
      grid.extent[axis] = from.shape[2 - axis];
      grid.stride[axis] = from.strides[2 - axis];
      if (axis < p.axes)
        span += std::abs(grid.stride[axis]) * std::max<std::int64_t>(grid.extent[axis] - 1, 0);
    }
    addressable = span <= std::numeric_limits<std::int32_t>::max();
  }

  // Where output voxels x, x + 1, ... of row (z, y) come from.
  void locate(std::int64_t z, std::int64_t y, std::int64_t x, Positions& positions,
              Run& run) const {
    const double at[3] = {static_cast<double>(x) + 0.5, static_cast<double>(y) + 0.5,
                          static_cast<double>(z) + 0.5};
    double start[3], step[3];
    for (int axis = 0; axis < grid.axes; ++axis) {
      const double* row = params.source_of.data() + 4 * axis;
      start[axis] =
          row[0] * at[0] + row[1] * at[1] + (grid.axes == 3 ? row[2] * at[2] : 0) + row[3];
      step[axis] = row[0];
    }
    const bool linear = params.filter == WarpFilter::linear;
    loops.locate(start, step, grid.axes, linear, run.count, positions);
    const int taps = linear ? 2 : 1;
    // Nearest taps that are clamped with their address are all inside.
    run.inside = linear || grid.constant
                     ? warp::voxels_within(grid, positions, run.count, 0, taps - 1)
                     : Span{0, run.count};
    run.touching = run.inside;
    if (!grid.constant) {
      run.touching = {0, run.count};
    } else if (linear && (run.inside.begin > 0 || run.inside.end < run.count)) {
      run.touching = warp::voxels_within(grid, positions, run.count, -1, 0);
    }
    if (!addressable) run.inside = {run.touching.begin, run.touching.begin};
    if (run.inside.begin == run.inside.end) {
      run.inside = {run.touching.begin, run.touching.begin};
    } else {
      std::int32_t strides[3], last[3];
      for (int axis = 0; axis < 3; ++axis) {
        strides[axis] = static_cast<std::int32_t>(grid.stride[axis]);
        last[axis] = static_cast<std::int32_t>(grid.extent[axis]) - 1;
      }
      loops.address(strides, last, grid.axes, run.count, positions);
    }
  }

  // Calls visit(run) for every run of row (z, y) in every channel.
  template <class Visit>
  void for_runs(std::int64_t z, std::int64_t y, Positions& positions, const Visit& visit) const {
    for (std::int64_t x = 0; x < out.shape[2]; x += kRun) {
      Run run;
      run.count = static_cast<int>(std::min<std::int64_t>(kRun, out.shape[2] - x));
      locate(z, y, x, positions, run);
      run.in = grid.axes == 2 ? z * in.strides[0] : 0;
      run.out = z * out.strides[0] + y * out.strides[1] + x * out.strides[2];
      for (std::int64_t c = 0; c < out.shape[3]; ++c) {
        visit(run);
        run.in += in.strides[3];
        run.out += out.strides[3];
      }
    }
  }

  // Calls make(rows) for blocks of output, shared out over `parallel`; rows(body) calls body(z, y)
  // for every row of the block.
  template <class MakeBody>
  void for_blocks(Parallel& parallel, const MakeBody& make) const {
    const std::int64_t rows_z = out.shape[0], rows_y = out.shape[1];
    const std::int64_t tiles_y = (rows_y + kTileY - 1) / kTileY;
    const std::int64_t tiles_z = (rows_z + kTileZ - 1) / kTileZ;
    const std::int64_t tile = kTileY * kTileZ * out.shape[2] * out.shape[3];
    parallel_for(parallel, tiles_y * tiles_z, 32768 / std::max<std::int64_t>(tile, 1),
                 [&](std::int64_t first, std::int64_t last) {
                   make([&](const auto& body) {
                     for (std::int64_t t = first; t < last; ++t) {
                       const std::int64_t z0 = t / tiles_y * kTileZ, y0 = t % tiles_y * kTileY;
                       for (std::int64_t z = z0; z < std::min(z0 + kTileZ, rows_z); ++z)
                         for (std::int64_t y = y0; y < std::min(y0 + kTileY, rows_y); ++y)
                           body(z, y);
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

template <class In, class Out>
void warp_nearest(const Job& job, Parallel& parallel) {
  const In fill = from_bits<In>(job.params.fill_bits);
  job.for_blocks(parallel, [&](const auto& rows) {
    Positions positions;
    In voxels[kRun];
    Out converted[kRun];
    rows([&](std::int64_t z, std::int64_t y) {
      job.for_runs(z, y, positions, [&](const Run& run) {
        const In* data = job.in.ptr<In>() + run.in;
        const auto at_edge = [&](int begin, int end) {
          for (int k = begin; k < end; ++k)
            voxels[k] = warp::nearest_at_edge(job.grid, data, fill, positions, k);
        };
        std::fill(voxels, voxels + run.touching.begin, fill);
        at_edge(run.touching.begin, run.inside.begin);
        for (int k = run.inside.begin; k < run.inside.end; ++k)
          voxels[k] = data[positions.offset[k]];
        at_edge(run.inside.end, run.touching.end);
        std::fill(voxels + run.touching.end, voxels + run.count, fill);
        if constexpr (std::is_same_v<In, Out>) {
          job.put(voxels, run);
        } else {
          for (int k = 0; k < run.count; ++k) converted[k] = saturate<Out>(voxels[k]);
          job.put(converted, run);
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
  const bool direct =
      std::is_same_v<In, float> && loops.blend_direct != nullptr && std::abs(grid.stride[0]) == 1;
  job.for_blocks(parallel, [&](const auto& rows) {
    Positions positions;
    std::memset(&positions, 0, sizeof positions);
    Taps<In> taps;
    std::memset(&taps, 0, sizeof taps);
    alignas(64) float sums[kRun + kSlack];
    alignas(64) std::byte stored[sizeof(float) * (kRun + kSlack)];
    rows([&](std::int64_t z, std::int64_t y) {
      job.for_runs(z, y, positions, [&](const Run& run) {
        const In* data = job.in.ptr<In>() + run.in;
        const Span touching = run.touching, inside = run.inside;
        const auto at_edge = [&](int begin, int end) {
          for (int k = begin; k < end; ++k)
            grid.constant ? warp::taps_at_edge<true>(grid, data, fill, positions, k, taps)
                          : warp::taps_at_edge<false>(grid, data, fill, positions, k, taps);
        };
        at_edge(touching.begin, inside.begin);
        at_edge(inside.end, touching.end);
        // Loops write whole vectors, so that each piece goes before what it may run into.
        if (direct && inside.end - inside.begin >= loops.direct_least) {
          loops.blend(&taps, positions, touching.begin, inside.begin, sums);
          loops.blend(&taps, positions, inside.end, touching.end, sums);
          loops.blend_direct(reinterpret_cast<const float*>(data), grid.stride, positions,
                             inside.begin, inside.end, sums);
        } else {
          warp::taps_inside(grid, data, positions, inside, taps);
          loops.blend(&taps, positions, touching.begin, touching.end, sums);
        }
        std::fill(sums, sums + touching.begin, static_cast<float>(fill));
        std::fill(sums + touching.end, sums + run.count, static_cast<float>(fill));
        loops.store(sums, run.count, stored);
        dispatch<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::int32_t, float>(
            out, [&](auto tag) {
              job.put(reinterpret_cast<const typename decltype(tag)::type*>(stored), run);
            });
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
