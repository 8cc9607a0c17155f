// SPDX-License-Identifier: Apache-2.0
/// Which voxels of a run need which care, and reading what they ask for; used by warp.cc alone.
#pragma once

#include <algorithm>
#include <cstring>

#include "kernels/warp/warp_row.h"

namespace varo::warp {

/// Voxels [begin, end) of a run.
struct Span {
  int begin, end;

  bool empty() const { return begin >= end; }
};

/// Positions at + k * step of any size; indices count from `before` on.
inline void locate_exactly(double at, double step, int count, std::int32_t before,
                           std::int32_t* index, float* weight) {
  for (int k = 0; k < count; ++k) {
    const Place place = exact_place(at + k * step, before);
    index[k] = place.index;
    weight[k] = place.weight;
  }
}

/// The voxels of a run that are not fill. Indices are monotone along
/// the run on each axis, so that they are one interval.
inline Span voxels_within(const Grid& grid, const Positions& run, int count) {
  Span span{0, count};
  for (int axis = 0; axis < grid.axes; ++axis) {
    const std::int32_t* index = run.index[axis];
    const auto good = [&](int k) {
      return index[k] >= grid.low[axis] && index[k] < grid.high[axis];
    };
    while (span.begin < span.end && !good(span.begin)) ++span.begin;
    while (span.begin < span.end && !good(span.end - 1)) --span.end;
  }
  return span;
}

/// Linear: the taps of voxels [span.begin, span.end), pinned to a grid whose offsets need not fit
/// an int32.
template <class T>
void taps_far_apart(const Grid& grid, const T* data, const Positions& run, Span span,
                    Taps<T>& taps) {
  for (int k = span.begin; k < span.end; ++k)
    for (int row = 0; row < (grid.axes == 2 ? 2 : 4); ++row) {
      std::int64_t at = pinned(grid, 1, std::int64_t{run.index[1][k]} + (row & 1));
      if (grid.axes == 3) at += pinned(grid, 2, std::int64_t{run.index[2][k]} + (row >> 1));
      for (int x = 0; x < 2; ++x)
        taps.of(row, k)[x] = data[at + pinned(grid, 0, std::int64_t{run.index[0][k]} + x)];
    }
}

/// Linear: the taps of voxels [span.begin, span.end), pinned to the grid.
template <int kRows, class T>
void take_pinned(const T* data, const PinnedTaps& at, Span span, Taps<T>& taps) {
  for (int k = span.begin; k < span.end; ++k) {
    const std::int64_t lower = at.x[0][k], upper = at.x[1][k];
    for (int row = 0; row < kRows; ++row) {
      const T* from = data + at.row[row][k];
      T* to = taps.of(row, k);
      to[0] = from[lower];
      to[1] = from[upper];
    }
  }
}

template <class T>
void taps_pinned(const Grid& grid, const T* data, const PinnedTaps& at, Span span, Taps<T>& taps) {
  grid.axes == 2 ? take_pinned<2>(data, at, span, taps) : take_pinned<4>(data, at, span, taps);
}

/// Linear: the taps of voxels [span.begin, span.end), all inside.
template <int kRows, class T>
void take_inside(const Grid& grid, const T* data, const Positions& run, Span span, Taps<T>& taps) {
  const T* from[kRows];
  for (int row = 0; row < kRows; ++row)
    from[row] = data + (row & 1) * grid.stride[1] + (row >> 1) * grid.stride[2];
  const std::int64_t stride = grid.stride[0];
  if (stride == 1) {
    for (int k = span.begin; k < span.end; ++k) {
      const std::int64_t offset = run.offset[k];
      for (int row = 0; row < kRows; ++row)
        std::memcpy(taps.of(row, k), from[row] + offset, 2 * sizeof(T));
    }
    return;
  }
  for (int k = span.begin; k < span.end; ++k) {
    const std::int64_t offset = run.offset[k];
    for (int row = 0; row < kRows; ++row) {
      T* to = taps.of(row, k);
      to[0] = from[row][offset];
      to[1] = from[row][offset + stride];
    }
  }
}

/// What lies `ahead` elements further is fetched into the cache.
template <class T>
void taps_inside(const Grid& grid, const T* data, const Positions& run, Span span,
                 std::int64_t ahead, Taps<T>& taps) {
  // Need not lie within the volume.
  const auto there =
      reinterpret_cast<std::uintptr_t>(data) + static_cast<std::uintptr_t>(ahead) * sizeof(T);
  for (int k = span.begin; k<span.end; k += sizeof(T)> 2 ? 2 : 4)
    __builtin_prefetch(reinterpret_cast<const T*>(there) + run.offset[k], 0, 2);
  grid.axes == 2 ? take_inside<2>(grid, data, run, span, taps)
                 : take_inside<4>(grid, data, run, span, taps);
}

}  // namespace varo::warp
