// SPDX-License-Identifier: Apache-2.0
#include "pipeline/scheduler.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <numeric>
#include <queue>
#include <random>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>
#include <vector>

namespace varo {

namespace {

struct Task {
  std::uint64_t order;
  std::uint64_t arrival;
  std::function<void()> run;
};
struct Later {
  bool operator()(const Task& a, const Task& b) const {
    return a.order != b.order ? a.order > b.order : a.arrival > b.arrival;
  }
};

// oneTBB limits its workers by process: this asks for the most that all living arenas need. It is
// never destroyed, because a process that ends must not wait for workers.
class WorkerLimit {
 public:
  static WorkerLimit& instance() {
    static auto* limit = new WorkerLimit;
    return *limit;
  }
  void add(int threads) {
    const std::lock_guard lock(mutex_);
    wanted_ += threads;
    raise();
  }
  void remove(int threads) {
    const std::lock_guard lock(mutex_);
    wanted_ -= threads;
  }

 private:
  void raise() {
    if (wanted_ + 1 <= limit_) return;
    limit_ = wanted_ + 1;
    // The smallest of all living controls counts, so the old one must go.
    control_.reset();
    control_ = std::make_unique<tbb::global_control>(tbb::global_control::max_allowed_parallelism,
                                                     static_cast<std::size_t>(limit_));
  }
  std::mutex mutex_;
  int wanted_ = 0;
  int limit_ = 0;
  std::unique_ptr<tbb::global_control> control_;
};

class ArenaScheduler final : public Scheduler, private Parallel {
 public:
  explicit ArenaScheduler(int num_threads) : width_(num_threads) {
    WorkerLimit::instance().add(num_threads);
    arena_.initialize(num_threads, 0);
  }
  ~ArenaScheduler() override {
    stop();
    WorkerLimit::instance().remove(width_);
  }

  void post(std::uint64_t order, std::function<void()> task) override {
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return;
      queue_.push({order, arrivals_++, std::move(task)});
      ++posted_;
    }
    arena_.enqueue([this] { run_one(); });
  }

  Parallel& parallel() override { return *this; }

  bool wait(std::chrono::milliseconds timeout, const std::function<bool()>& done) override {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, timeout, done);
  }

  void wake() override {
    { const std::lock_guard lock(mutex_); }
    changed_.notify_all();
  }

  void stop() override {
    std::unique_lock lock(mutex_);
    stopped_ = true;
    queue_ = {};
    // Every enqueued closure refers to this object, so all must have come by.
    changed_.wait(lock, [this] { return posted_ == 0; });
  }

 private:
  void run_one() {
    std::function<void()> task;
    {
      const std::lock_guard lock(mutex_);
      if (!queue_.empty()) {
        task = std::move(const_cast<Task&>(queue_.top()).run);
        queue_.pop();
        ++running_;
      }
    }
    const bool ran = static_cast<bool>(task);
    if (ran) task();
    task = nullptr;
    const std::lock_guard lock(mutex_);
    if (ran) --running_;
    --posted_;
    changed_.notify_all();  // under the lock: a stopper may destroy this object right after
  }

  // Loops inside a task split only while samples alone do not keep every worker busy.
  void run(std::int64_t blocks, FunctionRef<void(std::int64_t)> body) override {
    bool split = width_ > 1 && blocks > 1;
    if (split) {
      const std::lock_guard lock(mutex_);
      split = running_ + static_cast<int>(queue_.size()) < width_;
    }
    if (!split) return Parallel::serial().run(blocks, body);
    // Isolated: a worker that waits here must not begin another sample.
    tbb::this_task_arena::isolate([&] {
      tbb::parallel_for(std::int64_t{0}, blocks, [&](std::int64_t block) { body(block); });
    });
  }
  int width() const override { return width_; }

  const int width_;
  tbb::task_arena arena_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::priority_queue<Task, std::vector<Task>, Later> queue_;
  std::uint64_t arrivals_ = 0;
  int posted_ = 0, running_ = 0;
  bool stopped_ = false;
};

class InlineScheduler final : public Scheduler, private Parallel {
 public:
  InlineScheduler(bool shuffled, std::uint64_t seed) : shuffled_(shuffled), dice_(seed) {}

  void post(std::uint64_t order, std::function<void()> task) override {
    tasks_.push_back({order, arrivals_++, std::move(task)});
  }
  Parallel& parallel() override { return *this; }

  bool wait(std::chrono::milliseconds timeout, const std::function<bool()>& done) override {
    const auto until = std::chrono::steady_clock::now() + timeout;
    while (!done()) {
      if (tasks_.empty()) return false;
      auto next = std::min_element(tasks_.begin(), tasks_.end(),
                                   [](const Task& a, const Task& b) { return Later()(b, a); });
      if (shuffled_) next = tasks_.begin() + static_cast<std::ptrdiff_t>(dice_() % tasks_.size());
      const std::function<void()> task = std::move(next->run);
      tasks_.erase(next);
      task();
      if (std::chrono::steady_clock::now() > until) return done();
    }
    return true;
  }
  void wake() override {}
  void stop() override { tasks_.clear(); }

 private:
  void run(std::int64_t blocks, FunctionRef<void(std::int64_t)> body) override {
    if (!shuffled_) return Parallel::serial().run(blocks, body);
    std::vector<std::int64_t> order(static_cast<std::size_t>(blocks));
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), dice_);
    for (const std::int64_t block : order) body(block);
  }
  int width() const override { return shuffled_ ? 7 : 1; }

  const bool shuffled_;
  std::mt19937_64 dice_;
  std::vector<Task> tasks_;
  std::uint64_t arrivals_ = 0;
};

}  // namespace

std::unique_ptr<Scheduler> make_arena_scheduler(int num_threads) {
  return std::make_unique<ArenaScheduler>(num_threads);
}
std::unique_ptr<Scheduler> make_inline_scheduler(bool shuffled, std::uint64_t seed) {
  return std::make_unique<InlineScheduler>(shuffled, seed);
}

}  // namespace varo
