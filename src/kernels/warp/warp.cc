// SPDX-License-Identifier: Apache-2.0
#include "kernels/warp/warp.h"

#include <cmath>

#include "core/convert.h"
#include "core/dispatch.h"
#include "kernels/warp/warp_job.h"
#include "kernels/warp/warp_level.h"

namespace varo {

namespace {

using warp::Grid;
using warp::Job;
using warp::kChannels;
using warp::kRun;
using warp::kSlack;
using warp::Positions;
using warp::Row;
using warp::RowLoops;
using warp::Run;
using warp::Span;
using warp::Taps;

// run.touching, shrunk to the voxels inside, and their offsets where these fit.
void place_nearest(const Job& job, const Row& row, int x, Run& run, Positions& positions) {
  const Grid& grid = job.grid;
  Span& span = run.touching;
  if (row.regular && span.empty()) return;
  if (!row.regular || !job.addressable) {
    job.locate(row, x, run, {0, run.count}, positions);
    if (grid.constant && !job.nothing) span = warp::voxels_within(grid, positions, run.count);
    return;
  }
  const auto inside = [&](int k) {
    for (int axis = 0; axis < grid.axes; ++axis) {
      const std::int32_t index = warp::place_of(run.start, axis, k).index;
      if (index < grid.low[axis] || index >= grid.high[axis]) return false;
    }
    return true;
  };
  if (grid.constant) {
    const bool sure = !run.inside.empty();
    const int first = sure ? run.inside.begin : span.end;
    while (span.begin < first && !inside(span.begin)) ++span.begin;
    const int end = sure ? run.inside.end : span.begin;
    while (span.end > end && !inside(span.end - 1)) --span.end;
  }
  if (!span.empty()) job.loops.place_nearest(grid, run.start, span.begin, span.end, positions);
}

// to[k] = data[offset[k]]. What lies `ahead` elements further is fetched into the cache.
template <class T>
void pick(const T* data, const std::int32_t* offset, Span span, std::int64_t ahead, T* to) {
  // Need not lie within the volume.
  const auto there =
      reinterpret_cast<std::uintptr_t>(data) + static_cast<std::uintptr_t>(ahead) * sizeof(T);
  int k = span.begin;
  for (; k + 4 <= span.end; k += 4) {
    __builtin_prefetch(reinterpret_cast<const T*>(there) + offset[k], 0, 2);
    if (sizeof(T) > 2) __builtin_prefetch(reinterpret_cast<const T*>(there) + offset[k + 2], 0, 2);
    for (int i = k; i < k + 4; ++i) to[i] = data[offset[i]];
  }
  for (; k < span.end; ++k) to[k] = data[offset[k]];
}

template <class In, class Out>
void warp_nearest(const Job& job, Parallel& parallel) {
  const In fill = from_bits<In>(job.fill_bits);
  const std::int64_t channels = job.out.shape[3];
  const bool in_place = std::is_same_v<In, Out> && job.out.strides[2] == 1;
  job.for_blocks(parallel, [&](const auto& rows) {
    Positions positions;
    In voxels[kRun];
    Out converted[kRun];
    rows([&](const Row& row) {
      for (int x = 0; x < job.out.shape[2]; x += kRun) {
        Run run = job.run_at(row, x);
        place_nearest(job, row, x, run, positions);
        const Span inside = run.touching;
        for (std::int64_t c = 0; c < channels; ++c) {
          const In* data = job.in.ptr<In>() + run.in;
          In* to = in_place ? reinterpret_cast<In*>(job.out.ptr<Out>() + run.out) : voxels;
          std::fill(to, to + inside.begin, fill);
          if (job.addressable && row.regular) {
            pick(data, positions.offset, inside, row.ahead, to);
          } else {
            for (int k = inside.begin; k < inside.end; ++k) {
              std::int64_t offset = 0;
              for (int axis = 0; axis < job.grid.axes; ++axis)
                offset += warp::pinned(job.grid, axis, positions.index[axis][k]);
              to[k] = data[offset];
            }
          }
          std::fill(to + std::max(inside.begin, inside.end), to + run.count, fill);
          if constexpr (std::is_same_v<In, Out>) {
            if (!in_place) job.put(voxels, run);
          } else {
            for (int k = 0; k < run.count; ++k) converted[k] = saturate<Out>(voxels[k]);
            job.put(converted, run);
          }
          run.in += job.in.strides[3];
          run.out += job.out.strides[3];
        }
      }
    });
  });
}

// Buffers of one thread.
template <class In>
struct Workspace {
  Positions positions;
  warp::PinnedTaps pins;
  warp::EdgePlaces edges;
  Taps<In> taps;
  alignas(64) float sums[kRun + kSlack];
  alignas(64) float mixed[kRun * kChannels + kSlack];  // channels side by side
  alignas(64) std::byte stored[sizeof mixed];

  Workspace() {
    std::memset(&positions, 0, sizeof positions);
    std::memset(&taps, 0, sizeof taps);
  }
};

// What blend_direct() needs to know, the same for every channel. run.inside becomes what is blended
// without looking at the edges.
template <class In>
void locate_direct(const Job& job, Run& run, Workspace<In>& work) {
  const Span touching = run.touching;
  Span& inside = run.inside;
  if (inside.end - inside.begin < job.loops.direct_least) inside = {touching.begin, touching.begin};
  for (const Span& edge : {Span{touching.begin, inside.begin}, Span{inside.end, touching.end}})
    if (!edge.empty())
      job.loops.place_edge(job.grid, run.start, run.count, edge.begin, edge.end, work.edges);
  if (!inside.empty())
    job.loops.place(job.grid, run.start, inside.begin, inside.end, work.positions);
}

// Voxels `run.touching` into `to`, straight from float32.
template <class In>
void blend_direct(const Job& job, const Row& row, const Run& run, const float* data, float fill,
                  const Workspace<In>& work, float* to) {
  const Span touching = run.touching, inside = run.inside;
  for (const Span& edge : {Span{touching.begin, inside.begin}, Span{inside.end, touching.end}})
    if (!edge.empty())
      job.loops.blend_edge(data, job.grid, work.edges, run.count, fill, edge.begin, edge.end, to);
  if (!inside.empty())
    job.loops.blend_direct(data, job.grid, work.positions, inside.begin, inside.end, row.ahead, to);
}

// Positions of voxels `run.touching` for blend_staged().
template <class In>
void locate_staged(const Job& job, const Row& row, int x, Run& run, Workspace<In>& work) {
  const Span touching = run.touching;
  if (!job.addressable) run.inside = {touching.begin, touching.begin};
  // Loops write whole vectors, so that each piece goes before what it may run into.
  for (const Span& edge :
       {Span{touching.begin, run.inside.begin}, Span{run.inside.end, touching.end}}) {
    if (edge.empty()) continue;
    // From an even voxel, as the blends do.
    job.locate(row, x, run, {edge.begin & ~1, edge.end}, work.positions);
    if (job.addressable) job.loops.pin(job.grid, work.positions, edge.begin, edge.end, work.pins);
  }
  if (!run.inside.empty())
    job.loops.place(job.grid, run.start, run.inside.begin, run.inside.end, work.positions);
}

// Voxels `run.touching` into work.sums, by way of work.taps.
template <class In>
void blend_staged(const Job& job, const Row& row, const Run& run, const In* data, float fill,
                  Workspace<In>& work) {
  const Span touching = run.touching, inside = run.inside;
  const Span edges[2] = {{touching.begin, inside.begin}, {inside.end, touching.end}};
  for (const Span& edge : edges)
    if (job.addressable) {
      warp::taps_pinned(job.grid, data, work.pins, edge, work.taps);
    } else {
      warp::taps_far_apart(job.grid, data, work.positions, edge, work.taps);
    }
  if (!inside.empty()) {
    warp::taps_inside(job.grid, data, work.positions, inside, row.ahead, work.taps);
    job.loops.blend(&work.taps, work.positions, inside.begin, inside.end, work.sums);
  }
  for (const Span& edge : edges) {
    if (edge.empty()) continue;
    if (job.grid.constant) {
      job.loops.blend_filled(&work.taps, job.grid, work.positions, fill, edge.begin, edge.end,
                             work.sums);
    } else {
      job.loops.blend(&work.taps, work.positions, edge.begin, edge.end, work.sums);
    }
  }
}

// body(TypeTag<T>{}) for a type that linear warps write.
template <class Body>
void dispatch_out(DType out, const Body& body) {
  dispatch<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::int32_t, float>(out, body);
}

// A run of channels that lie side by side in the input, kChannels at a time.
template <class In>
void warp_channels(const Job& job, const Row& row, Run run, DType out, float fill,
                   Workspace<In>& work) {
  const auto channels = static_cast<int>(job.out.shape[3]);
  for (int first = 0; first < channels; first += kChannels) {
    const int n = std::min(kChannels, channels - first);
    const In* data = job.in.ptr<In>() + run.in + first;
    const Span touching = run.touching, inside = run.inside;
    const int begin = touching.begin, end = std::max(begin, touching.end);
    const auto edge = [&](int from, int to) {
      job.loops.blend_channels_edge(data, job.grid, work.positions, work.pins, fill, from, to, n,
                                    work.mixed);
    };
    // In the order of voxels: a voxel's channels may be followed by what belongs to the next one.
    std::fill(work.mixed, work.mixed + begin * n, fill);
    edge(begin, inside.begin);
    job.loops.blend_channels(data, job.grid, work.positions, inside.begin, inside.end, n, row.ahead,
                             work.mixed);
    edge(inside.end, touching.end);
    std::fill(work.mixed + end * n, work.mixed + run.count * n, fill);
    job.loops.store(work.mixed, run.count * n, work.stored);
    dispatch_out(out, [&](auto tag) {
      using Out = typename decltype(tag)::type;
      const std::int64_t along = job.out.strides[2], between = job.out.strides[3];
      Out* to = job.out.ptr<Out>() + run.out + first * between;
      const Out* from = reinterpret_cast<const Out*>(work.stored);
      const auto count = static_cast<std::size_t>(run.count) * static_cast<std::size_t>(n);
      if (between == 1 && along == n) return void(std::memcpy(to, from, count * sizeof(Out)));
      for (int k = 0; k < run.count; ++k)
        for (int c = 0; c < n; ++c) to[k * along + c * between] = from[k * n + c];
    });
  }
}

template <class In>
void warp_linear(const Job& job, DType out, Parallel& parallel) {
  const Grid& grid = job.grid;
  const RowLoops& loops = job.loops;
  const auto fill = static_cast<float>(from_bits<In>(job.fill_bits));
  const std::int64_t channels = job.out.shape[3];
  const bool side_by_side =
      channels > 1 && job.in.strides[3] == 1 && job.addressable && loops.blend_channels != nullptr;
  const bool level = !side_by_side && warp::is_level(job.params) && std::isfinite(fill);
  const warp::LevelLoops level_loops = warp::level_loops(job.in.dtype, grid.axes);
  const bool direct = std::is_same_v<In, float> && loops.blend_direct != nullptr &&
                      std::abs(grid.stride[0]) == 1 && grid.extent[0] > 1 && job.addressable;
  const bool in_place = out == DType::f32 && job.out.strides[2] == 1;
  job.for_blocks(parallel, [&](const auto& rows) {
    Workspace<In> work;
    warp::LevelRows<In> level_rows(grid, level_loops, from_bits<In>(job.fill_bits));
    rows([&](const Row& row) {
      for (int x = 0; x < job.out.shape[2]; x += kRun) {
        Run run = job.run_at(row, x);
        const Span touching = run.touching;
        if (side_by_side && row.regular) {
          locate_staged(job, row, x, run, work);
          warp_channels(job, row, run, out, fill, work);
          continue;
        }
        const bool by_level = level && row.regular && !touching.empty();
        const bool by_pairs = direct && row.regular && !by_level && run.count >= loops.direct_least;
        if (by_pairs)
          locate_direct(job, run, work);
        else if (!by_level)
          locate_staged(job, row, x, run, work);
        for (std::int64_t c = 0; c < channels; ++c) {
          const In* data = job.in.ptr<In>() + run.in;
          float* to = in_place ? reinterpret_cast<float*>(job.out.data) + run.out : work.sums;
          if (by_level) {
            level_rows.blend(data, run.start, run.count, to);
          } else if (by_pairs) {
            blend_direct(job, row, run, reinterpret_cast<const float*>(data), fill, work, to);
          } else {
            blend_staged(job, row, run, data, fill, work);
            if (in_place && !touching.empty())
              std::copy(work.sums + touching.begin, work.sums + touching.end, to + touching.begin);
          }
          std::fill(to, to + touching.begin, fill);
          std::fill(to + std::max(touching.begin, touching.end), to + run.count, fill);
          if (!in_place) {
            loops.store(work.sums, run.count, work.stored);
            dispatch_out(out, [&](auto tag) {
              job.put(reinterpret_cast<const typename decltype(tag)::type*>(work.stored), run);
            });
          }
          run.in += job.in.strides[3];
          run.out += job.out.strides[3];
        }
      }
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

bool warp_mixes(DType in, std::uint64_t fill_bits, WarpFilter filter) {
  if (filter == WarpFilter::nearest || in != DType::f32) return true;
  const auto fill = from_bits<float>(fill_bits);
  return std::isfinite(fill) && !(fill == 0 && std::signbit(fill));
}

void warp_affine(const PaddedView& in, const View& out, const WarpParams& params,
                 Parallel& parallel) {
  if (out.volume() == 0) return;
  const Job job(in, out, params);
  if (params.filter == WarpFilter::linear) {
    dispatch<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::int32_t, float>(
        in.dtype(),
        [&](auto tag) { warp_linear<typename decltype(tag)::type>(job, out.dtype, parallel); });
  } else if (in.dtype() == out.dtype) {
    dispatch_width(in.dtype(), [&](auto tag) {
      using T = typename decltype(tag)::type;
      warp_nearest<T, T>(job, parallel);
    });
  } else if (in.dtype() == DType::f32) {
    dispatch<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::int32_t>(
        out.dtype,
        [&](auto tag) { warp_nearest<float, typename decltype(tag)::type>(job, parallel); });
  } else {
    dispatch<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::int32_t>(
        in.dtype(),
        [&](auto tag) { warp_nearest<typename decltype(tag)::type, float>(job, parallel); });
  }
}

}  // namespace varo
