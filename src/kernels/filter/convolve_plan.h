// SPDX-License-Identifier: Apache-2.0
/// How convolve() walks a volume; shared by its planner and its loops.
#pragma once

#include "core/walk.h"
#include "kernels/copy/convert_row.h"
#include "kernels/filter/convolve.h"

namespace varo::filter {

/// One axis of the walk: extent, element strides, and the window along it.
struct Axis {
  std::int64_t extent = 1, in = 0, out = 0;
  std::int64_t radius = 0;
  const float* half = nullptr;
};

/// Rows made at once, from rows that they share.
inline constexpr std::int64_t kGroupRows = 4;
/// Lines begin at multiples of so many floats, the longest vector, and so do their first outputs.
inline constexpr std::int64_t kLineFloats = 16;

/// The volume as [outer..., z, y, x, channel] and its partition into tiles. A tile makes one box of
/// outputs; it slides along z, keeping the rows that its windows still need in cache:
///
///   input rows z-rz ... z+rz  --z window-->  rows y-ry ... y+ry  --y window-->  one row with both
///   borders  --x window-->  output row
///
/// Each step reads only what the step before has just written, and makes kGroupRows neighbouring
/// rows at once: those of as many planes along z, those of as many lines along y. A row is x by
/// channel elements, so that neighbours along x lie `channels` apart.
struct Plan {
  Walk<2> outer;  ///< of input and output
  Axis z, y, x, channel;
  std::int64_t tile_z = 1, tile_y = 1, tile_x = 1;
  std::int64_t tiles = 0;
  DType in_type = DType::u8, out_type = DType::u8;
  bool has_z = false;           ///< there is a window along z
  bool direct_in = false;       ///< input rows are contiguous float32: read in place
  RowConverter load = nullptr;  ///< of input rows, where they are contiguous
  RowConverter save = nullptr;  ///< of output rows
  bool dense_out = false;       ///< output rows are contiguous
  bool add = false;
  // Scratch of one running tile, in floats from its start; pointers come first.
  std::int64_t row = 0;     ///< floats between rows of the rings
  std::int64_t planes = 0;  ///< input planes kept, for a window along z that is not direct_in
  std::int64_t plane_rows = 0;
  std::int64_t z_rows = 0;  ///< rows kept after the z window, for each plane of a group
  std::int64_t ring = 0;    ///< floats from one plane's rows to the next plane's; its lines follow
  std::int64_t line = 0;    ///< floats between lines, which are rows after the y window
  std::int64_t margin = 0;  ///< floats of a line before its first output
  std::int64_t pointers = 0;  ///< rows that a group reads
  std::size_t pointer_bytes = 0;
  std::size_t slot_bytes = 0;
};

Plan make_plan(const ConstView& in, const View& out, const Convolution& what);

}  // namespace varo::filter
