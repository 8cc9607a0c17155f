// SPDX-License-Identifier: Apache-2.0
/// Affine maps of lists of points.
#pragma once

#include <span>

#include "core/parallel.h"
#include "varo/view.h"

namespace varo {

/// out[..., i] = sum over j of matrix[i, j] * in[..., j], + shift[i]; float32, saturated at the
/// end.
///
/// in      [..., n], any strides; uint8, int8, uint16, int16, int32, float32 or float64
/// out     [..., m], equal leading extents, any strides, not overlapping `in`; the same types
/// matrix  m x n, row-major
/// shift   m
/// memory  none
/// errors  none
void transform_points(const ConstView& in, const View& out, std::span<const float> matrix,
                      std::span<const float> shift, Parallel& parallel);

}  // namespace varo
