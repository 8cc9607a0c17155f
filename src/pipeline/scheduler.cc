// SPDX-License-Identifier: Apache-2.0
#include "pipeline/scheduler.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <numeric>
#include <queue>
#include <random>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>
#include <unistd.h>
#include <vector>

#include "core/lowest_error.h"
#include "core/sanitizers.h"
#include "core/thread.h"

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

// oneTBB limits its workers by process: this asks for the most that all living arenas need, and for
// stacks that hold the longest chain of operators several times. It is never destroyed, because a
// process that ends must not wait for workers.
class WorkerLimit {
 public:
  static WorkerLimit& instance() {
    static auto* limit = new WorkerLimit;
    return *limit;
  }
  /// errors  StateError where the system has not as many threads: oneTBB would end the process
  void add(int threads) {
    const std::lock_guard lock(mutex_);
    if (const int more = wanted_ + threads - made_; more > 0) {
      check_threads(more);
      made_ += more;
    }
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
  int made_ = 0;  // or known to be possible; oneTBB's workers stay until the process ends
  int limit_ = 0;
  std::unique_ptr<tbb::global_control> control_;
  tbb::global_control stack_{tbb::global_control::thread_stack_size, Thread::kStackBytes};
  tbb::task_scheduler_handle workers_{tbb::attach{}};  // while it is there, they stay
};

// A queue in front of workers, which somebody else provides.
class QueueScheduler : public Scheduler, protected Parallel {
 public:
  explicit QueueScheduler(int num_threads) : width_(num_threads) {}

  void post(std::uint64_t order, std::function<void()> task) override {
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return;
      queue_.push({order, arrivals_++, std::move(task)});
      ++posted_;
    }
    try {
      call_a_worker();
    } catch (...) {  // no memory for the call: the task in front, this one or another, runs here
      run_one();
    }
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
    // Every call of a worker refers to this object, so all must have come by.
    changed_.wait(lock, [this] { return posted_ == 0; });
  }

 protected:
  /// Makes some worker call run_one(), soon.
  virtual void call_a_worker() = 0;
  /// Runs body for every block on several threads.
  virtual void split(std::int64_t blocks, FunctionRef<void(std::int64_t)> body) = 0;

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

  int width() const override { return width_; }

 private:
  // Loops inside a task split only while samples alone do not keep every worker busy.
  void run(std::int64_t blocks, FunctionRef<void(std::int64_t)> body) override {
    bool idle_workers = width_ > 1 && blocks > 1;
    if (idle_workers) {
      const std::lock_guard lock(mutex_);
      idle_workers = running_ + static_cast<int>(queue_.size()) < width_;
    }
    if (idle_workers) return split(blocks, body);
    Parallel::serial().run(blocks, body);
  }

  const int width_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::priority_queue<Task, std::vector<Task>, Later> queue_;
  std::uint64_t arrivals_ = 0;
  int posted_ = 0, running_ = 0;
  bool stopped_ = false;
};

class ArenaScheduler final : public QueueScheduler {
 public:
  explicit ArenaScheduler(int num_threads) : QueueScheduler(num_threads) {
    WorkerLimit::instance().add(num_threads);
    try {
      arena_.initialize(num_threads, 0);
      wake_workers();
    } catch (...) {
      WorkerLimit::instance().remove(num_threads);
      throw;
    }
  }
  ~ArenaScheduler() override {
    stop();
    WorkerLimit::instance().remove(width());
  }

 private:
  // Has oneTBB make its workers now, while they are known to be possible: each task waits for the
  // others. Where somebody else limits oneTBB they never meet, so they do not wait for long.
  void wake_workers() {
    struct Meeting {
      std::mutex mutex;
      std::condition_variable changed;
      int there = 0;
    };
    const auto meeting = std::make_shared<Meeting>();
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
    for (int i = 0; i < width(); ++i)
      arena_.enqueue([meeting, until, all = width()] {
        std::unique_lock lock(meeting->mutex);
        if (++meeting->there == all) meeting->changed.notify_all();
        meeting->changed.wait_until(lock, until, [&] { return meeting->there == all; });
      });
    std::unique_lock lock(meeting->mutex);
    meeting->changed.wait_until(lock, until, [&] { return meeting->there == width(); });
  }
  void call_a_worker() override {
    arena_.enqueue([this] { run_one(); });
  }
  void split(std::int64_t blocks, FunctionRef<void(std::int64_t)> body) override {
    // Isolated: a worker that waits here must not begin another sample.
    LowestError error;
    tbb::this_task_arena::isolate([&] {
      tbb::parallel_for(std::int64_t{0}, blocks,
                        [&](std::int64_t block) { error.guard(block, body); });
    });
    error.rethrow();
  }
  tbb::task_arena arena_;
};

class ThreadScheduler final : public QueueScheduler {
 public:
  explicit ThreadScheduler(int num_threads) : QueueScheduler(num_threads) {
    try {
      for (int i = 0; i < num_threads; ++i) workers_.emplace_back([this] { work(); });
    } catch (...) {
      const std::size_t had = workers_.size();
      leave();
      throw too_few_threads(had, num_threads);
    }
  }
  ~ThreadScheduler() override {
    stop();
    leave();
  }

 private:
  void leave() {
    {
      const std::lock_guard lock(calls_mutex_);
      leaving_ = true;
    }
    called_.notify_all();
    workers_.clear();
  }
  void call_a_worker() override {
    {
      const std::lock_guard lock(calls_mutex_);
      ++calls_;
    }
    called_.notify_one();
  }
  void work() {
    for (std::unique_lock lock(calls_mutex_);;) {
      called_.wait(lock, [this] { return calls_ > 0 || leaving_; });
      if (calls_ == 0) return;
      --calls_;
      lock.unlock();
      run_one();
      lock.lock();
    }
  }
  void split(std::int64_t blocks, FunctionRef<void(std::int64_t)> body) override {
    std::atomic<std::int64_t> next{0};
    LowestError error;
    const auto help = [&] {
      for (std::int64_t block; (block = next.fetch_add(1)) < blocks;) error.guard(block, body);
    };
    {
      std::deque<Thread> helpers;
      try {
        for (int i = 1; i < width() && i < blocks; ++i) helpers.emplace_back(help);
      } catch (const Error&) {  // fewer help
      }
      help();
    }
    error.rethrow();
  }

  std::mutex calls_mutex_;
  std::condition_variable called_;
  int calls_ = 0;
  bool leaving_ = false;
  std::deque<Thread> workers_;
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
    LowestError error;
    for (const std::int64_t block : order) error.guard(block, body);
    error.rethrow();
  }
  int width() const override { return shuffled_ ? 7 : 1; }

  const bool shuffled_;
  std::mt19937_64 dice_;
  std::vector<Task> tasks_;
  std::uint64_t arrivals_ = 0;
};

}  // namespace

std::unique_ptr<Scheduler> make_arena_scheduler(int num_threads) {
  // The distribution's oneTBB is not instrumented: the sanitizer would not see its handovers.
  if (kThreadSanitizer) return make_thread_scheduler(num_threads);
  // oneTBB's workers do not follow into a child of fork, and it does not notice.
  static const pid_t process = getpid();
  if (getpid() != process) return make_thread_scheduler(num_threads);
  return std::make_unique<ArenaScheduler>(num_threads);
}
std::unique_ptr<Scheduler> make_thread_scheduler(int num_threads) {
  return std::make_unique<ThreadScheduler>(num_threads);
}
std::unique_ptr<Scheduler> make_inline_scheduler(bool shuffled, std::uint64_t seed) {
  return std::make_unique<InlineScheduler>(shuffled, seed);
}

}  // namespace varo
