// SPDX-License-Identifier: Apache-2.0
// Real functions of floats, written as arithmetic-inl.h says; included after circular-inl.h.
//
// A float has an exact double, and 53 bits leave so much room that every step below may round as it
// likes: results are within 2^-30 of the true ones, relatively, before the one rounding to float.
// Arguments were, and results will be, floats: subnormal, overflowing and vanishing ones need no
// care in here. Multiplications and additions stay apart: not every instruction set has a fused
// one.
//
// Polynomials are minimax in the relative error (Remez exchange at 50 digits, coefficients rounded
// to double afterwards); the bound of each is stated beside it.

namespace varo {
namespace VARO_FORMULAS {

// --- logarithms
// x = m 2^e with m in [sqrt(1/2), sqrt(2)); log2 m = s P(s^2) with s = (m - 1) / (m + 1).

constexpr std::uint64_t kSqrtHalf = 0x3fe6a09e667f3bcd, kMantissa = (std::uint64_t{1} << 52) - 1;
// Above, the exponent, 1024 added so that it is not negative; below, how far m is from sqrt(1/2).
VARO_FORMULA V moved_exponent(V x) { return plus_bits(x, (std::uint64_t{1024} << 52) - kSqrtHalf); }
VARO_FORMULA V m_of(V moved) { return plus_bits(and_bits(moved, kMantissa), kSqrtHalf); }
VARO_FORMULA V e_of(V moved) {
  return or_bits(bits_right<52>(moved), 0x4330000000000000) - (0x1p52 + 1024);  // to 2^52
}

VARO_FORMULA V log2_of_ratio(V difference, V sum) {
  constexpr double kLog2[] = {0x1.71547652bedf3p+1, 0x1.ec709d12cf29cp-1, 0x1.27777fe8f7afbp-1,
                              0x1.a58d888300de8p-2, 0x1.5ce85a622fc37p-2};  // 2^-37
  const V s = difference / sum;
  return s * polynomial(s * s, kLog2);
}

VARO_FORMULA V log2_from(V moved) {
  const V m = m_of(moved);
  return e_of(moved) + log2_of_ratio(m - 1, m + 1);
}
// x finite and above 0. For a float that is not, |e| is above 1000 instead of below 150.
VARO_FORMULA V log2_of(V x) { return log2_from(moved_exponent(x)); }

// ln(1 + w), w finite and above -1. Where 1 + w is its own m, w is m - 1 without a rounding.
VARO_FORMULA V log_of_1_plus(V w) {
  const V moved = moved_exponent(w + 1), m = m_of(moved), e = e_of(moved);
  return (e + log2_of_ratio(select(e == 0, w, m - 1), m + 1)) * kLn2;
}

// log2(x) times `scale`; infinite or no number where there is no finite logarithm.
VARO_FORMULA V logarithm(V x, double scale) {
  const V moved = moved_exponent(x);
  V result = log2_from(moved) * scale;
  const Mask ordinary = size_of(e_of(moved)) < 500;
  if (!all(ordinary)) [[unlikely]]
    result = select(ordinary, result, select(x == 0, -kInfinity, select(x < 0, kNan, x)));
  return result;
}

// --- exponentials
// t = n + f with n whole and f in [-1/2, 1/2]; 2^f = 1 + f P(f).

// The nearest whole number to t, in the low bits.
VARO_FORMULA V whole_of(V t) { return t + kRounder; }
// 2^f - 1 for t = n + f.
VARO_FORMULA V power_less_1(V t, V whole) {
  constexpr double kExp2[] = {0x1.62e42fefd32a9p-1, 0x1.ebfbe0452f5c8p-3,  0x1.c6b08cb174c36p-5,
                              0x1.3b2a1c3678332p-7, 0x1.5d88bda6822d1p-10, 0x1.443f6229c7777p-13,
                              0x1.ffcbe7063b773p-17};  // 2^-32
  const V f = t - (whole - kRounder);
  return f * polynomial(f, kExp2);
}

// x 2^n.
VARO_FORMULA V scaled(V x, V whole) { return plus_bits(x, bits_left<52>(whole)); }

// 2^t, |t| < 1000.
VARO_FORMULA V exp2_of(V t) {
  const V whole = whole_of(t);
  return scaled(power_less_1(t, whole) + 1, whole);
}

// 2^t for a float, any t: beyond these exponents it is 0 or infinite.
VARO_FORMULA V float_exp2_of(V t) { return unless_nan(t, exp2_of(clamped(t, -160, 140))); }

VARO_FORMULA V exponential(V x) {
  const V t = x * kLog2E;
  V result = exp2_of(t);
  if (!all(size_of(t) < 900)) [[unlikely]]
    result = float_exp2_of(t);
  return result;
}

// e^x - 1, |x| < 600.
VARO_FORMULA V exp_of_less_1(V x) {
  const V t = x * kLog2E, whole = whole_of(t), scale = scaled(value(1), whole);
  return scale * power_less_1(t, whole) + (scale - 1);
}

VARO_FORMULA V cube_root(V x) {
  const V size = size_of(x);
  const V r = with_sign(exp2_of(log2_of(size) * (1.0 / 3)), x);
  return select((size > 0) & (size < kInfinity), r, x);
}

// --- hyperbolic functions and their inverses

VARO_FORMULA V hyperbolic_sine(V x) {
  const V e = exp_of_less_1(clamped(size_of(x), 0, 100));
  return unless_nan(x, with_sign((e + e / (e + 1)) * 0.5, x));
}

VARO_FORMULA V hyperbolic_cosine(V x) {
  const V e = exp2_of(clamped(size_of(x) * kLog2E, 0, 140));
  return unless_nan(x, (e + 1 / e) * 0.5);
}

VARO_FORMULA V hyperbolic_tangent(V x) {
  const V e = exp_of_less_1(clamped(size_of(x) * 2, 0, 24));
  return unless_nan(x, with_sign(e / (e + 2), x));
}

VARO_FORMULA V inverse_hyperbolic_sine(V x) {
  const V size = size_of(x), square = size * size;
  const V r = log_of_1_plus(size + square / (root(square + 1) + 1));
  return select(size < kInfinity, with_sign(r, x), x);
}

VARO_FORMULA V inverse_hyperbolic_cosine(V x) {
  const V above = x - 1;
  const V r = log_of_1_plus(above + root(above * (x + 1)));
  return select(x < 1, kNan, select(x < kInfinity, r, x));
}

VARO_FORMULA V inverse_hyperbolic_tangent(V x) {
  const V size = size_of(x);
  const V r = log_of_1_plus((size + size) / (1 - size)) * 0.5;
  return with_sign(select(size < 1, r, select(size == 1, kInfinity, value(kNan))), x);
}

// ------------------------------------------------------------------------------------------------

template <Op op>
VARO_FORMULA V function_of(V x) {
  if constexpr (op == Op::cbrt) return cube_root(x);
  if constexpr (op == Op::exp) return exponential(x);
  if constexpr (op == Op::log) return logarithm(x, kLn2);
  if constexpr (op == Op::log2) return logarithm(x, 1);
  if constexpr (op == Op::log10) return logarithm(x, kLog10Of2);
  if constexpr (op == Op::sin) return sine_ahead(x, 0);
  if constexpr (op == Op::cos) return sine_ahead(x, 1);
  if constexpr (op == Op::tan) return tangent(x);
  if constexpr (op == Op::asin) return arc_sine(x);
  if constexpr (op == Op::acos) return arc_cosine(x);
  if constexpr (op == Op::atan) return arc_tangent(x);
  if constexpr (op == Op::sinh) return hyperbolic_sine(x);
  if constexpr (op == Op::cosh) return hyperbolic_cosine(x);
  if constexpr (op == Op::tanh) return hyperbolic_tangent(x);
  if constexpr (op == Op::asinh) return inverse_hyperbolic_sine(x);
  if constexpr (op == Op::acosh) return inverse_hyperbolic_cosine(x);
  if constexpr (op == Op::atanh) return inverse_hyperbolic_tangent(x);
}

template <Op op>
VARO_FORMULA V function_of(V a, V b) {
  if constexpr (op == Op::atan2) return arc_tangent_2(a, b);
}

}  // namespace VARO_FORMULAS
}  // namespace varo
