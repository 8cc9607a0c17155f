// SPDX-License-Identifier: Apache-2.0
// Circular functions of floats and their inverses, written as arithmetic-inl.h says, which is
// included before. What functions-inl.h says of accuracy and polynomials holds here too.

namespace varo {
namespace VARO_FORMULAS {

// x = q pi/2 + r with q whole and r in [-pi/4, pi/4]. Where |x| >= 2^20, turn(x, r, q) sets both
// right.

// q in the low bits, of which the last two count.
VARO_FORMULA V quarters_of(V x) { return x * (2 / kPi) + kRounder; }
VARO_FORMULA V rest_of(V x, V quarters) {
  // pi/2 in two parts, the first of 33 bits: its product with a whole number below 2^20 is exact,
  // and so is what that leaves of x.
  constexpr double kFirst = 0x1.921fb544p+0, kSecond = 0x1.0b4611a626331p-34;
  const V n = quarters - kRounder;
  return x - n * kFirst - n * kSecond;
}
VARO_FORMULA V sine(V r, V square) {
  constexpr double kSine[] = {0x1.fffffffff5fd9p-1, -0x1.55555548e2152p-3, 0x1.11110717afccdp-7,
                              -0x1.a00ec6890cf07p-13, 0x1.6cb087013b114p-19};  // 2^-37
  return r * polynomial(square, kSine);
}
VARO_FORMULA V cosine(V square) {
  constexpr double kCosine[] = {0x1.ffffffffffdb0p-1,  -0x1.ffffffffdfeebp-2,
                                0x1.555555430ca52p-5,  -0x1.6c16b20886b85p-10,
                                0x1.a00e38ef70d11p-16, -0x1.23b6a87bf27f6p-22};  // 2^-43
  return polynomial(square, kCosine);
}
// The lowest bit of q, and the one above it, as a sign.
VARO_FORMULA V last_bit(V q) { return bits_left<63>(q); }
VARO_FORMULA V second_bit(V q) { return bits_left<63>(bits_right<1>(q)); }

// The sine of x and `quarters` quarter turns.
VARO_FORMULA V sine_ahead(V x, std::uint64_t quarters) {
  V q = quarters_of(x), r = rest_of(x, q);
  turn(x, r, q);
  const V square = r * r;
  q = plus_bits(q, quarters);
  return xor_bits(select(negative(last_bit(q)), cosine(square), sine(r, square)), second_bit(q));
}

VARO_FORMULA V tangent(V x) {
  V q = quarters_of(x), r = rest_of(x, q);
  turn(x, r, q);
  const V square = r * r, s = sine(r, square), c = cosine(square);
  const V sign = last_bit(q);
  const Mask odd = negative(sign);
  return xor_bits(select(odd, c, s) / select(odd, s, c), sign);
}

// --- their inverses

// asin(w) / w of w^2 up to 1/4.
VARO_FORMULA V arc_sine_series(V square) {
  constexpr double kArcSine[] = {
      0x1.0000000001017p+0, 0x1.55555541657a3p-3,  0x1.3333436fab9f6p-4,
      0x1.6db1c8c66f87ap-5, 0x1.f29129bf14b1ep-6,  0x1.65cdc78493594p-6,
      0x1.542cbb31efe9fp-6, 0x1.c189a8220d830p-10, 0x1.0fa3518cfc47bp-5};  // 2^-39
  return polynomial(square, kArcSine);
}

// Beyond 1/2: asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2)).
VARO_FORMULA V arc_sine(V x) {
  const V size = size_of(x);
  const Mask far = size > 0.5;
  const V square = select(far, (1 - size) * 0.5, size * size);
  const V arc = select(far, root(square), size) * arc_sine_series(square);
  return with_sign(select(far, kPi / 2 - (arc + arc), arc), x);
}

VARO_FORMULA V arc_cosine(V x) {
  const V size = size_of(x);
  const Mask far = size > 0.5;
  const V square = select(far, (1 - size) * 0.5, size * size);
  const V arc = select(far, root(square), x) * arc_sine_series(square), twice = arc + arc;
  return select(far, select(x < 0, kPi - twice, twice), kPi / 2 - arc);
}

// The angle of the point (x, y): both finite, neither negative, not both 0.
VARO_FORMULA V angle_of(V y, V x) {
  constexpr double kArcTangent[] = {0x1.fffffffffe68dp-1, -0x1.5555554bf36aep-2,
                                    0x1.9999907fc3981p-3, -0x1.249098f96567fp-3,
                                    0x1.c6cd2dc4b58eep-4, -0x1.705e3159a2201p-4,
                                    0x1.1dcd518cf1f66p-4, -0x1.34ee37f4975f0p-5};  // 2^-40
  // Mirrored at the diagonal into the lower half, then turned by pi/4 if above pi/8.
  constexpr double kTanPi8 = 0x1.a827999fcef32p-2;
  const V low = least(x, y), high = most(x, y);
  const Mask middle = high * kTanPi8 < low;
  const V ratio = select(middle, low - high, low) / select(middle, low + high, high);
  const V arc = ratio * polynomial(ratio * ratio, kArcTangent);
  const V angle = arc + select(middle, kPi / 4, value(0));
  return select(x < y, kPi / 2 - angle, angle);
}

VARO_FORMULA V arc_tangent(V x) {
  return unless_nan(x, with_sign(angle_of(least(size_of(x), value(0x1p400)), value(1)), x));
}

// Infinite and zero coordinates become so large and so small ones that their ratios to those of
// floats vanish, and equal ones.
VARO_FORMULA V arc_tangent_2(V y, V x) {
  const V angle =
      angle_of(least(size_of(y), value(0x1p400)), clamped(size_of(x), 0x1p-400, 0x1p400));
  const V whole = with_sign(select(negative(x), kPi - angle, angle), y);
  return unless_nan(x, unless_nan(y, whole));
}

}  // namespace VARO_FORMULAS
}  // namespace varo
