// SPDX-License-Identifier: Apache-2.0
#include "core/pool.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <gtest/gtest.h>
#include <new>
#include <random>
#include <sys/resource.h>
#include <thread>
#include <vector>

#include "core/pooled.h"
#include "core/sanitizers.h"

namespace varo {
namespace {

constexpr std::size_t kKiB = 1024, kMiB = 1024 * kKiB;

class pool : public ::testing::Test {
 protected:
  PoolStats stats() const { return pool_.stats(); }
  std::shared_ptr<void> get(std::size_t bytes) { return pool_.get(bytes); }
  std::uint64_t allocations() const { return stats().allocations; }
  BufferPool pool_;
};

TEST_F(pool, memory_is_aligned_and_writable_past_its_end) {
  for (const std::size_t bytes :
       {std::size_t{0}, std::size_t{1}, std::size_t{63}, std::size_t{64}, std::size_t{4095},
        4 * kKiB, 4 * kKiB + 1, 100 * kKiB, 2 * kMiB - 65, 2 * kMiB, 2 * kMiB + 1, 9 * kMiB}) {
    const auto buffer = get(bytes);
    ASSERT_NE(buffer, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.get()) % 64, 0U) << bytes;
    std::memset(buffer.get(), 0x5a, bytes + 64);
  }
}

TEST_F(pool, large_buffers_begin_on_a_huge_page) {
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(get(3 * kMiB).get()) % (2 * kMiB), 0U);
}

TEST_F(pool, a_returned_buffer_is_used_again) {
  const void* first = get(kMiB).get();
  EXPECT_EQ(get(kMiB).get(), first);
  EXPECT_EQ(get(kMiB - 1000).get(), first) << "a little less fits too";
  EXPECT_EQ(allocations(), 1U);
  EXPECT_NE(get(kMiB / 8).get(), first) << "an eighth would let most of it lie idle";
  EXPECT_NE(get(2 * kMiB).get(), first);
  EXPECT_EQ(allocations(), 3U);
}

TEST_F(pool, the_latest_returned_and_the_smallest_that_fits_come_first) {
  auto a = get(kMiB), b = get(kMiB), large = get(kMiB + kMiB / 4);
  const void *pa = a.get(), *pb = b.get(), *pl = large.get();
  large.reset();
  b.reset();
  a.reset();
  a = get(kMiB);
  b = get(kMiB);
  EXPECT_EQ(a.get(), pa);
  EXPECT_EQ(b.get(), pb);
  EXPECT_EQ(get(kMiB).get(), pl);
}

TEST_F(pool, two_holders_never_share) {
  std::vector<std::shared_ptr<void>> held;
  std::vector<const void*> at;
  for (int i = 0; i < 100; ++i) {
    held.push_back(get(10 * kKiB));
    at.push_back(held.back().get());
  }
  std::sort(at.begin(), at.end());
  for (std::size_t i = 1; i < at.size(); ++i)
    EXPECT_GE(static_cast<const char*>(at[i]) - static_cast<const char*>(at[i - 1]),
              static_cast<std::ptrdiff_t>(10 * kKiB));
}

TEST_F(pool, a_copy_of_the_holder_keeps_the_buffer) {
  auto first = get(kMiB);
  auto second = first;
  first.reset();
  EXPECT_NE(get(kMiB).get(), second.get());
  EXPECT_GE(stats().in_use_bytes, kMiB);
}

TEST_F(pool, counts_bytes_and_waste_is_an_eighth_at_most) {
  for (std::size_t bytes = 5000; bytes < 300 * kMiB; bytes = bytes * 9 / 7) {
    const auto buffer = get(bytes);
    EXPECT_GE(stats().in_use_bytes, bytes + 64);
    EXPECT_LE(stats().in_use_bytes, bytes + bytes / 8 + 4096);
  }
  const auto cube = get(8 * kMiB);
  EXPECT_LE(stats().in_use_bytes, 8 * kMiB + 4096) << "a power of two wastes nothing";
}

TEST_F(pool, high_water_mark_is_the_most_at_one_time) {
  auto a = get(kMiB), b = get(kMiB);
  const std::size_t two = stats().in_use_bytes;
  a.reset();
  a = get(kMiB);
  EXPECT_EQ(stats().high_water_bytes, two);
  a.reset();
  b.reset();
  EXPECT_EQ(stats().in_use_bytes, 0U);
  EXPECT_EQ(stats().high_water_bytes, two);
  pool_.reset_high_water();
  EXPECT_EQ(stats().high_water_bytes, 0U);
}

TEST_F(pool, trim_gives_back_what_is_unused_and_nothing_else) {
  auto kept = get(kMiB);
  get(5 * kMiB).reset();
  std::memset(kept.get(), 1, kMiB);
  EXPECT_GT(stats().reserved_bytes, 6 * kMiB);
  pool_.trim();
  EXPECT_EQ(stats().reserved_bytes, stats().in_use_bytes);
  EXPECT_EQ(static_cast<char*>(kept.get())[kMiB - 1], 1);
}

TEST_F(pool, small_buffers_are_not_counted) {
  const PoolStats before = stats();
  const auto small = get(4 * kKiB);
  EXPECT_EQ(stats().in_use_bytes, before.in_use_bytes);
  EXPECT_EQ(stats().requests, before.requests);
  const auto larger = get(4 * kKiB + 1);
  EXPECT_EQ(stats().requests, before.requests + 1);
}

TEST_F(pool, hostile_sizes_fail_and_leave_no_trace) {
  const auto held = get(kMiB);
  const PoolStats before = stats();
  for (const std::size_t bytes :
       {std::size_t{1} << 46, std::size_t{1} << 47, (std::size_t{1} << 47) + 1, SIZE_MAX / 2,
        SIZE_MAX - 64, SIZE_MAX - 1, SIZE_MAX})
    EXPECT_THROW(get(bytes), std::bad_alloc) << bytes;
  EXPECT_EQ(stats().in_use_bytes, before.in_use_bytes);
  EXPECT_EQ(stats().reserved_bytes, before.reserved_bytes);
  EXPECT_EQ(stats().high_water_bytes, before.high_water_bytes);
  EXPECT_EQ(stats().requests, before.requests);
}

TEST_F(pool, reserved_stays_within_the_bound_over_varying_sizes) {
  std::mt19937 rng(1);
  std::vector<std::shared_ptr<void>> held(4);
  std::size_t most = 0, full = 0;
  for (int i = 0; i < 20'000; ++i) {
    auto& slot = held[rng() % held.size()];
    slot.reset();
    // Sizes drift over the years, so that nothing kept for long is of use.
    const std::size_t bytes = (8 * kKiB << (i / 2000)) + rng() % (24 * kKiB << (i / 2000));
    slot = get(bytes);
    most = std::max(most, stats().in_use_bytes);
    ASSERT_LE(stats().reserved_bytes, most * 5 / 4);
    ASSERT_GE(stats().reserved_bytes, stats().in_use_bytes);
    full += stats().reserved_bytes > stats().in_use_bytes;
  }
  EXPECT_GT(full, 1000U) << "unused buffers are kept up to the bound";
  EXPECT_LT(allocations(), 10'000U);
}

TEST_F(pool, no_more_goes_than_makes_room) {
  auto large = get(64 * kMiB);  // the bound is 80 MiB from here on
  const void* at = large.get();
  large.reset();
  get(14 * kMiB).reset();
  const auto held = get(3 * kMiB);  // 81 MiB with the two unused ones
  EXPECT_EQ(allocations(), 3U);
  EXPECT_EQ(get(64 * kMiB).get(), at) << "it would be missed";
  EXPECT_LE(stats().reserved_bytes, 80 * kMiB);
}

TEST_F(pool, small_ones_stay_where_large_ones_make_room) {
  std::vector<std::shared_ptr<void>> held;
  for (const std::size_t mib : {1, 2, 8, 8, 8, 8, 8, 8}) held.push_back(get(mib * kMiB));
  held.clear();  // the bound is 63.75 MiB from here on
  const std::uint64_t before = allocations();
  const auto large = get(32 * kMiB);
  EXPECT_LE(stats().reserved_bytes, 64 * kMiB);
  for (const std::size_t mib : {1, 2}) held.push_back(get(mib * kMiB));
  EXPECT_EQ(allocations(), before + 1);
}

TEST_F(pool, what_nobody_had_a_use_for_goes_first) {
  get(64 * kMiB).reset();  // the bound is 80 MiB from here on
  auto small = get(14 * kMiB);
  const void* at = small.get();
  for (int i = 0; i < 1100; ++i) {
    small.reset();
    small = get(14 * kMiB);
  }
  EXPECT_EQ(small.get(), at);
  small.reset();
  const auto held = get(3 * kMiB);  // 81 MiB with the two unused ones
  EXPECT_EQ(allocations(), 3U);
  EXPECT_LE(stats().reserved_bytes, 80 * kMiB);
  EXPECT_EQ(get(14 * kMiB).get(), at);
}

TEST_F(pool, steady_work_allocates_nothing) {
  const auto round = [&] {
    std::vector<std::shared_ptr<void>> held;
    for (const std::size_t kib : {100, 700, 3000, 700, 9000, 64}) held.push_back(get(kib * kKiB));
    held.erase(held.begin() + 2);
    held.push_back(get(2900 * kKiB));
  };
  round();
  const std::uint64_t warm = allocations();
  for (int i = 0; i < 50; ++i) round();
  EXPECT_EQ(allocations(), warm);
}

long page_faults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

TEST_F(pool, buffers_of_other_sizes_take_over_touched_pages) {
  const auto touched = [&](std::size_t mib) {
    auto buffer = get(mib * kMiB);
    std::memset(buffer.get(), 1, mib * kMiB);
    return buffer;
  };
  const auto round = [&] {
    touched(72);
    std::vector<std::shared_ptr<void>> held;
    for (int i = 0; i < 4; ++i) held.push_back(touched(8));
  };
  round();
  round();
  const std::uint64_t warm = allocations();
  const long before = page_faults();
  for (int i = 0; i < 20; ++i) round();
  EXPECT_GE(allocations(), warm + 20) << "no size came anew: this shows nothing";
  // Touched anew, the 72 MiB alone would be 36 huge pages a round, or 18432 small ones.
  // Sanitizers touch their shadow memory as well.
  if (!kAddressSanitizer && !kThreadSanitizer) {
    EXPECT_LE(page_faults() - before, 20 * 8);
  }
  EXPECT_LE(stats().reserved_bytes, 91 * kMiB);
}

TEST_F(pool, what_is_left_of_a_large_buffer_is_kept) {
  get(40 * kMiB);  // the bound is 50 MiB from here on
  const auto held = get(9 * kMiB);
  const auto small = get(kMiB + kMiB / 2);
  EXPECT_LE(stats().reserved_bytes, 51 * kMiB);
  const std::uint64_t before = allocations();
  get(36 * kMiB);
  EXPECT_EQ(allocations(), before);
}

TEST_F(pool, contents_do_not_leak_between_holders_of_moved_pages) {
  std::mt19937 rng(5);
  std::vector<std::pair<std::shared_ptr<void>, std::size_t>> held;
  for (int i = 0; i < 400; ++i) {
    if (held.size() > 4) held.erase(held.begin() + static_cast<long>(rng() % held.size()));
    const std::size_t bytes = kMiB + rng() % (12 * kMiB);
    held.emplace_back(get(bytes), bytes);
    std::memset(held.back().first.get(), static_cast<int>(bytes % 251), bytes);
    for (const auto& [buffer, size] : held) {
      const auto* p = static_cast<const unsigned char*>(buffer.get());
      for (std::size_t at = 0; at < size; at += 65536) ASSERT_EQ(p[at], size % 251);
      ASSERT_EQ(p[size - 1], size % 251);
    }
  }
}

TEST_F(pool, buffers_come_back_from_other_threads) {
  constexpr int kThreads = 4, kRounds = 3000;
  std::vector<std::atomic<std::shared_ptr<void>>> exchange(8);
  std::atomic<int> damaged = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      std::mt19937 rng(static_cast<unsigned>(t));
      for (int i = 0; i < kRounds; ++i) {
        const std::size_t bytes = 64 + (rng() % 3 == 0 ? rng() % 4000 : rng() % 60'000);
        auto mine = get(bytes);
        std::memset(mine.get(), t + 1, bytes);
        std::this_thread::yield();
        const auto* p = static_cast<const char*>(mine.get());
        if (p[0] != t + 1 || p[bytes - 1] != t + 1) ++damaged;
        exchange[rng() % exchange.size()].exchange(std::move(mine));  // drops somebody else's
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(damaged, 0);
  exchange.clear();
  EXPECT_EQ(stats().in_use_bytes, 0U);
}

TEST(PooledVector, elements_lie_in_buffers_of_the_pool) {
  const PoolStats before = BufferPool::host().stats();
  PooledVector<int> few(100, 1), many;
  EXPECT_EQ(BufferPool::host().stats().requests, before.requests);
  for (int i = 0; i < 5000; ++i) many.push_back(i);
  EXPECT_GT(BufferPool::host().stats().requests, before.requests);
  EXPECT_GE(BufferPool::host().stats().in_use_bytes, before.in_use_bytes + 5000 * sizeof(int));
  const PooledVector<int> copy = many;
  many = std::move(few);
  EXPECT_EQ(many, PooledVector<int>(100, 1));
  for (int i = 0; i < 5000; ++i) ASSERT_EQ(copy[static_cast<std::size_t>(i)], i);
  EXPECT_THROW(many.reserve(SIZE_MAX / sizeof(int)), std::exception);
}

}  // namespace
}  // namespace varo
