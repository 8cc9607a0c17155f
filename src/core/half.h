// SPDX-License-Identifier: Apache-2.0
/// IEEE 754 binary16 conversions, round to nearest even. From and to float without branches, so that
/// loops over them become vectors.
#pragma once

#include <bit>
#include <cstdint>

#include "core/hd.h"
#include "varo/dtype.h"

namespace varo {

/// Values of magnitude 65520 and above become infinity; NaN stays NaN.
VARO_HD constexpr Half to_half(double value) {
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

VARO_HD constexpr Half to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000U, magnitude = bits & 0x7fff'ffffU;
  // Normal halves: round to even at bit 13; a carry moves into the exponent as it should.
  const std::uint32_t rounded = magnitude + 0xfffU + ((magnitude >> 13) & 1U);
  const std::uint32_t normal = (rounded - 0x3800'0000U) >> 13;
  // Subnormal ones: adding 1/2 leaves a multiple of 2^-24 in the low bits.
  const std::uint32_t subnormal =
      std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5F) - 0x3f00'0000U;
  std::uint32_t half = magnitude < 0x3880'0000U ? subnormal : normal;
  half = rounded >= 0x4780'0000U ? 0x7c00U : half;
  half = magnitude > 0x7f80'0000U ? 0x7e00U : half;
  return {static_cast<std::uint16_t>(sign | half)};
}

VARO_HD constexpr float to_float(Half half) {
  const std::uint32_t magnitude = half.bits & 0x7fffU;
  const std::uint32_t shifted = (magnitude << 13) + 0x3800'0000U;
  const std::uint32_t special = shifted + 0x3800'0000U;
  const float subnormal = static_cast<float>(static_cast<std::int32_t>(magnitude)) * 0x1p-24F;
  std::uint32_t bits = magnitude < 0x400U ? std::bit_cast<std::uint32_t>(subnormal) : shifted;
  bits = magnitude >= 0x7c00U ? special : bits;
  return std::bit_cast<float>(bits | (static_cast<std::uint32_t>(half.bits & 0x8000U) << 16));
}

}  // namespace varo
