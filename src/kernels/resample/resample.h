// SPDX-License-Identifier: Apache-2.0
/// Separable resampling: any number of axes, one after another, in tiles that stay in the cache.
#pragma once

#include <span>
#include <vector>

#include "core/parallel.h"
#include "kernels/resample/pick.h"
#include "kernels/resample/resample_views.h"
#include "varo/view.h"

namespace varo {

/// How resample() goes about it, for views of given shapes, strides and types.
struct ResamplePlan : ResampleViews {
  std::vector<int> order;  ///< resampled axes, first pass first
  Shape tile;              ///< extents of one tile of `out`
  std::int64_t tiles = 0;
  std::array<std::int64_t, 2> stage_floats{};  ///< buffers for the intermediate results of a tile
  std::int64_t column_floats = 0;              ///< what passes that transpose need besides
  /// Where the first pass cannot read what lies inside of the padding as it is, this many voxels
  /// along this axis (-1: all there are) are put together with it at a time.
  int pack_axis = -1;
  std::int64_t pack_count = 1, pack_floats = 0;
  /// None, or one: the passes that come first. All of their result, a volume of between_floats(),
  /// lies at the start of scratch and is `in` here.
  std::vector<ResamplePlan> before;
  std::int64_t between_floats() const;
  std::int64_t worker_floats() const;  ///< what one tile needs
  /// Floats of scratch that resample() needs on `width` threads.
  std::int64_t scratch_floats(int width) const;
};

/// Takes the order of passes from resample_point.h, and decides about the tiles (intermediates of
/// about 384 KiB) and whether the last pass is better made apart from the others, as it is where
/// windows are long. What is decided here changes no bit of the result.
///
/// in      uint8, int16, uint16 or float32, any strides; along a resampled axis it holds the
///         table's used voxels: shape[axis] == table.extent
/// out     float32 or in's type, any strides, not overlapping in; shape[axis] == table.out along
///         resampled axes, in's extent along the others
/// memory  copies of the tables
/// errors  none
ResamplePlan plan_resample(const ConstView& in, const View& out, std::vector<ResampledAxis> axes);

/// As above for an input that may be padded. Padding stays out of memory: what a pass needs of it
/// is put together in scratch, in pieces that stay in the cache. Results are those of the same
/// input in memory, dense and with its padding, bit for bit.
///
/// memory  copies of the tables
/// errors  none
ResamplePlan plan_resample(const PaddedView& in, const View& out, std::vector<ResampledAxis> axes);

/// Runs the passes in float32, and converts the last one's sums by core/convert.h's rule: equal bits
/// for any strides, threads and instruction set.
/// All output voxels take the same number of taps, some with weight 0: an infinite or NaN voxel
/// reaches up to that many taps.
///
/// scratch  plan.scratch_floats(parallel.width()) floats
/// memory   none
/// errors   none
void resample(const ResamplePlan& plan, std::span<float> scratch, Parallel& parallel);

/// How resample_nearest() goes about it, for views of given shapes and strides.
struct NearestPlan {
  ResampleViews views;                 ///< without what is padding
  PickPattern pattern;                 ///< of the rows, where they lie along a resampled axis
  std::int64_t before = 0, after = 0;  ///< elements next to each row that are padding
  /// Where the input is padded: the output, and its part that rows and what is next to them cover.
  View out;
  Box covered;
  std::uint64_t fill = 0;
  bool padded = false;
  bool picks_nothing = false;
};

/// Plans resampling that only picks voxels.
///
/// in, out  one type of any width, otherwise as for plan_resample(); every table moves(). Padding of
///          the input stays out of memory
/// memory   copies of the tables, 8 to 72 bytes an element of an output row
/// errors   none
NearestPlan plan_nearest(const PaddedView& in, const View& out, std::vector<ResampledAxis> axes);

/// memory, errors  none
void resample_nearest(const NearestPlan& plan, Parallel& parallel);

}  // namespace varo
