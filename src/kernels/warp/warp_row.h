// SPDX-License-Identifier: Apache-2.0
/// Vector loops over a run of neighbouring output voxels; used by warp.cc alone.
#pragma once

#include <cstdint>

#include "kernels/warp/warp_point.h"
#include "varo/dtype.h"

namespace varo::warp {

/// Elements past a run that vector loops may read or write: the widest vector of float32.
inline constexpr int kSlack = 16;
/// Places of every voxel of a run.
struct Positions {
  /// Nearest: the voxel. Linear: the lower tap.
  alignas(64) std::int32_t index[3][kRun + kSlack];
  /// Linear: weight of the upper tap along x, y, z.
  alignas(64) float weight[3][kRun + kSlack];
  /// Element offset of the voxel, or of the lower taps.
  alignas(64) std::int32_t offset[kRun + kSlack];
};

/// Element offsets of taps that are pinned to the grid one by one: of the lower and the upper one
/// along x, and of the rows (y, z), (y+1, z), (y, z+1), (y+1, z+1).
struct PinnedTaps {
  alignas(64) std::int32_t x[2][kRun + kSlack];
  alignas(64) std::int32_t row[4][kRun + kSlack];
};

/// Where pairs of taps (lower, upper) of voxels at the edge lie: offsets of the rows of PinnedTaps,
/// the pair moved inside along x; index and weight as in Positions.
struct EdgePlaces {
  alignas(64) std::int32_t offset[4][kRun];
  alignas(64) std::int32_t index[3][kRun];
  alignas(64) float weight[3][kRun];
};

/// The taps of a run, as pairs (lower, upper) of neighbours along x, even and odd voxels apart: so
/// that two vectors of pairs become lower and upper taps in the order of voxels by blends alone.
/// Rows as in PinnedTaps.
template <class T>
struct Taps {
  alignas(64) T pair[4][2][kRun + kSlack];

  T* of(int row, int voxel) { return pair[row][voxel & 1] + (voxel & ~1); }
};

/// Channels that are blended together.
inline constexpr int kChannels = 4;

/// Loops of one instruction set for given types. Offsets must fit an int32.
struct RowLoops {
  /// Fills index and weight of voxels [begin, end).
  void (*locate)(const Start& start, int axes, int begin, int end, Positions& run);
  /// Fills weight and offset of voxels [begin, end), all taps inside.
  void (*place)(const Grid& grid, const Start& start, int begin, int end, Positions& run);
  /// Fills offset for the nearest voxels, pinned to the grid.
  void (*place_nearest)(const Grid& grid, const Start& start, int begin, int end, Positions& run);
  /// Taps of voxels [begin, end).
  void (*pin)(const Grid& grid, const Positions& run, int begin, int end, PinnedTaps& taps);
  /// Voxels [begin, end) from `taps` (a Taps<In>) to float32; begin may be rounded down by one.
  void (*blend)(const void* taps, const Positions& run, int begin, int end, float* out);
  /// As blend; taps outside of the grid count as `fill`, whatever `taps` holds.
  void (*blend_filled)(const void* taps, const Grid& grid, const Positions& run, float fill,
                       int begin, int end, float* out);
  /// Voxels [begin, end), all taps inside, straight from float32 with stride 1 or -1 along x. What
  /// lies `ahead` elements further is fetched into the cache. nullptr if this instruction set has
  /// no fast way. Writes these voxels alone. \pre end - begin >= direct_least
  void (*blend_direct)(const float* data, const Grid& grid, const Positions& run, int begin,
                       int end, std::int64_t ahead, float* out);
  /// Fills places of voxels [begin, end), and maybe of others. Comes with blend_direct.
  /// \pre count >= direct_least, at least 2 voxels along x
  void (*place_edge)(const Grid& grid, const Start& start, int count, int begin, int end,
                     EdgePlaces& places);
  /// Voxels [begin, end), wherever their taps are, straight from float32 with stride 1 or -1 along
  /// x; taps outside read as `fill`, or as the nearest voxel. May write other voxels of the run, and
  /// writes what belongs there. \pre place_edge() for the same voxels
  void (*blend_edge)(const float* data, const Grid& grid, const EdgePlaces& places, int count,
                     float fill, int begin, int end, float* out);
  int direct_least;
  /// Voxels [begin, end), all taps inside, of `channels` channels that lie side by side at `data`
  /// (of In): channel c of voxel k goes to out[k * channels + c]. What lies `ahead` elements further
  /// is fetched into the cache. nullptr if this instruction set has no fast way. May write up to
  /// kChannels - 1 floats past voxel end - 1. \pre channels <= kChannels
  void (*blend_channels)(const void* data, const Grid& grid, const Positions& run, int begin,
                         int end, int channels, std::int64_t ahead, float* out);
  /// The same wherever the taps are; those outside of the grid count as `fill`, or are pinned to it.
  void (*blend_channels_edge)(const void* data, const Grid& grid, const Positions& run,
                              const PinnedTaps& pins, float fill, int begin, int end, int channels,
                              float* out);
  /// float32 to `count` elements of Out (saturating, halves away from zero). Writes whole vectors.
  void (*store)(const float* from, int count, void* to);
};

/// Sets locate, place, place_nearest and pin.
void set_places(RowLoops& loops);
/// Sets blend_channels and blend_channels_edge.
void set_channels(DType in, int axes, RowLoops& loops);

/// \pre in, out: types of warp_takes(.., linear)
RowLoops row_loops(DType in, DType out, int axes);

}  // namespace varo::warp
