// SPDX-License-Identifier: Apache-2.0
#include "pipeline/explain.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "pipeline/passes/pass.h"
#include "pipeline/sample/evaluation.h"

namespace varo {

namespace {

std::vector<Ticket> first_tickets(const Plan& plan) {
  std::vector<Ticket> tickets;
  for (const int id : plan.sources) tickets.push_back(plan[id].source->probe().value_or(Ticket{}));
  return tickets;
}

// By node: whether every sample needs it. What lies in branches alone is for the condition to say.
std::vector<bool> certainly_run(const Plan& plan) {
  std::vector<bool> certain(plan.nodes.size()), used(plan.nodes.size());
  for (const PlanNode& node : plan.nodes)
    for (const Node& edge : node.edges) used[static_cast<std::size_t>(edge.id)] = true;
  for (const Node& output : plan.outputs) certain[static_cast<std::size_t>(output.id)] = true;
  for (int id = plan.size() - 1; id >= 0; --id) {
    const PlanNode& node = plan[id];
    if (!used[static_cast<std::size_t>(id)]) certain[static_cast<std::size_t>(id)] = true;
    if (!certain[static_cast<std::size_t>(id)]) continue;
    const std::size_t count = node.branch != nullptr ? 1 : node.edges.size();
    for (std::size_t e = 0; e < count; ++e)
      certain[static_cast<std::size_t>(node.edges[e].id)] = true;
  }
  return certain;
}

}  // namespace

void probe(const Plan& plan) {
  EvaluationShared shared;
  Evaluation first(plan, shared, Parallel::serial(), 0, first_tickets(plan), true);
  const std::vector<bool> certain = certainly_run(plan);
  for (int id = 0; id < plan.size(); ++id)
    if (certain[static_cast<std::size_t>(id)]) first.infer(id);
}

namespace {

std::string shown(const Spec& spec) {
  std::string text = fmt::format("{} {}", name_of(spec.dtype), to_string(spec.shape));
  if (!spec.layout.empty()) text += fmt::format(" \"{}\"", spec.layout.str());
  return text;
}

// "%3", "%3.1 on gpu"
std::string shown(const Node& node) {
  std::string text = fmt::format("%{}", node.id);
  if (node.output != 0) text += fmt::format(".{}", node.output);
  if (node.transfer != Transfer::none)
    text += node.transfer == Transfer::to_gpu ? " on gpu" : " on cpu";
  return text;
}

// Nodes that were declared for the GPU, or whose value is moved there.
std::size_t wanting_gpu(const Graph& graph) {
  std::vector<bool> wanting(graph.nodes.size());
  const auto moved = [&](const Node& node) {
    if (node.transfer == Transfer::to_gpu) wanting[static_cast<std::size_t>(node.id)] = true;
  };
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (graph.nodes[n].device != NodeDevice::cpu) wanting[n] = true;
    for (const Node& input : graph.nodes[n].inputs) moved(input);
    for (const auto& [name, source] : graph.nodes[n].arg_nodes) moved(source);
  }
  for (const Node& output : graph.outputs) moved(output);
  return static_cast<std::size_t>(std::count(wanting.begin(), wanting.end(), true));
}

template <class NodeAt>
std::string listed(std::size_t count, const NodeAt& node_at) {
  std::string text;
  for (std::size_t n = 0; n < count; ++n) {
    const GraphNode& node = node_at(n);
    std::vector<std::string> reads;
    for (const Node& input : node.inputs) reads.push_back(shown(input));
    for (const auto& [name, source] : node.arg_nodes)
      reads.push_back(fmt::format("{}={}", name, shown(source)));
    for (std::string& constant : node.args.shown()) reads.push_back(std::move(constant));
    text += fmt::format("  %{:<3} {:<5} {:<28} {}\n", n, name_of(node.device),
                        fmt::format("{}({})", node.def->name(), fmt::join(reads, ", ")),
                        node.origin.defined);
  }
  return text;
}

// "float32 [2, 3] in b1, padded"
std::string shown(const Operand& operand) {
  const ConstView& view = operand.view.inside;
  return fmt::format("{} {} {}{}", name_of(view.dtype), to_string(operand.view.shape),
                     operand.buffer >= 0 ? fmt::format("in b{}", operand.buffer) : "elsewhere",
                     operand.view.padded() ? ", padded" : "");
}

std::string shown(const SamplePlan& sample, const Step& step) {
  const std::string& op = sample.nodes()[step.node].graph.def->name();
  std::vector<std::string> reads, writes;
  for (const Operand& operand : step.in)
    if (operand.buffer != Operand::kNone) reads.push_back(shown(operand));
  for (const Tensor& t : step.tensors)
    if (t.deferred()) reads.push_back("a file");
  for (const Operand& operand : step.out) writes.push_back(shown(operand));
  if (step.deferred.defined()) {
    const auto [source, box] = step.deferred.fetch();
    reads.push_back(fmt::format("{} to {} of {}", to_string(box.lo), to_string(box.hi),
                                step.deferred.meta().source));
  }
  for (const Step::Reduction& reduction : step.reductions) {
    if (step.kind == Step::Kind::reduce) reads.push_back(shown(reduction.in[0]));
    writes.push_back(fmt::format("%{} {}", reduction.node, shown(reduction.out)));
  }
  std::string nodes = fmt::format("%{}", step.node);
  if (step.nodes.size() > 1) nodes = fmt::format("%{}", fmt::join(step.nodes, " %"));
  std::vector<std::string> does;
  if (!reads.empty()) does.push_back(fmt::format("reads {}", fmt::join(reads, ", ")));
  if (!writes.empty()) does.push_back(fmt::format("writes {}", fmt::join(writes, ", ")));
  if (step.streams) does.emplace_back("past the caches");
  for (const int buffer : step.frees) does.push_back(fmt::format("frees b{}", buffer));
  return fmt::format("  {:<6} {:<10} {:<24} {}\n", name_of(step.kind), nodes, op,
                     fmt::join(does, "; "));
}

}  // namespace

std::string describe_steps(const SamplePlan& sample) {
  std::string text;
  for (const auto& step : sample.steps()) text += shown(sample, *step);
  return text;
}

namespace {

// Specs and steps of the first sample, as far as they are known before anything was read.
std::string explain_sample(const Plan& plan, const PlanRules& rules) {
  EvaluationShared shared;
  shared.rules = rules;
  Evaluation first(plan, shared, Parallel::serial(), 0, first_tickets(plan), true);
  SamplePlan& sample = first.plan();
  std::string text = "writes, for the first sample:\n";
  const std::vector<bool> certain = certainly_run(plan);
  for (int id = 0; id < plan.size(); ++id)
    if (certain[static_cast<std::size_t>(id)]) first.infer(id);
  for (int id = 0; id < plan.size(); ++id) {
    std::vector<std::string> outputs;
    if (sample.has_specs(id))
      for (const Spec& spec : sample.specs_of(id)) outputs.push_back(shown(spec));
    text += fmt::format(
        "  %{:<3} {:<28} {}\n", id, plan[id].graph.def->name(),
        outputs.empty() ? "known when it runs" : fmt::format("{}", fmt::join(outputs, "; ")));
  }
  text += "steps, for the first sample:\n";
  // Numbers first: once a file is to be read nothing runs any more.
  for (int id = 0; id < plan.size(); ++id) {
    try {
      if (!sample.released(id) && sample.has_specs(id)) sample.decide(id);
    } catch (const Error&) {  // a run will say so, if it comes to that
    }
  }
  bool complete = true;
  std::vector<Tensor> landed(plan.outputs.size());
  std::string failure;
  try {
    for (std::size_t o = 0; o < plan.outputs.size() && complete; ++o) {
      const Node output = plan.outputs[o];
      complete =
          sample.specs(output.id) && sample.value_into(output, sample.new_place(output), landed[o]);
    }
  } catch (const Error& error) {
    failure = error.what();
  }
  text += describe_steps(sample);
  if (!failure.empty()) text += fmt::format("and then this error:\n{}\n", failure);
  if (!complete) text += "  and what depends on elements that only a run reads\n";
  return text;
}

}  // namespace

std::string explain_plan(const Graph& declared, const Plan& plan,
                         const std::vector<std::string>& applied, const PlanRules& rules) {
  std::string text = fmt::format("declared: {} nodes\n", declared.nodes.size());
  text += listed(declared.nodes.size(),
                 [&](std::size_t n) -> const GraphNode& { return declared.nodes[n]; });
  if (const std::size_t wanting = wanting_gpu(declared); wanting != 0)
    text += fmt::format(
        "declared for the GPU: {} nodes; this build has no back end for it, so all run on the CPU\n",
        wanting);
  text += fmt::format("rewrites applied: {}\n",
                      applied.empty() ? "none" : fmt::format("{}", fmt::join(applied, ", ")));
  text += fmt::format("runs: {} nodes, outputs", plan.nodes.size());
  for (const Node& output : plan.outputs) text += fmt::format(" %{}.{}", output.id, output.output);
  text += "\n";
  text += listed(plan.nodes.size(),
                 [&](std::size_t n) -> const GraphNode& { return plan.nodes[n].graph; });
  return text + explain_sample(plan, rules);
}

}  // namespace varo
