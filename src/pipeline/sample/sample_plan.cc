// SPDX-License-Identifier: Apache-2.0
#include "pipeline/sample/sample_plan.h"

#include <algorithm>
#include <fmt/format.h>
#include <functional>
#include <new>

#include "operators/api/inherited_grid.h"

namespace varo {

namespace {

// A tag is an address in here, of the buffer's number; it keeps nothing alive and frees nothing.
constexpr int kMostBuffers = 1 << 16;
std::byte kTags[kMostBuffers];

}  // namespace

PlanRules plan_rules(std::span<const std::string> without) {
  const auto applied = [&](std::string_view rewrite) {
    return std::find(without.begin(), without.end(), rewrite) == without.end();
  };
  return {.fusion = applied("fusion"), .placement = applied("placement")};
}

SamplePlan::SamplePlan(const Plan& plan, const PlanRules& rules)
    : plan_(plan), rules_(rules), live_(plan) {
  nodes_.reserve(plan.nodes.size());
  seen_.resize(plan.branches ? plan.nodes.size() : 0);
  for (const PlanNode& node : plan.nodes) {
    const auto outputs = static_cast<std::size_t>(node.graph.outputs);
    NodeState& state = nodes_.emplace_back(node, node.graph.outputs);
    state.results.resize(outputs);
    state.places.resize(outputs);
    state.needs.resize(node.graph.inputs.size());
    Inference::Facts& facts = state.facts.facts;
    for (const Node& from : node.graph.inputs)
      facts.specs.push_back(&specs_of(from.id)[static_cast<std::size_t>(from.output)]);
    facts.numbers.resize(node.graph.inputs.size());
    for (const PlanNode::Argument& arg : node.arguments) facts.arguments.push_back({arg.name, {}});
    facts.seed = node.graph.seed;
  }
}

SamplePlan::~SamplePlan() = default;

void SamplePlan::begin(std::int64_t number, std::span<const Ticket> tickets, bool probing,
                       std::optional<Runner> runner) {
  number_ = number;
  probing_ = probing;
  runner_ = runner;
  for (std::size_t k = 0; k < plan_.sources.size() && k < tickets.size(); ++k)
    at(plan_.sources[k]).facts.facts.ticket = &tickets[k];
  const std::uint64_t stream = plan_.stream + static_cast<std::uint64_t>(number);
  for (NodeState& node : nodes_) node.facts.facts.sample = stream;
}

void SamplePlan::end() {
  for (NodeState& node : nodes_) {
    node.facts.reset();
    node.inferred = node.decided = node.not_a_view = node.leaves = false;
    node.delivered = 0;
    node.failure.reset();
    node.fused.clear();
    if (node.has_results)
      for (Tensor& result : node.results) result.reset();
    node.has_results = false;
    if (node.has_places)
      for (auto& place : node.places) place.reset();
    node.has_places = false;
  }
  live_.reset();
  // The next sample takes them from the back: each step finds the memory of its like.
  for (std::size_t i = steps_.size(); i > 0; --i) {
    steps_[i - 1]->reset();
    spare_.push_back(std::move(steps_[i - 1]));
  }
  steps_.clear();
  for (std::size_t b = 0; b < buffers_used_; ++b) buffers_[b].memory.reset();
  buffers_used_ = run_ = 0;
  copies_planned_ = 0;
  source_name_.clear();
  runner_.reset();
  for (const int id : plan_.sources) at(id).facts.facts.ticket = nullptr;
}

Need SamplePlan::need(int id, int input) const {
  const NodeState& state = at(id);
  if (state.decided) return state.needs[static_cast<std::size_t>(input)];
  Need need;
  in_context(id, [&] { need = plan_[id].op->need(state.facts, input); });
  return need;
}

// --- buffers and steps --------------------------------------------------------------------------

int SamplePlan::new_buffer(std::size_t bytes) {
  const auto index = static_cast<int>(buffers_used_);
  if (index == kMostBuffers) throw std::bad_alloc();
  if (buffers_used_ == buffers_.size())
    buffers_.push_back({{kTags + index, [](const std::byte*) {}}, 0, nullptr});
  buffers_[buffers_used_++].bytes = bytes;
  return index;
}

Tensor SamplePlan::new_tensor(const Spec& spec) {
  const auto bytes = static_cast<std::size_t>(volume(spec.shape)) * size_of(spec.dtype);
  const int index = new_buffer(bytes);
  return Tensor::wrap({kOrigin, spec.dtype, spec.shape, dense_strides(spec.shape)},
                      buffers_[static_cast<std::size_t>(index)].tag, spec.layout);
}

Place SamplePlan::new_place(Node node) {
  const Tensor t = new_tensor(specs_of(node.id)[static_cast<std::size_t>(node.output)]);
  return {t.mutable_view(), t.keep(), false};
}

int SamplePlan::buffer_of(const Tensor& tensor) { return buffer_of(tensor.keep()); }
int SamplePlan::buffer_of(const std::shared_ptr<const void>& keep) {
  const auto* tag = static_cast<const std::byte*>(keep.get());
  const bool own = !std::less<>()(tag, kTags) && std::less<>()(tag, kTags + kMostBuffers);
  return own ? static_cast<int>(tag - kTags) : Operand::kElsewhere;
}

Operand SamplePlan::operand_of(const Tensor& tensor) {
  return {tensor.padded_view(), buffer_of(tensor), tensor.keep()};
}

Tensor SamplePlan::bound(const Tensor& tensor) const {
  const int buffer = buffer_of(tensor);
  if (buffer < 0) return tensor;
  const std::shared_ptr<void>& memory = buffers_[static_cast<std::size_t>(buffer)].memory;
  return tensor.rebased(kOrigin, memory.get(), memory);
}

std::unique_ptr<Step> SamplePlan::step_for(int id, Step::Kind kind) {
  std::unique_ptr<Step> step;
  if (spare_.empty()) {
    step = std::make_unique<Step>();
  } else {
    step = std::move(spare_.back());
    spare_.pop_back();
  }
  step->kind = kind;
  step->node = id;
  return step;
}

void SamplePlan::append(std::unique_ptr<Step> step) {
  steps_.push_back(std::move(step));
  spare_.reserve(spare_.size() + steps_.size());  // end() allocates nothing
  Step& last = *steps_.back();
  // From here on the values that are planned hold the buffers, not the step.
  const auto let_go_of = [&](Operand& operand) {
    if (operand.buffer < 0) return;
    operand.keep.reset();
    free_if_unused(operand.buffer);
  };
  for (Operand& operand : last.in) let_go_of(operand);
  for (Operand& operand : last.out) let_go_of(operand);
  for (Step::Reduction& reduction : last.reductions) {
    for (Operand& operand : reduction.in) let_go_of(operand);
    let_go_of(reduction.out);
  }
  for (Tensor& tensor : last.tensors) {
    const int buffer = tensor.defined() ? buffer_of(tensor) : Operand::kElsewhere;
    if (buffer < 0) continue;
    // The tag's address without a share in it.
    tensor = tensor.rebased(kOrigin, kOrigin, {std::shared_ptr<const void>(), kTags + buffer});
    free_if_unused(buffer);
  }
}

void SamplePlan::free_if_unused(int buffer) {
  SampleBuffer& b = buffers_[static_cast<std::size_t>(buffer)];
  if (b.tag.use_count() > 1) return;
  if (run_ == steps_.size()) {
    b.memory.reset();
    return;
  }
  std::vector<int>& frees = steps_.back()->frees;
  if (std::find(frees.begin(), frees.end(), buffer) == frees.end()) frees.push_back(buffer);
}

void SamplePlan::let_go(Tensor& tensor) {
  const int buffer = tensor.defined() ? buffer_of(tensor) : Operand::kElsewhere;
  tensor.reset();
  if (buffer >= 0) free_if_unused(buffer);
}

// --- values -------------------------------------------------------------------------------------

void SamplePlan::check_held(int id) const {
  if (live_.released(id)) throw Error(ErrorKind::internal, "asked for after its last use");
}

bool SamplePlan::plan_value(int id) {
  if (planned(id)) return true;
  const Answer is_view = view(id);
  return is_view == Answer::no ? compute(id) : is_view == Answer::yes;
}

bool SamplePlan::value(Node node) {
  if (!plan_value(node.id)) return false;
  in_context(node.id, [&] { check_held(node.id); });
  return true;
}

bool SamplePlan::value_in_memory(Node node) {
  if (!value(node)) return false;
  bring(node, Form::unpadded);
  return true;
}

bool SamplePlan::compute(int id) {
  const PlanNode& node = plan_[id];
  if (node.pointwise != nullptr) return fuse(id);
  if (node.join != nullptr) return join(id);
  if (node.reducer != nullptr && rules_.fusion) return reduce(id);
  return compute_alone(id);
}

bool SamplePlan::compute_alone(int id) {
  const PlanNode& node = plan_[id];
  const bool calls = node.function != nullptr;
  if (!calls && node.host == nullptr)
    in_context(id, [] {
      throw Error(ErrorKind::internal, "an operator that is a view was none for this sample");
    });
  std::unique_ptr<Step> step = step_for(id, calls ? Step::Kind::call : Step::Kind::run);
  const auto inputs = static_cast<int>(node.graph.inputs.size());
  step->in.resize(node.graph.inputs.size());
  if (calls) step->tensors.resize(node.graph.inputs.size());
  for (int i = 0; i < inputs; ++i) {
    const auto k = static_cast<std::size_t>(i);
    Tensor part;
    const Tensor* read = nullptr;
    if (!input_of(id, i, need(id, i), part, read)) return false;
    if (read != nullptr && calls) step->tensors[k] = *read;
    if (read != nullptr && !read->deferred()) step->in[k] = operand_of(*read);
  }
  make_results(id);
  for (const Tensor& result : at(id).results) step->out.push_back(operand_of(result));
  append(std::move(step));
  complete(id);
  return true;
}

bool SamplePlan::join(int id) {
  const PlanNode& node = plan_[id];
  NodeState& state = at(id);
  make_results(id);
  const View out = state.results[0].mutable_view();
  const auto inputs = node.graph.inputs.size();
  std::vector<std::optional<View>> parts(inputs);
  in_context(id, [&] { node.join->parts(state.facts, out, parts); });
  for (; state.delivered < static_cast<int>(inputs); ++state.delivered) {
    const auto i = static_cast<std::size_t>(state.delivered);
    bool in_place = false;
    if (parts[i] && !deliver(node.graph.inputs[i],
                             {*parts[i], state.results[0].keep(), state.leaves}, in_place))
      return false;
  }
  complete(id);
  return true;
}

void SamplePlan::inherit(int id, Meta& meta) const {
  const PlanNode& node = plan_[id];
  const NodeState& state = at(id);
  const Traits& traits = node.graph.def->traits();
  const bool same_grid = traits.keeps_grid || traits.pointwise;
  const std::optional<int> one = node.op->grid_input(state.facts);
  const int added = node.join != nullptr ? node.join->added_axis(state.facts) : -1;
  InheritedGrid grid(specs_of(id)[0]);
  for (std::size_t i = 0; i < node.graph.inputs.size(); ++i) {
    const Node from = node.graph.inputs[i];
    const Access access = state.needs[i].access;
    if (access == Access::nothing || access == Access::spec) continue;
    Meta input;
    if (std::find(state.fused.begin(), state.fused.end(), from.id) != state.fused.end())
      inherit(from.id, input);
    else
      input = result(from).meta();
    if (meta.source.empty()) meta.source = input.source;
    if (same_grid && input.affine && (!one || *one == static_cast<int>(i)))
      grid.add(specs_of(from.id)[static_cast<std::size_t>(from.output)], input, added);
  }
  grid.give(meta);
}

void SamplePlan::complete(int id) {
  if (run_ == steps_.size()) append(step_for(id, Step::Kind::view));  // parts that were there
  ++steps_.back()->completes;
  NodeState& state = at(id);
  in_context(id, [&] {
    Meta meta;
    inherit(id, meta);
    const std::vector<Node>& inputs = plan_[id].graph.inputs;
    for (std::size_t o = 0; o < state.results.size(); ++o) {
      Meta own = meta;
      if (o == 0 && !inputs.empty()) move_grid(*plan_[id].op, state.facts, result(inputs[0]), own);
      if (!own.source.empty() || own.affine)
        state.results[o] = state.results[o].with_meta(std::move(own));
    }
  });
  finish(id);
}

void SamplePlan::finish(int id) {
  drop_places(id);
  for (const int fused : at(id).fused) finish(fused);
  live_.settle(id, [this](int gone) { release(gone); });
}

void SamplePlan::drop_places(int id) {
  NodeState& state = at(id);
  if (!state.has_places) return;
  state.has_places = false;
  for (std::optional<Place>& place : state.places) {
    const int buffer = place ? buffer_of(place->keep) : Operand::kElsewhere;
    place.reset();
    if (buffer >= 0) free_if_unused(buffer);
  }
}

void SamplePlan::release(int id) {
  NodeState& state = at(id);
  drop_places(id);
  if (!state.has_results) return;
  state.has_results = false;
  for (Tensor& result : state.results) let_go(result);
}

}  // namespace varo
