// SPDX-License-Identifier: Apache-2.0
#include "pipeline/scheduler.h"

#include <atomic>
#include <condition_variable>
#include <gtest/gtest.h>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace varo {
namespace {

using std::chrono::milliseconds;

// A meeting that `expected` threads must attend at the same time.
class Meeting {
 public:
  explicit Meeting(int expected) : expected_(expected) {}
  bool attend() {
    std::unique_lock lock(mutex_);
    ++present_;
    here_.insert(std::this_thread::get_id());
    all_.notify_all();
    return all_.wait_for(lock, std::chrono::seconds(20), [&] { return present_ >= expected_; });
  }
  std::size_t threads() const { return here_.size(); }

 private:
  const int expected_;
  int present_ = 0;
  std::set<std::thread::id> here_;
  std::mutex mutex_;
  std::condition_variable all_;
};

// Both schedulers that have workers.
class WithWorkers : public testing::TestWithParam<std::unique_ptr<Scheduler> (*)(int)> {};
INSTANTIATE_TEST_SUITE_P(Scheduler, WithWorkers,
                         testing::Values(&make_arena_scheduler, &make_thread_scheduler));

TEST_P(WithWorkers, seven_workers_are_alive_at_once) {
  const auto scheduler = GetParam()(7);
  Meeting meeting(7);
  std::atomic<int> met{0}, finished{0};
  for (std::uint64_t i = 0; i < 7; ++i) {
    scheduler->post(i, [&] {
      met += meeting.attend() ? 1 : 0;
      ++finished;
      scheduler->wake();
    });
  }
  ASSERT_TRUE(scheduler->wait(milliseconds(30000), [&] { return finished == 7; }));
  EXPECT_EQ(met, 7);
  EXPECT_EQ(meeting.threads(), 7U);
}

TEST_P(WithWorkers, never_more_than_num_threads_at_once) {
  const auto scheduler = GetParam()(2);
  std::atomic<int> now{0}, peak{0}, finished{0};
  for (std::uint64_t i = 0; i < 50; ++i) {
    scheduler->post(i, [&] {
      const int running = ++now;
      for (int p = peak; p < running && !peak.compare_exchange_weak(p, running);) {
      }
      std::this_thread::sleep_for(milliseconds(1));
      --now;
      ++finished;
    });
  }
  ASSERT_TRUE(scheduler->wait(milliseconds(20000), [&] { return finished == 50; }));
  EXPECT_LE(peak, 2);
}

TEST_P(WithWorkers, lower_orders_go_first) {
  const auto scheduler = GetParam()(1);
  std::mutex mutex;
  std::vector<int> ran;
  std::atomic<bool> open{false};
  std::atomic<int> finished{0};
  scheduler->post(0, [&] {
    while (!open) std::this_thread::yield();
    ++finished;
  });
  for (const int order : {5, 3, 9, 1})
    scheduler->post(static_cast<std::uint64_t>(order), [&, order] {
      const std::lock_guard lock(mutex);
      ran.push_back(order);
      ++finished;
    });
  open = true;
  ASSERT_TRUE(scheduler->wait(milliseconds(20000), [&] { return finished == 5; }));
  EXPECT_EQ(ran, (std::vector<int>{1, 3, 5, 9}));
}

TEST_P(WithWorkers, a_lone_task_splits_its_loop) {
  const auto scheduler = GetParam()(2);
  Meeting meeting(2);
  std::atomic<int> met{0};
  std::atomic<bool> finished{false};
  scheduler->post(0, [&] {
    scheduler->parallel().run(2, [&](std::int64_t) { met += meeting.attend() ? 1 : 0; });
    finished = true;
    scheduler->wake();
  });
  ASSERT_TRUE(scheduler->wait(milliseconds(30000), [&] { return finished.load(); }));
  EXPECT_EQ(met, 2);
  EXPECT_EQ(meeting.threads(), 2U);
}

TEST_P(WithWorkers, an_exception_in_a_loop_reaches_the_caller) {
  const auto scheduler = GetParam()(2);
  std::atomic<bool> caught{false}, finished{false};
  scheduler->post(0, [&] {
    try {
      scheduler->parallel().run(64, [](std::int64_t block) {
        if (block == 40) throw std::runtime_error("block 40");
      });
    } catch (const std::runtime_error&) {
      caught = true;
    }
    finished = true;
    scheduler->wake();
  });
  ASSERT_TRUE(scheduler->wait(milliseconds(20000), [&] { return finished.load(); }));
  EXPECT_TRUE(caught);
}

TEST_P(WithWorkers, the_error_of_the_lowest_block_wins) {
  const auto scheduler = GetParam()(4);
  std::vector<std::string> seen;
  std::atomic<int> finished{0};
  for (std::uint64_t round = 0; round < 20; ++round) {
    scheduler->post(round, [&] {
      try {
        // The higher a block, the sooner it throws.
        scheduler->parallel().run(40, [](std::int64_t block) {
          std::this_thread::sleep_for(std::chrono::microseconds(10 * (40 - block)));
          if (block >= 3) throw std::runtime_error(std::to_string(block));
        });
      } catch (const std::runtime_error& error) {
        seen.emplace_back(error.what());
      }
      ++finished;
      scheduler->wake();
    });
    ASSERT_TRUE(scheduler->wait(milliseconds(20000),
                                [&] { return finished == static_cast<int>(round) + 1; }));
  }
  EXPECT_EQ(seen, std::vector<std::string>(20, "3"));
}

TEST(InlineScheduler, the_error_of_the_lowest_block_wins) {
  for (const bool shuffled : {false, true}) {
    const auto scheduler = make_inline_scheduler(shuffled, 9);
    try {
      scheduler->parallel().run(40, [](std::int64_t block) {
        if (block >= 3) throw std::runtime_error(std::to_string(block));
      });
      FAIL() << "nothing was thrown";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "3");
    }
  }
}

TEST_P(WithWorkers, waiting_ends_with_its_time) {
  const auto scheduler = GetParam()(1);
  EXPECT_FALSE(scheduler->wait(milliseconds(5), [] { return false; }));
}

TEST_P(WithWorkers, stopping_drops_what_waits_and_finishes_what_runs) {
  std::atomic<int> ran{0};
  {
    const auto scheduler = GetParam()(1);
    std::atomic<bool> started{false};
    scheduler->post(0, [&] {
      started = true;
      std::this_thread::sleep_for(milliseconds(50));
      ++ran;
    });
    while (!started) std::this_thread::yield();
    for (std::uint64_t i = 1; i < 100; ++i) scheduler->post(i, [&] { ++ran; });
    scheduler->stop();
    EXPECT_EQ(ran, 1);
  }
  EXPECT_EQ(ran, 1);
}

TEST(InlineScheduler, the_shuffled_one_runs_all_in_an_order_of_its_own) {
  std::vector<std::vector<int>> orders;
  for (const std::uint64_t seed : {1U, 2U, 1U}) {
    const auto scheduler = make_inline_scheduler(true, seed);
    std::vector<int> ran;
    for (int i = 0; i < 20; ++i) scheduler->post(0, [&ran, i] { ran.push_back(i); });
    ASSERT_TRUE(scheduler->wait(milliseconds(1000), [&] { return ran.size() == 20; }));
    orders.push_back(ran);
  }
  EXPECT_EQ(orders[0], orders[2]);
  EXPECT_NE(orders[0], orders[1]);
  std::sort(orders[0].begin(), orders[0].end());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(orders[0][static_cast<std::size_t>(i)], i);
}

}  // namespace
}  // namespace varo
