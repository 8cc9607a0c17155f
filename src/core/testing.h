// SPDX-License-Identifier: Apache-2.0
/// Schedulers for tests: a result that depends on how blocks are shared out shows under these.
#pragma once

#include <cstdint>

#include "core/parallel.h"

namespace varo::testing {

/// Real threads, started anew for each call and joined before it returns. Everything is visible to
/// the thread sanitizer, unlike oneTBB's own hand-over of tasks.
class ThreadedParallel final : public Parallel {
 public:
  explicit ThreadedParallel(int threads) : threads_(threads) {}
  void run(std::int64_t blocks, FunctionRef<void(std::int64_t)> body) override;
  int width() const override { return threads_; }

 private:
  int threads_;
};

/// One thread that claims to be `width` of them and takes the blocks in an order drawn from `seed`:
/// finds dependence on order, the same way each time.
class ShuffledParallel final : public Parallel {
 public:
  explicit ShuffledParallel(std::uint64_t seed, int width = 8) : seed_(seed), width_(width) {}
  void run(std::int64_t blocks, FunctionRef<void(std::int64_t)> body) override;
  int width() const override { return width_; }

 private:
  std::uint64_t seed_;
  int width_;
};

}  // namespace varo::testing
