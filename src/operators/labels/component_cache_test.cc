// SPDX-License-Identifier: Apache-2.0
#include "operators/labels/component_cache.h"

#include <gtest/gtest.h>
#include <thread>
#include <vector>

namespace varo {
namespace {

ComponentCache::Table table_of(std::size_t components) {
  auto table = std::make_shared<ComponentTable>();
  table->voxels.resize(components);
  return table;
}

TEST(component_cache, finds_what_was_kept) {
  ComponentCache cache(1 << 20);
  EXPECT_EQ(cache.find({1, 2}), nullptr);
  const auto table = table_of(3);
  cache.insert({1, 2}, table);
  EXPECT_EQ(cache.find({1, 2}), table);
  EXPECT_EQ(cache.find({1, 3}), nullptr);
  cache.insert({1, 2}, table_of(4));
  EXPECT_EQ(cache.find({1, 2}), table);
}

TEST(component_cache, forgets_the_longest_unused_and_keeps_the_bound) {
  ComponentCache cache(100'000);
  for (std::uint64_t i = 0; i < 50; ++i) {
    cache.insert({i, 0}, table_of(1000));
    EXPECT_NE(cache.find({0, 0}), nullptr) << "used all the time, " << i;
    EXPECT_LE(cache.bytes(), 100'000U);
  }
  EXPECT_EQ(cache.find({1, 0}), nullptr);
  EXPECT_NE(cache.find({49, 0}), nullptr);
}

TEST(component_cache, a_giant_is_not_kept) {
  ComponentCache cache(10'000);
  cache.insert({1, 0}, table_of(10));
  cache.insert({2, 0}, table_of(10'000));
  EXPECT_EQ(cache.find({2, 0}), nullptr);
  EXPECT_NE(cache.find({1, 0}), nullptr);
}

TEST(component_cache, many_threads) {
  ComponentCache cache(200'000);
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < 2000; ++i) {
        const std::uint64_t key = (i * 7 + t) % 60;
        const auto table = cache.find({key, 1});
        if (table == nullptr)
          cache.insert({key, 1}, table_of(500 + key));
        else
          EXPECT_EQ(table->voxels.size(), 500 + key);
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_LE(cache.bytes(), 200'000U);
}

}  // namespace
}  // namespace varo
