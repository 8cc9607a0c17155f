// SPDX-License-Identifier: Apache-2.0
/// What the operator of a node sees of an evaluation; for the files of Evaluation alone.
#pragma once

#include <algorithm>
#include <fmt/format.h>
#include <list>
#include <utility>

#include "core/pool.h"
#include "pipeline/memo.h"

namespace varo {

// A stand-in for a value of which only the shape counts. Nobody reads its elements.
inline Tensor stand_in(const View& view, const Layout& layout) {
  static const auto kNobody = std::make_shared<int>();
  return Tensor::wrap(view, kNobody, layout);
}

class Evaluation::Context final : public Sample {
 public:
  /// `evaluation`: the one that it belongs to at the time.
  Context(Evaluation* const& evaluation, const PlanNode& node, int id)
      : e_(evaluation), id_(id), node_(node) {}

  int input_count() const override { return static_cast<int>(node_.graph.inputs.size()); }
  const Spec& spec(int input) override {
    const Node from = input_node(input);
    return e_->infer(from.id)[static_cast<std::size_t>(from.output)];
  }
  const Layout& layout(int input) override {
    e_->check_inputs(id_);
    return memo().layouts[static_cast<std::size_t>(input)];
  }
  const Tensor& tensor(int input) override {
    const Node from = input_node(input);
    if (trial_ == nullptr || e_->memo_[static_cast<std::size_t>(from.id)]->evaluated)
      return e_->value(from);
    trial_->inputs.emplace_back(input, trial_input(input));
    return trial_->inputs.back().second;
  }
  const Tensor& loaded(int input) override {
    const Node from = input_node(input);
    const Tensor& now = e_->value(from);
    Tensor& slot = e_->memo_[static_cast<std::size_t>(from.id)]
                       ->results[static_cast<std::size_t>(from.output)];
    if (now.deferred()) slot = e_->loaded(now);
    return slot;
  }
  ConstView view(int input) override { return materialised(input_node(input), false).view(); }
  ConstView dense(int input) override { return materialised(input_node(input), true).view(); }
  ConstView fetch(const Tensor& tensor) override {
    if (trial_ != nullptr) throw NotTried{};
    held_.push_back(e_->in_memory(tensor, false));
    return held_.back().view();
  }

  bool has(std::string_view arg) override {
    return node_.graph.args.per_sample(arg) || node_.graph.args.constant(arg);
  }
  bool flag(std::string_view arg) override {
    if (!per_sample(arg)) return args().flag(arg);
    return std::get<bool>(single(arg));
  }
  std::int64_t integer(std::string_view arg) override {
    if (!per_sample(arg)) return args().integer(arg);
    return std::get<std::int64_t>(single(arg));
  }
  double real(std::string_view arg) override {
    if (!per_sample(arg)) return args().real(arg);
    return std::get<double>(single(arg));
  }
  const std::string& text(std::string_view arg) override { return args().text(arg); }
  DType dtype(std::string_view arg) override { return static_cast<DType>(integer(arg)); }
  std::vector<std::int64_t> integers(std::string_view arg) override {
    if (!per_sample(arg)) return args().integers(arg);
    return std::get<std::vector<std::int64_t>>(list(arg));
  }
  std::vector<double> reals(std::string_view arg) override {
    if (!per_sample(arg)) return args().reals(arg);
    return std::get<std::vector<double>>(list(arg));
  }
  using Sample::integers;
  using Sample::reals;
  Tensor argument(std::string_view arg) override {
    const auto at = node_.graph.arg_nodes.find(std::string(arg));
    if (at == node_.graph.arg_nodes.end()) return {};
    return materialised(at->second, true);
  }
  const Args& args() const override { return node_.graph.args; }

  int output_count() const override { return node_.graph.outputs; }
  void set_output(int output, Spec spec) override;
  const Spec& output_spec(int output) override {
    return e_->infer(id_)[static_cast<std::size_t>(output)];
  }
  void set_result(int output, Tensor tensor) override {
    if (trial_ != nullptr)
      trial_->result = std::move(tensor);
    else
      e_->store(id_, output, std::move(tensor));
  }
  View output(int output) override {
    return memo().results[static_cast<std::size_t>(output)].mutable_view();
  }
  void write_input(int input, const View& to) override {
    const Tensor& whole = memo().results[0];
    e_->deliver(input_node(input), {to, whole.keep(), e_->leaves(id_)});
  }
  void set_affine(int output, const Affine& affine) override {
    memo().affines[static_cast<std::size_t>(output)] = affine;
    memo().has_affines = true;
  }

  RandomKey random(int draw) const override {
    return {node_.graph.seed, static_cast<std::uint64_t>(e_->number_),
            static_cast<std::uint32_t>(draw)};
  }
  Parallel& parallel() override { return e_->parallel_; }
  void* scratch(std::size_t bytes) override {
    scratch_.push_back(BufferPool::host().get(bytes));
    return scratch_.back().get();
  }
  std::optional<Producer> fuse(int input) override {
    const Node from = input_node(input);
    if (!e_->fusable(from, id_)) return std::nullopt;
    memo().fused.push_back(from.id);
    return Producer{e_->plan_.nodes[static_cast<std::size_t>(from.id)].op.get(),
                    &e_->sample(from.id)};
  }
  void in_context(FunctionRef<void()> body) override { e_->with_context(id_, body); }
  std::any& state() override { return memo().state; }
  const Ticket& ticket() const override {
    const auto& sources = e_->plan_.sources;
    const auto at = std::find(sources.begin(), sources.end(), id_) - sources.begin();
    return e_->tickets_[static_cast<std::size_t>(at)];
  }

  /// The value that is input `input`.
  Node source(int input) const { return input_node(input); }

  /// What resolve() would make of an input that looks like `stand_in` (nothing: like a dense one).
  struct Trial {
    int input = -1;  ///< the one that the result is a view of
    Tensor seen, result;
  };
  std::optional<Trial> try_resolve(const std::optional<Tensor>& stand_in);

  /// What was valid until the end of the call.
  void end_call() {
    scratch_.clear();
    held_.clear();
  }

 private:
  // Elements were asked for in a trial.
  struct NotTried {};
  struct Try {
    std::optional<Tensor> given;
    std::list<std::pair<int, Tensor>> inputs;  // references to them stay good
    Tensor result;
  };

  Tensor trial_input(int input);

  Memo& memo() { return *e_->memo_[static_cast<std::size_t>(id_)]; }
  Node input_node(int input) const {
    if (input < 0 || input >= input_count())
      throw Error(ErrorKind::internal, fmt::format("there is no input {}", input));
    return node_.graph.inputs[static_cast<std::size_t>(input)];
  }
  bool per_sample(std::string_view arg) const { return node_.graph.args.per_sample(arg); }

  const Tensor& materialised(Node from, bool dense);
  // The elements of a per-sample argument, checked as a constant would be.
  ArgValue list(std::string_view name);
  ArgValue single(std::string_view name);

  Evaluation* const& e_;
  int id_;
  const PlanNode& node_;
  std::vector<std::shared_ptr<void>> scratch_;
  std::vector<Tensor> held_;
  Try* trial_ = nullptr;
};

template <class Body>
void Evaluation::with_context(int id, const Body& body) {
  const GraphNode& node = plan_.nodes[static_cast<std::size_t>(id)].graph;
  const auto add_context = [&](Error& error) {
    error.set_operator(node.def->name());
    if (!probing_) error.set_sample(number_, source_name());
    error.set_defined(node.origin.defined);
  };
  const auto described = [&](Error error) {
    add_context(error);
    return error;
  };
  try {
    body();
  } catch (Error& error) {
    add_context(error);
    throw;
  } catch (const std::bad_alloc&) {
    throw described(Error(ErrorKind::state, "out of memory"));
  } catch (const std::exception& other) {
    throw described(Error(ErrorKind::internal, other.what()));
  }
}

}  // namespace varo
