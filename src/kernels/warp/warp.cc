// SPDX-License-Identifier: Apache-2.0
#include "kernels/warp/warp.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/convert.h"
#include "core/dispatch.h"
#include "kernels/warp/warp_row.h"

namespace varo {

namespace {

using warp::kRun;
using warp::kSlack;
using warp::Positions;
using warp::RowLoops;
using warp::Taps;

// Output rows are walked in tiles of kTileY x kTileZ, so that the oblique slab of input that a tile
// reads stays in the second-level cache.
constexpr std::int64_t kTileY = 8, kTileZ = 8;

// The input along x, y, z.
struct Grid {
  int axes;
  std::int64_t extent[3];
  std::int64_t stride[3];
  bool constant;
};

enum class Reach : std::uint8_t { outside, some, inside };

// Whether the voxel's taps (1 or 2 an axis) are all inside.
bool inside(const Grid& grid, const Positions& run, int k, int taps) {
  for (int axis = 0; axis < grid.axes; ++axis) {
    const std::int64_t at = run.index[axis][k];
    if (at < 0 || at + taps > grid.extent[axis]) return false;
  }
  return true;
}

// [begin, end) of the run's voxels with every tap inside. Positions are monotone along the run on
// each axis, so that they are one interval, and two ends outside on one side speak for the rest.
Reach find_inside(const Grid& grid, const Positions& run, int count, int taps, int& begin,
                  int& end) {
  begin = 0;
  end = count;
  if (inside(grid, run, 0, taps) && inside(grid, run, count - 1, taps)) return Reach::inside;
  Reach reach = Reach::some;
  for (int axis = 0; axis < grid.axes; ++axis) {
    const std::int64_t a = run.index[axis][0], b = run.index[axis][count - 1];
    if (std::max(a, b) + taps <= 0 || std::min(a, b) >= grid.extent[axis]) reach = Reach::outside;
  }
  if (reach == Reach::outside) {
    end = 0;
    return reach;
  }
  while (begin < count && !inside(grid, run, begin, taps)) ++begin;
  while (end > begin && !inside(grid, run, end - 1, taps)) --end;
  return reach;
}

// One tap along an axis: false if it reads as fill.
bool tap(const Grid& grid, int axis, std::int64_t at, std::int64_t& offset) {
  const std::int64_t extent = grid.extent[axis];
  if (at < 0 || at >= extent) {
    if (grid.constant) return false;
    at = at < 0 ? 0 : extent - 1;
  }
  offset = at * grid.stride[axis];
  return true;
}

// --- nearest ------------------------------------------------------------------------------------

template <class T>
T nearest_at_edge(const Grid& grid, const T* data, T fill, const Positions& run, int k) {
  for (int axis = 0; axis < grid.axes; ++axis) {
    std::int64_t offset;
    if (!tap(grid, axis, run.index[axis][k], offset)) return fill;
    data += offset;
  }
  return *data;
}

template <class T>
void gather(const Grid& grid, const T* data, T fill, const Positions& run, int begin, int end,
            int count, T* out) {
  for (int k = 0; k < begin; ++k) out[k] = nearest_at_edge(grid, data, fill, run, k);
  for (int k = begin; k < end; ++k) out[k] = data[run.offset[k]];
  for (int k = end; k < count; ++k) out[k] = nearest_at_edge(grid, data, fill, run, k);
}

// --- linear -------------------------------------------------------------------------------------

template <class T>
void gather_taps_at_edge(const Grid& grid, const T* data, T fill, const Positions& run, int k,
                         Taps<T>& taps) {
  std::int64_t x[2];
  const bool has_x[2] = {tap(grid, 0, std::int64_t{run.index[0][k]}, x[0]),
                         tap(grid, 0, std::int64_t{run.index[0][k]} + 1, x[1])};
  for (int row = 0; row < (grid.axes == 2 ? 2 : 4); ++row) {
    std::int64_t y = 0, z = 0;
    const bool has_row =
        tap(grid, 1, std::int64_t{run.index[1][k]} + (row & 1), y) &&
        (grid.axes == 2 || tap(grid, 2, std::int64_t{run.index[2][k]} + (row >> 1), z));
    for (int i = 0; i < 2; ++i)
      taps.pair[row][2 * k + i] = has_row && has_x[i] ? data[x[i] + y + z] : fill;
  }
}

template <class T>
void gather_taps(const Grid& grid, const T* data, const Positions& run, int begin, int end,
                 Taps<T>& taps) {
  const int rows = grid.axes == 2 ? 2 : 4;
  const T* from[4];
  for (int row = 0; row < rows; ++row)
    from[row] = data + (row & 1) * grid.stride[1] + (row >> 1) * grid.stride[2];
  if (grid.stride[0] == 1) {
    for (int k = begin; k < end; ++k)
      for (int row = 0; row < rows; ++row)
        std::memcpy(&taps.pair[row][2 * k], from[row] + run.offset[k], 2 * sizeof(T));
    return;
  }
  for (int k = begin; k < end; ++k)
    for (int row = 0; row < rows; ++row) {
      const T* pair = from[row] + run.offset[k];
      taps.pair[row][2 * k] = pair[0];
      taps.pair[row][2 * k + 1] = pair[grid.stride[0]];
    }
}

// --- the walk over the output -------------------------------------------------------------------

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

  int taps() const { return params.filter == WarpFilter::linear ? 2 : 1; }

  // Where output voxels x, x + 1, ... of row (z, y) come from.
  Reach locate(std::int64_t z, std::int64_t y, std::int64_t x, int count, Positions& run,
               int& begin, int& end) const {
    const double at[3] = {static_cast<double>(x) + 0.5, static_cast<double>(y) + 0.5,
                          static_cast<double>(z) + 0.5};
    double start[3], step[3];
    for (int axis = 0; axis < grid.axes; ++axis) {
      const double* row = params.source_of.data() + 4 * axis;
      start[axis] =
          row[0] * at[0] + row[1] * at[1] + (grid.axes == 3 ? row[2] * at[2] : 0) + row[3];
      step[axis] = row[0];
    }
    loops.locate(start, step, grid.axes, taps() == 2, count, run);
    const Reach reach = find_inside(grid, run, count, taps(), begin, end);
    if (!addressable) end = begin;
    if (begin < end) {
      std::int32_t strides[3];
      for (int axis = 0; axis < 3; ++axis)
        strides[axis] = static_cast<std::int32_t>(grid.stride[axis]);
      loops.address(strides, grid.axes, count, run);
    }
    return reach;
  }

  // Calls visit(data, row, x, count, reach, run, begin, end) for every run of every channel:
  // `data` the input's first voxel and `row` the run's first output voxel, as element offsets.
  template <class Visit>
  void for_runs(std::int64_t z, std::int64_t y, Positions& run, const Visit& visit) const {
    for (std::int64_t x = 0; x < out.shape[2]; x += kRun) {
      const int count = static_cast<int>(std::min<std::int64_t>(kRun, out.shape[2] - x));
      int begin, end;
      const Reach reach = locate(z, y, x, count, run, begin, end);
      const std::int64_t slice = grid.axes == 2 ? z * in.strides[0] : 0;
      for (std::int64_t c = 0; c < out.shape[3]; ++c)
        visit(slice + c * in.strides[3],
              z * out.strides[0] + y * out.strides[1] + x * out.strides[2] + c * out.strides[3],
              count, reach, begin, end);
    }
  }

  // Calls body(z, y) for every output row, tiles shared out over `parallel`; `make` builds what
  // the rows of one block share.
  template <class MakeBody>
  void for_rows(Parallel& parallel, const MakeBody& make) const {
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
  void put(const T* values, int count, std::int64_t at) const {
    T* to = out.ptr<T>() + at;
    const std::int64_t stride = out.strides[2];
    if (stride == 1) {
      std::memcpy(to, values, static_cast<std::size_t>(count) * sizeof(T));
    } else {
      for (int k = 0; k < count; ++k) to[k * stride] = values[k];
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
  const In* data = job.in.ptr<In>();
  const In fill = from_bits<In>(job.params.fill_bits);
  job.for_rows(parallel, [&](const auto& rows) {
    Positions run;
    In voxels[kRun];
    Out converted[kRun];
    rows([&](std::int64_t z, std::int64_t y) {
      job.for_runs(
          z, y, run,
          [&](std::int64_t channel, std::int64_t at, int count, Reach reach, int begin, int end) {
            if (reach == Reach::outside && job.grid.constant) {
              std::fill_n(voxels, count, fill);
            } else {
              gather(job.grid, data + channel, fill, run, begin, end, count, voxels);
            }
            if constexpr (std::is_same_v<In, Out>) {
              job.put(voxels, count, at);
            } else {
              for (int k = 0; k < count; ++k) converted[k] = saturate<Out>(voxels[k]);
              job.put(converted, count, at);
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
      std::is_same_v<In, float> && loops.blend_direct != nullptr && grid.stride[0] == 1;
  job.for_rows(parallel, [&](const auto& rows) {
    Positions run;
    std::memset(&run, 0, sizeof run);
    Taps<In> taps;
    std::memset(&taps, 0, sizeof taps);
    alignas(64) float sums[kRun + kSlack];
    alignas(64) std::byte stored[sizeof(float) * (kRun + kSlack)];
    rows([&](std::int64_t z, std::int64_t y) {
      job.for_runs(
          z, y, run,
          [&](std::int64_t channel, std::int64_t at, int count, Reach reach, int begin, int end) {
            const In* data = job.in.ptr<In>() + channel;
            if (reach == Reach::outside && grid.constant) {
              std::fill_n(sums, count, static_cast<float>(fill));
            } else {
              for (int k = 0; k < begin; ++k) gather_taps_at_edge(grid, data, fill, run, k, taps);
              for (int k = end; k < count; ++k) gather_taps_at_edge(grid, data, fill, run, k, taps);
              if (direct && end - begin >= loops.direct_least) {
                // Whole vectors are written: the run's head, then its tail, then what they overran.
                if (begin > 0) loops.blend(&taps, run, 0, begin, sums);
                if (end < count) loops.blend(&taps, run, end, count, sums);
                loops.blend_direct(reinterpret_cast<const float*>(data), grid.stride[1],
                                   grid.stride[2], run, begin, end, sums);
              } else {
                gather_taps(grid, data, run, begin, end, taps);
                loops.blend(&taps, run, 0, count, sums);
              }
            }
            loops.store(sums, count, stored);
            dispatch<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::int32_t, float>(
                out, [&](auto tag) {
                  job.put(reinterpret_cast<const typename decltype(tag)::type*>(stored), count, at);
                });
          });
    });
  });
}

bool computes(DType t) {
  switch (t) {
    case DType::u8:
    case DType::i8:
    case DType::u16:
    case DType::i16:
    case DType::i32:
    case DType::f32:
      return true;
    default:
      return false;
  }
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
