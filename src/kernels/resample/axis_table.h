// SPDX-License-Identifier: Apache-2.0
/// What separable resampling does along one axis, as a table: which voxels, with which weights.
#pragma once

#include <cstdint>

#include "core/pooled.h"
#include "kernels/resample/resample_point.h"

namespace varo {

/// The cubic spline that is 1 at 0 and 0 at all other integers. Interpolating with it gives what
/// cubic B-splines give on coefficients from a recursive prefilter with the pole z = sqrt(3) - 2,
/// with the edge voxel repeated without end: both are the one C2 cubic spline through the voxels.
/// It falls by |z| a voxel; beyond 11 voxels its absolute values add up to less than 7e-7, which is
/// what cutting it there may change in a result, relative to the largest voxel.
/// source  Unser, "Splines: a perfect fit for signal and image processing", IEEE Signal Processing
///         Magazine 16(6), 1999: the coefficients of the inverse filter are sqrt(3) z^|k|
double cardinal_spline(double t);

/// out[x] = sum of weights[x * taps + t] * in[begin + first[x] + t] over t in [0, taps).
/// Every tap lies in [begin, begin + extent): what reaches outside has been added to the edge
/// voxel.
struct AxisTable {
  std::int64_t begin = 0;   ///< first source voxel that is used
  std::int64_t extent = 0;  ///< how many source voxels from there on; 0 when out is 0
  std::int64_t out = 0;
  int taps = 1;
  bool backwards = false;  ///< weights[x * taps + t] is that of in[begin + first[x] + taps - 1 - t]
  PooledVector<std::int32_t> first;
  PooledVector<float> weights;

  /// Every output voxel is one input voxel, untouched.
  bool moves() const;
  /// moves(), and output voxel x is voxel x of the used ones.
  bool identity() const;
};

/// memory  out * (1 + taps) numbers; taps <= min(ceil(2 * radius), in)
/// errors  none; lo and hi are finite and below 2^31 in magnitude, in and out below 2^31
AxisTable make_axis_table(const AxisMap& map);

/// The table for a source whose used voxels come in opposite order: the same sums.
AxisTable mirrored(const AxisTable& table);

}  // namespace varo
