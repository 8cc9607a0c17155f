// SPDX-License-Identifier: Apache-2.0
// What the functions of floats share, which are computed with in doubles.
//
// This file and those that are included after it (circular-inl.h, functions-inl.h, powers-inl.h)
// say what the functions are, once: for V a double, whose condition is a bool (pointwise_point.h),
// and for V four vectors of doubles, for whichever instruction set includes them (functions.cc).
// The includer defines V, Mask and the operations on them in the namespace VARO_FORMULAS, and what
// stands before a function: VARO_FORMULA. No include guards.

namespace varo {
namespace VARO_FORMULAS {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kLn2 = 0x1.62e42fefa39efp-1, kLog2E = 0x1.71547652b82fep+0;
constexpr double kLog10Of2 = 0x1.34413509f79ffp-2;
constexpr double kPi = 0x1.921fb54442d18p+1;
// t + kRounder is rounded, and holds the whole number in its low bits.
constexpr double kRounder = 0x1.8p52;

VARO_FORMULA V clamped(V x, double low, double high) {
  return least(most(x, value(low)), value(high));
}
VARO_FORMULA Mask negative(V x) { return with_sign(value(1), x) < 0; }  // -0 is
// `result`, or x where x is no number.
VARO_FORMULA V unless_nan(V x, V result) { return select(x == x, result, x); }

// c[0] + c[1] x + c[2] x^2 + ...: neighbours first, then a Horner scheme in x^2, which takes half
// the time of one in x.
template <std::size_t n>
VARO_FORMULA V polynomial(V x, const double (&c)[n]) {
  const V square = x * x;
  constexpr std::size_t kTop = (n - 1) / 2 * 2;
  V sum = value(c[kTop]);
  if constexpr (kTop + 1 < n) sum = x * c[kTop + 1] + sum;
  for (std::size_t i = kTop; i >= 2; i -= 2) sum = sum * square + (x * c[i - 1] + c[i - 2]);
  return sum;
}

}  // namespace VARO_FORMULAS
}  // namespace varo
