// SPDX-License-Identifier: Apache-2.0
/// What reduce() can make of the elements of an output.
#pragma once

#include <cstdint>

namespace varo {

enum class Reduction : std::uint8_t {
  sum,
  mean,         ///< sum / N
  mean_square,  ///< sum of x * x / N
  rms,          ///< sqrt(mean_square)
  min,
  max,
  variance,  ///< sum of (x - mean)^2 / (N - ddof); 0 where N <= ddof
  std_dev,   ///< sqrt(variance)
};

}  // namespace varo
