// SPDX-License-Identifier: Apache-2.0
#include "varo/pipeline.h"

#include <algorithm>
#include <atomic>
#include <fmt/format.h>
#include <limits>
#include <random>
#include <system_error>
#include <thread>
#include <unistd.h>

#include "core/simd.h"
#include "pipeline/declaration.h"
#include "pipeline/executor.h"
#include "pipeline/explain.h"
#include "pipeline/passes/pass.h"
#include "pipeline/readers_apart.h"

namespace varo {

namespace {

// What is added to sample numbers: there are fewer than 2^40 of one shard.
std::uint64_t stream_of(const Plan& plan) {
  for (const int id : plan.sources)
    if (const auto shard = plan[id].source->shard())
      return static_cast<std::uint64_t>(*shard) << 40;
  return 0;
}

}  // namespace

struct Pipeline::Impl {
  PipelineOptions options;
  std::uint64_t seed = 0;
  Graph graph;  // as declared
  std::unique_ptr<Plan> plan;
  std::unique_ptr<Executor> executor;
  std::vector<std::string> applied, warnings;
  pid_t process = getpid();
  std::atomic<bool> closed{false};

  // Threads do not survive fork: a child that goes on would wait for ever.
  void check_process() const {
    if (closed) throw Error(ErrorKind::state, "the pipeline is closed");
    if (getpid() == process) return;
    throw Error(ErrorKind::state, "this pipeline belongs to the parent process")
        .got(fmt::format("a call in process {}, a child of {}", getpid(), process))
        .hint("create the pipeline after the fork, or use the \"spawn\" start method");
  }
  void check_open() const {
    check_process();
    if (plan) throw Error(ErrorKind::state, "the pipeline is built; nothing can be added to it");
  }
  Executor& running() {
    if (!executor) throw Error(ErrorKind::state, "the pipeline is not built");
    if (executor->inside_call())
      throw Error(ErrorKind::state, "a function of this pipeline asks for its next batch")
          .allowed("the batches of other pipelines");
    return *executor;
  }
  PlanNode& external(Node node) {
    check_process();
    PlanNode* found = plan ? plan->declared(node.id) : nullptr;
    if (found == nullptr || found->source == nullptr)
      throw Error(ErrorKind::param, "this node takes no data from outside");
    return *found;
  }
};

Pipeline::Pipeline(PipelineOptions options) : impl_(std::make_unique<Impl>()) {
  limit_simd();
  const auto check = [](const char* name, int value, int most) {
    if (value >= 1 && value <= most) return;
    throw Error(ErrorKind::param, fmt::format("Pipeline: {} is out of range", name))
        .got(fmt::format("{}", value))
        .allowed(most == std::numeric_limits<int>::max() ? "at least 1"
                                                         : fmt::format("1 to {}", most));
  };
  constexpr int kAny = std::numeric_limits<int>::max();
  check("batch_size", options.batch_size, kAny);
  check("num_threads", options.num_threads, kMostThreads);
  check("prefetch_queue_depth", options.prefetch_queue_depth, kAny);
  for (const std::string& name : options.without_rewrites) {
    const auto& passes = all_passes();
    const bool known = name == "fusion" || name == "placement" ||
                       std::any_of(passes.begin(), passes.end(),
                                   [&](const Pass& pass) { return name == pass.name; });
    if (!known)
      throw Error(ErrorKind::param, "Pipeline: there is no such rewrite")
          .got(name)
          .allowed("branches, fusion, placement, prune");
  }
  impl_->options = options;
  const auto drawn = [] {
    std::random_device device;
    return (std::uint64_t{device()} << 32 | device()) >> 1;
  };
  impl_->seed = options.seed >= 0 ? static_cast<std::uint64_t>(options.seed) : drawn();
}

Pipeline::~Pipeline() {
  // In a child of fork the workers are not there to be waited for: the memory is given up.
  if (impl_ && getpid() != impl_->process) static_cast<void>(impl_.release());
  // From a call of its own, whose end would be waited for (a garbage collector comes by anywhere),
  // another thread does it.
  if (!impl_ || !impl_->executor || !impl_->executor->inside_call()) return;
  try {
    std::thread([impl = std::move(impl_)] {}).detach();
  } catch (const std::system_error&) {  // no thread: the memory is given up
    static_cast<void>(impl_.release());
  }
}
Pipeline::Pipeline(Pipeline&&) noexcept = default;
Pipeline& Pipeline::operator=(Pipeline&&) noexcept = default;

Node Pipeline::add(const std::string& op, std::vector<Node> inputs, Arguments args, Origin origin,
                   const std::string& device) {
  impl_->check_open();
  return impl_->graph.add(op, std::move(inputs), std::move(args), std::move(origin), impl_->seed,
                          device);
}

namespace {
const GraphNode& node_of(const Graph& graph, Node node) {
  if (node.id < 0 || node.id >= static_cast<int>(graph.nodes.size()))
    throw Error(ErrorKind::param, "there is no such node in this pipeline");
  return graph.nodes[static_cast<std::size_t>(node.id)];
}
}  // namespace

int Pipeline::output_count(Node node) const { return node_of(impl_->graph, node).outputs; }
const std::string& Pipeline::name_of(Node node) const {
  return node_of(impl_->graph, node).origin.name;
}
std::string Pipeline::device_of(Node node) const {
  node_of(impl_->graph, node);  // throws where there is none
  return impl_->graph.on_gpu(node) ? "gpu" : "cpu";
}

void Pipeline::set_outputs(std::vector<Node> outputs) {
  impl_->check_open();
  for (const Node& output : outputs) {
    const GraphNode& node = node_of(impl_->graph, output);
    if (output.output < 0 || output.output >= node.outputs)
      throw Error(ErrorKind::param,
                  fmt::format("{} has no output {}", node.origin.name, output.output));
  }
  impl_->graph.outputs = std::move(outputs);
}

void Pipeline::build() {
  impl_->check_process();
  if (impl_->executor) return;
  if (impl_->graph.outputs.empty()) throw Error(ErrorKind::state, "the pipeline has no outputs");
  Graph rewritten = impl_->graph;
  impl_->applied.clear();
  const auto& without = impl_->options.without_rewrites;
  for (const Pass& pass : all_passes()) {
    if (std::find(without.begin(), without.end(), pass.name) == without.end()) {
      if (pass.run(rewritten)) impl_->applied.emplace_back(pass.name);
    } else if (pass.skipped != nullptr) {
      pass.skipped(rewritten);
    }
  }
  rewritten.put_on_cpu();  // there is no back end for another device
  auto plan = std::make_unique<Plan>(std::move(rewritten));
  if (!impl_->options.common_draws) plan->stream = stream_of(*plan);
  probe(*plan);  // throws what is known to be wrong
  impl_->warnings = readers_apart(*plan);
  impl_->plan = std::move(plan);
  impl_->executor = std::make_unique<Executor>(impl_->options, *impl_->plan);
}

std::vector<Batch> Pipeline::run() {
  build();
  fill();
  while (!wait(std::chrono::milliseconds(1000))) {
  }
  return take();
}

void Pipeline::schedule() {
  impl_->check_process();
  impl_->running().schedule();
}
bool Pipeline::schedule(const Feeder& feeder) {
  impl_->check_process();
  return impl_->running().schedule(feeder);
}
void Pipeline::fill(const Feeder& feeder) {
  impl_->check_process();
  impl_->running().fill(feeder ? &feeder : nullptr, false);
}
void Pipeline::fill_ahead() {
  impl_->check_process();
  impl_->running().fill(nullptr, true);
}
bool Pipeline::ended() const { return impl_->executor && impl_->executor->ended(); }
void Pipeline::reset() {
  if (impl_->executor) impl_->executor->reset();
}
bool Pipeline::ready() const { return impl_->executor && impl_->executor->ready(); }
int Pipeline::pending() const { return impl_->executor ? impl_->executor->pending() : 0; }
bool Pipeline::wait(std::chrono::milliseconds timeout) {
  impl_->check_process();
  return impl_->running().wait(timeout);
}
std::vector<Batch> Pipeline::take() {
  impl_->check_process();
  return impl_->running().take();
}

void Pipeline::feed(Node node, std::vector<Tensor> samples) {
  build();
  PlanNode* target = impl_->plan->declared(node.id);
  if (target == nullptr) return;  // nothing reads it
  try {
    const auto limit = static_cast<std::size_t>(impl_->options.batch_size);
    if (samples.empty() || samples.size() > limit)
      throw Error(ErrorKind::shape, "a batch of the wrong size was fed")
          .got(fmt::format("{} samples", samples.size()))
          .allowed(fmt::format("1 to {}", limit));
    std::vector<Ticket> tickets;
    for (const Tensor& sample : samples)
      if (!sample.device().on_host())
        throw Error(ErrorKind::device, "a sample was fed that the CPU cannot read")
            .got(to_string(sample.device()) + " memory")
            .allowed("host or pinned memory")
            .hint("a copy on the host");
    for (Tensor& sample : samples) tickets.push_back({.index = 0, .values = {std::move(sample)}});
    impl_->external(node).source->feed(std::move(tickets));
  } catch (Error& error) {
    error.set_operator(target->graph.def->name());
    error.set_defined(target->graph.origin.defined);
    throw;
  }
}

void Pipeline::unfeed(Node node) {
  if (impl_->plan && impl_->plan->declared(node.id) != nullptr)
    impl_->external(node).source->unfeed();
}

int Pipeline::fed(Node node) const {
  if (!impl_->plan || impl_->plan->declared(node.id) == nullptr) return 0;
  return impl_->external(node).source->fed();
}

const Progress& Pipeline::progress() const {
  static const Progress none;
  return impl_->executor ? impl_->executor->progress() : none;
}

void Pipeline::restore(const Progress& progress, std::int64_t seed) {
  impl_->check_process();
  if (seed != this->seed()) {
    if (impl_->options.seed >= 0)
      throw Error(ErrorKind::param, "the pipeline has another seed")
          .got(fmt::format("a state of seed {}", seed))
          .allowed(fmt::format("seed {}", impl_->options.seed));
    impl_->seed = static_cast<std::uint64_t>(seed);
    impl_->graph.reseed(impl_->seed);
    impl_->executor.reset();
    impl_->plan.reset();
  }
  build();
  impl_->executor.reset();
  impl_->executor = std::make_unique<Executor>(impl_->options, *impl_->plan);
  impl_->executor->restore(progress);
}

bool Pipeline::inside_call() const { return impl_->executor && impl_->executor->inside_call(); }

std::vector<std::string> Pipeline::sources() const {
  std::vector<std::string> names;
  if (impl_->plan)
    for (const int id : impl_->plan->sources) names.push_back((*impl_->plan)[id].graph.origin.name);
  return names;
}

std::vector<std::string> Pipeline::items(const std::string& source) const {
  if (impl_->plan)
    for (const int id : impl_->plan->sources)
      if (const PlanNode& node = (*impl_->plan)[id]; node.graph.origin.name == source)
        return node.source->items();
  throw Error(ErrorKind::param, "there is no such source").got(source);
}

std::vector<std::string> Pipeline::declared() const { return declaration_of(impl_->graph); }

std::string Pipeline::batch_wide() const {
  if (!impl_->plan || impl_->plan->barriers.empty()) return "";
  return (*impl_->plan)[impl_->plan->barriers[0]].graph.origin.name;
}

void Pipeline::close() {
  if (impl_->closed.exchange(true) || getpid() != impl_->process) return;
  if (impl_->executor) impl_->executor->stop();
}

std::vector<ReaderInfo> Pipeline::readers() const {
  std::vector<ReaderInfo> infos;
  if (!impl_->plan) return infos;
  for (const int id : impl_->plan->sources) {
    const PlanNode& node = impl_->plan->nodes[static_cast<std::size_t>(id)];
    const auto meta = node.source->meta();
    if (!meta) continue;
    infos.push_back({node.graph.origin.name, meta->epoch_size, meta->epoch_size_padded,
                     meta->number_of_shards, meta->shard_id, meta->pad_last_batch,
                     meta->stick_to_shard});
  }
  return infos;
}

const std::vector<std::string>& Pipeline::warnings() const { return impl_->warnings; }

std::string Pipeline::explain() {
  build();
  return explain_plan(impl_->graph, *impl_->plan, impl_->applied,
                      plan_rules(impl_->options.without_rewrites));
}

PipelineStats Pipeline::stats() const {
  return impl_->executor ? impl_->executor->stats() : PipelineStats{};
}
const PipelineOptions& Pipeline::options() const { return impl_->options; }
std::int64_t Pipeline::seed() const { return static_cast<std::int64_t>(impl_->seed); }

}  // namespace varo
