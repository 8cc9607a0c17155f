// SPDX-License-Identifier: Apache-2.0
#include "core/testing.h"

#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

#include "core/lowest_error.h"
#include "core/philox.h"

namespace varo::testing {

void ThreadedParallel::run(std::int64_t blocks, FunctionRef<void(std::int64_t)> body) {
  LowestError error;
  std::atomic<std::int64_t> next{0};
  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(threads_));
  for (int i = 0; i < threads_; ++i) {
    threads.emplace_back([&] {
      for (std::int64_t block = next++; block < blocks; block = next++) error.guard(block, body);
    });
  }
  for (std::thread& thread : threads) thread.join();
  error.rethrow();
}

void ShuffledParallel::run(std::int64_t blocks, FunctionRef<void(std::int64_t)> body) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(blocks));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  Rng rng({.seed = seed_, .sample = static_cast<std::uint64_t>(blocks)});
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng.below(i)]);

  LowestError error;
  for (const std::int64_t block : order) error.guard(block, body);
  error.rethrow();
}

}  // namespace varo::testing
