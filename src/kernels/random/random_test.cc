// SPDX-License-Identifier: Apache-2.0
#include "kernels/random/random.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <hwy/targets.h>
#include <limits>
#include <numbers>
#include <vector>

#include "kernels/random/poisson_point.h"

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

// Chi-squared of how often each count was drawn, with neighbours that are expected less than 20
// times taken together, in standard deviations above its mean.
double surprise(const std::vector<double>& counts, double mean) {
  std::vector<double> sorted = counts;
  std::sort(sorted.begin(), sorted.end());
  const auto probability = [&](double k) {
    return std::exp(k * std::log(mean) - mean - std::lgamma(k + 1));
  };
  const auto total = static_cast<double>(counts.size());
  double squares = 0, bins = 0, expected = 0, rest = total;
  std::size_t begin = 0, at = 0;
  for (double k = 0; rest > 40; ++k) {
    expected += total * probability(k);
    while (at < sorted.size() && sorted[at] <= k) ++at;
    if (expected < 20) continue;
    const double off = static_cast<double>(at - begin) - expected;
    squares += off * off / expected;
    ++bins;
    rest -= expected;
    begin = at;
    expected = 0;
  }
  const double off = static_cast<double>(sorted.size() - begin) - rest;
  squares += off * off / rest;
  return (squares - bins) / std::sqrt(2 * bins);
}

TEST(RandomPoisson, counts_are_as_frequent_as_they_should_be) {
  std::vector<double> means, counts(400000);
  std::uint64_t first = 0;
  const double limit = point::kPoissonSwitch;
  for (const double mean :
       {0.02, 0.7, 4.0, 13.0, std::nextafter(limit, 0), limit, 26.0, 47.0, 180.0, 1500.0}) {
    means.assign(counts.size(), mean);
    random_poissons(kKey, first, static_cast<std::int64_t>(counts.size()), means.data(),
                    counts.data());
    first += counts.size();
    EXPECT_LT(surprise(counts, mean), 4) << mean;
    EXPECT_GT(surprise(counts, mean * (1 + 10 / std::sqrt(mean * 4e5))), 4) << mean;
  }
}

TEST(RandomPoisson, large_numbers_are_normal) {
  for (const double mean : {1e6, 1e12, 1e17}) {
    constexpr std::size_t kCount = 200000;
    std::vector<double> means(kCount, mean), counts(kCount);
    random_poissons(kKey, 0, kCount, means.data(), counts.data());
    std::sort(counts.begin(), counts.end());
    double farthest = 0;  // Kolmogorov and Smirnov's distance
    for (std::size_t i = 0; i < kCount; ++i) {
      const double normal = std::erfc((mean - counts[i] - 0.5) / std::sqrt(2 * mean)) / 2;
      farthest = std::max(farthest, std::abs(normal - (static_cast<double>(i) + 0.5) / kCount));
    }
    EXPECT_LT(farthest * std::sqrt(kCount), 1.95) << mean;  // p = 0.001
  }
}

TEST(RandomPoisson, is_bit_equal_on_every_target_and_for_every_cut) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const std::vector<double>& among :
       {std::vector<double>{0.3, 11},
        {40, 2500},
        {23, 25, 24, std::nextafter(24.0, 0)},
        {5, 300, -1, NAN, kInfinity, 0, 1e9, 1e-300, 1e300, 3e18}}) {
    constexpr std::uint64_t kFirst = (std::uint64_t{1} << 32) - 700;
    std::vector<double> means(2000), expected(means.size());
    for (std::size_t i = 0; i < means.size(); ++i) {
      means[i] = among[random_word(kKey, i) % among.size()];
      expected[i] = random_poisson(kKey, kFirst + i, means[i]);
    }
    on_every_target([&] {
      for (const std::size_t cut :
           {std::size_t{1}, std::size_t{7}, std::size_t{64}, std::size_t{999}, std::size_t{2000}}) {
        std::vector<double> out = means;
        for (std::size_t at = 0; at < out.size(); at += cut)
          random_poissons(kKey, kFirst + at,
                          static_cast<std::int64_t>(std::min(cut, out.size() - at)), &out[at],
                          &out[at]);
        EXPECT_EQ(out, expected) << cut;
      }
    });
  }
}

TEST(RandomPoisson, unusual_means) {
  EXPECT_EQ(random_poisson(kKey, 0, std::numeric_limits<double>::infinity()),
            std::numeric_limits<double>::infinity());
  EXPECT_EQ(random_poisson(kKey, 0, 1e300), 1e300);
  EXPECT_EQ(random_poisson(kKey, 0, 1e-300), 0);
}

TEST(RandomPoint, functions_are_close) {
  for (int i = 1; i < 20000; ++i) {
    const double x = std::exp((i - 10000) * 0.06), e = (i - 10000) * 0.0699;
    EXPECT_NEAR(point::log_of(x), std::log(x), 1e-13 * std::max(1.0, std::abs(std::log(x))));
    EXPECT_NEAR(point::exp_of(e) / std::exp(e), 1, 3e-13);
    EXPECT_NEAR(point::any_exp_of(e) / std::exp(e), 1, 3e-13);
    const double turns = i / 20000.0;
    EXPECT_NEAR(point::cosine_of(turns), std::cos(2 * std::numbers::pi * turns), 1e-14);
  }
  for (const double near : {1e-3, 1e-8, -1e-8, 1e-12})
    EXPECT_NEAR(point::log_of(1 + near) / std::log(1 + near), 1, 1e-12);
  for (const double x : {3e-3, 1.0, 5.0, 24.0, 1e17})
    for (const double y : {1.0, 4.0, 31.0, 1e17 - 16384}) {
      const bool near = std::abs(x - y) < 0.1 * y;
      const double expected = near ? std::log1p((x - y) / y) : std::log(x) - std::log(y);
      EXPECT_NEAR(point::log_of_ratio(x, y), expected, 1e-13 * std::abs(expected));
    }
  EXPECT_EQ(point::any_exp_of(-1e308), 0);
  EXPECT_EQ(point::any_exp_of(1e308), std::numeric_limits<double>::infinity());
  EXPECT_NEAR(point::any_exp_of(-740), std::exp(-740), 1e-320);
  for (const double n : {11.0, 25.0, 1e4}) {
    const double above = std::lgamma(n) - ((n - 0.5) * std::log(n) - n + point::kHalfLogTwoPi);
    EXPECT_NEAR(point::above_stirling(n), above, 1e-12 * n * std::log(n));
  }
}

}  // namespace
}  // namespace varo
