// SPDX-License-Identifier: Apache-2.0
#include "core/half.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace varo {
namespace {

static_assert(to_half(1.0).bits == 0x3c00 && to_half(-0x1p-24F).bits == 0x8001);
static_assert(to_float(Half{0x7bff}) == 65504);

Half half_of(unsigned bits) { return {static_cast<std::uint16_t>(bits)}; }

// sign, exponent and fraction put together by arithmetic.
double value_of(unsigned bits) {
  const int exponent = static_cast<int>(bits >> 10) & 31;
  const double fraction = bits & 0x3ff;
  const double magnitude = exponent == 31  ? (fraction == 0 ? INFINITY : NAN)
                           : exponent == 0 ? std::ldexp(fraction, -24)
                                           : std::ldexp(1024 + fraction, exponent - 25);
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

TEST(Half, every_half_survives_the_round_trip) {
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const float value = to_float(half_of(bits));
    if (std::isnan(value_of(bits))) {
      EXPECT_TRUE(std::isnan(value)) << bits;
      EXPECT_EQ(to_half(value).bits & 0x7e00, 0x7e00) << bits;
      continue;
    }
    ASSERT_EQ(value, value_of(bits)) << bits;
    ASSERT_EQ(to_half(value).bits, bits);
  }
}

TEST(Half, halfway_goes_to_even_and_beside_it_to_the_nearest) {
  for (unsigned bits = 0; bits < 0x7bff; ++bits) {
    const double low = value_of(bits), high = value_of(bits + 1), middle = (low + high) / 2;
    ASSERT_EQ(to_half(middle).bits, bits + (bits & 1)) << bits;
    ASSERT_EQ(to_half(std::nextafter(middle, 0.0)).bits, bits);
    ASSERT_EQ(to_half(std::nextafter(middle, INFINITY)).bits, bits + 1);
    ASSERT_EQ(to_half(-middle).bits, 0x8000 + bits + (bits & 1));
  }
}

TEST(Half, floats_round_as_their_doubles_do) {
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const float value = to_float(half_of(bits));
    for (const float v : {value, std::nextafter(value, INFINITY), std::nextafter(value, -INFINITY),
                          value * 1.0002441F, value * 1.00048828125F})
      ASSERT_EQ(to_half(v).bits, to_half(double{v}).bits) << v;
  }
}

TEST(Half, overflow_is_infinity) {
  EXPECT_EQ(to_half(65519.99).bits, 0x7bff);
  EXPECT_EQ(to_half(65520.0).bits, 0x7c00);
  EXPECT_EQ(to_half(std::numeric_limits<double>::max()).bits, 0x7c00);
  EXPECT_EQ(to_half(-INFINITY).bits, 0xfc00);
}

}  // namespace
}  // namespace varo
