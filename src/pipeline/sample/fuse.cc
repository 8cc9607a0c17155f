// SPDX-License-Identifier: Apache-2.0
// Fusion: chains of pointwise operators as one program, and reductions in a pass that makes or reads
// what they reduce, or several of them in one pass over it.
#include <algorithm>
#include <utility>

#include "kernels/reduce/reduce.h"
#include "pipeline/sample/sample_plan.h"

namespace varo {

namespace {

// A pass of its own over fewer elements costs nothing.
constexpr std::int64_t kLeastElements = 4096;
static_assert(ReducePass::kPiece == kProgramPiece);

}  // namespace

// A program in the making, for elements of one shape.
struct SamplePlan::Chain {
  Shape shape;
  ProgramBuilder builder;
  PooledVector<Operand>& inputs;
  std::vector<int>& nodes;
  bool reduces = false;  // what it reads may be reduced in its pass
  // Inputs of the program that have its shape: output 0 of a node.
  std::vector<std::pair<int, std::size_t>> whole;
};

bool SamplePlan::fusable(Node from, int id) {
  if (!rules_.fusion || plan_[from.id].pointwise == nullptr) return false;
  // The one consumer left is the node that asks.
  if (planned(from.id) || live_.consumers(from.id) != 1) return false;
  return specs_of(from.id)[0].shape == specs_of(id)[0].shape;
}

bool SamplePlan::append(int id, Chain& chain, Register& result) {
  // Longer chains would need registers for many values at once, and so shorter tiles.
  constexpr std::size_t kMostOperators = 16;
  chain.nodes.push_back(id);
  at(id).fused.clear();
  const PlanNode& node = plan_[id];
  std::vector<Register> registers(node.graph.inputs.size());
  for (std::size_t i = 0; i < registers.size(); ++i) {
    const Need wanted = need(id, static_cast<int>(i));
    if (wanted.access != Access::view) continue;
    const Node from = node.graph.inputs[i];
    if (chain.nodes.size() < kMostOperators && fusable(from, id)) {
      const Answer is_view = view(from.id);
      if (is_view == Answer::stopped) return false;
      if (is_view == Answer::no) {
        at(id).fused.push_back(from.id);
        if (!append(from.id, chain, registers[i])) return false;
        continue;
      }
    }
    Tensor part;
    const Tensor* read = nullptr;
    if (!input_of(id, static_cast<int>(i), wanted, part, read)) return false;
    ConstView view = read->view();
    if (chain.reduces && view.shape == chain.shape && from.output == 0)
      chain.whole.emplace_back(from.id, chain.inputs.size());
    Operand& elements = chain.inputs.emplace_back();
    elements.buffer = buffer_of(*read);
    elements.keep = read->keep();
    elements.view.inside = broadcast_to(view, chain.shape);
    elements.view.shape = chain.shape;
    registers[i] = chain.builder.input(view.dtype);
  }
  in_context(id, [&] { result = node.pointwise->emit(at(id).facts, chain.builder, registers); });
  return true;
}

void SamplePlan::forget_fused(int id) {
  for (const int fused : std::exchange(at(id).fused, {})) forget_fused(fused);
}

bool SamplePlan::fuse(int id) {
  forget_fused(id);  // of an attempt that stopped
  std::unique_ptr<Step> step = step_for(id, Step::Kind::fused);
  const bool reduces = rules_.fusion && volume(specs_of(id)[0].shape) >= kLeastElements;
  Chain chain{specs_of(id)[0].shape, {}, step->in, step->nodes, reduces, {}};
  Register last;
  if (!append(id, chain, last)) return false;
  in_context(id, [&] { step->program = chain.builder.finish(last); });
  make_results(id);
  step->out.push_back(operand_of(at(id).results[0]));
  step->streams = live_.consumers(id) == 1 && at(id).leaves;
  // A program writes in the order of the shape, if backwards along some axes (can_hold()); pieces of
  // dense inputs are counted in that order too.
  if (reduces) {
    std::vector<int> seen{id};
    add_reductions(*step, id, operand_of(at(id).results[0]));
    for (const auto& [from, input] : chain.whole) {
      if (std::find(seen.begin(), seen.end(), from) != seen.end()) continue;
      seen.push_back(from);
      add_reductions(*step, from, step->in[input]);
    }
  }
  std::vector<int> reducers;
  for (const Step::Reduction& reduction : step->reductions) reducers.push_back(reduction.node);
  append(std::move(step));
  complete(id);
  for (const int reducer : reducers)
    if (!released(reducer)) complete(reducer);
  return true;
}

void SamplePlan::add_reductions(Step& step, int id, const Operand& value) {
  const ConstView& elements = value.view.inside;
  if (!rules_.fusion || elements.volume() < kLeastElements) return;
  for (const int reducer : plan_[id].reducers) {
    if (planned(reducer) || released(reducer) || live_.consumers(reducer) == 0) continue;
    const std::vector<Node>& edges = plan_[reducer].edges;
    if (!std::all_of(edges.begin() + 1, edges.end(), [&](Node n) { return planned(n.id); }))
      continue;
    // What is wrong with it is for whoever asks for that reduction, if anybody does.
    if (inferred(reducer) != Answer::yes || !decide(reducer)) continue;
    const ReduceSpec spec = plan_[reducer].reducer->reduction(at(reducer).facts.state());
    if (!ReducePass::takes(elements, spec)) continue;
    Step::Reduction reduction{.node = reducer, .in = {value}, .out = {}};
    bool whole = true;
    for (int i = 1; i < static_cast<int>(edges.size()) && whole; ++i) {
      Tensor part;
      const Tensor* mean = nullptr;
      whole = input_of(reducer, i, need(reducer, i), part, mean);
      if (whole) reduction.in.push_back(operand_of(*mean));
    }
    if (!whole) continue;
    make_results(reducer);
    reduction.out = operand_of(at(reducer).results[0]);
    step.reductions.push_back(std::move(reduction));
  }
}

bool SamplePlan::reduce(int id) {
  const PlanNode& node = plan_[id];
  for (const Node& edge : node.edges)
    if (!plan_value(edge.id)) return false;
  if (planned(id)) return true;  // in the pass that made its input
  std::unique_ptr<Step> step = step_for(id, Step::Kind::reduce);
  Tensor part;
  const Tensor* read = nullptr;
  if (!input_of(id, 0, need(id, 0), part, read)) return false;
  Operand value = operand_of(*read);
  part.reset();
  add_reductions(*step, node.edges[0].id, value);
  const auto own = std::find_if(step->reductions.begin(), step->reductions.end(),
                                [id](const Step::Reduction& r) { return r.node == id; });
  if (step->reductions.size() < 2 || own == step->reductions.end()) {
    // By itself it needs no pass that others share.
    step.reset();
    value.keep.reset();
    return compute_alone(id);
  }
  std::vector<int> reducers;
  for (const Step::Reduction& reduction : step->reductions) reducers.push_back(reduction.node);
  value.keep.reset();
  append(std::move(step));
  for (const int reducer : reducers) complete(reducer);
  return true;
}

}  // namespace varo
