// SPDX-License-Identifier: Apache-2.0
/// Saturating conversion between element types: the one rule that every operator uses.
///
///   float -> int    round to nearest, halves away from zero, then clamp; NaN gives 0
///   float -> bool   rounded first, so 0.3 is false and 0.5 is true
///   int -> int      clamp
///   any -> float    nearest
#pragma once

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "core/dispatch.h"
#include "core/half.h"

namespace varo {

template <class To, class From>
inline To saturate(From value) {
  if constexpr (std::is_same_v<To, From>) {
    return value;
  } else if constexpr (std::is_same_v<From, Half>) {
    return saturate<To>(to_float(value));
  } else if constexpr (std::is_same_v<To, Half>) {
    return to_half(static_cast<double>(value));
  } else if constexpr (std::is_same_v<From, bool> || std::is_floating_point_v<To>) {
    return static_cast<To>(value);
  } else if constexpr (std::is_floating_point_v<From>) {
    if constexpr (std::is_same_v<To, bool>) {
      return value >= From(0.5) || value <= From(-0.5);
    } else {
      // 2^digits is exact in any float type; max() itself may not be.
      constexpr auto kAbove =
          static_cast<From>(1) * (std::uint64_t{1} << (std::numeric_limits<To>::digits - 1)) * 2;
      const From rounded = std::round(value);
      if (rounded >= kAbove) return std::numeric_limits<To>::max();
      if constexpr (std::is_signed_v<To>) {
        if (rounded < -kAbove) return std::numeric_limits<To>::min();
        return rounded == rounded ? static_cast<To>(rounded) : To(0);
      } else {
        return rounded > From(0) ? static_cast<To>(rounded) : To(0);
      }
    }
  } else if constexpr (std::is_same_v<To, bool>) {
    return value != 0;
  } else {
    if constexpr (std::is_signed_v<From>) {
      if constexpr (std::is_unsigned_v<To>) {
        if (value < 0) return 0;
        using Wide = std::make_unsigned_t<From>;
        if (static_cast<Wide>(value) > std::numeric_limits<To>::max())
          return std::numeric_limits<To>::max();
      } else if constexpr (sizeof(To) < sizeof(From)) {
        if (value < std::numeric_limits<To>::min()) return std::numeric_limits<To>::min();
        if (value > std::numeric_limits<To>::max()) return std::numeric_limits<To>::max();
      }
    } else {
      using Limit = std::make_unsigned_t<To>;
      if (value > static_cast<Limit>(std::numeric_limits<To>::max()))
        return std::numeric_limits<To>::max();
    }
    return static_cast<To>(value);
  }
}

/// The bytes of `value`, in the first sizeof(T) of the result.
template <class T>
std::uint64_t bits_of(T value) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t));
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  return bits;
}
/// The value whose bytes these are.
template <class T>
T from_bits(std::uint64_t bits) {
  T value;
  std::memcpy(static_cast<void*>(&value), &bits, sizeof(T));
  return value;
}

/// The bytes of `value` in `dtype`, saturated: what paddings and constants are given as.
template <class T>
std::uint64_t bits_of(T value, DType dtype) {
  std::uint64_t bits = 0;
  dispatch_all(dtype,
               [&](auto tag) { bits = bits_of(saturate<typename decltype(tag)::type>(value)); });
  return bits;
}
/// The same of the value whose bytes in `from` these are.
inline std::uint64_t converted_bits(std::uint64_t bits, DType from, DType to) {
  std::uint64_t result = 0;
  dispatch_all(
      from, [&](auto tag) { result = bits_of(from_bits<typename decltype(tag)::type>(bits), to); });
  return result;
}

}  // namespace varo
