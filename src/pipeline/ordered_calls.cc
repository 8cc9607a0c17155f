// SPDX-License-Identifier: Apache-2.0
#include "pipeline/ordered_calls.h"

namespace varo {

namespace {
thread_local const OrderedCalls* t_inside = nullptr;
}

OrderedCalls::OrderedCalls(int each, bool own_thread) : each_(each) {
  if (own_thread) thread_ = std::make_unique<Thread>([this] { work(); });
}

OrderedCalls::~OrderedCalls() { stop(); }

bool OrderedCalls::inside() const { return t_inside == this; }

void OrderedCalls::post(std::int64_t turn, int call, std::function<void()> body) {
  std::unique_lock lock(mutex_);
  if (stopped_) return;
  waiting_.emplace(Place{turn, call}, std::move(body));
  catch_up(lock);
}

void OrderedCalls::finished(std::int64_t turn) {
  std::unique_lock lock(mutex_);
  if (stopped_ || turn < next_.first) return;
  ended_.insert(turn);
  catch_up(lock);
}

void OrderedCalls::stop() {
  std::unique_lock lock(mutex_);
  stopped_ = true;
  waiting_.clear();
  changed_.notify_all();
  if (inside()) return;
  changed_.wait(lock, [this] { return !running_; });
  lock.unlock();
  thread_.reset();
}

void OrderedCalls::catch_up(std::unique_lock<std::mutex>& lock) {
  if (thread_ != nullptr) return changed_.notify_all();
  if (running_) return;  // who runs a call goes on when it is over
  while (go_on(lock)) {
  }
}

bool OrderedCalls::go_on(std::unique_lock<std::mutex>& lock) {
  if (stopped_) return false;
  if (const auto call = waiting_.find(next_); call != waiting_.end()) {
    std::function<void()> body = std::move(call->second);
    waiting_.erase(call);
    ++next_.second;
    running_ = true;
    lock.unlock();
    const OrderedCalls* const outer = std::exchange(t_inside, this);
    body();
    body = nullptr;
    t_inside = outer;
    lock.lock();
    running_ = false;
    changed_.notify_all();
    return true;
  }
  if (next_.second < each_ && ended_.erase(next_.first) == 0) return false;
  ended_.erase(next_.first);
  next_ = {next_.first + 1, 0};
  return true;
}

void OrderedCalls::work() {
  std::unique_lock lock(mutex_);
  while (!stopped_)
    if (!go_on(lock)) changed_.wait(lock);
}

}  // namespace varo
