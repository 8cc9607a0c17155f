// SPDX-License-Identifier: Apache-2.0
#include "kernels/pointwise/loops.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <hwy/targets.h>
#include <limits>
#include <vector>

#include "core/convert.h"
#include "core/dispatch.h"
#include "kernels/pointwise/element.h"

namespace varo {
namespace {

constexpr std::int64_t kCount = 333;

template <class T>
T saturated(double value) {
  return saturate<T>(value);
}

// Bytes of kCount values of a type: limits, ties, specials and a spread of others.
std::vector<std::byte> values_of(DType dtype, unsigned seed) {
  std::vector<std::byte> bytes(kCount * size_of(dtype));
  dispatch_all(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const double special[] = {
        0.0,        -0.0,         0.5,          -0.5,          1.5,          2.5,      -2.5,
        254.5,      255.5,        127.5,        -128.5,        32767.5,      -32768.5, 65535.5,
        0.49999997, 2147483647.0, 2147483648.0, -2147483649.0, 4294967295.5, 1e19,     -1e19,
        1e300,      INFINITY,     -INFINITY,    NAN,           1.0,          -1.0,     3.0,
        6e-8,       2.9e-8,       65519.0,      65520.0,       1e-40};
    for (std::size_t i = 0; i < kCount; ++i) {
      seed = seed * 1664525 + 1013904223;
      const double spread = std::ldexp(static_cast<double>(static_cast<std::int32_t>(seed)),
                                       -static_cast<int>(i % 40));
      const T value = saturated<T>(i % 3 == 0 ? special[seed % std::size(special)] : spread);
      std::memcpy(&bytes[i * sizeof(T)], &value, sizeof(T));
    }
  });
  return bytes;
}

std::vector<std::byte> result_of(Loop loop, DType from, DType to, bool selects) {
  const std::vector<std::byte> a = values_of(selects ? DType::boolean : from, 1),
                               b = values_of(from, 2), c = values_of(from, 3);
  std::vector<std::byte> out(kCount * size_of(to) + 64, std::byte{0x5a});
  loop({out.data(), {a.data(), b.data(), c.data()}}, kCount);
  return out;
}

DType result_type(Op op, DType t) { return op >= Op::eq && op <= Op::ge ? DType::boolean : t; }

bool is_nan_at(const std::vector<std::byte>& bytes, DType t, std::size_t i) {
  if (t == DType::f32) {
    float v;
    std::memcpy(&v, &bytes[i * 4], 4);
    return std::isnan(v);
  }
  if (t == DType::f64) {
    double v;
    std::memcpy(&v, &bytes[i * 8], 8);
    return std::isnan(v);
  }
  return false;
}

void expect_equal(const std::vector<std::byte>& a, const std::vector<std::byte>& b, DType t) {
  for (std::size_t i = 0; i < kCount; ++i) {
    if (is_nan_at(a, t, i) && is_nan_at(b, t, i)) continue;
    ASSERT_EQ(std::memcmp(&a[i * size_of(t)], &b[i * size_of(t)], size_of(t)), 0)
        << "element " << i;
  }
  for (std::size_t i = kCount * size_of(t); i < a.size(); ++i) ASSERT_EQ(a[i], std::byte{0x5a});
}

TEST(Loops, every_target_gives_the_bits_of_the_plain_loop) {
  int compared = 0;
  for (std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    for (int op = static_cast<int>(Op::convert); op <= static_cast<int>(Op::select); ++op) {
      for (int from = 0; from < kDTypeCount; ++from) {
        for (int to = 0; to < kDTypeCount; ++to) {
          const Op o = static_cast<Op>(op);
          const auto f = static_cast<DType>(from), t = static_cast<DType>(to);
          if (o != Op::convert && t != result_type(o, f)) continue;
          const Loop vector = find_vector_loop(o, f, t);
          if (vector == nullptr) continue;
          const Loop plain = find_plain_loop(o, f, t);
          ASSERT_NE(plain, nullptr);
          SCOPED_TRACE(testing::Message() << hwy::TargetName(target) << " op " << op << " "
                                          << name_of(f) << " to " << name_of(t));
          expect_equal(result_of(vector, f, t, o == Op::select),
                       result_of(plain, f, t, o == Op::select), t);
          ++compared;
        }
      }
    }
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  EXPECT_GT(compared, 150);  // as many a target, of which a build may have one
}

TEST(Loops, conversions_follow_the_one_rule) {
  for (int from = 0; from < kDTypeCount; ++from) {
    for (int to = 0; to < kDTypeCount; ++to) {
      const auto f = static_cast<DType>(from), t = static_cast<DType>(to);
      SCOPED_TRACE(testing::Message() << name_of(f) << " to " << name_of(t));
      const std::vector<std::byte> in = values_of(f, 1);
      std::vector<std::byte> expected(kCount * size_of(t) + 64, std::byte{0x5a});
      dispatch_all(f, [&](auto from_tag) {
        dispatch_all(t, [&](auto to_tag) {
          using From = typename decltype(from_tag)::type;
          using To = typename decltype(to_tag)::type;
          for (std::size_t i = 0; i < kCount; ++i) {
            From value;
            std::memcpy(&value, &in[i * sizeof(From)], sizeof(From));
            const To converted = saturate<To>(value);
            std::memcpy(&expected[i * sizeof(To)], &converted, sizeof(To));
          }
        });
      });
      expect_equal(result_of(find_loop(Op::convert, f, t), f, t, false), expected, t);
    }
  }
}

template <class T, Op op>
T on(T a, T b) {
  T out{};
  find_loop(op, dtype_of<T>, dtype_of<T>)({&out, {&a, &b, nullptr}}, 1);
  return out;
}

TEST(Loops, integers_wrap_and_division_never_traps) {
  constexpr auto kLeast = std::numeric_limits<std::int32_t>::min();
  EXPECT_EQ((on<std::int32_t, Op::add>(std::numeric_limits<std::int32_t>::max(), 1)), kLeast);
  EXPECT_EQ((on<std::uint8_t, Op::sub>(3, 5)), 254);
  EXPECT_EQ((on<std::uint16_t, Op::mul>(65535, 65535)), 1);
  EXPECT_EQ((on<std::int32_t, Op::div>(7, -2)), -3);
  EXPECT_EQ((on<std::int32_t, Op::div>(7, 0)), 0);
  EXPECT_EQ((on<std::int32_t, Op::div>(kLeast, -1)), kLeast);
  EXPECT_EQ((on<std::int8_t, Op::div>(-128, -1)), -128);
  EXPECT_EQ((on<std::int64_t, Op::div>(std::numeric_limits<std::int64_t>::min(), -1)),
            std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ((on<std::int32_t, Op::pow>(-3, 3)), -27);
  EXPECT_EQ((on<std::int32_t, Op::pow>(2, 31)), kLeast);
  EXPECT_EQ((on<std::int32_t, Op::pow>(2, -1)), 0);
  EXPECT_EQ((on<std::uint8_t, Op::pow>(0, 0)), 1);
  EXPECT_EQ((on<std::int8_t, Op::abs>(-128, 0)), -128);
  EXPECT_EQ((on<std::uint8_t, Op::abs>(200, 0)), 200);
  EXPECT_EQ((on<std::uint8_t, Op::negate>(1, 0)), 255);
}

}  // namespace
}  // namespace varo
