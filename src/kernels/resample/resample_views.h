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

/// Views of rank 1 at least, outermost axis of `out` first, without axes of extent 1. Tables that
/// change nothing are gone; resampled axes have positive strides in `in`.
struct ResampleViews {
  ConstView in;
  View out;
  std::array<std::optional<AxisTable>, kMaxRank> tables;
  /// What is read in the place of `in`, which has no data then: an input with padding.
  std::optional<PaddedView> padded = {};
};

/// The axes that ResampleViews keep, in their order.
AxisList resample_axes(const Shape& in, const View& out);

/// memory  the tables
/// errors  none
ResampleViews resample_views(const ConstView& in, const View& out, std::vector<ResampledAxis> axes);

}  // namespace varo
