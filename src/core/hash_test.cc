// SPDX-License-Identifier: Apache-2.0
#include "core/hash.h"

#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <set>
#include <vector>

#include "core/testing.h"

namespace varo {
namespace {

using Pair = std::pair<std::uint64_t, std::uint64_t>;
Pair hashed(const std::vector<std::uint8_t>& v, std::size_t bytes, std::uint64_t seed = 0) {
  const Hash128 h = hash_bytes(v.data(), bytes, seed, Parallel::serial());
  return {h.lo, h.hi};
}

TEST(hash, every_byte_length_and_seed_counts) {
  std::vector<std::uint8_t> zeros(300);
  std::set<Pair> seen;
  std::size_t count = 0;
  for (std::size_t n = 0; n <= zeros.size(); ++n, ++count) seen.insert(hashed(zeros, n));
  for (std::uint64_t seed = 1; seed < 50; ++seed, ++count) seen.insert(hashed(zeros, 300, seed));
  for (std::size_t at = 0; at < 300; ++at)
    for (const int value : {1, 2, 128, 255}) {
      zeros[at] = static_cast<std::uint8_t>(value);
      seen.insert(hashed(zeros, 300));
      zeros[at] = 0;
      ++count;
    }
  EXPECT_EQ(seen.size(), count);
}

TEST(hash, two_bits_in_different_places_do_not_cancel) {
  std::vector<std::uint8_t> v(256);
  std::set<Pair> seen;
  std::size_t count = 0;
  for (std::size_t a = 0; a < 2048; a += 3)
    for (std::size_t b = a + 1; b < 2048; b += 37, ++count) {
      v[a / 8] ^= static_cast<std::uint8_t>(1U << a % 8);
      v[b / 8] ^= static_cast<std::uint8_t>(1U << b % 8);
      seen.insert(hashed(v, 256));
      v[a / 8] = v[b / 8] = 0;
    }
  EXPECT_EQ(seen.size(), count);
}

TEST(hash, each_half_changes_in_half_of_its_bits) {
  std::mt19937 rng(1);
  std::vector<std::uint8_t> v(512);
  for (auto& x : v) x = static_cast<std::uint8_t>(rng());
  const Pair before = hashed(v, 512);
  int low = 0, high = 0;
  for (std::size_t bit = 0; bit < 4096; ++bit) {
    v[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    const Pair after = hashed(v, 512);
    v[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    low += __builtin_popcountll(before.first ^ after.first);
    high += __builtin_popcountll(before.second ^ after.second);
  }
  EXPECT_NEAR(low / 4096.0, 32.0, 0.5);
  EXPECT_NEAR(high / 4096.0, 32.0, 0.5);
}

TEST(hash, large_blocks_swapped_or_changed_at_the_end) {
  std::mt19937 rng(1);
  std::vector<std::uint8_t> v((5U << 20) + 13);
  for (auto& x : v) x = static_cast<std::uint8_t>(rng());
  const Pair whole = hashed(v, v.size());
  testing::ShuffledParallel shuffled(3);
  testing::ThreadedParallel threads(4);
  const Hash128 a = hash_bytes(v.data(), v.size(), 0, shuffled),
                b = hash_bytes(v.data(), v.size(), 0, threads);
  EXPECT_EQ(Pair(a.lo, a.hi), whole);
  EXPECT_EQ(a, b);
  std::vector<std::uint8_t> swapped = v;
  std::swap_ranges(swapped.begin(), swapped.begin() + (1 << 20), swapped.begin() + (1 << 20));
  EXPECT_NE(hashed(swapped, v.size()), whole);
  swapped = v;
  swapped.back() ^= 1;
  EXPECT_NE(hashed(swapped, v.size()), whole);
  EXPECT_NE(hashed(v, v.size() - 1), whole);
}

TEST(hash, misaligned_memory) {
  std::vector<std::uint8_t> v(1000);
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<std::uint8_t>(i * 7);
  const Pair wanted = hashed(v, 900);
  for (std::size_t shift = 1; shift < 9; ++shift) {
    std::vector<std::uint8_t> moved(1000 + shift);
    std::copy(v.begin(), v.end(), moved.begin() + static_cast<std::ptrdiff_t>(shift));
    const Hash128 h = hash_bytes(moved.data() + shift, 900, 0, Parallel::serial());
    EXPECT_EQ(Pair(h.lo, h.hi), wanted);
  }
}

}  // namespace
}  // namespace varo
