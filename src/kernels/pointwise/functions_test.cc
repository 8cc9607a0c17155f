// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <hwy/targets.h>
#include <vector>

#include "kernels/pointwise/loops.h"
#include "kernels/pointwise/pointwise_point.h"

namespace varo {
namespace {

struct Unary {
  const char* name;
  Op op;
  float (*point)(float);
  double (*reference)(double);
};
#define VARO_UNARY(name) \
  { #name, Op::name, element::unary < Op::name, float>, std::name }
constexpr Unary kUnary[] = {
    VARO_UNARY(cbrt),  VARO_UNARY(exp),   VARO_UNARY(log),  VARO_UNARY(log2), VARO_UNARY(log10),
    VARO_UNARY(sin),   VARO_UNARY(cos),   VARO_UNARY(tan),  VARO_UNARY(asin), VARO_UNARY(acos),
    VARO_UNARY(atan),  VARO_UNARY(sinh),  VARO_UNARY(cosh), VARO_UNARY(tanh), VARO_UNARY(asinh),
    VARO_UNARY(acosh), VARO_UNARY(atanh),
};
#undef VARO_UNARY
struct Binary {
  const char* name;
  Op op;
  float (*point)(float, float);
  double (*reference)(double, double);
  double ulps;
};
float power_at(float x, float y) { return element::binary<Op::pow>(x, y); }
float angle_at(float y, float x) { return element::binary<Op::atan2>(y, x); }
constexpr Binary kBinary[] = {{"pow", Op::pow, power_at, std::pow, 0.9},
                              {"atan2", Op::atan2, angle_at, std::atan2, 0.51}};

using Floats = std::vector<float>;

Floats results(Op op, const Floats& a, const Floats& b = {}) {
  Floats out(a.size());
  find_loop(op, DType::f32, DType::f32)({out.data(), {a.data(), b.data(), nullptr}},
                                        static_cast<std::int64_t>(a.size()));
  return out;
}

// How far a float is from a value, in the spacing of the floats around that value. Infinities,
// zeros and their signs must be the value's own.
double error_in_ulps(float result, double value) {
  const auto rounded = static_cast<float>(value);
  if (std::isnan(rounded) || std::isnan(result))
    return std::isnan(rounded) && std::isnan(result) ? 0 : INFINITY;
  if (std::signbit(rounded) != std::signbit(result)) return INFINITY;
  if (std::isinf(rounded) || std::isinf(result)) return rounded == result ? 0 : INFINITY;
  int exponent = 0;
  std::frexp(value, &exponent);
  return std::abs(result - value) / std::ldexp(1.0, std::max(exponent - 24, -149));
}

// Every `step`-th float of all there are, infinite ones and no numbers included.
Floats floats_by(std::uint32_t step) {
  Floats values;
  for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32); bits += step)
    values.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
  return values;
}

const Floats kSpecial = [] {
  Floats values;
  for (const float v : {0.0F,          0x1p-149F,  0x1p-127F,     0x1p-126F,     0x1p-12F, 0.3F,
                        0.5F,          0.9999999F, 1.0F,          1.0000001F,    1.5F,     2.0F,
                        2.5F,          3.0F,       4.0F,          5.0F,          127.0F,   128.0F,
                        0x1p23F - .5F, 0x1p23F,    0x1p23F + 1.F, 0x1p24F + 2.F, 0x1p64F,  3.4e38F,
                        INFINITY,      NAN}) {
    values.push_back(v);
    values.push_back(-v);
  }
  return values;
}();

// Pairs in runs longer than any vector, so that each has whole vectors of its kind: any bits;
// image-like bases; the same with zeros between; results near the ends of the range; bases near 1
// with large exponents. Before them all pairs of special values.
void pairs(std::size_t count, Floats& a, Floats& b) {
  for (const float x : kSpecial) {
    for (const float y : kSpecial) {
      a.push_back(x);
      b.push_back(y);
    }
  }
  std::uint32_t state = 1;
  const auto word = [&] { return state = state * 1664525 + 1013904223; };
  const auto between = [&](double size) {
    return static_cast<double>(static_cast<std::int32_t>(word()) >> 4) * 0x1p-27 * size;
  };
  for (std::size_t i = 0; i < count; ++i) {
    float x = std::bit_cast<float>(word()), y = std::bit_cast<float>(word());
    const std::size_t kind = i / 128 % 5;
    if (kind == 1 || kind == 2) {
      x = kind == 2 && i % 3 == 0 ? 0 : static_cast<float>(std::abs(between(4)));
      y = static_cast<float>(kind == 2 && i % 128 < 64 ? std::abs(between(6)) : between(6));
    } else if (kind == 3) {
      x = std::abs(x);
      y = static_cast<float>(between(152) / std::log2(x));
    } else if (kind == 4) {
      x = static_cast<float>(1 + between(1e-4));
      y = static_cast<float>(between(1e5));
    }
    a.push_back(x);
    b.push_back(y);
  }
}

template <class Body>
void on_every_target(const Body& body) {
  for (std::int64_t rest = hwy::SupportedTargets(); rest != 0; rest &= rest - 1) {
    hwy::SetSupportedTargetsForTest(rest & -rest);
    SCOPED_TRACE(hwy::TargetName(rest & -rest));
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
}

void expect_same_bits(const Floats& got, const Floats& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    ASSERT_TRUE(std::memcmp(&got[i], &expected[i], sizeof(float)) == 0 ||
                (std::isnan(got[i]) && std::isnan(expected[i])))
        << i << ": " << got[i] << " and " << expected[i];
}

TEST(Functions, of_one_operand_are_within_an_ulp_and_those_of_a_point_on_every_target) {
  Floats values = floats_by(65521);
  values.insert(values.end(), kSpecial.begin(), kSpecial.end());
  for (const Unary& f : kUnary) {
    SCOPED_TRACE(f.name);
    Floats expected;
    for (const float v : values) expected.push_back(f.point(v));
    for (std::size_t i = 0; i < values.size(); ++i)
      ASSERT_LT(error_in_ulps(expected[i], f.reference(values[i])), 0.51) << values[i];
    on_every_target([&] { expect_same_bits(results(f.op, values), expected); });
  }
}

TEST(Functions, of_two_operands_are_within_an_ulp_and_those_of_a_point_on_every_target) {
  Floats a, b;
  pairs(100'000, a, b);
  for (const Binary& f : kBinary) {
    SCOPED_TRACE(f.name);
    Floats expected;
    for (std::size_t i = 0; i < a.size(); ++i) expected.push_back(f.point(a[i], b[i]));
    for (std::size_t i = 0; i < a.size(); ++i)
      ASSERT_LT(error_in_ulps(expected[i], f.reference(a[i], b[i])), f.ulps) << a[i] << " " << b[i];
    on_every_target([&] { expect_same_bits(results(f.op, a, b), expected); });
  }
}

TEST(Functions, powers_of_all_bases_of_a_binade_are_exact_or_within_an_ulp) {
  // Exponents that make the result 2 to about +-t for the bases between 3/4 and 3/2.
  for (const double t : {1.0, 31.0, 117.5, -117.5, -140.0}) {
    Floats a, b;
    for (std::uint32_t bits = 0x3f400000; bits < 0x3fc00000; bits += 61) {
      const auto x = std::bit_cast<float>(bits);
      if (x == 1) continue;
      a.push_back(x);
      b.push_back(static_cast<float>(t / std::log2(double{x})));
    }
    Floats got;
    for (std::size_t i = 0; i < a.size(); ++i) got.push_back(power_at(a[i], b[i]));
    const double bound = std::abs(t) < 32 ? 0.7 : 0.9;
    for (std::size_t i = 0; i < a.size(); ++i)
      ASSERT_LT(error_in_ulps(got[i], std::pow(double{a[i]}, double{b[i]})), bound)
          << a[i] << " " << b[i];
    on_every_target([&] { expect_same_bits(results(Op::pow, a, b), got); });
  }
  // What is a float is that float.
  Floats a, b, exact;
  const auto add = [&](float x, float y, double power) {
    a.push_back(x);
    b.push_back(y);
    exact.push_back(static_cast<float>(power));
  };
  for (const float x : floats_by(65521)) add(x, 1, x);
  for (float x = 1; x < 4096; ++x) {
    add(x, 2, double{x} * x);
    add(x * x, 0.5, x);
  }
  for (float y = -126; y < 128; ++y) add(2, y, std::exp2(double{y}));
  on_every_target([&] { expect_same_bits(results(Op::pow, a, b), exact); });
}

TEST(Functions, sines_of_large_arguments_near_multiples_of_pi) {
  // The floats that come closest, for their size, to a multiple of pi/2 in their binade.
  Floats values;
  for (int exponent = 0; exponent < 128; ++exponent) {
    double best = INFINITY;
    float closest = 0;
    for (std::uint32_t mantissa = 0; mantissa < (1U << 23); mantissa += 1021) {
      const float x =
          std::bit_cast<float>((static_cast<std::uint32_t>(exponent + 127) << 23) | mantissa);
      const double distance =
          std::min(std::abs(std::sin(double{x})), std::abs(std::cos(double{x})));
      if (distance < best) {
        best = distance;
        closest = x;
      }
    }
    values.push_back(closest);
    values.push_back(-closest);
  }
  for (const Op op : {Op::sin, Op::cos, Op::tan}) {
    const Unary& f = *std::find_if(std::begin(kUnary), std::end(kUnary),
                                   [&](const Unary& u) { return u.op == op; });
    const Floats got = results(op, values);
    for (std::size_t i = 0; i < values.size(); ++i)
      ASSERT_LT(error_in_ulps(got[i], f.reference(values[i])), 0.51) << f.name << " " << values[i];
  }
}

TEST(Functions, any_length_is_computed_alike_and_nothing_past_the_end) {
  Floats a, b;
  pairs(600, a, b);
  const Floats expected = results(Op::pow, a, b);
  on_every_target([&] {
    for (std::size_t count = 0; count < 140; ++count) {
      for (const std::size_t first : {std::size_t{2704}, std::size_t{2707}, std::size_t{31}}) {
        Floats out(count + 1, -777.0F);
        find_loop(Op::pow, DType::f32, DType::f32)(
            {out.data(), {a.data() + first, b.data() + first, nullptr}},
            static_cast<std::int64_t>(count));
        EXPECT_EQ(out.back(), -777.0F);
        out.pop_back();
        const auto begin = expected.begin() + static_cast<std::ptrdiff_t>(first);
        expect_same_bits(out, Floats(begin, begin + static_cast<std::ptrdiff_t>(count)));
      }
    }
  });
}

}  // namespace
}  // namespace varo
