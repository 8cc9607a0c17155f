// SPDX-License-Identifier: Apache-2.0
/// Steps of a pipeline for Python: who may take one, and who is asked for data meanwhile.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <sys/types.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "python/bind.h"

namespace varo::python {

/// A pipeline whose steps threads of Python take in turns.
class Engine final : public Pipeline {
 public:
  explicit Engine(PipelineOptions options) : Pipeline(std::move(options)) {}

 private:
  friend class Turn;
  std::timed_mutex mutex_;
  std::atomic<std::thread::id> holder_;
  pid_t process_ = getpid();
};

/// The turn of this thread at a pipeline, for a scope. Waits for other threads without the interpreter's
/// lock; throws a Python error if a signal's handler raises meanwhile.
class Turn {
 public:
  enum class Nested : std::uint8_t {
    refused,  ///< StateError where this thread has the turn: a source of the pipeline steps it
    allowed,  ///< for what a source, or iter_setup, may do
  };
  explicit Turn(Engine& engine, Nested nested = Nested::refused);
  ~Turn();
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Engine* engine_;  // null: nothing to give back
};

/// Passes on what was noticed, as warnings about the user's line.
void say_notices();

/// Feeders are objects of Python, or None for pipelines without sources in Python:
///
/// feed(iteration)  Feed's numbers, or kFeedFailed: the batch has failed, fail() knows why. Raises what
///                  is not to wait for its turn, as KeyboardInterrupt
/// fail()           raises what feed() has met last
constexpr int kFeedFailed = 3;

/// The oldest batch, while the next ones are scheduled. Raises StopIteration where the sources have ended.
///
/// samples  that the batch must have; 0: any number
std::vector<Batch> advance(Engine& engine, const py::object& feeder, int samples);
/// One iteration more. Raises StopIteration where the sources have ended.
void schedule(Engine& engine, const py::object& feeder);
/// The oldest batch that was scheduled.
std::vector<Batch> next_of(Engine& engine);

/// A function that takes one step with each call: advance(), with an output as a DLPack capsule where
/// its samples have one shape and one of `types`.
///
/// owner            the Engine
/// feeder, samples  as of advance()
py::object stepper_of(const py::object& owner, DTypeSet types, const py::object& feeder,
                      int samples);

}  // namespace varo::python
