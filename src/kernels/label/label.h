// SPDX-License-Identifier: Apache-2.0
/// Connected components of label maps, described without a label image.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/parallel.h"
#include "varo/view.h"

namespace varo {

/// The components of every class of one label map, in order of class, then of first voxel.
struct ComponentTable {
  struct Class {
    std::int64_t value;
    std::int64_t begin, end;  ///< its components
  };
  int rank = 0;
  std::vector<Class> classes;        ///< ascending values; each has at least one component
  std::vector<std::int32_t> boxes;   ///< [components][2 * rank]: first voxel, one past the last
  std::vector<std::int64_t> voxels;  ///< [components]
  std::vector<std::int64_t> first;   ///< [components]: row-major index of the first voxel

  std::int64_t size() const { return static_cast<std::int64_t>(voxels.size()); }
  std::span<const std::int32_t> lo(std::int64_t component) const { return corner(2 * component); }
  std::span<const std::int32_t> hi(std::int64_t component) const {
    return corner(2 * component + 1);
  }
  /// Memory held, for caches.
  std::size_t bytes() const;

 private:
  std::span<const std::int32_t> corner(std::int64_t at) const {
    const auto n = static_cast<std::size_t>(rank);
    return {boxes.data() + static_cast<std::size_t>(at) * n, n};
  }
};

/// Finds the connected components of all classes in one pass. Two voxels are neighbours if they
/// share a face (differ by one along one axis) and have equal values.
///
/// labels      bool (bytes 0 or 1) or an integer type of at most 32 bits; any rank and strides;
///             extents below 2^31
/// background  a value whose voxels belong to no component; none of them if the type lacks it
/// memory      about 50 bytes a component found on the way, and 16 bytes a run of equal values in
///             two slices of each part worked on; never a label image. The worst, noise of many
///             classes, has as many components as voxels. From the pool, but for the table
/// errors      std::bad_alloc
/// source      He, Chao, Suzuki, "A Run-Based Two-Scan Labeling Algorithm", IEEE Transactions on
///             Image Processing 17(5), 2008; here with any rank, any classes and one scan
ComponentTable label_components(const ConstView& labels, std::int64_t background,
                                Parallel& parallel);

}  // namespace varo
