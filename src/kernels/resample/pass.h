// SPDX-License-Identifier: Apache-2.0
/// One pass of separable resampling, along one axis of a box of voxels.
#pragma once

#include <cstdint>

#include "varo/view.h"

namespace varo {

/// dst[.., x, ..] = sum over t of weights[x * taps + t] * src[.., first[x] - offset + t, ..], as
/// tap_sum() of resample_point.h makes it; backwards, src[.., first[x] - offset + taps - 1 - t, ..]
struct ResamplePass {
  int axis = 0;
  ConstView src;  ///< uint8, int16, uint16 or float32
  View dst;       ///< float32 or src's type, or any of the four when src is float32; its shape is
                  ///< src's but for the axis
  const std::int32_t* first = nullptr;
  std::int64_t offset = 0;
  const float* weights = nullptr;
  int taps = 1;
  bool backwards = false;
};

/// For axes with at least one row of voxels behind them: lanes go along the axes inside `axis`.
/// \pre axis is not the last; along the last both strides are 1
///
/// memory, errors  none
void resample_rows(const ResamplePass& pass);

/// Lines that resample_columns() takes at once, one a lane.
inline constexpr int kColumnLines = 16;

/// For the last axis, or one with a few voxels inside it: 16 lines are transposed, resampled with
/// one line a lane, and transposed back.
/// \pre behind `axis` both operands are dense
///
/// scratch  column_scratch_floats() floats
/// memory, errors  none
void resample_columns(const ResamplePass& pass, float* scratch);

/// `in`, `out`: length of one line before and after, in voxels times what lies inside the axis.
constexpr std::int64_t column_scratch_floats(std::int64_t in, std::int64_t out) {
  return 2 * kColumnLines * (in + out);
}

}  // namespace varo
