// SPDX-License-Identifier: Apache-2.0
/// Saturating conversion between element types: the one rule that every operator uses.
///
///   float -> int    round to nearest, halves away from zero, then clamp; NaN gives 0
///   float -> bool   rounded first, so 0.3 is false and 0.5 is true; NaN is true
///   int -> int      clamp
///   any -> float    nearest
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "core/dispatch.h"
#include "core/half.h"
#include "core/hd.h"
#include "core/scalar.h"

namespace varo {

/// What an integer conversion, which cuts the fraction off, makes the nearest whole number to x,
/// halves away from zero: x with half a unit more, less its last bit, which leaves the largest
/// value below a half where it is.
template <class F>
VARO_HD constexpr F half_further(F x) {
  return x + scalar::with_sign(
                 std::is_same_v<F, float> ? F(0x1.fffffep-2F) : F(0x1.fffffffffffffp-2), x);
}

/// Without branches where no type is wider than 32 bits (but for float64), so that loops over it
/// become vectors.
template <class To, class From>
VARO_HD constexpr To saturate(From value) {
  if constexpr (std::is_same_v<To, From>) {
    return value;
  } else if constexpr (std::is_same_v<From, Half>) {
    return saturate<To>(to_float(value));
  } else if constexpr (std::is_same_v<To, Half>) {
    // A float that is exact, or a double: nothing may be rounded twice.
    using Exact = std::conditional_t<std::is_same_v<From, float> ||
                                         (std::is_integral_v<From> && sizeof(From) <= 2),
                                     float, double>;
    return to_half(static_cast<Exact>(value));
  } else if constexpr (std::is_same_v<From, bool> || std::is_floating_point_v<To>) {
    return static_cast<To>(value);
  } else if constexpr (std::is_floating_point_v<From>) {
    using Limits = std::numeric_limits<To>;
    if constexpr (std::is_same_v<To, bool>) {
      return !(value > From(-0.5) && value < From(0.5));
    } else if constexpr (Limits::digits <= 31) {
      // Clamped between numbers of From; what a float lacks of the largest int32 is seen to at the
      // end.
      constexpr bool kExact = Limits::digits <= std::numeric_limits<From>::digits;
      constexpr From kLeast = Limits::min(), kMost = kExact ? From(Limits::max()) : 0x1.fffffep30F;
      From v = value;
      if constexpr (std::is_signed_v<To>) v = v == v ? v : From(0);  // else 0 is the least
      v = v > kLeast ? v : kLeast;
      v = v < kMost ? v : kMost;
      const auto rounded = static_cast<To>(static_cast<std::int32_t>(half_further(v)));
      if constexpr (kExact) return rounded;
      return value >= 0x1p31F ? Limits::max() : rounded;
    } else {
      // 2^digits is exact in any float type; max() itself may not be.
      constexpr auto kAbove = static_cast<From>(1) * (std::uint64_t{1} << (Limits::digits - 1)) * 2;
      const From further = half_further(value);
      if (further >= kAbove) return Limits::max();
      if constexpr (std::is_signed_v<To>) {
        if (further < -kAbove) return Limits::min();
        return further == further ? static_cast<To>(further) : To(0);
      } else {
        return further > From(0) ? static_cast<To>(further) : To(0);
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
