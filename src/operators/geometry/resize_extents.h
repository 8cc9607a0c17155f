// SPDX-License-Identifier: Apache-2.0
/// The arithmetic of sizes that the resize family shares.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

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
  double size = 0;                                        ///< 0: not given; negative mirrors
  double most = std::numeric_limits<double>::infinity();  ///< wins over the mode
  std::optional<double> roi_start = {}, roi_end = {};     ///< voxels; both or none
};

struct ResizeRequest {
  std::vector<ResizeAxis> axes;
  ResizeMode mode = ResizeMode::independent;
  /// Sizes that are not whole keep their exact scale: the source interval grows or shrinks about
  /// its centre with the rounding.
  bool subpixel = true;
  /// The sample has no elements, so that extents may be 0.
  bool empty = false;
};

/// Output voxel x of `out` covers (hi - lo) / out source voxels from lo + x * (hi - lo) / out on;
/// hi < lo mirrors.
struct ResizedExtent {
  std::int64_t out = 0;
  double lo = 0, hi = 0;
};

/// One entry an axis, in the order given.
///
/// errors  ParamError: a region or size that is no number of voxels; ShapeError: voxels asked of
///         an axis that has none
std::vector<ResizedExtent> resized_extents(ResizeRequest request);

}  // namespace varo
