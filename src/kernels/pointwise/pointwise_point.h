// SPDX-License-Identifier: Apache-2.0
/// What each instruction of a pointwise program does to one element. Plain functions without a
/// target of their own: the loops that inline them decide for which instruction set they are
/// compiled. Functions of f32 are those of functions.cc for one element, bit for bit.
///
/// needs   nothing of Highway, oneTBB or fmt; compiles for devices
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "core/convert.h"
#include "core/hd.h"
#include "core/scalar.h"
#include "kernels/pointwise/op.h"

namespace varo::element {

// Signed integers wrap; in C++ only the unsigned ones do. Promotion of 16-bit products to int is
// avoided too.
template <class T>
using Wrapping = std::conditional_t<(sizeof(T) < 4), std::uint32_t, std::make_unsigned_t<T>>;

template <class T>
VARO_HD constexpr T integer_power(T base, T exponent) {
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

/// Instructions that are functions of floats beyond a square root: of f32 those of functions-inl.h,
/// whose loops are in functions.cc.
constexpr bool is_function(Op op) {
  return (op >= Op::cbrt && op <= Op::atanh && op != Op::floor && op != Op::ceil) ||
         op == Op::pow || op == Op::atan2;
}

// --- what the formulas of functions are written in: V, Floats and Words of arithmetic-inl.h and
// powers-inl.h

using V = double;
using Mask = bool;
using Floats = float;
using Words = std::int32_t;

VARO_HD constexpr std::uint64_t bits_of(V x) { return std::bit_cast<std::uint64_t>(x); }
VARO_HD constexpr V from_bits(std::uint64_t bits) { return std::bit_cast<V>(bits); }

VARO_HD constexpr V value(double x) { return x; }
VARO_HD constexpr V plus_bits(V x, std::uint64_t by) { return from_bits(bits_of(x) + by); }
VARO_HD constexpr V plus_bits(V x, V y) { return from_bits(bits_of(x) + bits_of(y)); }
VARO_HD constexpr V and_bits(V x, std::uint64_t mask) { return from_bits(bits_of(x) & mask); }
VARO_HD constexpr V or_bits(V x, std::uint64_t more) { return from_bits(bits_of(x) | more); }
VARO_HD constexpr V xor_bits(V x, V y) { return from_bits(bits_of(x) ^ bits_of(y)); }
template <int n>
VARO_HD constexpr V bits_left(V x) {
  return from_bits(bits_of(x) << n);
}
template <int n>
VARO_HD constexpr V bits_right(V x) {
  return from_bits(bits_of(x) >> n);
}
VARO_HD constexpr bool all(Mask x) { return x; }
VARO_HD constexpr V select(Mask mask, V yes, V no) { return mask ? yes : no; }
VARO_HD constexpr V least(V x, V y) { return x < y ? x : y; }
VARO_HD constexpr V most(V x, V y) { return x > y ? x : y; }
VARO_HD constexpr V size_of(V x) { return scalar::abs(x); }
VARO_HD constexpr V with_sign(V size, V of) { return scalar::with_sign(size, of); }
VARO_HD inline V floor(V x) { return scalar::floor(x); }
VARO_HD inline V root(V x) { return scalar::root(x); }

// For |x| >= 2^20: of 2/pi times x, only what is below 4 matters, so the mantissa (24 bits) is
// multiplied by those 96 bits of 2/pi that make it.
// source  Payne, Hanek, "Radian reduction for trigonometric functions", SIGNUM 1983
VARO_HD inline void turn_far(double x, double& r, double& q) {
  constexpr std::uint32_t kTwoOverPi[] = {0,           0xa2f9836eU, 0x4e441529U, 0xfc2757d1U,
                                          0xf534ddc0U, 0xdb629599U, 0x3c439041U, 0xfe5163abU};
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const int exponent = static_cast<int>(bits >> 52 & 0x7ffU) - 1023;
  r = std::numeric_limits<double>::quiet_NaN();
  q = 0;
  if (exponent == 1024) return;
  const std::uint64_t mantissa = (bits >> 29 & 0x7fffffU) | 0x800000U;
  const int first = exponent - 23 + 30;  // bits before this one make multiples of 4
  const auto part = [&](int i) -> std::uint64_t {
    const auto k = static_cast<std::size_t>(first / 32) + static_cast<std::size_t>(i);
    const std::uint64_t both = (std::uint64_t{kTwoOverPi[k]} << 32) | kTwoOverPi[k + 1];
    return both >> (32 - first % 32) & 0xffffffffU;
  };
  const std::uint64_t product =  // in units of 2^-62
      (mantissa * part(0) << 32) + mantissa * part(1) + (mantissa * part(2) >> 32);
  const std::uint64_t quarters = (product + (std::uint64_t{1} << 61)) >> 62;
  r = static_cast<double>(static_cast<std::int64_t>(product - (quarters << 62))) *
      (0x1.921fb54442d18p+0 * 0x1p-62);
  if (x < 0) r = -r;
  q = std::bit_cast<double>(x < 0 ? 0 - quarters : quarters);
}
VARO_HD inline void turn(V x, V& r, V& q) {
  if (!(scalar::abs(x) < 0x1p20)) turn_far(x, r, q);
}

VARO_HD constexpr Floats real(float x) { return x; }
VARO_HD constexpr Words integer(std::int32_t x) { return x; }
VARO_HD constexpr Words words_of(Floats x) { return std::bit_cast<Words>(x); }
VARO_HD constexpr Floats floats_of(Words x) { return std::bit_cast<Floats>(x); }
VARO_HD constexpr Floats converted(Words x) { return static_cast<Floats>(x); }
VARO_HD constexpr Words masked(Words x, std::int32_t mask) { return x & mask; }
template <int n>
VARO_HD constexpr Words words_left(Words x) {
  return static_cast<Words>(static_cast<std::uint32_t>(x) << n);
}
template <int n>
VARO_HD constexpr Words words_right(Words x) {
  return x >> n;
}
VARO_HD constexpr Floats sum_of(Floats a, Floats b) { return a + b; }
VARO_HD constexpr Floats less(Floats a, Floats b) { return a - b; }
VARO_HD constexpr Words sum_of(Words a, Words b) {
  return static_cast<Words>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
}
VARO_HD constexpr Words less(Words a, Words b) {
  return static_cast<Words>(static_cast<std::uint32_t>(a) - static_cast<std::uint32_t>(b));
}
VARO_HD constexpr Floats product(Floats a, Floats b) { return a * b; }
VARO_HD constexpr Floats quotient(Floats a, Floats b) { return a / b; }
/// c - a b, where a b is a float.
VARO_HD constexpr Floats less_product(Floats c, Floats a, Floats b) { return c - a * b; }
/// c - a b, rounded once. The exact value is a double's.
VARO_HD constexpr Floats remainder(Floats c, Floats a, Floats b) {
  return static_cast<Floats>(double{c} - double{a} * double{b});
}

// Eight numbers, and again, for vectors of sixteen.
template <class T>
struct Table {
  alignas(64) T values[16] = {};
  constexpr explicit Table(const T (&of)[8]) {
    for (std::size_t i = 0; i < 16; ++i) values[i] = of[i % 8];
  }
};
/// The entry that the last three bits of `at` name.
template <class T>
VARO_HD constexpr T entries(const Table<T>& table, Words at) {
  return table.values[at & 7];
}

}  // namespace varo::element

#define VARO_FORMULAS element
#define VARO_FORMULA VARO_HD inline
#include "kernels/pointwise/arithmetic-inl.h"
// After what it uses.
#include "kernels/pointwise/circular-inl.h"
// After what it uses.
#include "kernels/pointwise/functions-inl.h"
// After what it uses.
#include "kernels/pointwise/powers-inl.h"
#undef VARO_FORMULAS
#undef VARO_FORMULA

namespace varo::element {

// --- instructions

/// x^y by the rules of C.
VARO_HD inline float power(float x, float y) {
  if (words_of(x) == 0 && y > 0) return 0;
  float whole = 0;
  const float ordinary = ordinary_power(x, y, whole);
  const auto place = static_cast<std::uint32_t>(words_of(x)) - kLeast;
  if (place < kSpan && words_of(scalar::abs(whole)) < kLargest) return ordinary;
  return static_cast<float>(power_of_any(x, y));
}

/// Every instruction of one operand but convert, which is saturate() of core/convert.h. Functions
/// take f32 here.
template <Op op, class T>
VARO_HD inline T unary(T a) {
  if constexpr (op == Op::negate || op == Op::abs) {
    if constexpr (std::is_floating_point_v<T>) {
      return op == Op::negate ? -a : scalar::abs(a);
    } else {
      const auto negated = static_cast<T>(Wrapping<T>{0} - static_cast<Wrapping<T>>(a));
      return op == Op::negate || a < T(0) ? negated : a;
    }
  } else if constexpr (op == Op::sqrt) {
    return scalar::root(a);
  } else if constexpr (op == Op::rsqrt) {
    return T(1) / scalar::root(a);
  } else if constexpr (op == Op::floor) {
    return scalar::floor(a);
  } else if constexpr (op == Op::ceil) {
    return scalar::ceil(a);
  } else {
    static_assert(is_function(op) && std::is_same_v<T, float>);
    return static_cast<float>(function_of<op>(double{a}));
  }
}

template <Op op, class T>
VARO_HD inline auto binary(T a, T b) {
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
  } else if constexpr (is_function(op) && !std::is_integral_v<T>) {
    static_assert(std::is_same_v<T, float>);
    if constexpr (op == Op::pow)
      return power(a, b);
    else
      return static_cast<float>(function_of<op>(double{a}, double{b}));
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
    else {
      static_assert(op == Op::div);
      return a / b;
    }
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

}  // namespace varo::element
