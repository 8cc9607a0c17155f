// SPDX-License-Identifier: Apache-2.0
#include "core/testing.h"

#include <atomic>
#include <gtest/gtest.h>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

namespace varo::testing {
namespace {

constexpr std::int64_t kBlocks = 100;

std::vector<std::int64_t> order_of(Parallel& parallel) {
  std::vector<std::int64_t> order;
  parallel.run(kBlocks, [&](std::int64_t block) { order.push_back(block); });
  return order;
}

TEST(ThreadedParallel, runs_every_block_once) {
  std::vector<std::atomic<int>> calls(kBlocks);
  ThreadedParallel(4).run(kBlocks,
                          [&](std::int64_t block) { ++calls[static_cast<std::size_t>(block)]; });
  for (const auto& count : calls) EXPECT_EQ(count, 1);
}

TEST(ThreadedParallel, leaves_the_calling_thread_out) {
  ThreadedParallel(2).run(kBlocks, [caller = std::this_thread::get_id()](std::int64_t) {
    EXPECT_NE(std::this_thread::get_id(), caller);
  });
}

TEST(ThreadedParallel, rethrows_after_all_blocks_below_ran) {
  std::atomic<int> below = 0;
  EXPECT_THROW(ThreadedParallel(3).run(kBlocks,
                                       [&](std::int64_t block) {
                                         if (block < 7) ++below;
                                         if (block == 7) throw std::runtime_error("seven");
                                       }),
               std::runtime_error);
  EXPECT_EQ(below, 7);
}

TEST(ShuffledParallel, rethrows_what_the_lowest_block_threw) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    try {
      ShuffledParallel(seed).run(kBlocks, [](std::int64_t block) {
        if (block >= 5) throw std::runtime_error(std::to_string(block));
      });
      FAIL() << "nothing was thrown";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "5");
    }
  }
}

TEST(ShuffledParallel, permutes_and_repeats_itself) {
  ShuffledParallel first(1), again(1), other(2);
  const auto order = order_of(first);
  EXPECT_EQ(std::set(order.begin(), order.end()).size(), static_cast<std::size_t>(kBlocks));
  EXPECT_NE(order, order_of(Parallel::serial()));
  EXPECT_EQ(order, order_of(again));
  EXPECT_NE(order, order_of(other));
}

}  // namespace
}  // namespace varo::testing
