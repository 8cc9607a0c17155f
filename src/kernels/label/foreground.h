// SPDX-License-Identifier: Apache-2.0
/// Counting the foreground of a mask, and finding the n-th foreground voxel.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "core/parallel.h"
#include "varo/view.h"

namespace varo {

/// Which voxels are foreground: those equal to `value` if given, else those above `threshold`.
/// A value that the mask's type cannot hold equals nothing. Integers are compared with the exact
/// threshold, float32 with the threshold rounded to float32.
struct Foreground {
  std::optional<std::int64_t> value;
  double threshold = 0;
};

/// How many counts count_foreground() makes for a mask of this shape: one for every 65536 voxels,
/// about.
std::int64_t foreground_blocks(const Shape& shape);

/// Counts the foreground voxels block by block, in row-major order of the index space.
///
/// mask     bool, integers or float32, any strides
/// counts   [foreground_blocks(mask.shape)]
/// returns  their sum
/// memory   none
/// errors   none
std::int64_t count_foreground(const ConstView& mask, const Foreground& foreground,
                              std::span<std::int64_t> counts, Parallel& parallel);

/// Index of the n-th foreground voxel in row-major order, from the counts.
/// \pre 0 <= n < count_foreground()
Dims nth_foreground(const ConstView& mask, const Foreground& foreground,
                    std::span<const std::int64_t> counts, std::int64_t n);

}  // namespace varo
