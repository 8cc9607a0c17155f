// SPDX-License-Identifier: Apache-2.0
#include "operators/api/testing.h"

#include "operators/api/in_memory.h"
#include "operators/api/inherited_grid.h"

namespace varo::testing {

namespace {

Tensor dense(const Tensor& t) { return in_memory(t, true, Parallel::serial()); }

bool computes_nothing(Access access) {
  return access == Access::nothing || access == Access::spec || access == Access::number;
}

}  // namespace

Trial::Trial(const OperatorDef& def, std::vector<Tensor> inputs,
             std::map<std::string, ArgValue> args, std::map<std::string, Tensor> values)
    : def_(def),
      args_([&] {
        Args given(def);
        for (auto& [name, value] : args) given.set(name, value);
        for (auto& [name, value] : values) given.set_per_sample(name);
        given.check();
        return given;
      }()),
      op_(def.create(args_)),
      inputs_(std::move(inputs)),
      values_(std::move(values)),
      facts_(args_, def.output_count(args_)),
      results_(static_cast<std::size_t>(facts_.output_count())) {
  for (const Tensor& t : inputs_) specs_.push_back(t.spec());
  Inference::Facts& facts = facts_.facts;
  for (const Spec& spec : specs_) facts.specs.push_back(&spec);
  facts.numbers.resize(inputs_.size());
  for (const auto& [name, value] : values_) facts.arguments.emplace_back(name, Tensor());
  facts.seed = 1;
  facts.sample = 2;
}

void Trial::set_batch(std::any found) {
  batch_ = std::move(found);
  facts_.facts.batch = &batch_;
}

Tensor& Trial::value(int input) {
  asked.insert("value " + std::to_string(input));
  return inputs_.at(static_cast<std::size_t>(input));
}

void Trial::need_number(int input) {
  Tensor& number = facts_.facts.numbers.at(static_cast<std::size_t>(input));
  if (number.defined()) return;
  Tensor& from = value(input);
  number = from = dense(from);
}

void Trial::need_argument(std::size_t k) {
  auto& [name, value] = facts_.facts.arguments[k];
  if (value.defined()) return;
  asked.emplace(name);
  value = dense(values_.at(std::string(name)));
}

const Spec& Trial::infer() {
  if (inferred_) return facts_.output_spec(0);
  Inference::Facts& facts = facts_.facts;
  facts.layouts = checked_layouts(def_, facts.specs);
  for (int i = 0; i < facts_.input_count(); ++i)
    if (op_->infers_from(facts_, i)) need_number(i);
  for (std::size_t k = 0; k < facts.arguments.size(); ++k)
    if (!op_->late(*def_.find_arg(facts.arguments[k].first))) need_argument(k);
  op_->infer(facts_);
  facts_.check_outputs();
  inferred_ = true;
  return facts_.output_spec(0);
}

void Trial::prepare() {
  infer();
  for (std::size_t k = 0; k < facts_.facts.arguments.size(); ++k) need_argument(k);
  for (int i = 0; i < facts_.input_count(); ++i)
    if (op_->need(facts_, i).access == Access::number) need_number(i);
  op_->prepare(facts_);
  for (int i = 0; i < facts_.input_count(); ++i)
    if (op_->need(facts_, i).access == Access::later)
      throw Error(ErrorKind::internal, "what is read of an input is never decided");
}

bool Trial::view() {
  const std::optional<int> input = op_->view_of(facts_);
  if (!input) return false;
  const Tensor in = *input == Operator::kNoInput ? Tensor() : value(*input);
  std::vector<Tensor> results(results_.size());
  Views views{facts_, in, results};
  if (!op_->resolve(views)) return false;
  for (std::size_t o = 0; o < results.size(); ++o) {
    const Spec& spec = facts_.output_spec(static_cast<int>(o));
    if (!results[o].defined())
      throw Error(ErrorKind::internal, "an output was resolved only in part");
    if (!(results[o].shape() == spec.shape) || results[o].dtype() != spec.dtype)
      throw Error(ErrorKind::internal, "the result is not what was inferred");
    results_[o] =
        results[o].layout() == spec.layout ? results[o] : results[o].relabelled(spec.layout);
  }
  return true;
}

Tensor Trial::evaluate() {
  prepare();
  ran = !view();
  if (!ran) return results_[0];
  for (std::size_t o = 0; o < results_.size(); ++o)
    results_[o] = Tensor::own(facts_.output_spec(static_cast<int>(o)));
  if (const auto* host = dynamic_cast<const HostOperator*>(op_.get()))
    run(*host);
  else if (const auto* function = dynamic_cast<const HostFunction*>(op_.get()))
    call(*function);
  else if (const auto* parts = dynamic_cast<const Join*>(op_.get()))
    join(*parts);
  else if (const auto* pointwise = dynamic_cast<const Pointwise*>(op_.get()))
    program(*pointwise);
  else
    throw Error(ErrorKind::internal, "an operator that is a view was none for this sample");
  set_meta();
  return results_[0];
}

Tensor Trial::operand(int input) {
  const Need need = op_->need(facts_, input);
  if (computes_nothing(need.access)) return {};
  Tensor& whole = value(input);
  if (need.access == Access::source) return whole;
  Tensor t = need.region ? part_of(whole, *need.region) : whole;
  if (t.deferred()) {
    const bool alone = need.alone || worth_cutting(t, whole);
    if (!need.region || !alone) {
      whole = loaded(whole, Parallel::serial());
      t = need.region ? part_of(whole, *need.region) : whole;
    }
    t = loaded(t, Parallel::serial());
  }
  if (t.padded()) {
    PaddedView padding = t.padded_view();
    padding.inside.data = nullptr;
    if (need.access != Access::padded || !op_->takes_padding(facts_, input, padding))
      t = in_memory(t, false, Parallel::serial());
  }
  if (need.access == Access::rows && !by_rows(t.view())) t = dense(t);
  return need.access == Access::dense ? dense(t) : t;
}

void Trial::run(const HostOperator& op) {
  std::vector<Tensor> operands;
  std::vector<PaddedView> in;
  for (int i = 0; i < facts_.input_count(); ++i) {
    operands.push_back(operand(i));
    in.push_back(operands.back().padded_view());
  }
  std::vector<View> out;
  for (const Tensor& result : results_) out.push_back(result.mutable_view());
  std::any plan;
  HostRun run{in, out, {}, Parallel::serial(), facts_.state(), plan};
  const std::size_t bytes = op.setup(run, plan);
  const Tensor scratch = Tensor::own({DType::u8, {static_cast<std::int64_t>(bytes)}, {}});
  run.scratch = {scratch.mutable_view().ptr<std::byte>(), bytes};
  op.run(run);
}

void Trial::call(const HostFunction& op) {
  std::vector<Tensor> in;
  for (int i = 0; i < facts_.input_count(); ++i) in.push_back(operand(i));
  std::vector<View> out;
  for (const Tensor& result : results_) out.push_back(result.mutable_view());
  if (const auto error = op.call({in, out, Parallel::serial(), facts_.state()}))
    throw Error(*error);
}

void Trial::join(const Join& op) {
  std::vector<std::optional<View>> parts(inputs_.size());
  op.parts(facts_, results_[0].mutable_view(), parts);
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (parts[i])
      copy_padded(loaded(value(static_cast<int>(i)), Parallel::serial()).padded_view(), *parts[i],
                  Parallel::serial());
}

void Trial::program(const Pointwise& op) {
  std::vector<Tensor> operands;
  std::vector<ConstView> views;
  std::vector<Register> registers(inputs_.size());
  ProgramBuilder builder;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    operands.push_back(operand(static_cast<int>(i)));
    if (!operands.back().defined()) continue;
    views.push_back(broadcast_to(operands.back().view(), results_[0].shape()));
    registers[i] = builder.input(views.back().dtype);
  }
  const Register last = op.emit(facts_, builder, registers);
  run_program(builder.finish(last), views, results_[0].mutable_view(), Parallel::serial());
}

// The grid of the result: the input's where the operator keeps it, or as moved() says.
void Trial::set_meta() {
  Meta meta;
  const Traits& traits = def_.traits();
  const auto* join = dynamic_cast<const Join*>(op_.get());
  InheritedGrid grid(facts_.output_spec(0));
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (computes_nothing(op_->need(facts_, static_cast<int>(i)).access)) continue;
    const Meta& in = inputs_[i].meta();
    if (meta.source.empty()) meta.source = in.source;
    const std::optional<int> one = op_->grid_input(facts_);
    if ((traits.keeps_grid || traits.pointwise) && (!one || *one == static_cast<int>(i)))
      grid.add(specs_[i], in, join != nullptr ? join->added_axis(facts_) : -1);
  }
  grid.give(meta);
  for (std::size_t o = 0; o < results_.size(); ++o) {
    Meta own = meta;
    if (o == 0 && !inputs_.empty()) move_grid(*op_, facts_, inputs_[0], own);
    results_[o] = results_[o].with_meta(std::move(own));
  }
}

}  // namespace varo::testing
