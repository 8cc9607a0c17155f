// SPDX-License-Identifier: Apache-2.0
/// What each instruction does to one element. Plain functions without a target of their own: the
/// loops that inline them decide for which instruction set they are compiled.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "core/convert.h"
#include "kernels/pointwise/program.h"

namespace varo::element {

// Signed integers wrap; in C++ only the unsigned ones do. Promotion of 16-bit products to int is
// avoided too.
template <class T>
using Wrapping = std::conditional_t<(sizeof(T) < 4), std::uint32_t, std::make_unsigned_t<T>>;

template <class T>
inline T integer_power(T base, T exponent) {
  if constexpr (std::is_signed_v<T>)
    if (exponent < 0) return 0;
  auto factor = static_cast<Wrapping<T>>(base);
  Wrapping<T> product = 1;
  for (auto e = static_cast<std::make_unsigned_t<T>>(exponent); e != 0; e >>= 1) {
    if ((e & 1) != 0) product *= factor;
    factor *= factor;
  }
  return static_cast<T>(product);
}

template <Op op, class T>
inline T unary(T a) {
  if constexpr (op == Op::negate || op == Op::abs) {
    if constexpr (std::is_floating_point_v<T>) {
      return op == Op::negate ? -a : std::abs(a);
    } else {
      const auto negated = static_cast<T>(Wrapping<T>{0} - static_cast<Wrapping<T>>(a));
      return op == Op::negate || a < T(0) ? negated : a;
    }
  } else if constexpr (op == Op::sqrt) {
    return std::sqrt(a);
  } else if constexpr (op == Op::rsqrt) {
    return T(1) / std::sqrt(a);
  } else if constexpr (op == Op::cbrt) {
    return std::cbrt(a);
  } else if constexpr (op == Op::exp) {
    return std::exp(a);
  } else if constexpr (op == Op::log) {
    return std::log(a);
  } else if constexpr (op == Op::log2) {
    return std::log2(a);
  } else if constexpr (op == Op::log10) {
    return std::log10(a);
  } else if constexpr (op == Op::floor) {
    return std::floor(a);
  } else if constexpr (op == Op::ceil) {
    return std::ceil(a);
  } else if constexpr (op == Op::sin) {
    return std::sin(a);
  } else if constexpr (op == Op::cos) {
    return std::cos(a);
  } else if constexpr (op == Op::tan) {
    return std::tan(a);
  } else if constexpr (op == Op::asin) {
    return std::asin(a);
  } else if constexpr (op == Op::acos) {
    return std::acos(a);
  } else if constexpr (op == Op::atan) {
    return std::atan(a);
  } else if constexpr (op == Op::sinh) {
    return std::sinh(a);
  } else if constexpr (op == Op::cosh) {
    return std::cosh(a);
  } else if constexpr (op == Op::tanh) {
    return std::tanh(a);
  } else if constexpr (op == Op::asinh) {
    return std::asinh(a);
  } else if constexpr (op == Op::acosh) {
    return std::acosh(a);
  } else {
    static_assert(op == Op::atanh);
    return std::atanh(a);
  }
}

template <Op op, class T>
inline auto binary(T a, T b) {
  if constexpr (op == Op::eq) {
    return a == b;
  } else if constexpr (op == Op::ne) {
    return a != b;
  } else if constexpr (op == Op::lt) {
    return a < b;
  } else if constexpr (op == Op::le) {
    return a <= b;
  } else if constexpr (op == Op::gt) {
    return a > b;
  } else if constexpr (op == Op::ge) {
    return a >= b;
  } else if constexpr (op == Op::min) {
    return b < a ? b : a;
  } else if constexpr (op == Op::max) {
    return a < b ? b : a;
  } else if constexpr (op == Op::bit_and) {
    return static_cast<T>(a & b);
  } else if constexpr (op == Op::bit_or) {
    return static_cast<T>(a | b);
  } else if constexpr (op == Op::bit_xor) {
    return static_cast<T>(a ^ b);
  } else if constexpr (std::is_same_v<T, bool>) {
    static_assert(op == Op::mul);
    return static_cast<bool>(a & b);
  } else if constexpr (std::is_floating_point_v<T>) {
    if constexpr (op == Op::add)
      return a + b;
    else if constexpr (op == Op::sub)
      return a - b;
    else if constexpr (op == Op::mul)
      return a * b;
    else if constexpr (op == Op::div)
      return a / b;
    else if constexpr (op == Op::pow)
      return std::pow(a, b);
    else
      return std::atan2(a, b);
  } else {
    using W = Wrapping<T>;
    if constexpr (op == Op::add)
      return static_cast<T>(static_cast<W>(a) + static_cast<W>(b));
    else if constexpr (op == Op::sub)
      return static_cast<T>(static_cast<W>(a) - static_cast<W>(b));
    else if constexpr (op == Op::mul)
      return static_cast<T>(static_cast<W>(a) * static_cast<W>(b));
    else if constexpr (op == Op::pow)
      return integer_power(a, b);
    else {
      static_assert(op == Op::div);
      if (b == 0) return T(0);
      if constexpr (std::is_signed_v<T>)
        if (b == -1) return static_cast<T>(W{0} - static_cast<W>(a));
      return static_cast<T>(a / b);
    }
  }
}

/// Instructions that have loops of their own for f32 (functions.cc).
constexpr bool is_function(Op op) {
  return (op >= Op::cbrt && op <= Op::atanh && op != Op::floor && op != Op::ceil) ||
         op == Op::pow || op == Op::atan2;
}

/// Which instructions exist for T here.
template <Op op, class T>
constexpr bool exists() {
  if (std::is_same_v<T, Half>) return false;
  if (std::is_same_v<T, float> && is_function(op)) return false;
  if (op >= Op::eq && op <= Op::ge) return true;
  if (op >= Op::bit_and && op <= Op::bit_xor) return std::is_integral_v<T>;
  if (std::is_same_v<T, bool>) return op == Op::mul;
  if (op == Op::atan2 || (op >= Op::sqrt && op <= Op::atanh)) return std::is_floating_point_v<T>;
  return true;
}

// --- conversions in a form that becomes vectors
// ---------------------------------------------------

inline std::uint16_t half_bits(float value) {
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
  return static_cast<std::uint16_t>(sign | half);
}

inline float float_of_half(std::uint16_t half) {
  const std::uint32_t magnitude = half & 0x7fffU;
  const std::uint32_t shifted = (magnitude << 13) + 0x3800'0000U;
  const std::uint32_t special = shifted + 0x3800'0000U;
  const float subnormal = static_cast<float>(static_cast<std::int32_t>(magnitude)) * 0x1p-24F;
  std::uint32_t bits = magnitude < 0x400U ? std::bit_cast<std::uint32_t>(subnormal) : shifted;
  bits = magnitude >= 0x7c00U ? special : bits;
  return std::bit_cast<float>(bits | (static_cast<std::uint32_t>(half & 0x8000U) << 16));
}

/// saturate<To>(value), without branches where the type allows.
template <class To, class From>
inline To convert(From value) {
  if constexpr (std::is_same_v<From, Half> && !std::is_same_v<To, Half>) {
    return convert<To>(float_of_half(value.bits));
  } else if constexpr (std::is_same_v<To, Half> && std::is_same_v<From, float>) {
    return Half{half_bits(value)};
  } else if constexpr (std::is_same_v<To, Half> && std::is_integral_v<From> && sizeof(From) <= 2) {
    return Half{half_bits(static_cast<float>(value))};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To> &&
                       !std::is_same_v<To, bool> &&
                       (sizeof(To) <= 2 ||
                        (std::is_same_v<From, double> && std::is_same_v<To, std::int32_t>))) {
    // The limits are exact in From. Half a unit, less its last bit, then truncation: rounds halves
    // away from zero and leaves the largest value below a half where it is.
    constexpr From kLeast = std::numeric_limits<To>::min(), kMost = std::numeric_limits<To>::max();
    constexpr From kHalf =
        std::is_same_v<From, float> ? From(0x1.fffffep-2) : From(0x1.fffffffffffffp-2);
    From v = value == value ? value : From(0);
    v = v < kLeast ? kLeast : v;
    v = v > kMost ? kMost : v;
    return static_cast<To>(static_cast<std::int32_t>(v + std::copysign(kHalf, v)));
  } else if constexpr (std::is_same_v<From, float> && std::is_same_v<To, std::int32_t>) {
    constexpr float kLeast = -0x1p31F, kMost = 0x1.fffffep30F;
    float v = value == value ? value : 0.0F;
    v = v < kLeast ? kLeast : v;
    v = v > kMost ? kMost : v;
    const auto rounded = static_cast<std::int32_t>(v + std::copysign(0x1.fffffep-2F, v));
    return value >= 0x1p31F ? std::numeric_limits<std::int32_t>::max() : rounded;
  } else {
    return saturate<To>(value);
  }
}

}  // namespace varo::element
