// SPDX-License-Identifier: Apache-2.0
// Specs of nodes, and what decides what they do for a sample.
#include <algorithm>

#include "pipeline/sample/sample_plan.h"

namespace varo {

bool SamplePlan::catch_up() { return run_ == steps_.size() || (runner_ && (*runner_)()); }

bool SamplePlan::number(Node from, Tensor& where) {
  if (where.defined()) return true;
  if (!value(from)) return false;
  bring(from, Form::dense);
  if (!catch_up()) return false;
  where = bound(result(from));
  return true;
}

bool SamplePlan::specs(int id) {
  const Answer answer = inferred(id);
  if (answer == Answer::no) throw *at(id).failure;
  return answer == Answer::yes;
}

SamplePlan::Answer SamplePlan::inferred(int id) {
  NodeState& state = at(id);
  if (state.inferred) return Answer::yes;
  if (state.failure) return Answer::no;
  try {
    if (!infer(id)) return Answer::stopped;
  } catch (const Error& error) {
    state.failure = error;
    return Answer::no;
  }
  state.inferred = true;
  // A source is a view of what it found, and knows the sample's name.
  if (plan_[id].source != nullptr && view(id) == Answer::stopped) return Answer::stopped;
  return Answer::yes;
}

bool SamplePlan::infer(int id) {
  const PlanNode& node = plan_[id];
  NodeState& state = at(id);
  Inference::Facts& facts = state.facts.facts;
  for (const Node& from : node.graph.inputs)
    if (!specs(from.id)) return false;
  in_context(id, [&] { check_inputs(*node.graph.def, facts.specs, facts.layouts); });
  if (probing_ &&
      (node.batch_need != BatchNeed::none || (node.source != nullptr && !node.source->probe())))
    return false;
  for (std::size_t i = 0; i < facts.specs.size(); ++i)
    if (node.op->infers_from(state.facts, static_cast<int>(i)) &&
        !number(node.graph.inputs[i], facts.numbers[i]))
      return false;
  for (std::size_t k = 0; k < node.arguments.size(); ++k)
    if (!node.arguments[k].late && !number(node.argument_node(k), facts.arguments[k].second))
      return false;
  in_context(id, [&] {
    node.op->infer(state.facts);
    state.facts.check_outputs();
  });
  return true;
}

bool SamplePlan::decide(int id) {
  NodeState& state = at(id);
  if (state.decided) return true;
  if (!specs(id)) return false;
  const PlanNode& node = plan_[id];
  Inference::Facts& facts = state.facts.facts;
  in_context(id, [&] { check_held(id); });
  for (std::size_t k = 0; k < node.arguments.size(); ++k)
    if (!number(node.argument_node(k), facts.arguments[k].second)) return false;
  const auto inputs = static_cast<int>(node.graph.inputs.size());
  for (int i = 0; i < inputs; ++i) {
    const auto k = static_cast<std::size_t>(i);
    if (!facts.numbers[k].defined() && need(id, i).access == Access::number &&
        !number(node.graph.inputs[k], facts.numbers[k]))
      return false;
  }
  std::uint64_t unread = 0;
  in_context(id, [&] {
    node.op->prepare(state.facts);
    // Inputs that a choice leaves out lose a consumer now rather than at the end.
    for (int i = 0; i < std::min(inputs, 64); ++i) {
      const Access access = need(id, i).access;
      if (access == Access::later)
        throw Error(ErrorKind::internal, "what is read of an input is never decided");
      if ((access == Access::nothing || access == Access::spec) &&
          !planned(node.graph.inputs[static_cast<std::size_t>(i)].id))
        unread |= std::uint64_t{1} << i;
    }
  });
  state.decided = true;
  live_.drop(id, unread, [this](int gone) { release(gone); });
  return true;
}

}  // namespace varo
