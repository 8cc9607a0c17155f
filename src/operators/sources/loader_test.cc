// SPDX-License-Identifier: Apache-2.0
#include "operators/sources/loader.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <numeric>
#include <set>

#include "varo/error.h"

namespace varo {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Indices = std::vector<std::int64_t>;

Indices take(Loader& loader, int count) { return loader.next_batch(count); }
Indices sorted(Indices v) {
  std::sort(v.begin(), v.end());
  return v;
}

TEST(Loader, goes_round_the_shards) {
  Loader loader(7, {.num_shards = 3, .shard_id = 1});  // [0,2) [2,4) [4,7)
  EXPECT_THAT(take(loader, 9), ElementsAre(2, 3, 4, 5, 6, 0, 1, 2, 3));
}

TEST(Loader, sticks_to_its_shard) {
  Loader loader(7, {.num_shards = 3, .shard_id = 2, .stick_to_shard = true});
  EXPECT_THAT(take(loader, 7), ElementsAre(4, 5, 6, 4, 5, 6, 4));
}

TEST(Loader, pads_every_shard_to_equally_many_batches) {
  // P = ceil(7/3) = 3, so with batches of 2 every epoch has 2 batches.
  Loader loader(7, {.num_shards = 3, .shard_id = 1, .pad_last_batch = true});
  EXPECT_THAT(take(loader, 2), ElementsAre(2, 3));
  EXPECT_THAT(take(loader, 2), ElementsAre(3, 3));  // one whole batch of repeats
  EXPECT_THAT(take(loader, 2), ElementsAre(4, 5));
  EXPECT_THAT(take(loader, 2), ElementsAre(6, 6));
  EXPECT_THAT(take(loader, 2), ElementsAre(0, 1));
  EXPECT_EQ(loader.meta().epoch_size, 7);
  EXPECT_EQ(loader.meta().epoch_size_padded, 9);
}

TEST(Loader, reservoir_stays_inside_the_epoch) {
  Loader loader(100, {.random_shuffle = true, .initial_fill = 10, .seed = 5});
  const Indices first = take(loader, 100), second = take(loader, 100);
  Indices all(100);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(sorted(first), all);
  EXPECT_EQ(sorted(second), all);
  EXPECT_NE(first, second);
  Loader again(100, {.random_shuffle = true, .initial_fill = 10, .seed = 5});
  EXPECT_EQ(take(again, 100), first);
  Loader other(100, {.random_shuffle = true, .initial_fill = 10, .seed = 6});
  EXPECT_NE(take(other, 100), first);
}

TEST(Loader, reservoir_draws_from_the_next_ones_only) {
  // With a reservoir of 1 nothing but the list's own permutation is left, and it has no seed.
  Loader one(50, {.random_shuffle = true, .initial_fill = 1, .seed = 1});
  Loader two(50, {.random_shuffle = true, .initial_fill = 1, .seed = 2});
  const Indices list = take(one, 50);
  EXPECT_EQ(take(two, 50), list);
  Loader loader(50, {.random_shuffle = true, .initial_fill = 4, .seed = 1});
  const Indices drawn = take(loader, 50);
  for (std::size_t i = 0; i < 50; ++i) {
    const auto at = std::find(list.begin(), list.end(), drawn[i]) - list.begin();
    EXPECT_LT(at, static_cast<std::int64_t>(i) + 4);
  }
}

TEST(Loader, reservoir_is_uniform) {
  // First draw from 4 of a stuck shard, over many epochs.
  Loader loader(4, {.random_shuffle = true, .initial_fill = 4, .seed = 3});
  std::vector<int> seen(4);
  for (int epoch = 0; epoch < 4000; ++epoch) ++seen[static_cast<std::size_t>(take(loader, 4)[0])];
  for (const int n : seen) EXPECT_NEAR(n, 1000, 110);  // four standard deviations
}

TEST(Loader, shards_stay_disjoint_when_the_list_is_shuffled) {
  for (const bool after_epoch : {false, true}) {
    std::vector<Loader> ranks;
    for (int rank = 0; rank < 3; ++rank)
      ranks.emplace_back(10, LoaderOptions{.num_shards = 3,
                                           .shard_id = rank,
                                           .random_shuffle = !after_epoch,
                                           .shuffle_after_epoch = after_epoch,
                                           .seed = static_cast<std::uint64_t>(rank)});
    const int sizes[] = {3, 3, 4};
    std::set<std::int64_t> seen;
    for (std::size_t rank = 0; rank < 3; ++rank)
      for (const auto index : take(ranks[rank], sizes[rank])) seen.insert(index);
    EXPECT_EQ(seen.size(), 10u) << after_epoch;
  }
}

TEST(Loader, shuffles_anew_for_each_epoch) {
  Loader loader(20, {.shuffle_after_epoch = true});
  const Indices first = take(loader, 20), second = take(loader, 20);
  Indices all(20);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_NE(first, all);
  EXPECT_NE(second, first);
  EXPECT_EQ(sorted(first), all);
  EXPECT_EQ(sorted(second), all);
  EXPECT_TRUE(loader.meta().stick_to_shard);
}

TEST(Loader, goes_on_from_any_position) {
  for (const bool pad : {false, true}) {
    const LoaderOptions options{.num_shards = 2,
                                .shard_id = 1,
                                .pad_last_batch = pad,
                                .random_shuffle = true,
                                .initial_fill = 3,
                                .seed = 9};
    Loader loader(11, options);
    for (int step = 0; step < 12; ++step) {
      Loader other(11, options);
      other.restore(loader.position());
      Loader copy = loader;
      for (int i = 0; i < 8; ++i) EXPECT_EQ(take(other, 4), take(copy, 4)) << pad << step;
      take(loader, 4);
    }
  }
}

TEST(Loader, refuses_contradictions) {
  const auto error_of = [](std::int64_t samples, const LoaderOptions& options) -> std::string {
    try {
      Loader loader(samples, options);
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  };
  EXPECT_THAT(error_of(5, {.random_shuffle = true, .shuffle_after_epoch = true}),
              HasSubstr("random_shuffle"));
  EXPECT_THAT(error_of(5, {.stick_to_shard = true, .shuffle_after_epoch = true}),
              HasSubstr("stick_to_shard"));
  EXPECT_THAT(error_of(5, {.num_shards = 2, .shard_id = 2}), HasSubstr("shard_id=2"));
  EXPECT_THAT(error_of(5, {.num_shards = 6}),
              testing::AllOf(HasSubstr("5 samples"), HasSubstr("num_shards=6")));
}

}  // namespace
}  // namespace varo
