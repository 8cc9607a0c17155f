// SPDX-License-Identifier: Apache-2.0
/// How reduce() walks a volume; shared by its planner and its loops.
#pragma once

#include "core/walk.h"
#include "kernels/reduce/reduce.h"
#include "kernels/reduce/reduce_point.h"

namespace varo::reduction {

/// Operands of the walks of a plan.
inline constexpr int kIn = 0, kOut = 1, kMean = 2;

/// The volume as [outer, reduced, inner]: kept axes that a reduced axis follows, reduced axes, kept
/// axes after the last of them. Each is a walk in logical order, which decides about rounding.
///
/// One item of work reduces a chunk of the reduced indices for `tile_outer` outer positions and
/// `tile_inner` inner ones. Lanes, chunks and the order of sums are those of reduce_point.h; all of
/// these numbers come from extents alone.
///
/// Where few elements go into an output and no inner axes are there to run along, an item takes the
/// outputs of many outer positions side by side instead, as if they were inner ones.
struct Sharing {
  std::int64_t outers = 1, reduces = 1, inners = 1;  ///< counts
  std::int64_t tile_outer = 1, tile_inner = 1, chunk = 1;
  std::int64_t chunks = 1, items = 0;
  int lanes = 1;
};
struct Plan : Sharing {
  Walk<3> outer, reduced, inner;
  ReduceSpec spec;
  DType in_type = DType::u8, out_type = DType::u8;
};

/// The part of a plan that extents decide.
Sharing sharing_of(const Shape& in, const ReduceSpec& spec);
Plan make_plan(const ConstView& in, const View& out, const ReduceSpec& spec);

}  // namespace varo::reduction
