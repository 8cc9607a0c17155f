// SPDX-License-Identifier: Apache-2.0
/// The form in which the loops of this folder see their views.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "core/walk.h"
#include "kernels/resample/axis_table.h"
#include "varo/view.h"

namespace varo {

/// One resampled axis of a view.
struct ResampledAxis {
  int axis = 0;
  AxisTable table;
};

/// What is read instead of a view whose elements are in memory in part only.
struct ResamplePadding {
  ConstView inside;
  Box box;                      ///< of the view: where `inside` lies
  std::uint64_t fill_bits = 0;  ///< what all else reads as
  /// Where the first pass cannot read `inside` itself, this many voxels along this axis (none: all
  /// there are) are put together at a time.
  int pack_axis = -1;
  std::int64_t pack_count = 1, pack_floats = 0;
};

/// Views of rank 1 at least, outermost axis of `out` first, without axes of extent 1. Tables that
/// change nothing are gone; resampled axes have positive strides in `in`.
struct ResampleViews {
  ConstView in;
  View out;
  std::array<std::optional<AxisTable>, kMaxRank> tables;
  std::optional<ResamplePadding> padding = {};  ///< of `in`, which has no elements then
};

/// The axes that ResampleViews keep, in their order.
AxisList resample_axes(const Shape& in, const View& out);

/// memory  the tables
/// errors  none
ResampleViews resample_views(const ConstView& in, const View& out, std::vector<ResampledAxis> axes);

}  // namespace varo
