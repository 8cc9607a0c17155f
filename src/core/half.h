// SPDX-License-Identifier: Apache-2.0
/// IEEE 754 binary16 conversions, round to nearest even.
#pragma once

#include <bit>
#include <cstdint>

#include "varo/dtype.h"

namespace varo {

/// Values of magnitude 65520 and above become infinity; NaN stays NaN.
inline Half to_half(double value) {
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 48) & 0x8000U);
  const std::uint64_t magnitude = bits & 0x7fff'ffff'ffff'ffffU;
  if (magnitude > 0x7ff0'0000'0000'0000U) return {static_cast<std::uint16_t>(sign | 0x7e00U)};
  const int exponent = static_cast<int>(magnitude >> 52) - 1023;
  if (exponent > 15) return {static_cast<std::uint16_t>(sign | 0x7c00U)};
  if (exponent < -25) return {sign};
  const std::uint64_t mantissa = (magnitude & 0x000f'ffff'ffff'ffffU) | 0x0010'0000'0000'0000U;
  // Normal halves keep 10 of 52 fraction bits; subnormal ones lose one more bit per exponent step.
  const int shift = exponent >= -14 ? 42 : 42 + (-14 - exponent);
  std::uint64_t kept = mantissa >> shift;
  const std::uint64_t rest = mantissa & ((std::uint64_t{1} << shift) - 1);
  const std::uint64_t tie = std::uint64_t{1} << (shift - 1);
  if (rest > tie || (rest == tie && (kept & 1) != 0)) ++kept;
  // `kept` has the implicit bit at position 10; adding lets a carry move into the exponent.
  const auto biased =
      exponent >= -14 ? (static_cast<std::uint64_t>(exponent + 14) << 10) + kept : kept;
  return {static_cast<std::uint16_t>(sign | biased)};
}

inline float to_float(Half half) {
  const std::uint32_t sign = (half.bits & 0x8000U) << 16;
  const std::uint32_t exponent = (half.bits >> 10) & 0x1fU;
  const std::uint32_t fraction = half.bits & 0x3ffU;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f80'0000U | (fraction << 13));
  if (exponent != 0)
    return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
  const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
  return sign != 0 ? -magnitude : magnitude;
}

}  // namespace varo
