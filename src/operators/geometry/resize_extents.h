// SPDX-License-Identifier: Apache-2.0
/// The arithmetic that the resize family shares: what was asked for, as output extents and source
/// intervals.
#pragma once

#include <cmath>
#include <cstdint>
#include <fmt/format.h>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "varo/error.h"

namespace varo {

enum class ResizeMode : std::uint8_t {
  independent,  ///< axes without a size are scaled by the geometric mean of the others
  stretch,      ///< axes without a size stay
  not_larger,   ///< one scale for all axes, the smallest asked for
  not_smaller,  ///< one scale for all axes, the largest asked for
};

/// One axis of a request.
struct ResizeAxis {
  char letter = '?';
  std::int64_t in = 0;
  double size = 0;  ///< 0: not given; negative mirrors
  double most = std::numeric_limits<double>::infinity();
  std::optional<double> roi_start, roi_end;  ///< voxels; both or none
};

/// Output voxel x of `out` covers (hi - lo) / out source voxels from lo + x * (hi - lo) / out on.
struct ResizedExtent {
  std::int64_t out = 0;
  double lo = 0, hi = 0;
};

namespace resize_detail {

inline constexpr double kLeastRoi = 1e-3;
inline constexpr double kMostVoxels = 0x1p31 - 1;

// The region, ordered; a reversed one negates the size.
inline ResizedExtent region(ResizeAxis& axis) {
  double lo = axis.roi_start.value_or(0), hi = axis.roi_end.value_or(static_cast<double>(axis.in));
  if (axis.roi_start) {
    if (!(std::abs(lo) <= kMostVoxels && std::abs(hi) <= kMostVoxels))
      throw Error(
          ErrorKind::param,
          fmt::format("the region of interest is not a range of voxels along {}", axis.letter))
          .got(fmt::format("{} to {}", lo, hi))
          .allowed(fmt::format("-{0:.0f} to {0:.0f}", kMostVoxels));
    if (std::abs(hi - lo) < kLeastRoi) {
      const double grow = hi < lo ? -0.5 * kLeastRoi : 0.5 * kLeastRoi;
      lo -= grow;
      hi += grow;
    }
  }
  if (hi < lo) {
    std::swap(lo, hi);
    axis.size = -axis.size;
  }
  return {0, lo, hi};
}

// Signed sizes, not yet rounded.
inline std::vector<double> sizes(const std::vector<ResizeAxis>& axes,
                                 const std::vector<ResizedExtent>& regions, ResizeMode mode) {
  const std::size_t n = axes.size();
  std::vector<double> extent(n), scale(n, 1.0), out(n);
  double product = 1, least = std::numeric_limits<double>::infinity(), most = 0;
  int given = 0;
  for (std::size_t i = 0; i < n; ++i) {
    out[i] = extent[i] = regions[i].hi - regions[i].lo;
    if (axes[i].size == 0 || extent[i] == 0) continue;
    scale[i] = axes[i].size / extent[i];
    const double magnitude = std::abs(scale[i]);
    product *= magnitude;
    least = std::min(least, magnitude);
    most = std::max(most, magnitude);
    ++given;
  }
  if (given == 0) return out;

  if (mode == ResizeMode::independent || mode == ResizeMode::stretch) {
    const double missing = mode == ResizeMode::stretch ? 1.0 : std::pow(product, 1.0 / given);
    for (std::size_t i = 0; i < n; ++i) {
      if (axes[i].size != 0 && extent[i] != 0)
        out[i] = axes[i].size;
      else
        out[i] = extent[i] * missing;
      out[i] = std::copysign(std::min(std::abs(out[i]), axes[i].most), out[i]);
    }
    return out;
  }
  double common = mode == ResizeMode::not_larger ? least : most;
  for (std::size_t i = 0; i < n; ++i)
    if (extent[i] != 0) common = std::min(common, axes[i].most / extent[i]);
  for (std::size_t i = 0; i < n; ++i) out[i] = std::copysign(extent[i] * common, scale[i]);
  return out;
}

}  // namespace resize_detail

/// One entry an axis, in the order given.
///
/// subpixel  sizes that are not whole keep their exact scale: the source interval grows or shrinks
///           about its centre with the rounding
/// empty     the sample has no elements, so that extents may be 0
/// errors    ParamError: a region or size that is no number of voxels; ShapeError: voxels asked of
///           an axis that has none
inline std::vector<ResizedExtent> resized_extents(std::vector<ResizeAxis> axes, ResizeMode mode,
                                                  bool subpixel, bool empty) {
  std::vector<ResizedExtent> extents;
  for (ResizeAxis& axis : axes) extents.push_back(resize_detail::region(axis));
  const std::vector<double> sizes = resize_detail::sizes(axes, extents, mode);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const double size = std::abs(sizes[i]);
    if (!(size <= resize_detail::kMostVoxels))
      throw Error(ErrorKind::param,
                  fmt::format("the new size is too large along {}", axes[i].letter))
          .got(fmt::format("{}", sizes[i]))
          .allowed(fmt::format("at most {:.0f}", resize_detail::kMostVoxels));
    const double whole = std::max(empty ? 0.0 : 1.0, std::round(size));
    auto& [out, lo, hi] = extents[i];
    out = static_cast<std::int64_t>(whole);
    if (axes[i].in == 0 && (out != 0 || axes[i].size != 0))
      throw Error(ErrorKind::shape,
                  fmt::format("an empty axis cannot be resized to voxels along {}", axes[i].letter))
          .got(fmt::format("0 voxels, to be resized to {}",
                           out != 0 ? whole : std::abs(axes[i].size)))
          .allowed("at least 1 voxel");
    if (std::signbit(sizes[i])) std::swap(lo, hi);
    if (subpixel && size != 0 && whole != size) {
      const double grow = std::clamp(whole / size, -10.0, 10.0), centre = (lo + hi) / 2;
      lo = centre + (lo - centre) * grow;
      hi = centre + (hi - centre) * grow;
    }
  }
  return extents;
}

}  // namespace varo
