// SPDX-License-Identifier: Apache-2.0
/// One voxel of separable resampling along one axis: where it reads, and the sum that it is; and in
/// which order axes come. The loops of this folder have these bits.
///
/// needs   nothing of Highway, oneTBB or fmt; compiles for devices
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/hd.h"
#include "core/scalar.h"
#include "varo/shape.h"

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
VARO_HD constexpr double least_radius(ResampleFilter filter) {
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

namespace resampling {

/// Where output voxel x is centred, in the units of AxisMap.
VARO_HD constexpr double position_of(const AxisMap& map, std::int64_t x) {
  return map.lo + (static_cast<double>(x) + 0.5) * (map.hi - map.lo) / static_cast<double>(map.out);
}

/// The source voxel of that index, or the nearest of the edge.
VARO_HD constexpr std::int64_t inside(const AxisMap& map, double index) {
  const auto last = static_cast<double>(map.in - 1);
  return static_cast<std::int64_t>(index < 0.0 ? 0.0 : last < index ? last : index);
}

/// ResampleFilter::nearest
VARO_HD inline std::int64_t nearest_of(const AxisMap& map, std::int64_t x) {
  return inside(map, scalar::floor(position_of(map, x)));
}

/// Of other filters, before the edge has stopped them: indices start, start + 1, ... whose window is
/// that of the distance index - centre.
struct Reach {
  double centre, start;
  std::int64_t count;
};
VARO_HD inline Reach reach_of(const AxisMap& map, std::int64_t x) {
  const double centre = position_of(map, x) - 0.5;
  return {centre, scalar::ceil(centre - map.radius),
          static_cast<std::int64_t>(scalar::ceil(2 * map.radius))};
}

/// The sum that a voxel is: tap after tap in the order of the axis, each product and sum rounded.
/// at(t): tap t
template <class At>
VARO_HD constexpr float tap_sum(const At& at, const float* weights, int taps) {
  float sum = weights[0] * at(0);
  for (int t = 1; t < taps; ++t) sum += weights[t] * at(t);
  return sum;
}

/// Resampled axes, first pass first.
struct PassOrder {
  int count = 0;
  int axis[kMaxRank] = {};
};

/// What a volume's axes are to pass_order().
struct PassExtents {
  int rank = 0;
  std::int64_t in[kMaxRank] = {}, out[kMaxRank] = {};
  int taps[kMaxRank] = {};  ///< 0 where the axis is not resampled
};

/// Operations that passes in this order take, roughly: a product and a sum per tap, one load and
/// store per voxel; twice as much again for the two transposes where fewer than 16 elements lie
/// inside the axis; and two for each voxel of the input where the first pass is not along the
/// outermost resampled axis.
VARO_HD constexpr double cost_of(const PassExtents& e, const PassOrder& order) {
  double extents[kMaxRank] = {}, volume = 1;
  for (int i = 0; i < e.rank; ++i) volume *= extents[i] = static_cast<double>(e.in[i]);
  bool outermost_first = true;
  for (int k = 1; k < order.count; ++k)
    outermost_first = outermost_first && order.axis[0] < order.axis[k];
  double cost = outermost_first ? 0 : 2 * volume;
  for (int k = 0; k < order.count; ++k) {
    const int axis = order.axis[k];
    const double before = volume;
    extents[axis] = static_cast<double>(e.out[axis]);
    volume = 1;
    for (int i = 0; i < e.rank; ++i) volume *= extents[i];
    cost += volume * (e.taps[axis] + 1);
    std::int64_t inner = 1;
    bool same = true;
    for (int i = axis + 1; i < e.rank; ++i) {
      same = same && e.in[i] == e.out[i];
      inner *= e.in[i];
    }
    if (same && inner < 16) cost += 2 * (before + volume);
  }
  return cost;
}

/// The order of passes, which decides about rounding: a function of extents and taps alone, whatever
/// tiles, caches and strides there are. The cheapest by cost_of(); of those that cost the same the
/// first in the order of axes, or the last where every window has more than five taps: the last pass
/// is along the outermost axis then, and a volume that lies before it is written in one piece. Of
/// more than four axes, those that shrink most come first.
VARO_HD constexpr PassOrder pass_order(const PassExtents& e) {
  PassOrder order;
  for (int i = 0; i < e.rank; ++i)
    if (e.taps[i] > 0) order.axis[order.count++] = i;
  if (order.count > 4) {
    const auto shrinks_more = [&](int a, int b) { return e.out[a] * e.in[b] < e.out[b] * e.in[a]; };
    for (int k = 1; k < order.count; ++k)
      for (int j = k; j > 0 && shrinks_more(order.axis[j], order.axis[j - 1]); --j)
        std::swap(order.axis[j], order.axis[j - 1]);
    return order;
  }
  bool long_windows = true;
  for (int k = 0; k < order.count; ++k) long_windows = long_windows && e.taps[order.axis[k]] > 5;
  PassOrder best = order;
  double least = cost_of(e, order);
  while (std::next_permutation(order.axis, order.axis + order.count)) {
    const double cost = cost_of(e, order);
    if (cost < least || (cost == least && long_windows)) {
      least = cost;
      best = order;
    }
  }
  return best;
}

}  // namespace resampling
}  // namespace varo
