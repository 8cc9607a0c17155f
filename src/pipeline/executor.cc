// SPDX-License-Identifier: Apache-2.0
#include "pipeline/executor.h"

#include <algorithm>
#include <any>
#include <fmt/format.h>
#include <new>

#include "core/pool.h"
#include "core/sanitizers.h"
#include "core/thread.h"
#include "pipeline/read_ahead.h"
#include "pipeline/reference.h"

namespace varo {

struct Executor::Iteration {
  Executor* executor = nullptr;
  std::int64_t number = 0;  // of the iteration
  std::int64_t first_sample = 0;
  std::int64_t turn = 0;  // of OrderedCalls
  // What the tasks work on. Gone when the iteration is done: the consumer is not kept.
  struct Work {
    std::vector<std::any> combined;            // of batch-wide nodes, in the order of barriers
    std::vector<std::uint8_t> demanded;        // by sample: the phase's batch-wide node
    std::vector<std::vector<Ticket>> tickets;  // of samples without an evaluation
    // Made by their first task: whoever schedules, mostly the consumer, is not kept.
    std::vector<std::unique_ptr<Evaluation>> samples;
    std::vector<std::vector<Tensor>> results;  // [output][sample]
    struct Buffer {
      std::shared_ptr<void> memory;
      std::vector<View> places;  // one a sample
      bool large = false;        // larger than caches
    };
    std::vector<Buffer> buffers;  // one an output
  } work;
  std::vector<Batch> batches;  // one an output, when it is done
  std::size_t phase = 0;
  std::atomic<std::size_t> remaining{0};
  std::atomic<bool> done{false};
  bool unscheduled = false;  // stands for a batch that could not be scheduled
  bool moved = true;         // a batch of every source went with it
  Progress after;
  // The failure with the lowest sample index; others are dropped.
  std::mutex mutex;
  std::size_t failed = SIZE_MAX;
  std::exception_ptr error;
};

Executor::Executor(const PipelineOptions& options, Plan& plan) : options_(options), plan_(plan) {
  scheduler_ =
      options.schedule == Schedule::parallel
          ? make_arena_scheduler(options.num_threads)
          : make_inline_scheduler(options.schedule == Schedule::shuffled, options.shuffle_seed);
  shared_.rules = plan_rules(options.without_rewrites);
  if (plan.foreign_calls > 0 && options.schedule != Schedule::reference)
    calls_ =
        std::make_unique<OrderedCalls>(plan.foreign_calls, options.schedule == Schedule::parallel);
  save(taken_);
}

Executor::~Executor() { stop(); }

void Executor::stop() {
  shared_.cancelled = true;
  if (calls_ != nullptr) calls_->stop();
  if (!inside_call()) scheduler_->stop();
}

int Executor::next_batch_size() const {
  // External sources decide how many samples there are; everybody else follows.
  int batch_size = options_.batch_size;
  int decided_by = -1;
  for (const int id : plan_.sources) {
    const PlanNode& node = plan_[id];
    const std::optional<int> size = node.source->next_batch_size();
    if (!size) continue;
    if (decided_by >= 0 && *size != batch_size)
      throw Error(ErrorKind::shape, "external sources disagree on the batch size")
          .got(fmt::format("{} samples from {}, {} from {}", *size, node.graph.origin.name,
                           batch_size, plan_[decided_by].graph.origin.name));
    batch_size = *size;
    decided_by = id;
  }
  return batch_size;
}

void Executor::schedule() {
  const int batch_size = next_batch_size();
  auto iteration = std::make_unique<Iteration>();
  iteration->executor = this;
  std::vector<std::vector<Ticket>> batches(plan_.sources.size());
  std::vector<std::vector<Ticket>> tickets(static_cast<std::size_t>(batch_size));
  for (auto& sample : tickets) sample.reserve(batches.size());
  const auto in_context = [](const PlanNode& node, const auto& body) {
    try {
      body();
    } catch (Error& error) {
      error.set_operator(node.graph.def->name());
      error.set_defined(node.graph.origin.defined);
      throw;
    }
  };
  // What may fail comes before any source that is fed has moved on; the others go back.
  for (const int id : plan_.sources)
    in_context(plan_[id], [&] {
      if (plan_[id].source->fed() == 0) plan_[id].source->meta();
    });
  before_.resize(batches.size());
  for (std::size_t k = 0; k < batches.size(); ++k) plan_[plan_.sources[k]].source->save(before_[k]);
  try {
    for (const bool fed : {false, true}) {
      for (std::size_t k = 0; k < batches.size(); ++k) {
        const PlanNode& node = plan_[plan_.sources[k]];
        if ((node.source->fed() > 0) != fed) continue;
        in_context(node, [&] { batches[k] = node.source->tick(batch_size); });
      }
    }
  } catch (...) {
    for (std::size_t k = 0; k < batches.size(); ++k)
      if (SourceOperator& source = *plan_[plan_.sources[k]].source; source.fed() == 0)
        source.restore(before_[k]);
    throw;
  }
  for (auto& batch : batches)
    for (std::size_t i = 0; i < tickets.size(); ++i) tickets[i].push_back(std::move(batch.at(i)));
  iteration->number = scheduled_++;
  iteration->first_sample = next_number_;
  next_number_ += batch_size;
  save(iteration->after);
  iteration->work.samples.resize(tickets.size());
  iteration->work.demanded.resize(tickets.size());
  iteration->work.tickets = std::move(tickets);
  iteration->work.combined.reserve(plan_.barriers.size());  // samples refer to them
  iteration->turn = turns_++;
  iterations_.push_back(std::move(iteration));
  start_phase(*iterations_.back());
}

void Executor::save(Progress& progress) const {
  progress.iteration = scheduled_;
  progress.sample = next_number_;
  if (!options_.enable_checkpointing) return;
  progress.sources.resize(plan_.sources.size());
  for (std::size_t k = 0; k < plan_.sources.size(); ++k)
    plan_[plan_.sources[k]].source->save(progress.sources[k]);
}

void Executor::restore(const Progress& progress) {
  if (progress.sources.size() != plan_.sources.size())
    throw Error(ErrorKind::param, "the pipeline has other sources")
        .got(fmt::format("states of {}", progress.sources.size()))
        .allowed(fmt::format("states of {}", plan_.sources.size()));
  for (std::size_t k = 0; k < plan_.sources.size(); ++k)
    plan_[plan_.sources[k]].source->restore(progress.sources[k]);
  scheduled_ = progress.iteration;
  next_number_ = progress.sample;
  taken_ = progress;
}

void Executor::lose() {
  int fed = 0;  // the largest batch, where they disagree
  for (const int id : plan_.sources)
    if (const SourceOperator& source = *plan_[id].source; source.fed() > 0)
      fed = std::max(fed, source.next_batch_size().value_or(0));
  const int batch_size = fed > 0 ? fed : options_.batch_size;
  for (const int id : plan_.sources) plan_[id].source->skip(batch_size);
  ++scheduled_;
  next_number_ += batch_size;
}

bool Executor::waits_for_food() const {
  const auto waits = [this](int id) {
    const SourceOperator& source = *plan_[id].source;
    try {
      return source.fed() == 0 && source.next_batch_size().has_value();
    } catch (...) {
      return true;
    }
  };
  return std::any_of(plan_.sources.begin(), plan_.sources.end(), waits);
}

// Whether there is an iteration more. `asked`: what goes wrong costs every source a batch.
bool Executor::schedule_fed(const Feeder* feeder, bool& asked) {
  asked = false;
  if (feeder != nullptr) {
    asked = true;
    switch ((*feeder)(scheduled_)) {
      case Feed::ended:
        ended_ = true;
        return false;
      case Feed::nobody:
        asked = false;
        if (pending() > 0) return false;
        next_batch_size();  // throws, and says what is missing
        throw Error(ErrorKind::internal, "nobody was asked, though nobody feeds by hand");
      case Feed::given:
        break;
    }
  }
  schedule();
  return true;
}

bool Executor::schedule(const Feeder& feeder) {
  if (ended_) return false;
  bool asked = false;
  try {
    return schedule_fed(&feeder, asked);
  } catch (...) {
    if (asked) lose();
    throw;
  }
}

void Executor::fill(const Feeder* feeder, bool ahead) {
  const auto may_schedule = [&] {
    return !ended_ && (iterations_.empty() || !iterations_.back()->unscheduled);
  };
  while (pending() < options_.prefetch_queue_depth && may_schedule()) {
    bool asked = false;
    try {
      if (feeder == nullptr && waits_for_food() && (ahead || pending() > 0)) return;
      if (!schedule_fed(feeder, asked)) return;
    } catch (const FeedInterrupted&) {
      lose();
      throw;
    } catch (...) {
      if (!asked && waits_for_food()) throw;
      // What was fed by hand is gone as well: the next iteration is of other batches.
      asked = asked || std::any_of(plan_.sources.begin(), plan_.sources.end(),
                                   [this](int id) { return plan_[id].source->fed() > 0; });
      if (asked) lose();
      auto failure = std::make_unique<Iteration>();
      failure->unscheduled = true;
      failure->moved = asked;
      failure->error = std::current_exception();
      failure->done = true;
      save(failure->after);
      iterations_.push_back(std::move(failure));
    }
  }
}

bool Executor::ready() const { return !iterations_.empty() && iterations_.front()->done.load(); }

void Executor::run_reference(Iteration& iteration) {
  try {
    iteration.batches = reference_batches(plan_, iteration.first_sample, iteration.work.tickets);
  } catch (...) {
    fail(iteration, 0);
  }
  samples_.fetch_add(static_cast<std::int64_t>(iteration.work.tickets.size()));
  finish(iteration);
}

void Executor::finish(Iteration& iteration) {
  iteration.work = {};
  if (calls_ != nullptr) calls_->finished(iteration.turn);
  batches_.fetch_add(1);
  iteration.done.store(true);
  scheduler_->wake();
}

void Executor::start_phase(Iteration& iteration) {
  if (options_.schedule == Schedule::reference) {
    try {
      scheduler_->post(static_cast<std::uint64_t>(iteration.number),
                       [&iteration] { iteration.executor->run_reference(iteration); });
    } catch (...) {
      fail(iteration, 0);
      finish(iteration);
    }
    return;
  }
  const std::size_t n = iteration.work.samples.size();
  iteration.remaining.store(n);
  // Oldest batch first, but what the next one will read is found out before this one is computed,
  // so that it is under way meanwhile.
  const bool computes = iteration.phase + 1 == phase_count();
  const auto rank = 2 * static_cast<std::uint64_t>(iteration.number) + (computes ? 3 : 0);
  for (std::size_t i = 0; i < n; ++i) {
    const auto order = rank << 20 | i;
    try {
      // Two words: what is larger would be allocated.
      scheduler_->post(order, [&iteration, i] { iteration.executor->run_task(iteration, i); });
    } catch (...) {
      fail(iteration, i);
      return end_tasks(iteration, n - i);
    }
  }
}

void Executor::run_task(Iteration& iteration, std::size_t index) {
  const int working = working_.fetch_add(1) + 1;
  for (int peak = peak_.load(); peak < working && !peak_.compare_exchange_weak(peak, working);) {
  }
  bool skip = shared_.cancelled.load();
  if (!skip) {
    const std::lock_guard lock(iteration.mutex);
    skip = iteration.failed < index;
  }
  if (!skip) {
    try {
      std::unique_ptr<Evaluation>& slot = iteration.work.samples[index];
      if (slot == nullptr)
        slot =
            std::make_unique<Evaluation>(plan_, shared_, scheduler_->parallel(),
                                         iteration.first_sample + static_cast<std::int64_t>(index),
                                         std::move(iteration.work.tickets[index]));
      Evaluation& sample = *slot;
      bool done = true;
      if (iteration.phase < plan_.barriers.size()) {
        bool demanded = false;
        done = sample.gather(plan_.barriers[iteration.phase], demanded);
        iteration.work.demanded[index] = demanded ? 1 : 0;
      } else if (iteration.phase == plan_.barriers.size()) {
        sample.let_go_of_sinks();
        for (const Node& output : plan_.outputs) done = sample.infer(output.id) && done;
        if (options_.schedule == Schedule::parallel) read_ahead(sample.plan());
      } else {
        for (std::size_t o = 0; o < plan_.outputs.size() && done; ++o) {
          const auto& buffer = iteration.work.buffers[o];
          done = sample.value_into(plan_.outputs[o],
                                   {buffer.places[index], buffer.memory, buffer.large},
                                   iteration.work.results[o][index]);
        }
        slot.reset();
        samples_.fetch_add(1);
      }
      if (!done && !shared_.cancelled.load())
        throw Error(ErrorKind::internal, "a sample waits for what nobody computes");
    } catch (...) {
      fail(iteration, index);
    }
  }
  working_.fetch_sub(1);
  end_tasks(iteration, 1);
}

void Executor::end_tasks(Iteration& iteration, std::size_t count) {
  if (iteration.remaining.fetch_sub(count) == count) end_phase(iteration);
}

void Executor::fail(Iteration& iteration, std::size_t index) {
  const std::lock_guard lock(iteration.mutex);
  if (index >= iteration.failed) return;
  iteration.failed = index;
  iteration.error = std::current_exception();
}

void Executor::end_phase(Iteration& iteration) {
  if (iteration.phase < plan_.barriers.size()) {
    const int call = plan_[plan_.barriers[iteration.phase]].foreign_call;
    bool failed = false;
    {
      const std::lock_guard lock(iteration.mutex);
      failed = iteration.error != nullptr;
    }
    if (call >= 0 && !failed) {
      try {
        return calls_->post(iteration.turn, call,
                            [this, &iteration] { complete_phase(iteration); });
      } catch (...) {
        fail(iteration, 0);
      }
    }
  }
  complete_phase(iteration);
}

void Executor::complete_phase(Iteration& iteration) {
  const auto failed = [&] {
    const std::lock_guard lock(iteration.mutex);
    return iteration.error != nullptr;
  };
  if (!failed() && !shared_.cancelled.load()) {
    try {
      if (iteration.phase < plan_.barriers.size()) {
        combine(iteration, plan_.barriers[iteration.phase]);
      } else if (iteration.phase == plan_.barriers.size()) {
        check_branches(iteration);
        allocate_outputs(iteration);
      } else {
        collect_outputs(iteration);
      }
    } catch (...) {
      fail(iteration, 0);
    }
  }
  ++iteration.phase;
  if (iteration.phase < phase_count() && !failed() && !shared_.cancelled.load())
    return start_phase(iteration);
  finish(iteration);
}

void Executor::combine(Iteration& iteration, int id) {
  const PlanNode& node = plan_[id];
  std::vector<BatchItem> items;
  const auto each = [&](const auto& body) {
    for (std::size_t i = 0; i < iteration.work.samples.size(); ++i)
      if (iteration.work.demanded[i] != 0) body(*iteration.work.samples[i]);
  };
  each([&](Evaluation& sample) { items.push_back(sample.batch_item(id)); });
  iteration.work.combined.emplace_back();
  if (items.empty()) return;
  try {
    iteration.work.combined.back() = node.op->combine(items);
  } catch (Error& error) {
    error.set_operator(node.graph.def->name());
    error.set_defined(node.graph.origin.defined);
    throw;
  }
  int item = 0;
  each([&](Evaluation& sample) {
    sample.plan().set_batch(id, &iteration.work.combined.back(), item++);
  });
}

void Executor::check_branches(const Iteration& iteration) const {
  if (!plan_.branches) return;
  for (int id = 0; id < plan_.size(); ++id) {
    const PlanNode& node = plan_[id];
    if (node.branch == nullptr) continue;
    const SamplePlan* taking[2] = {nullptr, nullptr};  // the first sample of each side
    for (const auto& sample : iteration.work.samples) {
      if (!sample->plan().has_specs(id)) continue;
      const SamplePlan*& first = taking[node.branch->taken(sample->plan().facts(id)) == 1 ? 0 : 1];
      if (first == nullptr) first = &sample->plan();
    }
    if (taking[0] == nullptr || taking[1] == nullptr) continue;
    try {
      node.branch->check_alike(taking[0]->specs_of(id)[0], taking[1]->specs_of(id)[0]);
    } catch (Error& error) {
      error.set_operator(node.graph.def->name());
      error.set_defined(node.graph.origin.defined);
      throw;
    }
  }
}

void Executor::allocate_outputs(Iteration& iteration) {
  // What a consumer reads later than caches remember.
  constexpr std::size_t kLargeBatch = std::size_t{16} << 20;
  constexpr std::size_t kAlign = 64;
  for (std::size_t o = 0; o < plan_.outputs.size(); ++o) {
    const Node output = plan_.outputs[o];
    const PlanNode& node = plan_[output.id];
    std::vector<std::size_t> offsets;
    std::size_t bytes = 0;
    const auto spec_of = [&](const Evaluation& sample) -> const Spec& {
      return sample.plan().specs_of(output.id)[static_cast<std::size_t>(output.output)];
    };
    const Spec first = spec_of(*iteration.work.samples[0]);
    for (const auto& sample : iteration.work.samples) {
      const Spec& spec = spec_of(*sample);
      if (spec.dtype != first.dtype || spec.shape.rank() != first.shape.rank() ||
          !(spec.layout == first.layout)) {
        Error error(ErrorKind::shape,
                    fmt::format("the samples of a batch disagree in output {}", o));
        error = std::move(error)
                    .got(fmt::format("{} with {} axes \"{}\" after {} with {} axes \"{}\"",
                                     varo::name_of(spec.dtype), spec.shape.rank(),
                                     spec.layout.str(), varo::name_of(first.dtype),
                                     first.shape.rank(), first.layout.str()))
                    .allowed("one element type, number of axes and layout; extents may differ");
        error.set_operator(node.graph.def->name());
        error.set_sample(sample->number(), sample->source_name());
        error.set_defined(node.graph.origin.defined);
        throw Error(error);
      }
      offsets.push_back(bytes);
      const auto own = static_cast<std::size_t>(volume(spec.shape)) * size_of(spec.dtype);
      if (__builtin_add_overflow(bytes, own, &bytes)) bytes = SIZE_MAX;
    }
    Iteration::Work::Buffer buffer;
    buffer.large = bytes > kLargeBatch;
    try {
      buffer.memory = BufferPool::host().get(std::max(bytes, kAlign));
    } catch (const std::bad_alloc&) {
      Error error(ErrorKind::state, fmt::format("out of memory for a batch of output {}", o));
      error = std::move(error).got(fmt::format("{} samples, {} bytes", offsets.size(), bytes) +
                                   (bytes == SIZE_MAX ? " or more" : ""));
      error.set_operator(node.graph.def->name());
      error.set_defined(node.graph.origin.defined);
      throw Error(error);
    }
    for (std::size_t i = 0; i < offsets.size(); ++i) {
      const Spec& spec = spec_of(*iteration.work.samples[i]);
      buffer.places.push_back({static_cast<std::byte*>(buffer.memory.get()) + offsets[i],
                               spec.dtype, spec.shape, dense_strides(spec.shape)});
    }
    iteration.work.buffers.push_back(std::move(buffer));
  }
  iteration.work.results.assign(plan_.outputs.size(),
                                std::vector<Tensor>(iteration.work.samples.size()));
}

void Executor::collect_outputs(Iteration& iteration) {
  for (std::vector<Tensor>& samples : iteration.work.results) {
    const DType dtype = samples.at(0).dtype();
    const Layout layout = samples.at(0).layout();
    iteration.batches.push_back({std::move(samples), dtype, layout});
  }
}

void Executor::check_stack() const {
  // Operators ask for their inputs: on the caller's thread a chain takes as much of its stack. Those
  // that are short are not worth asking the system how much there is.
  constexpr int kShort = 100;
  const std::size_t for_one =
      kAddressSanitizer || kThreadSanitizer ? std::size_t{16} << 10 : std::size_t{4} << 10;
  if (options_.schedule == Schedule::parallel || plan_.deepest <= kShort) return;
  const std::size_t wanted = static_cast<std::size_t>(plan_.deepest) * for_one, left = stack_left();
  if (left >= wanted) return;
  throw Error(ErrorKind::state, "the stack of this thread is too small for the pipeline")
      .got(fmt::format("{} KiB", left >> 10))
      .allowed(fmt::format("{} KiB for a chain of {} operators", wanted >> 10, plan_.deepest))
      .hint(
          "ulimit -s, threading.stack_size(), or schedule=\"parallel\", which has threads of its own");
}

bool Executor::wait(std::chrono::milliseconds timeout) {
  if (iterations_.empty()) throw Error(ErrorKind::state, "no batch has been scheduled");
  Iteration& oldest = *iterations_.front();
  if (oldest.done.load()) return true;
  check_stack();
  return scheduler_->wait(timeout, [&] { return oldest.done.load(); });
}

std::vector<Batch> Executor::take() {
  if (iterations_.empty() || !iterations_.front()->done.load())
    throw Error(ErrorKind::state, "the oldest batch is not done");
  const std::unique_ptr<Iteration> iteration = std::move(iterations_.front());
  iterations_.pop_front();
  if (iteration->moved) taken_ = std::move(iteration->after);
  if (iteration->error) std::rethrow_exception(iteration->error);
  return std::move(iteration->batches);
}

PipelineStats Executor::stats() const {
  return {.batches = batches_.load(),
          .samples = samples_.load(),
          .peak_workers = peak_.load(),
          .nodes_run = shared_.nodes_run.load(),
          .copies = shared_.copies.load()};
}

}  // namespace varo
