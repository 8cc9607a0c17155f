// SPDX-License-Identifier: Apache-2.0
// Powers of floats, written as arithmetic-inl.h says; included after functions-inl.h. Beside V there
// are Floats and Words here: a float and an int32, or a vector of each.
//
// A logarithm that is multiplied by any exponent needs more bits than a float has. Powers are
// computed with in floats nevertheless, twice as many a vector as doubles: where one is not enough,
// a second holds what the first lost. Two kinds of operation make it, and both have the same bits
// with and without a fused instruction: a remainder, c - a b rounded once, whose exact value is a
// double's; and c - a b where a b is a float.
//
// Results are within 0.9 ulp; within 0.7 while they are between 2^-32 and 2^32. Polynomials are
// minimax (Remez exchange at 60 digits, coefficients rounded to float afterwards).
//
// Logarithms are in units of 2^-23: the bits of a float's exponent are then its whole part.

namespace varo {
namespace VARO_FORMULAS {

// x^y where x is in [2^-125, 2^125) and |y log2(x)| below 118, roughly; `whole` tells: it is the
// latter in eighths.
//
// x = m 2^e, and m is in one of eight cells, 2^20 floats each, that begin at kCells. log2 m is that
// of the cell's middle, c, and that of m / c: s P(s^2) with s = (m - c) / (m + c). The middles are
// chosen such that their logarithms are multiples of 2^-17, to 2^-36: together with e a float.
// P: minimax in the relative error, 2^-36; 2^f below: 2^-32.
VARO_FORMULA Floats ordinary_power(Floats x, Floats y, Floats& whole) {
  constexpr std::int32_t kCells = 0x3f78a000;
  static constexpr Table<float> kMiddle({0x1p+0F, 0x1.246a8ap+0F, 0x1.3d0852p+0F, 0x1.608076p+0F,
                                         0x1.86390ap+0F, 0x1.94c47cp+0F, 0x1.c40ab6p+0F,
                                         0x1.e1f9fap+0F});
  static constexpr Table<std::int32_t> kLogarithm(
      {0, 0x188f80, 0x277c80, 0x3b1200, 0x4dd800, 0x549a00, 0x690000, 0x74d740});
  static constexpr Table<float> kSlope(  // log2(e) / c
      {0x1.715476p+23F, 0x1.4355d4p+23F, 0x1.2a3ac4p+23F, 0x1.0c38a2p+23F, 0x1.e4964ap+22F,
       0x1.d32c96p+22F, 0x1.a2513ap+22F, 0x1.88562p+22F});
  constexpr float kFirst = 0x1.715476p+24F, kFirstLow = 0x1.4ae0cp-2F, kThird = 0x1.ec7096p+22F,
                  kFifth = 0x1.27ce14p+22F;

  const Words bits = words_of(x), moved = less(bits, integer(kCells));
  const Words exponent = masked(moved, -0x800000);
  const Words cell = words_right<20>(moved);
  const Floats m = floats_of(less(bits, exponent)), c = entries(kMiddle, cell);
  const Floats base = converted(sum_of(exponent, entries(kLogarithm, cell)));

  // What the sum loses is its last bit, a power of 2. `left` / (m + c) is what s loses, and
  // 1 / (m + c) = (1 - s) / 2c.
  const Floats difference = less(m, c), sum = sum_of(m, c);
  const Floats lost = less(m, less(sum, c)), s = quotient(difference, sum);
  const Floats left = less_product(remainder(difference, s, sum), s, lost);
  const Floats more = product(entries(kSlope, cell), left);
  const Floats square = product(s, s);
  const Floats series =
      sum_of(product(sum_of(product(square, real(kFifth)), real(kThird)), square), real(kFirstLow));
  const Floats small = sum_of(more, product(s, less(series, more)));

  const Floats logarithm = sum_of(base, product(s, real(kFirst)));
  const Floats low = less(small, remainder(less(logarithm, base), s, real(kFirst)));

  // y log2(x) = n + f, n in eighths, whose last bits are those of `rounded`.
  constexpr float kEighths = 0x1.8p43F;
  const Floats rounded = sum_of(product(y, logarithm), real(kEighths));
  whole = less(rounded, real(kEighths));
  const Floats f = less(product(y, low), remainder(whole, y, logarithm));

  // 2^f - 1, and 2^n: that of its fraction from tables, without the eighths that the addition to
  // the exponent brings, and what a float lacks of it, relatively.
  static constexpr Table<std::int32_t> kPower({0x3f800000, 0x3f7b95c2, 0x3f7837f0, 0x3f75fed7,
                                               0x3f7504f3, 0x3f75672a, 0x3f7744fd, 0x3f7ac0c7});
  static constexpr Table<float> kLacks({0, -0x1.9c0c22p-27F, 0x1.125002p-25F, -0x1.0a355p-25F,
                                        0x1.26055cp-26F, 0x1.67a1cap-28F, -0x1.f9c304p-27F,
                                        -0x1.a5217cp-28F});
  const Words last = words_of(rounded);
  const Floats power = floats_of(sum_of(entries(kPower, last), words_left<20>(last)));
  Floats less_1 = product(f, real(0x1.3b324ep-99F));
  less_1 = product(f, sum_of(less_1, real(0x1.c6c0f8p-74F)));
  less_1 = product(f, sum_of(less_1, real(0x1.ebfbep-49F)));
  less_1 = product(f, sum_of(less_1, real(0x1.62e43p-24F)));
  return sum_of(power, product(power, sum_of(less_1, entries(kLacks, last))));
}

// x^y by the rules of C, for any x and y.
VARO_FORMULA V power_of_any(V x, V y) {
  const V size = size_of(x);
  const Mask endless = size_of(y) == kInfinity;
  const Mask grows = ((size > 1) & (y > 0)) | ((size < 1) & (y < 0));
  V r = select(endless | (size == 0) | (size == kInfinity), select(grows, kInfinity, value(0)),
               float_exp2_of(y * log2_of(size)));
  r = select(endless & (size == 1), 1, r);
  const V half = y * 0.5;
  const Mask whole = floor(y) == y, odd = whole & !(floor(half) == half);
  r = select(negative(x) & odd, xor_bits(r, value(-0.0)), r);
  r = select((x < 0) & (x > -kInfinity) & !whole, kNan, r);
  r = select((x == x) & (y == y), r, x + y);
  return select((y == 0) | (x == 1), 1, r);
}

// ordinary_power() is right where the bits of x less kLeast are below kSpan and those of |whole|
// below kLargest, without a sign.
constexpr std::uint32_t kLeast = 0x01000000, kSpan = 0x7d000000;  // 2^-125, and up to 2^125
constexpr std::int32_t kLargest = 0x4e6c0000;                     // 118

}  // namespace VARO_FORMULAS
}  // namespace varo
