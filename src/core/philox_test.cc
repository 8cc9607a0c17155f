// SPDX-License-Identifier: Apache-2.0
#include "core/philox.h"

#include <gtest/gtest.h>

namespace varo {
namespace {

// Rows "philox4x32 10" of the known-answer vectors that Random123 publishes.
TEST(Philox, known_answers) {
  EXPECT_EQ(philox4x32_10({0, 0, 0, 0}, {0, 0}),
            (PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(
      philox4x32_10({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
      (PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(
      philox4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
      (PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, every_part_of_the_key_matters) {
  const RandomKey key{.seed = 7, .sample = 5, .draw = 3};
  const PhiloxBlock block = key.block(11);
  EXPECT_EQ(block, key.block(11));
  EXPECT_NE(block, key.block(12));
  EXPECT_NE(block, key.block(11 + (std::uint64_t{1} << 32)));
  EXPECT_NE(block, (RandomKey{8, 5, 3}.block(11)));
  EXPECT_NE(block, (RandomKey{7 + (std::uint64_t{1} << 32), 5, 3}.block(11)));
  EXPECT_NE(block, (RandomKey{7, 6, 3}.block(11)));
  EXPECT_NE(block, (RandomKey{7, 5 + (std::uint64_t{1} << 32), 3}.block(11)));
  EXPECT_NE(block, (RandomKey{7, 5, 4}.block(11)));
}

TEST(Rng, words_are_the_blocks_in_order) {
  const RandomKey key{.seed = 42, .sample = 1};
  Rng rng(key);
  for (std::uint64_t block = 0; block < 3; ++block)
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(rng.word(), key.block(block)[i]);
}

TEST(Rng, below_reaches_both_ends_and_nothing_else) {
  Rng rng(RandomKey{.seed = 1});
  std::array<int, 3> seen{};
  for (int i = 0; i < 300; ++i) {
    const std::uint64_t n = rng.below(3);
    ASSERT_LT(n, 3U);
    ++seen[n];
  }
  for (const int count : seen) EXPECT_GT(count, 60);
}

}  // namespace
}  // namespace varo
