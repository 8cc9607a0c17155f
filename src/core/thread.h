// SPDX-License-Identifier: Apache-2.0
/// Threads whose stack is large whatever the process's limit is, and whose absence is an Error.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <pthread.h>

#include "varo/error.h"

namespace varo {

/// A running thread; the destructor joins it.
class Thread {
 public:
  /// Holds the longest chain of operators several times, also with sanitizers.
  static constexpr std::size_t kStackBytes = std::size_t{16} << 20;

  /// errors  StateError where the system gives no more threads, or no memory for their stacks
  explicit Thread(std::function<void()> body);
  ~Thread();
  Thread(Thread&&) = delete;

 private:
  std::unique_ptr<std::function<void()>> body_;
  pthread_t thread_{};
};

/// Whether `count` more threads can be made now: makes them, and lets them end.
///
/// errors  StateError that says how many could be had
void check_threads(int count);

/// What to say where `had` of the `wanted` threads could be made.
Error too_few_threads(std::size_t had, int wanted);

/// Bytes of this thread's stack below the caller's frame; the greatest number where nobody knows.
std::size_t stack_left();

}  // namespace varo
