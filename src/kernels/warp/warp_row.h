// SPDX-License-Identifier: Apache-2.0
/// Vector loops over a run of neighbouring output voxels; used by warp.cc alone.
#pragma once

#include <cstdint>

#include "varo/dtype.h"

namespace varo::warp {

/// Output voxels handled together. Short, so that offsets from the run's start stay exact enough
/// in float32; the start itself is float64.
inline constexpr int kRun = 64;
/// Elements past a run that vector loops may read or write: the widest vector of float32.
inline constexpr int kSlack = 16;

/// Where the voxels of a run come from, per input axis x, y, z.
struct Positions {
  /// Nearest: the voxel. Linear: the lower tap.
  alignas(64) std::int32_t index[3][kRun + kSlack];
  /// Linear: weight of the upper tap along x, y, z.
  alignas(64) float weight[3][kRun + kSlack];
  /// Element offset of the voxel (or lower taps), valid where all taps are inside.
  alignas(64) std::int32_t offset[kRun + kSlack];
};

/// The taps of a run, as pairs (lower, upper) of neighbours along x, even and odd voxels apart: so
/// that two vectors of pairs become lower and upper taps in the order of voxels by blends alone.
/// Rows: (y, z), (y+1, z), (y, z+1), (y+1, z+1).
template <class T>
struct Taps {
  alignas(64) T pair[4][2][kRun + kSlack];

  T* of(int row, int voxel) { return pair[row][voxel & 1] + (voxel & ~1); }
};

/// Loops of one instruction set for given types.
struct RowLoops {
  /// Fills index, weights (linear) of `axes` axes: position of voxel k is start + k * step,
  /// less the half voxel for linear taps.
  void (*locate)(const double* start, const double* step, int axes, bool linear, int count,
                 Positions& run);
  /// offset = sum of index * stride, each index first clamped to [0, last].
  void (*address)(const std::int32_t* strides_xyz, const std::int32_t* last_xyz, int axes,
                  int count, Positions& run);
  /// Voxels [begin, end) from `taps` (a Taps<In>) to float32; begin may be rounded down by one.
  void (*blend)(const void* taps, const Positions& run, int begin, int end, float* out);
  /// As blend, taps read at data + offset from float32 with stride 1 or -1 along x. nullptr if this
  /// instruction set has no fast way. \pre end - begin >= direct_least
  void (*blend_direct)(const float* data, const std::int64_t* strides_xyz, const Positions& run,
                       int begin, int end, float* out);
  int direct_least;
  /// float32 to `count` elements of Out (saturating, halves away from zero). Writes whole vectors.
  void (*store)(const float* from, int count, void* to);
};

/// \pre in, out: types of warp_takes(.., linear)
RowLoops row_loops(DType in, DType out, int axes);

}  // namespace varo::warp
