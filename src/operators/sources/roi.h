// SPDX-License-Identifier: Apache-2.0
/// The region-of-interest arguments of readers: roi_start, rel_roi_start, roi_end, ...
#pragma once

#include "operators/api/operator.h"

namespace varo {

/// Adds roi_start, rel_roi_start, roi_end, rel_roi_end, roi_shape, rel_roi_shape, roi_axes,
/// out_of_bounds_policy and fill_value.
OperatorDef with_roi_args(OperatorDef def);

/// `whole` cut to the region that the sample's arguments name: a view, no element is read.
/// The region begins at round(start) and ends before round(end); relative numbers are fractions of
/// the extent, in float32; start defaults to 0, end to the extent.
/// Throws ShapeError for a region outside of `whole` (out_of_bounds_policy "error"), or reversed.
Tensor roi_of(const Tensor& whole, const Inference& sample);

}  // namespace varo
