// SPDX-License-Identifier: Apache-2.0
/// Calls of foreign code (a user's Python), one at a time, in an order that is fixed beforehand: by
/// batch, and in a batch by node. Whatever such functions share, they see every batch in turn.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "core/thread.h"

namespace varo {

class OrderedCalls {
 public:
  /// each        calls a turn makes at most, numbered from 0
  /// own_thread  calls run on a thread of their own. Otherwise on the one that posts the call which
  ///             all others wait for; posts come from one thread then
  /// errors      StateError where there is no thread to be had
  OrderedCalls(int each, bool own_thread);
  /// As stop(). \pre !inside()
  ~OrderedCalls();

  /// Runs `body`, which must not throw, after all calls of earlier turns and those before it in this one.
  void post(std::int64_t turn, int call, std::function<void()> body);
  /// The turn, 0 for the first, makes no call more. Every turn ends so.
  void finished(std::int64_t turn);
  /// Drops what waits, and what is posted later; returns when nothing runs. From inside of a call it
  /// does not wait for that one.
  void stop();
  /// The caller is inside of one of these calls.
  bool inside() const;

 private:
  using Place = std::pair<std::int64_t, int>;
  /// Runs the next call, or passes on to the next turn; false where it is not known yet which.
  bool go_on(std::unique_lock<std::mutex>& lock);
  void catch_up(std::unique_lock<std::mutex>& lock);
  void work();

  const int each_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Place, std::function<void()>> waiting_;
  std::set<std::int64_t> ended_;  // turns that are not over for those after them yet
  Place next_{0, 0};
  bool stopped_ = false, running_ = false;
  std::unique_ptr<Thread> thread_;
};

}  // namespace varo
