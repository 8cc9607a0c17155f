// SPDX-License-Identifier: Apache-2.0
// Specs of nodes, and what decides what they do for a sample.
#include <algorithm>

#include "operators/shared/promotion.h"
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
  if (answer == Answer::no) throw Error(*at(id).failure);
  return answer == Answer::yes;
}

SamplePlan::Answer SamplePlan::inferred(int id) {
  NodeState& state = at(id);
  if (state.inferred) return Answer::yes;
  if (state.failure) return Answer::no;
  try {
    if (!infer(id)) return Answer::stopped;
  } catch (const Error&) {
    if (state.failure) return Answer::no;
    throw;  // of another node
  }
  state.inferred = true;
  // A source is a view of what it found, and knows the sample's name.
  if (plan_[id].source != nullptr && view(id) == Answer::stopped) return Answer::stopped;
  return Answer::yes;
}

template <class Body>
void SamplePlan::remember_failure(int id, const Body& body) {
  try {
    in_context(id, body);
  } catch (const Error& error) {
    at(id).failure = error;
    throw;
  }
}

bool SamplePlan::infer(int id) {
  const PlanNode& node = plan_[id];
  NodeState& state = at(id);
  if (node.branch != nullptr ? !gather_branch(id) : !gather(id)) return false;
  if (node.batch_need != BatchNeed::none && state.facts.facts.batch == nullptr) return false;
  remember_failure(id, [&] {
    node.op->infer(state.facts);
    state.facts.check_outputs();
  });
  notice_assumed_layout(*node.graph.def, state.facts);
  return true;
}

bool SamplePlan::gather(int id) {
  const PlanNode& node = plan_[id];
  NodeState& state = at(id);
  Inference::Facts& facts = state.facts.facts;
  for (const Node& from : node.graph.inputs)
    if (!specs(from.id)) return false;
  remember_failure(id, [&] { check_inputs(*node.graph.def, facts.specs, facts.layouts); });
  if (probing_ && node.source != nullptr && !node.source->probe()) return false;
  for (std::size_t i = 0; i < facts.specs.size(); ++i) {
    bool reads = false;
    remember_failure(id, [&] { reads = node.op->infers_from(state.facts, static_cast<int>(i)); });
    if (reads && !number(node.graph.inputs[i], facts.numbers[i])) return false;
  }
  for (std::size_t k = 0; k < node.arguments.size(); ++k)
    if (!node.arguments[k].late && !number(node.argument_node(k), facts.arguments[k].second))
      return false;
  return true;
}

bool SamplePlan::condition(int id) {
  const PlanNode& node = plan_[id];
  const Node from = node.graph.inputs[0];
  if (!specs(from.id)) return false;
  const Spec& spec = specs_of(from.id)[static_cast<std::size_t>(from.output)];
  remember_failure(id, [&] { node.branch->check_condition(spec); });
  return number(from, at(id).facts.facts.numbers[0]);
}

bool SamplePlan::gather_branch(int id) {
  const PlanNode& node = plan_[id];
  Inference::Facts& facts = at(id).facts.facts;
  const bool known = condition(id);
  if (probing_) probe_branches(id);
  int taken = 1;
  if (known) {
    in_context(id, [&] { taken = node.branch->taken(at(id).facts); });
  } else {
    // Nobody knows which before it runs; but if they do not differ, the result is known.
    if (!probing_ || !has_specs(node.graph.inputs[1].id) || !has_specs(node.graph.inputs[2].id) ||
        !(facts.specs[1]->shape == facts.specs[2]->shape))
      return false;
  }
  if (!specs(node.graph.inputs[static_cast<std::size_t>(taken)].id)) return false;
  facts.layouts.resize(facts.specs.size());
  for (std::size_t i = 0; i < facts.specs.size(); ++i) facts.layouts[i] = facts.specs[i]->layout;
  return true;
}

void SamplePlan::probe_branches(int id) {
  const PlanNode& node = plan_[id];
  const std::vector<const Spec*>& specs_of_inputs = at(id).facts.facts.specs;
  bool both = true;
  for (std::size_t i = 1; i < node.graph.inputs.size(); ++i) {
    try {
      both = specs(node.graph.inputs[i].id) && both;
    } catch (const Error&) {  // an error of whoever takes it
      both = false;
    }
  }
  if (both)
    remember_failure(id,
                     [&] { node.branch->check_alike(*specs_of_inputs[1], *specs_of_inputs[2]); });
}

bool SamplePlan::demands(int id) {
  if (!plan_.branches) return true;
  std::fill(seen_.begin(), seen_.end(), std::uint8_t{0});
  for (const Node& output : plan_.outputs)
    if (reaches(output.id, id)) return true;
  return std::any_of(plan_.sinks.begin(), plan_.sinks.end(),
                     [&](int sink) { return runs(sink) && reaches(sink, id); });
}

bool SamplePlan::runs(int sink) {
  const PlanNode& node = plan_[sink];
  if (node.when < 0) return true;
  const auto k = static_cast<std::size_t>(node.when);
  Tensor& when = at(sink).facts.facts.arguments[k].second;
  return !number(node.argument_node(k), when) || number_in(when.view()) != 0;
}

bool SamplePlan::reaches(int from, int id) {
  if (from == id) return true;
  std::uint8_t& seen = seen_[static_cast<std::size_t>(from)];
  if (from < id || seen != 0) return false;  // edges point backwards
  seen = 1;
  const PlanNode& node = plan_[from];
  if (node.branch == nullptr)
    return std::any_of(node.edges.begin(), node.edges.end(),
                       [&](const Node& edge) { return reaches(edge.id, id); });
  if (reaches(node.graph.inputs[0].id, id)) return true;
  if (condition(from)) {
    int taken = 0;
    in_context(from, [&] { taken = node.branch->taken(at(from).facts); });
    return reaches(node.graph.inputs[static_cast<std::size_t>(taken)].id, id);
  }
  return reaches(node.graph.inputs[1].id, id) || reaches(node.graph.inputs[2].id, id);
}

bool SamplePlan::decide(int id) {
  NodeState& state = at(id);
  if (state.decided) return true;
  if (!specs(id)) return false;
  if (state.failure) throw Error(*state.failure);
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
  remember_failure(id, [&] {
    node.op->prepare(state.facts);
    // Inputs that a choice leaves out lose a consumer now rather than at the end.
    for (int i = 0; i < inputs; ++i) {
      Need& need = state.needs[static_cast<std::size_t>(i)];
      need = node.op->need(state.facts, i);
      const Access access = need.access;
      if (access == Access::later)
        throw Error(ErrorKind::internal, "what is read of an input is never decided");
      if (i < 64 && (access == Access::nothing || access == Access::spec) &&
          !planned(node.graph.inputs[static_cast<std::size_t>(i)].id))
        unread |= std::uint64_t{1} << i;
    }
  });
  state.decided = true;
  live_.drop(id, unread, [this](int gone) { release(gone); });
  return true;
}

}  // namespace varo
