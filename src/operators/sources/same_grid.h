// SPDX-License-Identifier: Apache-2.0
/// Whether two images show the same voxels.
#pragma once

#include <string>

#include "varo/tensor.h"

namespace varo {

/// How far apart two voxel-to-world maps may put a corner of the volume, in edges of the smallest
/// voxel: more than float32 headers lose, less than anybody sees.
inline constexpr double kGridTolerance = 1e-3;

struct NamedImage {
  std::string name;  ///< of the output; may be empty
  const Tensor& image;
};

/// Throws ReadError, with both files and both maps, where extents along D, H and W differ (an axis
/// that one has not counts as 1) or the maps do. Nothing is compared where one has no map.
void check_same_grid(const NamedImage& a, const NamedImage& b);

}  // namespace varo
