// SPDX-License-Identifier: Apache-2.0
#include "core/convert.h"

#include <cmath>
#include <cstdint>
#include <gtest/gtest.h>

namespace varo {
namespace {

template <class T>
constexpr T kMin = std::numeric_limits<T>::min();
template <class T>
constexpr T kMax = std::numeric_limits<T>::max();

TEST(Saturate, halves_round_away_from_zero) {
  EXPECT_EQ(saturate<std::int32_t>(0.5F), 1);
  EXPECT_EQ(saturate<std::int32_t>(1.5F), 2);
  EXPECT_EQ(saturate<std::int32_t>(2.5F), 3);
  EXPECT_EQ(saturate<std::int32_t>(-0.5F), -1);
  EXPECT_EQ(saturate<std::int32_t>(-2.5F), -3);
  EXPECT_EQ(saturate<std::int32_t>(0.49999997F), 0);
  EXPECT_EQ(saturate<std::int32_t>(-0.49999997F), 0);
  EXPECT_EQ(saturate<std::int64_t>(0.49999999999999994), 0);
  EXPECT_EQ(saturate<std::uint8_t>(254.5F), 255);
}

static_assert(saturate<std::uint8_t>(254.5F) == 255 && saturate<std::int16_t>(-2.5) == -3);

template <class T>
class FloatToInteger : public testing::Test {};
using Integers = testing::Types<std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t,
                                std::int8_t, std::int16_t, std::int32_t, std::int64_t>;
TYPED_TEST_SUITE(FloatToInteger, Integers);

TYPED_TEST(FloatToInteger, clamps_at_the_limits) {
  using T = TypeParam;
  const double above = std::ldexp(1.0, std::numeric_limits<T>::digits);  // kMax + 1
  EXPECT_EQ(saturate<T>(above), kMax<T>);
  EXPECT_EQ(saturate<T>(static_cast<float>(above)), kMax<T>);
  EXPECT_EQ(saturate<T>(1e30F), kMax<T>);
  EXPECT_EQ(saturate<T>(static_cast<double>(INFINITY)), kMax<T>);
  EXPECT_EQ(saturate<T>(-1e30F), kMin<T>);
  EXPECT_EQ(saturate<T>(-INFINITY), kMin<T>);
  EXPECT_EQ(saturate<T>(std::is_signed_v<T> ? -above : 0.0), kMin<T>);
  EXPECT_EQ(saturate<T>(-0.4), T(0));
  EXPECT_EQ(saturate<T>(NAN), T(0));
  // The largest double below the limit is a number of T (64 bits) or rounds to kMax.
  const double below = std::nextafter(above, 0.0);
  EXPECT_EQ(saturate<T>(below), sizeof(T) == 8 ? static_cast<T>(below) : kMax<T>);
}

// The rule in the C library's words, in a type that holds every number there is.
template <class T, class F>
T rounded_and_clamped(F value) {
  if (std::isnan(value)) return 0;
  const long double whole = std::round(static_cast<long double>(value));
  if (whole >= static_cast<long double>(kMax<T>)) return kMax<T>;
  return whole <= static_cast<long double>(kMin<T>) ? kMin<T> : static_cast<T>(whole);
}

// Around every half and whole number up to `most`, and powers of 2 as far as they go.
template <class T, class F>
void expect_the_rule(int most) {
  const auto expect = [](F v) {
    for (const F x : {v, std::nextafter(v, F(INFINITY)), std::nextafter(v, F(-INFINITY))})
      for (const F value : {x, -x}) ASSERT_EQ(saturate<T>(value), (rounded_and_clamped<T>(value)));
  };
  for (int i = 0; i <= 2 * most; ++i) expect(static_cast<F>(i) / 2);
  for (int e = -160; e <= 70; ++e)
    for (const double by : {0.0, 0.5, 1.0, -0.5, -1.0})
      expect(static_cast<F>(std::ldexp(1.0, e) + by));
  for (const F v :
       {F(INFINITY), F(NAN), std::numeric_limits<F>::max(), std::numeric_limits<F>::denorm_min()})
    expect(v);
}

TYPED_TEST(FloatToInteger, rounds_halves_away_everywhere) {
  expect_the_rule<TypeParam, float>(70'000);
  expect_the_rule<TypeParam, double>(70'000);
}

TYPED_TEST(FloatToInteger, half_precision_goes_through_float) {
  using T = TypeParam;
  EXPECT_EQ(saturate<T>(to_half(2.5)), T(3));
  EXPECT_EQ(saturate<T>(to_half(-INFINITY)), kMin<T>);
}

TEST(Saturate, integers_clamp) {
  EXPECT_EQ(saturate<std::uint8_t>(-1), 0);
  EXPECT_EQ(saturate<std::uint8_t>(256), 255);
  EXPECT_EQ(saturate<std::int8_t>(std::uint8_t{200}), 127);
  EXPECT_EQ(saturate<std::int8_t>(-129), -128);
  EXPECT_EQ(saturate<std::uint64_t>(std::int8_t{-1}), 0U);
  EXPECT_EQ(saturate<std::int64_t>(kMax<std::uint64_t>), kMax<std::int64_t>);
  EXPECT_EQ(saturate<std::uint32_t>(kMax<std::int64_t>), kMax<std::uint32_t>);
  EXPECT_EQ(saturate<std::int32_t>(kMin<std::int64_t>), kMin<std::int32_t>);
  EXPECT_EQ(saturate<std::int16_t>(std::uint16_t{32768}), 32767);
  EXPECT_EQ(saturate<std::uint16_t>(std::int16_t{-5}), 0);
}

TEST(Saturate, bool_means_not_zero_after_rounding) {
  EXPECT_FALSE(saturate<bool>(0.3F));
  EXPECT_TRUE(saturate<bool>(0.5F));
  EXPECT_TRUE(saturate<bool>(-0.5));
  EXPECT_FALSE(saturate<bool>(-0.49));
  EXPECT_TRUE(saturate<bool>(-3));
  EXPECT_FALSE(saturate<bool>(std::uint64_t{0}));
  EXPECT_EQ(saturate<std::int16_t>(true), 1);
  EXPECT_EQ(saturate<float>(true), 1.0F);
}

TEST(Saturate, anything_to_float_is_the_nearest) {
  EXPECT_EQ(saturate<float>(16777217), 16777216.0F);
  EXPECT_EQ(saturate<float>(kMax<std::uint64_t>), 0x1p64F);
  EXPECT_EQ(saturate<double>(kMax<std::int64_t>), 0x1p63);
  EXPECT_EQ(saturate<Half>(70000).bits, 0x7c00);
  EXPECT_EQ(saturate<Half>(-2.0F).bits, 0xc000);
}

TEST(BitsOf, saturates) {
  EXPECT_EQ(bits_of(-3, DType::u8), 0U);
  EXPECT_EQ(bits_of(300.0, DType::u8), 255U);
  EXPECT_EQ(bits_of(-1, DType::i16), 0xffffU);
  EXPECT_EQ(bits_of(1, DType::f16), 0x3c00U);
  EXPECT_EQ(bits_of(1.0F, DType::f32), 0x3f800000U);
  EXPECT_EQ(bits_of(kMax<std::int64_t>, DType::u64), 0x7fff'ffff'ffff'ffffU);
}

TEST(BitsOf, gives_a_value_back) {
  EXPECT_EQ(bits_of(std::int8_t{-1}), 0xffU);
  EXPECT_EQ(from_bits<std::int16_t>(bits_of(std::int16_t{-300})), -300);
  EXPECT_EQ(from_bits<double>(bits_of(-0.5)), -0.5);
}

TEST(BitsOf, converts_between_types) {
  EXPECT_EQ(converted_bits(bits_of(2.5F), DType::f32, DType::u8), 3U);
  EXPECT_EQ(converted_bits(0xff38, DType::i16, DType::f32), bits_of(-200.0F));
  EXPECT_EQ(converted_bits(bits_of(300.0, DType::u8), DType::u8, DType::f16),
            bits_of(255, DType::f16));
}

}  // namespace
}  // namespace varo
