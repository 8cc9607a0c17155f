// SPDX-License-Identifier: Apache-2.0
#include "kernels/random/random.h"

#include <cmath>
#include <gtest/gtest.h>
#include <hwy/targets.h>
#include <numbers>
#include <vector>

namespace varo {
namespace {

constexpr RandomKey kKey{.seed = 0x1234'5678'9abc'def0, .sample = 77, .draw = 2};

// Calls body for every instruction set of this machine.
template <class Body>
void on_every_target(const Body& body) {
  const std::int64_t all = hwy::SupportedTargets();
  for (std::int64_t rest = all; rest != 0; rest &= rest - 1) {
    hwy::SetSupportedTargetsForTest(rest & -rest);
    SCOPED_TRACE(hwy::TargetName(rest & -rest));
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEST(RandomWords, any_range_gives_the_words_of_the_blocks) {
  on_every_target([] {
    for (const std::uint64_t first :
         {std::uint64_t{0}, std::uint64_t{3}, std::uint64_t{61}, (std::uint64_t{1} << 34) - 5}) {
      for (std::int64_t count = 0; count < 150; ++count) {
        std::vector<std::uint32_t> out(static_cast<std::size_t>(count) + 1, 0xdeadbeef);
        random_words(kKey, first, count, out.data());
        EXPECT_EQ(out.back(), 0xdeadbeef);
        for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
          ASSERT_EQ(out[i], kKey.block((first + i) / 4)[(first + i) % 4]) << first << " + " << i;
        }
      }
    }
  });
}

TEST(RandomWordPairs, any_range_gives_the_words_of_the_blocks) {
  on_every_target([] {
    for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{3}, std::uint64_t{61}}) {
      for (std::int64_t count = 0; count < 150; ++count) {
        std::vector<std::uint64_t> out(static_cast<std::size_t>(count) + 1, 0xdeadbeef);
        random_word_pairs(kKey, first, count, out.data());
        EXPECT_EQ(out.back(), 0xdeadbeef);
        for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i)
          ASSERT_EQ(out[i], random_word_pair(kKey, first + i)) << first << " + " << i;
      }
    }
  });
}

TEST(RandomNormals, are_box_mullers_numbers) {
  on_every_target([] {
    constexpr std::uint64_t kFirst = 5;
    std::vector<float> out(20011);
    random_normals(kKey, kFirst, static_cast<std::int64_t>(out.size()), out.data());
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::uint64_t n = kFirst + i;
      const PhiloxBlock b = kKey.block(n / 4);
      const std::size_t half = n % 4 / 2 * 2;
      const double radius = std::sqrt(-2 * std::log((b[half] + 0.5) * 0x1p-32));
      const double angle = 2 * std::numbers::pi * b[half + 1] * 0x1p-32;
      const double expected = radius * (n % 2 == 0 ? std::cos(angle) : std::sin(angle));
      ASSERT_NEAR(out[i], expected, 2e-6) << i;
      ASSERT_EQ(out[i], random_normal(kKey, n)) << i;
    }
  });
}

TEST(RandomNormals, are_bit_equal_on_every_target_and_for_every_cut) {
  std::vector<float> expected(1000);
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] = random_normal(kKey, i);
  on_every_target([&] {
    for (const std::size_t cut :
         {std::size_t{1}, std::size_t{7}, std::size_t{64}, std::size_t{999}}) {
      std::vector<float> out(expected.size());
      for (std::size_t at = 0; at < out.size(); at += cut)
        random_normals(kKey, at, static_cast<std::int64_t>(std::min(cut, out.size() - at)),
                       &out[at]);
      EXPECT_EQ(out, expected) << cut;
    }
  });
}

TEST(RandomPoisson, has_its_mean_as_mean_and_variance) {
  for (const double mean : {0.1, 1.0, 9.9, 10.1, 55.0, 1e4}) {
    constexpr int kCount = 20000;
    double sum = 0, squares = 0;
    for (std::uint64_t i = 0; i < kCount; ++i) {
      const double k = random_poisson(kKey, i, mean);
      ASSERT_EQ(k, std::floor(k));
      ASSERT_GE(k, 0);
      sum += k;
      squares += (k - mean) * (k - mean);
    }
    const double deviation = std::sqrt(mean / kCount);
    EXPECT_NEAR(sum / kCount, mean, 5 * deviation);
    EXPECT_NEAR(squares / kCount, mean, 5 * std::sqrt((mean + 2 * mean * mean) / kCount));
  }
  EXPECT_EQ(random_poisson(kKey, 0, 0), 0);
  EXPECT_EQ(random_poisson(kKey, 0, -3), 0);
  EXPECT_EQ(random_poisson(kKey, 0, NAN), 0);
}

}  // namespace
}  // namespace varo
