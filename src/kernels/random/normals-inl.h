// SPDX-License-Identifier: Apache-2.0
// Normal numbers by the method of Box and Muller, for a Word that is one number (random_point.h) or
// four vectors of them, for whichever instruction set includes this (random.cc). The includer
// defines the operations on words and floats in the namespace VARO_FORMULAS, and what stands before
// a function: VARO_FORMULA. No include guard.

namespace varo {
namespace VARO_FORMULAS {

// -2 ln((word + 1/2) / 2^32).
template <class Word>
VARO_FORMULA auto minus_two_log(Word word) {
  // Halves first: a signed conversion exists as one instruction everywhere.
  const auto number =
      to_float(shift_right<8>(word)) * 256.0F + (to_float(masked(word, 0xffU)) + 0.5F);
  // number / 2^32 = m * 2^e with m in [sqrt(1/2), sqrt(2)).
  constexpr std::uint32_t kSqrtHalf = 0x3f3504f3U;
  const auto moved = bits_of(number) - (kSqrtHalf + (32U << 23));
  const auto m = from_bits(masked(moved, 0x7fffffU) + kSqrtHalf);
  const auto e = to_float(signed_shift_right<23>(moved));
  // ln m = 2 artanh(s), |s| < 0.1716.
  const auto s = (m - 1.0F) / (m + 1.0F);
  const auto z = s * s;
  const auto series = z * (z * (z * (z * (-4.0F / 9) + -4.0F / 7) + -4.0F / 5) + -4.0F / 3) + -4.0F;
  // -2 ln 2 in two parts, the first with few enough bits that its product with e is exact.
  return e * -0x1.62ep+0F + (e * -0x1.0bfbe8p-14F + s * series);
}

template <class Real>
struct Pair {
  Real x, y;
};
// Cosine and sine of word / 2^32 turns.
template <class Word>
VARO_FORMULA auto on_circle(Word word) {
  // A quarter of a turn is 2^30: what is left of the nearest one, at most an eighth of a turn.
  const auto a = to_float(shift_left<2>(word)) * 0x1.921fb6p-32F;  // 2 pi / 2^34
  const auto z = a * a;
  const auto sine =
      a * z * (z * (z * (z * (1.0F / 362880) + -1.0F / 5040) + 1.0F / 120) + -1.0F / 6) + a;
  const auto cosine =
      z * (z * (z * (z * (z * (-1.0F / 3628800) + 1.0F / 40320) + -1.0F / 720) + 1.0F / 24) +
           -0.5F) +
      1.0F;
  const auto quarters = word + 0x2000'0000U;  // in the top two bits
  const auto swapped = shift_left<1>(quarters);
  const auto x = choose(swapped, sine, cosine), y = choose(swapped, cosine, sine);
  const auto sign_x = masked(quarters + 0x4000'0000U, 0x8000'0000U);
  const auto sign_y = masked(quarters, 0x8000'0000U);
  return Pair<decltype(from_bits(word))>{from_bits(bits_of(x) ^ sign_x),
                                         from_bits(bits_of(y) ^ sign_y)};
}

template <class Word>
VARO_FORMULA auto normal_pair(Word radius, Word angle) {
  const auto p = on_circle(angle);
  const auto r = root(minus_two_log(radius));
  return Pair<decltype(from_bits(radius))>{r * p.x, r * p.y};
}

}  // namespace VARO_FORMULAS
}  // namespace varo
