// SPDX-License-Identifier: Apache-2.0
/// How resample() decides, shared by its planner and its loops.
#pragma once

#include "kernels/resample/resample.h"

namespace varo::resampling {

struct Range {
  std::int64_t begin = 0, end = 0;
  std::int64_t size() const { return end - begin; }
};

/// What output voxels [begin, end) read.
Range source_range(const AxisTable& table, const Range& out);

/// Passes along the innermost axis, or with few voxels inside, transpose (pass.h).
bool by_columns(const ConstView& in, const View& out, int axis);

/// Passes along the last axis take any stride; others want runs: the input is copied first, the
/// result last.
inline bool packs(const ResamplePlan& p) {
  return p.in.strides.back() != 1 && p.order.front() != p.in.rank() - 1;
}
inline bool unpacks(const ResamplePlan& p) {
  return p.out.strides.back() != 1 && p.order.back() != p.out.rank() - 1;
}

/// The plan's first pass can read what lies inside of the padding as it is.
bool reads_inside(const ResamplePlan& p);

}  // namespace varo::resampling
