// SPDX-License-Identifier: Apache-2.0
/// Turns a plan into batches, several of them under way at a time.
///
/// An iteration goes through phases, each a task a sample: one for every batch-wide node, which
/// ends with the samples' common answer; one that infers the shapes of the outputs, which ends with
/// the batch buffers; and one that computes the outputs into them. The last task of a phase begins
/// the next. No task waits for another, so at most `num_threads` samples are being worked on.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <vector>

#include "pipeline/ordered_calls.h"
#include "pipeline/sample/evaluation.h"
#include "pipeline/scheduler.h"

namespace varo {

class Executor {
 public:
  Executor(const PipelineOptions& options, Plan& plan);
  /// Cancels what is under way; returns when no task runs.
  ~Executor();

  /// Drops what is under way; returns when no task runs, apart from a call of foreign code from which
  /// this is called. Nothing may be scheduled after it.
  void stop();
  /// The caller is foreign code that this executor has called.
  bool inside_call() const { return calls_ != nullptr && calls_->inside(); }

  /// Sources tick, in order; the iteration's tasks are posted. Where it throws, no source has moved.
  void schedule();
  /// One iteration whose external sources `feeder` feeds; false if they have ended. Where it throws,
  /// the batch is lost, unless nobody was asked for it.
  bool schedule(const Feeder& feeder);
  /// Schedules until prefetch_queue_depth iterations are pending; see Pipeline::fill().
  void fill(const Feeder* feeder, bool ahead);
  /// Every source moves on by one batch, which no iteration gets.
  void lose();
  bool ended() const { return ended_; }
  void reset() { ended_ = false; }

  /// After the last iteration that was taken, or whose batch was lost before it.
  const Progress& progress() const { return taken_; }
  /// \pre nothing was scheduled
  void restore(const Progress& progress);
  /// The oldest iteration is done.
  bool ready() const;
  int pending() const { return static_cast<int>(iterations_.size()); }
  bool wait(std::chrono::milliseconds timeout);
  std::vector<Batch> take();
  PipelineStats stats() const;

 private:
  struct Iteration;
  int next_batch_size() const;
  /// An external source has got nothing since its last batch.
  bool waits_for_food() const;
  bool schedule_fed(const Feeder* feeder, bool& asked);
  void save(Progress& progress) const;
  void start_phase(Iteration& iteration);
  void run_reference(Iteration& iteration);
  void finish(Iteration& iteration);
  void run_task(Iteration& iteration, std::size_t index);
  /// `count` tasks of the phase are over; the last one ends it.
  void end_tasks(Iteration& iteration, std::size_t count);
  void end_phase(Iteration& iteration);
  void complete_phase(Iteration& iteration);
  /// Batch-wide node `id` sees the samples that demand it.
  void combine(Iteration& iteration, int id);
  /// Throws where a branch gave something else to samples that took one side than to the others.
  void check_branches(const Iteration& iteration) const;
  void allocate_outputs(Iteration& iteration);
  void collect_outputs(Iteration& iteration);
  void fail(Iteration& iteration, std::size_t index);
  void check_stack() const;
  std::size_t phase_count() const { return plan_.barriers.size() + 2; }

  const PipelineOptions options_;
  Plan& plan_;
  EvaluationShared shared_;
  std::deque<std::unique_ptr<Iteration>> iterations_;  // oldest first; the consumer's thread only
  std::int64_t scheduled_ = 0;                         // iterations, lost ones among them
  std::int64_t next_number_ = 0;                       // samples
  bool ended_ = false;                                 // who feeds has no more; until reset()
  Progress taken_;
  std::vector<SourceState> before_;  // of sources that tick
  std::int64_t turns_ = 0;           // iterations whose tasks were posted
  std::atomic<int> working_{0}, peak_{0};
  std::atomic<std::int64_t> batches_{0}, samples_{0};
  std::unique_ptr<OrderedCalls> calls_;   // of foreign code, where the plan has any
  std::unique_ptr<Scheduler> scheduler_;  // last: its tasks use the rest
};

}  // namespace varo
