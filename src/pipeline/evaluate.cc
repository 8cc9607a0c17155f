// SPDX-License-Identifier: Apache-2.0
#include "pipeline/evaluate.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mutex>
#include <new>
#include <stdexcept>

#include "core/convert.h"
#include "core/dispatch.h"
#include "kernels/copy/copy.h"
#include "operators/pointwise.h"
#include "pipeline/context.h"

namespace varo {

namespace {

// Probing met something that only a run can tell.
struct Unknown {};

// The last axis that has more than one element.
std::int64_t innermost_stride(const View& v) {
  for (int i = v.rank() - 1; i >= 0; --i)
    if (v.shape[i] != 1) return v.strides[i];
  return 1;
}

// Whether elements in row-major order lie at rising addresses, those of a row side by side.
bool row_major(const View& v) {
  std::int64_t least = 1;
  for (int i = v.rank() - 1; i >= 0; --i) {
    if (v.shape[i] == 1) continue;
    if (v.strides[i] < least) return false;
    least = v.strides[i] * v.shape[i];
  }
  return innermost_stride(v) == 1;
}

}  // namespace

// Latest first: its memory is the likeliest to be in some cache.
struct EvaluationShared::Idle {
  std::mutex mutex;
  std::size_t made = 0;
  std::vector<std::unique_ptr<Evaluation::Memory>> memories;  // with room for all that were made
};

EvaluationShared::EvaluationShared() : idle(std::make_unique<Idle>()) {}
EvaluationShared::~EvaluationShared() = default;

Evaluation::Memory::Memory(const Plan& plan) : memos(plan.nodes.size()) {
  by_node.reserve(plan.nodes.size());
  for (std::size_t id = 0; id < plan.nodes.size(); ++id) {
    Memo& memo = memos[id];
    const PlanNode& node = plan.nodes[id];
    const auto outputs = static_cast<std::size_t>(node.graph.outputs);
    memo.consumers = node.consumers;
    memo.specs.resize(outputs);
    memo.spec_set.resize(outputs);
    memo.results.resize(outputs);
    memo.affines.resize(outputs);
    memo.destinations.resize(outputs);
    memo.context = std::make_unique<Context>(owner, node, static_cast<int>(id));
    by_node.push_back(&memo);
  }
}

void Evaluation::Memo::reset(const PlanNode& node) {
  inferred = evaluated = released = inputs_checked = failed_probe = not_a_view = false;
  asked_unread = false;
  dropped = 0;
  consumers = node.consumers;
  fused.clear();
  reduced.clear();
  drop_results();
  retired.clear();
  state.reset();
  context->end_call();
  if (std::exchange(has_affines, false)) std::fill(affines.begin(), affines.end(), std::nullopt);
  if (std::exchange(has_destinations, false))
    std::fill(destinations.begin(), destinations.end(), std::nullopt);
}

Evaluation::Evaluation(const Plan& plan, EvaluationShared& shared, Parallel& parallel,
                       std::int64_t number, std::vector<Ticket> tickets, bool probing)
    : plan_(plan),
      shared_(shared),
      parallel_(parallel),
      number_(number),
      tickets_(std::move(tickets)),
      probing_(probing) {
  {
    const std::lock_guard lock(shared.idle->mutex);
    auto& idle = shared.idle->memories;
    if (idle.empty()) {
      idle.reserve(++shared.idle->made);
    } else {
      memory_ = std::move(idle.back());
      idle.pop_back();
    }
  }
  if (memory_ == nullptr) memory_ = std::make_unique<Memory>(plan);
  memory_->owner = this;
  memo_ = memory_->by_node;
}

Evaluation::~Evaluation() {
  for (std::size_t id = 0; id < memo_.size(); ++id) memo_[id]->reset(plan_.nodes[id]);
  const std::lock_guard lock(shared_.idle->mutex);
  shared_.idle->memories.push_back(std::move(memory_));
}

bool Evaluation::evaluated(int id) const { return memo_[static_cast<std::size_t>(id)]->evaluated; }
bool Evaluation::released(int id) const { return memo_[static_cast<std::size_t>(id)]->released; }
Sample& Evaluation::sample(int id) { return *memo_[static_cast<std::size_t>(id)]->context; }

const std::string& Evaluation::source_name() {
  // A source whose header is known can say its file's name without reading any more. Asking one
  // may fail and then ask for the name of that error's sample.
  if (naming_) return source_name_;
  naming_ = true;
  for (const int id : plan_.sources) {
    Memo& memo = *memo_[static_cast<std::size_t>(id)];
    if (!source_name_.empty()) break;
    if (!memo.inferred || memo.evaluated || memo.released) continue;
    try {
      evaluate(id);
    } catch (...) {  // only a name for another error is wanted here
    }
  }
  naming_ = false;
  return source_name_;
}

void Evaluation::check_inputs(int id) {
  Memo& memo = *memo_[static_cast<std::size_t>(id)];
  if (memo.inputs_checked) return;
  const GraphNode& node = plan_.nodes[static_cast<std::size_t>(id)].graph;
  memo.layouts.clear();
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const Node from = node.inputs[i];
    const Spec& spec = infer(from.id)[static_cast<std::size_t>(from.output)];
    const InputDef& def = node.def->input_at(static_cast<int>(i));
    const int rank = spec.shape.rank();
    if (!def.dtypes.empty() &&
        std::find(def.dtypes.begin(), def.dtypes.end(), spec.dtype) == def.dtypes.end()) {
      std::vector<std::string_view> names;
      for (const DType t : def.dtypes) names.push_back(varo::name_of(t));
      throw Error(
          ErrorKind::type,
          fmt::format("input {} ({}) has an element type that is not supported", i, def.name))
          .got(std::string(varo::name_of(spec.dtype)))
          .allowed(fmt::format("{}", fmt::join(names, ", ")))
          .hint("fn.cast(..., dtype=...)");
    }
    if (rank < def.least_rank || rank > def.most_rank)
      throw Error(ErrorKind::shape,
                  fmt::format("input {} ({}) has the wrong number of axes", i, def.name))
          .got(fmt::format("{} axes, shape {}", rank, to_string(spec.shape)))
          .allowed(def.least_rank == def.most_rank
                       ? fmt::format("{} axes", def.least_rank)
                       : fmt::format("{} to {} axes", def.least_rank, def.most_rank));
    Layout layout = spec.layout;
    if (!def.layouts.empty()) {
      const auto fits = std::find_if(def.layouts.begin(), def.layouts.end(), [&](const Layout& l) {
        return layout.empty() ? l.rank() == rank : l == layout;
      });
      if (fits == def.layouts.end()) {
        std::vector<std::string_view> names;
        for (const Layout& l : def.layouts) names.push_back(l.str());
        throw Error(
            ErrorKind::layout,
            layout.empty()
                ? fmt::format("input {} ({}) has no layout and none fits its {} axes", i, def.name,
                              rank)
                : fmt::format("input {} ({}) has a layout that is not supported", i, def.name))
            .got(layout.empty()
                     ? fmt::format("shape {}", to_string(spec.shape))
                     : fmt::format("\"{}\", shape {}", layout.str(), to_string(spec.shape)))
            .allowed(fmt::format("{}", fmt::join(names, ", ")))
            .hint("fn.reshape(x, layout=...) to name the axes");
      }
      layout = *fits;
    }
    memo.layouts.push_back(layout);
  }
  memo.inputs_checked = true;
}

const std::vector<Spec>& Evaluation::infer(int id) {
  Memo& memo = *memo_[static_cast<std::size_t>(id)];
  if (memo.inferred) return memo.specs;
  if (memo.failed_probe) throw Unknown{};
  const PlanNode& node = plan_.nodes[static_cast<std::size_t>(id)];
  if (probing_) memo.failed_probe = true;  // until it has worked
  with_context(id, [&] {
    check_inputs(id);
    if (probing_ && node.source != nullptr && !node.source->probe()) throw Unknown{};
    if (probing_ && node.batch_need != BatchNeed::none) throw Unknown{};
    std::fill(memo.spec_set.begin(), memo.spec_set.end(), false);
    node.op->infer(*memo.context);
    memo.context->end_call();
    for (std::size_t o = 0; o < memo.specs.size(); ++o) {
      if (!memo.spec_set[o])
        throw Error(ErrorKind::internal, fmt::format("output {} was not inferred", o));
      const Spec& spec = memo.specs[o];
      if (!spec.layout.empty() && spec.layout.rank() != spec.shape.rank())
        throw Error(ErrorKind::internal, fmt::format("output {} has layout \"{}\" and shape {}", o,
                                                     spec.layout.str(), to_string(spec.shape)));
    }
  });
  memo.failed_probe = false;
  memo.inferred = true;
  return memo.specs;
}

bool Evaluation::known(int id) {
  try {
    infer(id);
    return true;
  } catch (const Unknown&) {
    return false;
  }
}

void Evaluation::store(int id, int output, Tensor tensor) {
  Memo& memo = *memo_[static_cast<std::size_t>(id)];
  const auto o = static_cast<std::size_t>(output);
  const Spec& spec = memo.specs[o];
  if (!(tensor.shape() == spec.shape) || tensor.dtype() != spec.dtype)
    throw Error(ErrorKind::internal, "the result is not what was inferred")
        .got(fmt::format("{} {}", varo::name_of(tensor.dtype()), to_string(tensor.shape())))
        .allowed(fmt::format("{} {}", varo::name_of(spec.dtype), to_string(spec.shape)));
  if (!(tensor.layout() == spec.layout)) tensor = tensor.relabelled(spec.layout);
  if (source_name_.empty()) source_name_ = tensor.meta().source;
  memo.has_results = true;
  memo.results[o] = std::move(tensor);
}

Tensor Evaluation::loaded(const Tensor& tensor) {
  if (!tensor.deferred()) return tensor;
  if (probing_) throw Unknown{};
  const auto [source, box] = tensor.fetch();
  const View nowhere{nullptr, tensor.dtype(), tensor.shape(), dense_strides(tensor.shape())};
  if (tensor.landing(nowhere)) {
    // Every element is one of the box: read straight into a dense tensor.
    Tensor landed = Tensor::own(tensor.spec());
    source->read(box, *tensor.landing(landed.mutable_view()), parallel_);
    return landed.with_meta(tensor.meta());
  }
  const Tensor whole = Tensor::own({source->dtype(), box.extents(), {}});
  source->read(box, whole.mutable_view(), parallel_);
  return tensor.fetched(whole);
}

Tensor Evaluation::in_memory(const Tensor& tensor, bool dense) {
  const Tensor t = loaded(tensor);
  if (!t.padded() && !(dense && !is_dense(t.view()))) return t;
  const Tensor copied = Tensor::own(t.spec());
  copy_padded(t.padded_view(), copied.mutable_view(), parallel_);
  return copied.with_meta(t.meta());
}

bool Evaluation::resolve(int id) {
  Memo& memo = *memo_[static_cast<std::size_t>(id)];
  if (memo.evaluated) return true;
  if (memo.not_a_view) return false;
  infer(id);
  if (shared_.cancelled.load(std::memory_order_relaxed)) throw Cancelled{};
  with_context(id, [&] {
    check_held(id);
    drop_unread(id);
    memo.not_a_view = !plan_.nodes[static_cast<std::size_t>(id)].op->resolve(*memo.context);
    if (memo.not_a_view) return;
    for (const Tensor& result : memo.results)
      if (!result.defined())
        throw Error(ErrorKind::internal, "an output was resolved only in part");
  });
  if (!memo.not_a_view) finish(id);
  return !memo.not_a_view;
}

void Evaluation::evaluate(int id) {
  if (resolve(id)) return;
  Memo& memo = *memo_[static_cast<std::size_t>(id)];
  const PlanNode& node = plan_.nodes[static_cast<std::size_t>(id)];
  if (node.reducer != nullptr && reduce_with_others(id)) return;
  with_context(id, [&] {
    make_results(id);
    if (node.pointwise)
      reduce_meanwhile(id);
    else
      node.op->run(*memo.context);
  });
  complete(id);
  for (const int reducer : std::exchange(memo.reduced, {}))
    if (!memo_[static_cast<std::size_t>(reducer)]->released) complete(reducer);
  // In a chain everybody who asked was past the same question in resolve() when its input began.
  if (shared_.cancelled.load(std::memory_order_relaxed)) throw Cancelled{};
}

bool Evaluation::suits(int id, const View& place) const {
  if (row_major(place)) return true;
  // What others read must look as it would without the place: some sum in the order of memory.
  const PlanNode& node = plan_.nodes[static_cast<std::size_t>(id)];
  if (memo_[static_cast<std::size_t>(id)]->consumers > 1) return false;
  if (node.graph.def->traits().moves_only) return true;
  // Rows that run backwards suit only those that do not mind, other orders nobody else.
  View forwards = place;
  for (int i = 0; i < place.rank(); ++i) forwards.strides[i] = std::abs(place.strides[i]);
  return row_major(forwards) && (node.pointwise || innermost_stride(place) > 0);
}

void Evaluation::forget_fused(int id) {
  Memo& memo = *memo_[static_cast<std::size_t>(id)];
  for (const int fused : std::exchange(memo.fused, {})) forget_fused(fused);
}

void Evaluation::make_results(int id) {
  Memo& memo = *memo_[static_cast<std::size_t>(id)];
  forget_fused(id);  // of a run that failed
  memo.has_results = true;
  for (std::size_t o = 0; o < memo.results.size(); ++o) {
    const auto& destination = memo.destinations[o];
    memo.results[o] = destination && suits(id, destination->view)
                          ? Tensor::wrap(destination->view, destination->keep, memo.specs[o].layout)
                          : Tensor::own(memo.specs[o]);
  }
}

void Evaluation::complete(int id) {
  Memo& memo = *memo_[static_cast<std::size_t>(id)];
  shared_.nodes_run.fetch_add(1, std::memory_order_relaxed);
  with_context(id, [&] {
    Meta meta;
    inherit(id, meta);
    for (std::size_t o = 0; o < memo.results.size(); ++o) {
      Meta own = meta;
      if (memo.affines[o]) own.affine = memo.affines[o];
      if (!own.source.empty() || own.affine)
        memo.results[o] = memo.results[o].with_meta(std::move(own));
    }
  });
  finish(id);
}

bool Evaluation::fusable(Node from, int id) {
  const Memo& producer = *memo_[static_cast<std::size_t>(from.id)];
  if (!shared_.fusion || !plan_.nodes[static_cast<std::size_t>(from.id)].pointwise) return false;
  // The one consumer left is the node that asks.
  if (producer.evaluated || producer.consumers != 1) return false;
  const Shape& shape = memo_[static_cast<std::size_t>(id)]->specs[0].shape;
  return infer(from.id)[0].shape == shape && !resolve(from.id);
}

void Evaluation::inherit(int id, Meta& meta) const {
  const PlanNode& node = plan_.nodes[static_cast<std::size_t>(id)];
  const Memo& memo = *memo_[static_cast<std::size_t>(id)];
  const Traits& traits = node.graph.def->traits();
  const bool same_grid = traits.keeps_grid || traits.pointwise;
  for (const Node& from : node.graph.inputs) {
    Meta input;
    if (std::find(memo.fused.begin(), memo.fused.end(), from.id) != memo.fused.end())
      inherit(from.id, input);
    else
      input = memo_[static_cast<std::size_t>(from.id)]
                  ->results[static_cast<std::size_t>(from.output)]
                  .meta();
    if (meta.source.empty()) meta.source = input.source;
    if (!meta.affine && same_grid) meta.affine = input.affine;
  }
}

void Evaluation::finish(int id) {
  Memo& memo = *memo_[static_cast<std::size_t>(id)];
  for (const int fused : memo.fused) finish(fused);
  memo.evaluated = true;
  memo.context->end_call();
  memo.state.reset();
  release_edges(id);
}

void Evaluation::release_edge(Node edge) {
  if (--memo_[static_cast<std::size_t>(edge.id)]->consumers == 0) release(edge.id);
}

void Evaluation::release_edges(int id) {
  const std::uint64_t dropped = memo_[static_cast<std::size_t>(id)]->dropped;
  const std::vector<Node>& edges = plan_.nodes[static_cast<std::size_t>(id)].edges;
  for (std::size_t i = 0; i < edges.size(); ++i)
    if (i >= 64 || (dropped >> i & 1) == 0) release_edge(edges[i]);
}

void Evaluation::drop_unread(int id) {
  const PlanNode& node = plan_.nodes[static_cast<std::size_t>(id)];
  Memo& memo = *memo_[static_cast<std::size_t>(id)];
  const std::size_t inputs = node.graph.inputs.size();
  if (!node.pointwise || inputs == 0 || inputs > 64 || memo.asked_unread) return;
  std::uint64_t unread = 0;
  for (std::size_t i = 0; i < inputs; ++i)
    if (!static_cast<const Pointwise*>(node.op.get())->reads(*memo.context, static_cast<int>(i)))
      unread |= std::uint64_t{1} << i;
  for (std::size_t i = 0; i < inputs; ++i)
    if (memo_[static_cast<std::size_t>(node.edges[i].id)]->evaluated)
      unread &= ~(std::uint64_t{1} << i);
  memo.asked_unread = true;
  memo.dropped = unread;
  for (std::size_t i = 0; i < inputs; ++i)
    if ((unread >> i & 1) != 0) release_edge(node.edges[i]);
}

void Evaluation::release(int id) {
  Memo& memo = *memo_[static_cast<std::size_t>(id)];
  memo.released = true;
  memo.drop_results();
  memo.retired.clear();
  // Never evaluated: what it would have read is not needed by it any more.
  if (!memo.evaluated) release_edges(id);
}

void Evaluation::check_held(int id) const {
  if (memo_[static_cast<std::size_t>(id)]->released)
    throw Error(ErrorKind::internal, "asked for after its last use");
}

const Tensor& Evaluation::value(Node node) {
  evaluate(node.id);
  check_held(node.id);
  return memo_[static_cast<std::size_t>(node.id)]->results[static_cast<std::size_t>(node.output)];
}

}  // namespace varo
