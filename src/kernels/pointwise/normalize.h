// SPDX-License-Identifier: Apache-2.0
/// Shift and scale by parameters that may differ along some axes.
#pragma once

#include "core/parallel.h"
#include "varo/view.h"

namespace varo {

/// One offset and one gain for each position along the axes that they differ along.
struct NormalizeParams {
  const double* offset = nullptr;
  const double* gain = nullptr;
  Strides strides;  ///< of both, one per axis of the data; 0 where they stay the same
  double shift = 0;
};

/// out = (in - offset) * gain + shift
///
/// in       any dtype but bool, any strides
/// out      any dtype, in's shape, any strides, not overlapping in
/// values   float64 throughout, rounded once at the end (core/convert.h); a gain of 0 gives shift,
///          whatever the element
/// memory   none
/// errors   none
void normalize(const ConstView& in, const View& out, const NormalizeParams& params,
               Parallel& parallel);

}  // namespace varo
