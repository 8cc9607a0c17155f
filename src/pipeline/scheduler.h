// SPDX-License-Identifier: Apache-2.0
/// Where tasks run. No task ever waits for another one.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "core/parallel.h"
#include "varo/pipeline.h"

namespace varo {

class Scheduler {
 public:
  virtual ~Scheduler() = default;
  /// Queues a task. Tasks with smaller `order` go first where there is a choice.
  virtual void post(std::uint64_t order, std::function<void()> task) = 0;
  /// For loops inside a task.
  virtual Parallel& parallel() = 0;
  /// Returns when done() is true, or false after `timeout`. Schedulers without workers run tasks
  /// meanwhile. `done` is asked again after wake() and after every task.
  virtual bool wait(std::chrono::milliseconds timeout, const std::function<bool()>& done) = 0;
  /// Something that a waiter may wait for has happened.
  virtual void wake() = 0;
  /// Drops queued tasks and returns when none is running.
  virtual void stop() = 0;
};

/// `num_threads` workers of a oneTBB arena.
std::unique_ptr<Scheduler> make_arena_scheduler(int num_threads);
/// The same on threads of its own, with loops split over fresh threads: slow, and visible to the
/// thread sanitizer. It takes the arena's place there, and in a child of a process that has made an
/// arena before it forked.
std::unique_ptr<Scheduler> make_thread_scheduler(int num_threads);
/// One thread, the one that waits; in order, or in an order drawn from `seed`.
std::unique_ptr<Scheduler> make_inline_scheduler(bool shuffled, std::uint64_t seed);

}  // namespace varo
