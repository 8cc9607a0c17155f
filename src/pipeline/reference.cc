// SPDX-License-Identifier: Apache-2.0
#include "pipeline/reference.h"

#include <algorithm>
#include <deque>
#include <optional>

#include "kernels/copy/copy.h"
#include "operators/api/in_memory.h"
#include "operators/shared/promotion.h"

namespace varo {

namespace {

class Sample {
 public:
  Sample(const Plan& plan, std::int64_t number, const std::vector<Ticket>& tickets)
      : plan_(plan), number_(number), values_(plan.nodes.size()) {
    for (const PlanNode& node : plan.nodes) {
      Inference& facts = facts_.emplace_back(node.graph.args, node.graph.outputs);
      for (const Node& from : node.graph.inputs) facts.facts.specs.push_back(&spec_of(from));
      facts.facts.numbers.resize(node.graph.inputs.size());
      for (const auto& [name, late] : node.arguments) facts.facts.arguments.push_back({name, {}});
      facts.facts.seed = node.graph.seed;
      facts.facts.sample = plan.stream + static_cast<std::uint64_t>(number);
    }
    for (std::size_t k = 0; k < tickets.size(); ++k) at(plan.sources[k]).facts.ticket = &tickets[k];
  }

  const Spec& spec_of(Node node) const {
    return facts_[static_cast<std::size_t>(node.id)]
        .output_specs()[static_cast<std::size_t>(node.output)];
  }
  Inference& at(int id) { return facts_[static_cast<std::size_t>(id)]; }

  void infer(int id) {
    Value& value = values_[static_cast<std::size_t>(id)];
    if (value.inferred) return;
    const PlanNode& node = plan_[id];
    Inference& facts = at(id);
    if (node.branch != nullptr)
      infer(input(id, taken(id)).id);
    else
      gather(id);
    in_context(id, [&] {
      node.op->infer(facts);
      facts.check_outputs();
    });
    value.inferred = true;
  }

  // What infer() of the node is told.
  void gather(int id) {
    Inference& facts = at(id);
    for (const Node& from : plan_[id].graph.inputs) infer(from.id);
    in_context(id,
               [&] { check_inputs(*plan_[id].graph.def, facts.facts.specs, facts.facts.layouts); });
    for (int i = 0; i < facts.input_count(); ++i)
      if (plan_[id].op->infers_from(facts, i)) number(id, i);
    arguments(id, false);
  }

  // Whether the value of `from` needs batch-wide node `id`. Of a branch whose condition needs it, or
  // one declared after it, both sides count.
  bool needs(int from, int id) {
    if (from <= id) return from == id;
    const std::vector<Node>& edges = plan_[from].edges;
    const auto edge_needs = [&](const Node& edge) { return needs(edge.id, id); };
    if (plan_[from].branch == nullptr || waits(edges[0].id, id))
      return std::any_of(edges.begin(), edges.end(), edge_needs);
    return edge_needs(edges[static_cast<std::size_t>(taken(from))]);
  }

  // Whether a sink runs, or needs `id` to know.
  bool runs(int sink, int id) {
    if (plan_[sink].when < 0) return true;
    const Node& when = plan_[sink].argument_node(static_cast<std::size_t>(plan_[sink].when));
    return waits(when.id, id) || number_in(value_of(when).view()) != 0;
  }

  const Tensor& value_of(Node node) {
    Value& value = values_[static_cast<std::size_t>(node.id)];
    if (value.results.empty()) {
      decide(node.id);
      std::vector<Tensor> results(static_cast<std::size_t>(plan_[node.id].graph.outputs));
      if (!view(node.id, results)) compute(node.id, results);
      value.results = std::move(results);
    }
    return value.results[static_cast<std::size_t>(node.output)];
  }

 private:
  // The input that a branch takes.
  int taken(int id) {
    infer(input(id, 0).id);
    in_context(id, [&] { plan_[id].branch->check_condition(spec_of(input(id, 0))); });
    number(id, 0);
    return plan_[id].branch->taken(at(id));
  }
  // Whether there is a batch-wide node from `id` on among what `from` is made of.
  bool waits(int from, int id) {
    if (from < id || plan_[from].batch_need != BatchNeed::none) return from >= id;
    const std::vector<Node>& edges = plan_[from].edges;
    if (plan_[from].branch != nullptr)
      return waits(edges[0].id, id) || waits(edges[static_cast<std::size_t>(taken(from))].id, id);
    return std::any_of(edges.begin(), edges.end(), [&](Node e) { return waits(e.id, id); });
  }

  struct Value {
    bool inferred = false;
    std::vector<Tensor> results;
  };

  Node input(int id, int i) const { return plan_[id].graph.inputs[static_cast<std::size_t>(i)]; }
  void number(int id, int i) {
    at(id).facts.numbers[static_cast<std::size_t>(i)] = value_of(input(id, i));
  }
  void arguments(int id, bool late) {
    const PlanNode& node = plan_[id];
    for (std::size_t k = 0; k < node.arguments.size(); ++k)
      if (late || !node.arguments[k].late)
        at(id).facts.arguments[k].second = value_of(node.argument_node(k));
  }
  void decide(int id) {
    infer(id);
    arguments(id, true);
    for (int i = 0; i < at(id).input_count(); ++i)
      if (!at(id).known(i) && plan_[id].op->need(at(id), i).access == Access::number) number(id, i);
    in_context(id, [&] { plan_[id].op->prepare(at(id)); });
  }

  // A copy of a view, if the node is one.
  bool view(int id, std::vector<Tensor>& results) {
    const std::optional<int> of = plan_[id].op->view_of(at(id));
    if (!of) return false;
    const Tensor seen = *of == Operator::kNoInput ? Tensor() : value_of(input(id, *of));
    Views views{at(id), seen, results};
    bool resolved = false;
    in_context(id, [&] {
      resolved = plan_[id].op->resolve(views);
      for (std::size_t o = 0; resolved && o < results.size(); ++o) {
        const Tensor there = loaded(results[o], Parallel::serial());
        results[o] = Tensor::own(spec_of({id, static_cast<int>(o)}));
        copy_padded(there.padded_view(), results[o].mutable_view(), Parallel::serial());
      }
    });
    return resolved;
  }

  // What is read of an input, dense.
  Tensor read(int id, int i) {
    const Need need = plan_[id].op->need(at(id), i);
    if (need.access == Access::nothing || need.access == Access::spec ||
        need.access == Access::number)
      return {};
    const Tensor whole = value_of(input(id, i));
    if (!need.region) return whole;
    const Tensor t = part_of(whole, *need.region), part = Tensor::own(t.spec());
    copy(t.view(), part.mutable_view(), Parallel::serial());
    return part;
  }

  void compute(int id, std::vector<Tensor>& results) {
    const PlanNode& node = plan_[id];
    std::vector<Tensor> in;
    for (int i = 0; i < at(id).input_count(); ++i) in.push_back(read(id, i));
    std::vector<View> out;
    for (std::size_t o = 0; o < results.size(); ++o) {
      results[o] = Tensor::own(spec_of({id, static_cast<int>(o)}));
      out.push_back(results[o].mutable_view());
    }
    in_context(id, [&] {
      if (node.pointwise != nullptr) return run_pointwise(id, in, out[0]);
      if (node.join != nullptr) return run_join(id, in, out[0]);
      if (node.host != nullptr) return run_host(id, in, out);
      if (const auto error = node.function->call({in, out, Parallel::serial(), at(id).state()}))
        throw Error(*error);
    });
  }

  void run_host(int id, const std::vector<Tensor>& in, const std::vector<View>& out) {
    std::vector<PaddedView> views;
    for (const Tensor& t : in) views.push_back(t.defined() ? unpadded(t.view()) : PaddedView());
    std::any plan;
    HostRun run{views, out, {}, Parallel::serial(), at(id).state(), plan};
    const std::size_t bytes = plan_[id].host->setup(run, plan);
    const Tensor scratch = Tensor::own({DType::u8, {static_cast<std::int64_t>(bytes)}, {}});
    run.scratch = {static_cast<std::byte*>(scratch.mutable_view().data), bytes};
    plan_[id].host->run(run);
  }
  void run_join(int id, const std::vector<Tensor>& in, const View& out) {
    std::vector<std::optional<View>> parts(in.size());
    plan_[id].join->parts(at(id), out, parts);
    for (std::size_t i = 0; i < in.size(); ++i)
      if (parts[i])
        copy(value_of(input(id, static_cast<int>(i))).view(), *parts[i], Parallel::serial());
  }
  void run_pointwise(int id, const std::vector<Tensor>& in, const View& out) {
    ProgramBuilder builder;
    std::vector<Register> registers(in.size());
    std::vector<ConstView> views;
    for (std::size_t i = 0; i < in.size(); ++i) {
      if (!in[i].defined()) continue;
      views.push_back(broadcast_to(in[i].view(), out.shape));
      registers[i] = builder.input(views.back().dtype);
    }
    const Register last = plan_[id].pointwise->emit(at(id), builder, registers);
    run_program(builder.finish(last), views, out, Parallel::serial());
  }

  template <class Body>
  void in_context(int id, const Body& body) const {
    try {
      body();
    } catch (Error& error) {
      error.set_operator(plan_[id].graph.def->name());
      error.set_sample(number_, "");
      error.set_defined(plan_[id].graph.origin.defined);
      throw;
    }
  }

  const Plan& plan_;
  std::int64_t number_;
  std::deque<Inference> facts_;
  std::vector<Value> values_;
};

}  // namespace

std::vector<Batch> reference_batches(const Plan& plan, std::int64_t first_sample,
                                     std::span<const std::vector<Ticket>> tickets) {
  std::deque<Sample> samples;
  for (const std::vector<Ticket>& ticket : tickets)
    samples.emplace_back(plan, first_sample + static_cast<std::int64_t>(samples.size()), ticket);
  std::deque<std::any> combined;
  for (const int id : plan.barriers) {
    std::vector<BatchItem> items;
    for (Sample& sample : samples) {
      std::vector<int> roots;
      for (const int sink : plan.sinks)
        if (sample.runs(sink, id)) roots.push_back(sink);
      for (const Node& output : plan.outputs) roots.push_back(output.id);
      if (std::none_of(roots.begin(), roots.end(), [&](int r) { return sample.needs(r, id); }))
        continue;
      sample.gather(id);
      sample.at(id).facts.batch = &combined.emplace_back();  // for now: it takes part
      sample.at(id).facts.item = static_cast<int>(items.size());
      BatchItem& item = items.emplace_back(BatchItem{sample.at(id), {}, Parallel::serial()});
      for (const Node& input : plan[id].graph.inputs)
        if (plan[id].batch_need != BatchNeed::shapes) item.in.push_back(sample.value_of(input));
    }
    if (items.empty()) continue;
    try {
      combined.push_back(plan[id].op->combine(items));
    } catch (Error& error) {
      error.set_operator(plan[id].graph.def->name());
      throw;
    }
    for (Sample& sample : samples)
      if (sample.at(id).facts.batch != nullptr) sample.at(id).facts.batch = &combined.back();
  }
  std::vector<Batch> batches;
  for (const Node& output : plan.outputs) {
    std::int64_t elements = 0;
    for (Sample& sample : samples) elements += volume(sample.value_of(output).shape());
    const Spec first = samples.at(0).spec_of(output);
    const Tensor buffer = Tensor::own({first.dtype, {elements}, {}});
    Batch batch{{}, first.dtype, first.layout};
    std::int64_t begin = 0;
    for (Sample& sample : samples) {
      const Tensor& value = sample.value_of(output);
      if (value.dtype() != first.dtype || value.rank() != first.shape.rank() ||
          !(value.layout() == first.layout))
        throw Error(ErrorKind::shape, "the samples of a batch disagree");
      const View to = buffer.sliced(0, begin, volume(value.shape())).mutable_view();
      const View part{to.data, first.dtype, value.shape(), dense_strides(value.shape())};
      copy(value.view(), part, Parallel::serial());
      batch.samples.push_back(Tensor::wrap(part, buffer.keep(), first.layout));
      begin += volume(value.shape());
    }
    batches.push_back(std::move(batch));
  }
  return batches;
}

}  // namespace varo
