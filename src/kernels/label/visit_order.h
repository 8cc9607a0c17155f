// SPDX-License-Identifier: Apache-2.0
/// The order in which a label map's voxels are visited.
#pragma once

#include <cstddef>
#include <cstdint>

#include "varo/view.h"

namespace varo::label {

/// One axis as it is walked: forwards through memory. Voxel i of the walk is voxel i, or
/// extent - 1 - i, of axis `axis` of the label map.
struct Axis {
  int axis = 0;
  std::int64_t extent = 1, stride = 1;
  bool flipped = false;
  std::int64_t scan = 1;  // distance of neighbours in row-major order

  std::int64_t scan_at(std::int64_t i) const { return (flipped ? extent - 1 - i : i) * scan; }
};

/// The order in which voxels are visited: hyper-slices of axis 0, lines of the axes in between,
/// rows of the last axis. Any order gives the same components.
struct VisitOrder {
  const std::byte* data;
  std::size_t element_size;
  int rank = 0;  // at least 1
  Axis axes[kMaxRank];

  const Axis& along() const { return axes[rank - 1]; }
  int outer() const { return rank - 1; }
};

/// Drops axes of extent 1, walks forwards through memory and along the axis that is nearest in
/// memory and not short, and begins with an axis that is long enough to be cut into parts. Depends
/// on shape and strides alone.
VisitOrder visit_order(const ConstView& labels);

}  // namespace varo::label
