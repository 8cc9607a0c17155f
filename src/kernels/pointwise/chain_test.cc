// SPDX-License-Identifier: Apache-2.0
#include "kernels/pointwise/chain.h"

#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <hwy/targets.h>
#include <limits>
#include <random>
#include <vector>

#include "kernels/pointwise/loops.h"
#include "kernels/testing.h"

namespace varo {
namespace {

constexpr Op kOps[] = {Op::add, Op::sub, Op::mul, Op::div, Op::min, Op::max, Op::negate, Op::abs};

std::vector<float> values(std::size_t count, unsigned seed) {
  constexpr float kSpecial[] = {0.0F,      -0.0F,   INFINITY, -INFINITY, NAN,   1.0F,
                                -1.0F,     1e-40F,  -3e-42F,  3.4e38F,   0.1F,  -7.25F,
                                0.333333F, 65519.F, 1e-20F,   -1e20F,    1e30F, 16777217.F};
  std::mt19937 random(seed);
  std::vector<float> v(count);
  for (float& x : v)
    x = random() % 3 == 0 ? kSpecial[random() % std::size(kSpecial)]
                          : std::ldexp(static_cast<float>(random()) - 2e9F, -int(random() % 50));
  return v;
}

void expect_equal(const std::vector<float>& a, const std::vector<float>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    ASSERT_TRUE(std::bit_cast<std::uint32_t>(a[i]) == std::bit_cast<std::uint32_t>(b[i]) ||
                (std::isnan(a[i]) && std::isnan(b[i])))
        << "element " << i << ": " << a[i] << " and " << b[i];
}

using Floats = testing::Shifted<float>;

// One instruction after another, each by the plain loop of its own.
struct Described {
  Op op;
  int running;
  bool uniform;
  std::vector<float> other;
  Floats placed{0};  // the same, not on a cache line
};

TEST(Chain, every_target_gives_the_bits_of_the_plain_loops) {
  for (std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    for (unsigned seed = 0; seed < 200; ++seed) {
      std::mt19937 random(seed);
      const std::size_t count = seed < 20 ? seed : random() % 700;
      std::vector<float> expected = values(count, seed);
      Floats from(expected, random() % 18), out(count, random() % 18);
      std::vector<Described> described(1 + random() % 6);
      std::vector<Link> links;
      // The first chains are one link of each kind.
      if (seed < 2 * std::size(kOps)) described.resize(1);
      for (Described& d : described) {
        d.op = kOps[seed < 2 * std::size(kOps) ? seed / 2 : random() % std::size(kOps)];
        const bool alone = d.op == Op::negate || d.op == Op::abs;
        d.running = alone ? 0 : int(random() % 2);
        d.uniform = alone || random() % 2 == 0;
        d.other = values(count, seed + 1000 + static_cast<unsigned>(links.size()));
        if (d.uniform && count > 0) std::fill(d.other.begin(), d.other.end(), d.other[0]);
        d.placed = Floats(d.other, random() % 18);
        links.push_back({.op = link_of(d.op, d.running).value(),
                         .uniform = d.uniform,
                         .value = count > 0 ? d.other[0] : 0,
                         .elements = d.uniform ? nullptr : d.placed.data()});
        const std::vector<float> before = expected;
        const float* const a = d.running == 0 ? before.data() : d.other.data();
        const float* const b = d.running == 0 ? d.other.data() : before.data();
        find_plain_loop(d.op, DType::f32, DType::f32)({expected.data(), {a, b, nullptr}},
                                                      static_cast<std::int64_t>(count));
      }
      run_chain(from.data(), out.data(), static_cast<std::int64_t>(count), links);
      SCOPED_TRACE(::testing::Message() << hwy::TargetName(target) << ", seed " << seed);
      EXPECT_TRUE(out.intact());
      expect_equal(out.values(), expected);
    }
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

TEST(Chain, other_instructions_are_no_links) {
  for (const Op op : {Op::sqrt, Op::pow, Op::lt, Op::fma, Op::select, Op::input, Op::convert})
    EXPECT_FALSE(link_of(op, 0).has_value());
}

}  // namespace
}  // namespace varo
