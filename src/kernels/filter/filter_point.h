// SPDX-License-Identifier: Apache-2.0
/// One element of a separable convolution along one axis. The loops of this folder have these bits.
///
/// needs   nothing of Highway, oneTBB or fmt; compiles for devices
#pragma once

#include <cstdint>

#include "core/hd.h"

namespace varo {

/// Mirrors an index into [0, n) about the centres of the first and last element; n >= 1.
///
///   index   -3 -2 -1 | 0  1  2  3 | 4  5  6
///   gives    3  2  1 | 0  1  2  3 | 2  1  0
VARO_HD constexpr std::int64_t reflect_101(std::int64_t i, std::int64_t n) {
  if (i >= 0 && i < n) return i;
  if (n == 1) return 0;
  const std::int64_t period = 2 * (n - 1);
  i %= period;
  if (i < 0) i += period;
  return i < n ? i : period - i;
}

namespace filter {

/// The sum over a symmetric window: from the centre outwards, neighbours at one distance added
/// first, each product and sum rounded.
///
/// at(k)   the element at distance k, from -radius to radius; outside of the axis reflect_101 says
/// half    half[0] weighs the element itself, half[k] both elements at distance k
template <class At>
VARO_HD constexpr float weigh(const At& at, std::int64_t radius, const float* half) {
  float sum = half[0] * at(0);
  for (std::int64_t k = 1; k <= radius; ++k) sum += half[k] * (at(-k) + at(k));
  return sum;
}

}  // namespace filter
}  // namespace varo
