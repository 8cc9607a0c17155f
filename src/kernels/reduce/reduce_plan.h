// SPDX-License-Identifier: Apache-2.0
/// How reduce() walks a volume; shared by its planner and its loops.
#pragma once

#include "kernels/reduce/reduce.h"
#include "kernels/reduce/reduce_point.h"

namespace varo::reduction {

/// Axes walked together in row-major order, with the distances of one or more views along each.
struct Axes {
  int rank = 0;
  std::int64_t extent[kMaxRank], in[kMaxRank], out[kMaxRank], mean[kMaxRank];

  std::int64_t count() const {
    std::int64_t n = 1;
    for (int i = 0; i < rank; ++i) n *= extent[i];
    return n;
  }
  std::int64_t offset(std::int64_t index, const std::int64_t* strides) const {
    std::int64_t at = 0;
    for (int i = rank - 1; i > 0; --i) {
      at += index % extent[i] * strides[i];
      index /= extent[i];
    }
    return rank > 0 ? at + index * strides[0] : 0;
  }
  /// Extent of the longest run of last axes that one distance walks, and that distance.
  struct Run {
    std::int64_t length = 1, step = 1;
  };
  Run run(const std::int64_t* strides) const {
    Run r;
    for (int i = rank - 1; i >= 0; --i) {
      if (i == rank - 1) {
        r = {extent[i], strides[i]};
      } else if (strides[i] == r.step * r.length) {
        r.length *= extent[i];
      } else {
        break;
      }
    }
    return r;
  }
};

/// The volume as [outer, reduced, inner]: kept axes that a reduced axis follows, reduced axes, kept
/// axes after the last of them. Axes keep their order within each; extents of 1 are left out.
///
/// One item of work reduces a chunk of the reduced indices for `tile_outer` outer positions and
/// `tile_inner` inner ones. Lanes, chunks and the order of sums are those of reduce_point.h; all of
/// these numbers come from extents alone.
///
/// Where few elements go into an output and no inner axes are there to run along, an item takes the
/// outputs of many outer positions side by side instead, as if they were inner ones.
struct Plan {
  Axes outer, reduced, inner;
  std::int64_t outers = 1, reduces = 1, inners = 1;  ///< counts
  std::int64_t tile_outer = 1, tile_inner = 1, chunk = 1;
  std::int64_t chunks = 1, items = 0;
  int lanes = 1;
  ReduceSpec spec;
  DType in_type = DType::u8, out_type = DType::u8;
};

/// The part of a plan that extents decide.
Plan make_plan(const ConstView& in, const ReduceSpec& spec);
Plan make_plan(const ConstView& in, const View& out, const ReduceSpec& spec);

}  // namespace varo::reduction
