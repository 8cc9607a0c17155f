// SPDX-License-Identifier: Apache-2.0
#include "core/thread.h"

#include <condition_variable>
#include <cstring>
#include <deque>
#include <limits>
#include <mutex>
#include <string>

namespace varo {

namespace {

void* call(void* body) {
  (*static_cast<std::function<void()>*>(body))();
  return nullptr;
}

}  // namespace

Thread::Thread(std::function<void()> body)
    : body_(std::make_unique<std::function<void()>>(std::move(body))) {
  pthread_attr_t attributes;
  int failed = pthread_attr_init(&attributes);
  if (failed == 0) {
    failed = pthread_attr_setstacksize(&attributes, kStackBytes);
    if (failed == 0) failed = pthread_create(&thread_, &attributes, call, body_.get());
    pthread_attr_destroy(&attributes);
  }
  if (failed != 0)
    throw Error(ErrorKind::state, "a thread could not be made").got(std::strerror(failed));
}

Thread::~Thread() { pthread_join(thread_, nullptr); }

void check_threads(int count) {
  std::mutex mutex;
  std::condition_variable released;
  bool over = false;
  std::deque<Thread> threads;
  const auto release = [&] {
    const std::lock_guard lock(mutex);
    over = true;
    released.notify_all();
  };
  try {
    for (int i = 0; i < count; ++i)
      threads.emplace_back([&] {
        std::unique_lock lock(mutex);
        released.wait(lock, [&] { return over; });
      });
  } catch (...) {
    release();
    const std::size_t had = threads.size();
    threads.clear();
    throw too_few_threads(had, count);
  }
  release();
}

Error too_few_threads(std::size_t had, int wanted) {
  return Error(ErrorKind::state, "the worker threads could not be made")
      .got(std::to_string(had) + " of " + std::to_string(wanted))
      .allowed(
          "what the limits of user, process and container leave: threads, and 16 MiB of address "
          "space for each")
      .hint("fewer num_threads; ulimit -u, ulimit -v, a container's pids limit");
}

std::size_t stack_left() {
  const auto* here = static_cast<const std::byte*>(__builtin_frame_address(0));
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0)
    return std::numeric_limits<std::size_t>::max();
  void* lowest = nullptr;
  std::size_t size = 0;
  const int failed = pthread_attr_getstack(&attributes, &lowest, &size);
  pthread_attr_destroy(&attributes);
  if (failed != 0 || here < lowest) return std::numeric_limits<std::size_t>::max();
  return static_cast<std::size_t>(here - static_cast<const std::byte*>(lowest));
}

}  // namespace varo
