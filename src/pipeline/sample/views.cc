// SPDX-License-Identifier: Apache-2.0
// Values that are views of others, and the forms in which they are read.
#include "operators/api/in_memory.h"
#include "pipeline/sample/sample_plan.h"

namespace varo {

namespace {

// Whether a value can be read so as it is.
bool fits(const Tensor& t, Access access) {
  if (t.deferred() || t.padded()) return false;
  return access == Access::view || access == Access::padded ||
         (access == Access::rows && by_rows(t.view())) ||
         (access == Access::dense && is_dense(t.view()));
}

}  // namespace

void SamplePlan::check_view(int id, std::size_t output) {
  Tensor& tensor = at(id).results[output];
  const Spec& spec = specs_of(id)[output];
  if (!tensor.defined()) throw Error(ErrorKind::internal, "an output was resolved only in part");
  if (!(tensor.shape() == spec.shape) || tensor.dtype() != spec.dtype)
    throw Error(ErrorKind::internal, "the result is not what was inferred")
        .got(std::string(varo::name_of(tensor.dtype())) + " " + to_string(tensor.shape()))
        .allowed(std::string(varo::name_of(spec.dtype)) + " " + to_string(spec.shape));
  if (!(tensor.layout() == spec.layout)) tensor = tensor.relabelled(spec.layout);
  if (source_name_.empty()) source_name_ = tensor.meta().source;
}

SamplePlan::Answer SamplePlan::view(int id) {
  NodeState& state = at(id);
  if (planned(id)) return Answer::yes;
  if (state.not_a_view) return Answer::no;
  if (!decide(id)) return Answer::stopped;
  const PlanNode& node = plan_[id];
  std::optional<int> input;
  in_context(id, [&] { input = node.op->view_of(state.facts); });
  if (!input) {
    state.not_a_view = true;
    return Answer::no;
  }
  const bool of_input = *input != Operator::kNoInput;
  const Node from = of_input ? node.graph.inputs[static_cast<std::size_t>(*input)] : Node{};
  if (of_input && !value(from)) return Answer::stopped;
  in_context(id, [&] {
    static const Tensor nothing;
    Views views{state.facts, of_input ? result(from) : nothing, state.results};
    state.has_results = true;
    state.not_a_view = !node.op->resolve(views);
    if (state.not_a_view) {
      for (Tensor& result : state.results) result.reset();
      state.has_results = false;
      return;
    }
    for (std::size_t o = 0; o < state.results.size(); ++o) check_view(id, o);
  });
  if (state.not_a_view) return Answer::no;
  append(step_for(id, Step::Kind::view));
  finish(id);
  return Answer::yes;
}

Tensor SamplePlan::plan_read(int id, const Tensor& tensor) {
  const auto [source, box] = tensor.fetch();
  std::unique_ptr<Step> step = step_for(id, Step::Kind::read);
  step->deferred = tensor;
  const View nowhere{nullptr, tensor.dtype(), tensor.shape(), dense_strides(tensor.shape())};
  // Where every element is one of the box, the source reads straight into a dense tensor.
  const bool lands = tensor.landing(nowhere).has_value();
  const Tensor whole =
      lands ? new_tensor(tensor.spec()) : new_tensor({source->dtype(), box.extents(), {}});
  Operand to = operand_of(whole);
  if (lands) to.view = unpadded(*tensor.landing(whole.mutable_view()));
  step->out.push_back(std::move(to));
  append(std::move(step));
  return lands ? whole.with_meta(tensor.meta()) : tensor.fetched(whole);
}

Tensor SamplePlan::plan_in_memory(int id, const Tensor& tensor, bool dense) {
  Tensor read = tensor.deferred() ? plan_read(id, tensor) : tensor;
  if (!read.padded() && !(dense && !is_dense(read.view()))) return read;
  std::unique_ptr<Step> step = step_for(id, Step::Kind::copy);
  Tensor copied = new_tensor(read.spec());
  step->in.push_back(operand_of(read));
  step->out.push_back(operand_of(copied));
  append(std::move(step));
  copied = copied.with_meta(read.meta());
  let_go(read);
  return copied;
}

void SamplePlan::bring(Node from, Form form) {
  const Tensor& now = result(from);
  const bool fits = !now.deferred() && (form == Form::loaded || !now.padded()) &&
                    (form != Form::dense || is_dense(now.view()));
  if (fits) return;
  Tensor before = now;
  slot(from) = form == Form::loaded ? plan_read(from.id, before)
                                    : plan_in_memory(from.id, before, form == Form::dense);
  let_go(before);
}

bool SamplePlan::input_of(int id, int input, const Need& need, Tensor& part, const Tensor*& read) {
  read = nullptr;
  if (need.access == Access::nothing || need.access == Access::spec ||
      need.access == Access::number)
    return true;
  const Node from = plan_[id].graph.inputs[static_cast<std::size_t>(input)];
  if (!value(from)) return false;
  if (need.access == Access::source || (!need.region && fits(result(from), need.access))) {
    read = &result(from);
    return true;
  }
  part = result(from);
  // Either the value itself is brought into the form, for others too, or the part that is read here.
  bool shared = true;
  const auto take = [&](Form form) {
    Tensor before = std::move(part);
    if (shared) {
      bring(from, form);
      part = result(from);
    } else {
      part = form == Form::loaded ? plan_read(id, before)
                                  : plan_in_memory(id, before, form == Form::dense);
    }
    let_go(before);
  };
  if (need.region) {
    Tensor cut = part_of(part, *need.region);
    if (cut.deferred() && !need.alone && !worth_cutting(cut, part)) {
      take(Form::loaded);
      cut = part_of(part, *need.region);
    }
    part = std::move(cut);
    shared = false;
  }
  if (part.deferred()) take(Form::loaded);
  if (part.padded()) {
    PaddedView padding = part.padded_view();
    padding.inside.data = nullptr;
    if (need.access != Access::padded || !plan_[id].op->takes_padding(at(id).facts, input, padding))
      take(Form::unpadded);
  }
  if ((need.access == Access::dense && !is_dense(part.view())) ||
      (need.access == Access::rows && !by_rows(part.view())))
    take(Form::dense);
  read = &part;
  return true;
}

}  // namespace varo
