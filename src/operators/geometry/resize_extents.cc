// SPDX-License-Identifier: Apache-2.0
#include "operators/geometry/resize_extents.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "varo/error.h"

namespace varo {

namespace {

constexpr double kLeastRegion = 1e-3;
constexpr double kMostVoxels = 0x1p31 - 1;
// Smoothing filters walk over the whole region, also where it lies outside of the input.
constexpr double kMostRegion = 0x1p24;

// The region, ordered; a reversed one negates the size.
ResizedExtent region_of(ResizeAxis& axis) {
  double lo = axis.roi_start.value_or(0), hi = axis.roi_end.value_or(static_cast<double>(axis.in));
  if (axis.roi_start) {
    if (!(std::abs(lo) <= kMostRegion && std::abs(hi) <= kMostRegion))
      throw Error(ErrorKind::param,
                  fmt::format("the region of interest is no range of voxels along {}", axis.letter))
          .got(fmt::format("{} to {}", lo, hi))
          .allowed(fmt::format("-{0:.0f} to {0:.0f}", kMostRegion));
    if (std::abs(hi - lo) < kLeastRegion) {
      const double grow = hi < lo ? -0.5 * kLeastRegion : 0.5 * kLeastRegion;
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
std::vector<double> sizes_of(const ResizeRequest& request,
                             const std::vector<ResizedExtent>& regions) {
  const auto& axes = request.axes;
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

  if (request.mode == ResizeMode::independent || request.mode == ResizeMode::stretch) {
    const double other = request.mode == ResizeMode::stretch ? 1.0 : std::pow(product, 1.0 / given);
    for (std::size_t i = 0; i < n; ++i) {
      out[i] = axes[i].size != 0 && extent[i] != 0 ? axes[i].size : extent[i] * other;
      out[i] = std::copysign(std::min(std::abs(out[i]), axes[i].most), out[i]);
    }
    return out;
  }
  double common = request.mode == ResizeMode::not_larger ? least : most;
  for (std::size_t i = 0; i < n; ++i)
    if (extent[i] != 0) common = std::min(common, axes[i].most / extent[i]);
  for (std::size_t i = 0; i < n; ++i) out[i] = std::copysign(extent[i] * common, scale[i]);
  return out;
}

}  // namespace

std::vector<ResizedExtent> resized_extents(ResizeRequest request) {
  std::vector<ResizedExtent> extents;
  for (ResizeAxis& axis : request.axes) extents.push_back(region_of(axis));
  const std::vector<double> sizes = sizes_of(request, extents);
  for (std::size_t i = 0; i < extents.size(); ++i) {
    const ResizeAxis& axis = request.axes[i];
    const double size = std::abs(sizes[i]);
    if (!(size <= kMostVoxels))
      throw Error(ErrorKind::param, fmt::format("the new size is too large along {}", axis.letter))
          .got(fmt::format("{:.0f}", sizes[i]))
          .allowed(fmt::format("at most {:.0f}", kMostVoxels));
    const double whole = std::max(request.empty ? 0.0 : 1.0, std::round(size));
    auto& [out, lo, hi] = extents[i];
    out = static_cast<std::int64_t>(whole);
    // An empty axis stays empty where the other axes decide about its size.
    const bool asked = axis.size != 0 && (request.mode == ResizeMode::independent ||
                                          request.mode == ResizeMode::stretch);
    if (axis.in == 0 && (out != 0 || asked))
      throw Error(ErrorKind::shape,
                  fmt::format("an empty axis cannot be resized to voxels along {}", axis.letter))
          .got(fmt::format("0 voxels, to be resized to {}", out != 0 ? whole : std::abs(axis.size)))
          .allowed("at least 1 voxel");
    if (std::signbit(sizes[i])) std::swap(lo, hi);
    if (request.subpixel && size != 0 && whole != size) {
      const double grow = std::min(whole / size, 10.0), centre = (lo + hi) / 2;
      lo = centre + (lo - centre) * grow;
      hi = centre + (hi - centre) * grow;
    }
  }
  return extents;
}

}  // namespace varo
