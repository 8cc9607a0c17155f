// SPDX-License-Identifier: Apache-2.0
/// What separable resampling does along one axis, as a table: which voxels, with which weights.
#pragma once

#include <cstdint>
#include <vector>

namespace varo {

/// Windows over the distance t from the centre, in source voxels; r is the half-width.
enum class ResampleFilter : std::uint8_t {
  nearest,     ///< the voxel that holds the position
  triangular,  ///< 1 - |t|/r; linear interpolation at r = 1
  gaussian,    ///< exp(-(2t/r)^2), cut at r
  cubic,       ///< Catmull-Rom of 2t/r; interpolates at r = 2
  lanczos3,    ///< sinc(u) sinc(u/3), u = 3t/r; interpolates at r = 3
};

/// The smallest half-width: that of interpolation without smoothing.
constexpr double least_radius(ResampleFilter filter) {
  return filter == ResampleFilter::cubic ? 2.0 : filter == ResampleFilter::lanczos3 ? 3.0 : 1.0;
}

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
  std::vector<std::int32_t> first;
  std::vector<float> weights;

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
