// SPDX-License-Identifier: Apache-2.0
/// What separable resampling does along one axis, as a table: which voxels, with which weights.
#pragma once

#include <cstdint>
#include <vector>

#include "core/pooled.h"

namespace varo {

/// Windows over the distance t from the centre, in source voxels; r is the half-width.
enum class ResampleFilter : std::uint8_t {
  nearest,     ///< the voxel that holds the position
  triangular,  ///< 1 - |t|/r; linear interpolation at r = 1
  gaussian,    ///< exp(-(2t/r)^2), cut at r
  cubic,       ///< Catmull-Rom of 2t/r; interpolates at r = 2
  lanczos3,    ///< sinc(u) sinc(u/3), u = 3t/r; interpolates at r = 3
  bspline,     ///< cardinal cubic spline of u = 11t/r, cut at r; interpolates at r = 11
};

/// The smallest half-width: that of interpolation without smoothing.
constexpr double least_radius(ResampleFilter filter) {
  switch (filter) {
    case ResampleFilter::cubic:
      return 2;
    case ResampleFilter::lanczos3:
      return 3;
    case ResampleFilter::bspline:
      return 11;
    default:
      return 1;
  }
}

/// The cubic spline that is 1 at 0 and 0 at all other integers. Interpolating with it gives what
/// cubic B-splines give on coefficients from a recursive prefilter with the pole z = sqrt(3) - 2,
/// with the edge voxel repeated without end: both are the one C2 cubic spline through the voxels.
/// It falls by |z| a voxel; beyond 11 voxels its absolute values add up to less than 7e-7, which is
/// what cutting it there may change in a result, relative to the largest voxel.
/// source  Unser, "Splines: a perfect fit for signal and image processing", IEEE Signal Processing
///         Magazine 16(6), 1999: the coefficients of the inverse filter are sqrt(3) z^|k|
double cardinal_spline(double t);

/// One axis: `out` voxels spread evenly over the source interval from lo to hi, in units where
/// source voxel i covers [i, i + 1). hi < lo mirrors. The interval may reach outside of the source,
/// where the nearest edge voxel repeats.
///
///   in = 5, lo = 1, hi = 4, out = 2           out voxel x is centred at
///   | 0 | 1 | 2 | 3 | 4 |                     lo + (x + 0.5) * (hi - lo) / out
///       |  0  |  1  |
struct AxisMap {
  std::int64_t in = 1;   ///< > 0
  std::int64_t out = 1;  ///< >= 0
  double lo = 0, hi = 1;
  ResampleFilter filter = ResampleFilter::triangular;
  double radius = 1;  ///< >= least_radius(filter); unused by nearest
};

/// out[x] = sum of weights[x * taps + t] * in[begin + first[x] + t] over t in [0, taps).
/// Every tap lies in [begin, begin + extent): what reaches outside has been added to the edge
/// voxel.
struct AxisTable {
  std::int64_t begin = 0;   ///< first source voxel that is used
  std::int64_t extent = 0;  ///< how many source voxels from there on; 0 when out is 0
  std::int64_t out = 0;
  int taps = 1;
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

/// The table for a source whose used voxels come in opposite order.
AxisTable mirrored(const AxisTable& table);

}  // namespace varo
