// SPDX-License-Identifier: Apache-2.0
#include "pipeline/evaluate.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <new>
#include <stdexcept>

#include "core/convert.h"
#include "core/dispatch.h"
#include "core/pool.h"
#include "kernels/copy/copy.h"
#include "pipeline/placement.h"

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

// A stand-in for a value of which only the shape counts. Nobody reads its elements.
Tensor stand_in(const View& view, const Layout& layout) {
  static const auto kNobody = std::make_shared<int>();
  return Tensor::wrap(view, kNobody, layout);
}

}  // namespace

struct Evaluation::Memo {
  bool inferred = false, evaluated = false, released = false, inputs_checked = false;
  bool failed_probe = false;
  bool not_a_view = false;  ///< resolve was asked and said no
  std::vector<int> fused;   ///< nodes that run in this one's pass
  int consumers = 0;
  std::vector<Spec> specs;
  std::vector<bool> spec_set;
  std::vector<Tensor> results;
  std::vector<Tensor> retired;  ///< results in a form that was replaced by another
  std::vector<std::optional<Affine>> affines;
  std::vector<Layout> layouts;  ///< of the inputs: own or assumed
  struct Destination {
    View view;
    std::shared_ptr<const void> keep;
  };
  std::vector<std::optional<Destination>> destinations;
  std::any state;
  std::unique_ptr<Context> context;
};

// --- what an operator sees
// ------------------------------------------------------------------------

class Evaluation::Context final : public Sample {
 public:
  Context(Evaluation& evaluation, int id)
      : e_(evaluation), id_(id), node_(evaluation.plan_.nodes[static_cast<std::size_t>(id)]) {}

  int input_count() const override { return static_cast<int>(node_.graph.inputs.size()); }
  const Spec& spec(int input) override {
    const Node from = input_node(input);
    return e_.infer(from.id)[static_cast<std::size_t>(from.output)];
  }
  const Layout& layout(int input) override {
    e_.check_inputs(id_);
    return memo().layouts[static_cast<std::size_t>(input)];
  }
  const Tensor& tensor(int input) override {
    const Node from = input_node(input);
    if (trial_ == nullptr || e_.memo_[static_cast<std::size_t>(from.id)]->evaluated)
      return e_.value(from);
    trial_->inputs.emplace_back(input, trial_input(input));
    return trial_->inputs.back().second;
  }
  ConstView view(int input) override { return materialised(input_node(input), false).view(); }
  ConstView dense(int input) override { return materialised(input_node(input), true).view(); }
  ConstView fetch(const Tensor& tensor) override {
    if (trial_ != nullptr) throw NotTried{};
    held_.push_back(e_.in_memory(tensor, false));
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
  void set_output(int output, Spec spec) override {
    const auto o = static_cast<std::size_t>(output);
    for (int axis = 0; axis < spec.shape.rank(); ++axis)
      if (spec.shape[axis] < 0)
        throw Error(ErrorKind::internal, "an output extent is negative").got(to_string(spec.shape));
    if (checked_bytes(spec.shape, size_of(spec.dtype)) < 0)
      throw Error(ErrorKind::shape, "the output is too large for memory")
          .got(to_string(spec.shape));
    memo().specs[o] = std::move(spec);
    memo().spec_set[o] = true;
  }
  const Spec& output_spec(int output) override {
    return e_.infer(id_)[static_cast<std::size_t>(output)];
  }
  void set_result(int output, Tensor tensor) override {
    if (trial_ != nullptr)
      trial_->result = std::move(tensor);
    else
      e_.store(id_, output, std::move(tensor));
  }
  View output(int output) override {
    return memo().results[static_cast<std::size_t>(output)].mutable_view();
  }
  void write_input(int input, const View& to) override {
    e_.deliver(input_node(input), to, memo().results[0].keep());
  }
  void set_affine(int output, const Affine& affine) override {
    memo().affines[static_cast<std::size_t>(output)] = affine;
  }

  RandomKey random(int draw) const override {
    return {node_.graph.seed, static_cast<std::uint64_t>(e_.number_),
            static_cast<std::uint32_t>(draw)};
  }
  Parallel& parallel() override { return e_.parallel_; }
  void* scratch(std::size_t bytes) override {
    scratch_.push_back(BufferPool::host().get(bytes));
    return scratch_.back().get();
  }
  std::optional<Producer> fuse(int input) override {
    const Node from = input_node(input);
    if (!e_.fusable(from, id_)) return std::nullopt;
    memo().fused.push_back(from.id);
    return Producer{e_.plan_.nodes[static_cast<std::size_t>(from.id)].op.get(),
                    &e_.sample(from.id)};
  }
  void in_context(FunctionRef<void()> body) override { e_.with_context(id_, body); }
  std::any& state() override { return memo().state; }
  const Ticket& ticket() const override {
    const auto& sources = e_.plan_.sources;
    const auto at = std::find(sources.begin(), sources.end(), id_) - sources.begin();
    return e_.tickets_[static_cast<std::size_t>(at)];
  }

  /// What resolve() would make of an input that looks like `stand_in` (nothing: like a dense one).
  struct Trial {
    int input = -1;  ///< the one that the result is a view of
    Tensor seen, result;
  };
  std::optional<Trial> try_resolve(const std::optional<Tensor>& stand_in) {
    Try trial;
    trial.given = stand_in;
    trial_ = &trial;
    bool resolved = false;
    try {
      resolved = node_.op->resolve(*this);
    } catch (const NotTried&) {
      resolved = false;
    } catch (...) {
      trial_ = nullptr;
      throw;
    }
    trial_ = nullptr;
    end_call();
    if (!resolved || trial.inputs.size() != 1 || trial.result.deferred() || trial.result.padded())
      return std::nullopt;
    auto& [input, seen] = trial.inputs.front();
    return Trial{input, std::move(seen), std::move(trial.result)};
  }

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
    std::vector<std::pair<int, Tensor>> inputs;
    Tensor result;
  };

  Tensor trial_input(int input) {
    if (trial_->given) return *trial_->given;
    static std::byte nothing[64];
    const Spec& spec = this->spec(input);
    return stand_in({nothing, spec.dtype, spec.shape, dense_strides(spec.shape)}, spec.layout);
  }

  Memo& memo() { return *e_.memo_[static_cast<std::size_t>(id_)]; }
  Node input_node(int input) const {
    if (input < 0 || input >= input_count())
      throw Error(ErrorKind::internal, fmt::format("there is no input {}", input));
    return node_.graph.inputs[static_cast<std::size_t>(input)];
  }
  bool per_sample(std::string_view arg) const { return node_.graph.args.per_sample(arg); }

  const Tensor& materialised(Node from, bool dense) {
    const Tensor& now = e_.value(from);
    Memo& source = *e_.memo_[static_cast<std::size_t>(from.id)];
    Tensor& slot = source.results[static_cast<std::size_t>(from.output)];
    if (now.deferred() || now.padded() || (dense && !is_dense(now.view()))) {
      // Calls under way, of this node or of one that asked for it, may view the elements as they
      // were.
      if (!now.deferred()) source.retired.push_back(now);
      slot = e_.in_memory(slot, dense);
    }
    return slot;
  }

  // The elements of a per-sample argument, checked as a constant would be.
  ArgValue list(std::string_view name) {
    const Tensor t = argument(name);
    const ArgDef& def = *args().def().find_arg(name);
    if (t.rank() > 2)
      throw Error(ErrorKind::shape, fmt::format("argument {} has too many axes", name))
          .got(fmt::format("shape {}", to_string(t.shape())))
          .allowed("a list of numbers");
    const bool whole_numbers = !is_float(t.dtype());
    ArgValue value;
    const std::int64_t n = volume(t.shape());
    dispatch_all(t.dtype(), [&](auto tag) {
      using T = typename decltype(tag)::type;
      const T* data = t.view().ptr<T>();
      if (whole_numbers) {
        std::vector<std::int64_t> v;
        for (std::int64_t i = 0; i < n; ++i) v.push_back(saturate<std::int64_t>(data[i]));
        value = std::move(v);
      } else {
        std::vector<double> v;
        for (std::int64_t i = 0; i < n; ++i) v.push_back(saturate<double>(data[i]));
        value = std::move(v);
      }
    });
    return checked_value(def, std::move(value));
  }

  ArgValue single(std::string_view name) {
    const Tensor t = argument(name);
    if (volume(t.shape()) != 1)
      throw Error(ErrorKind::shape, fmt::format("argument {} needs one value a sample", name))
          .got(fmt::format("shape {}", to_string(t.shape())))
          .allowed("a scalar");
    ArgValue value;
    dispatch_all(t.dtype(), [&](auto tag) {
      using T = typename decltype(tag)::type;
      const T x = *t.view().ptr<T>();
      if constexpr (std::is_same_v<T, bool>)
        value = x;
      else if constexpr (std::is_integral_v<T>)
        value = saturate<std::int64_t>(x);
      else
        value = saturate<double>(x);
    });
    return checked_value(*args().def().find_arg(name), std::move(value));
  }

  Evaluation& e_;
  int id_;
  const PlanNode& node_;
  std::vector<std::shared_ptr<void>> scratch_;
  std::vector<Tensor> held_;
  Try* trial_ = nullptr;
};

// --- the evaluation
// -------------------------------------------------------------------------------

Evaluation::Evaluation(const Plan& plan, EvaluationShared& shared, Parallel& parallel,
                       std::int64_t number, std::vector<Ticket> tickets, bool probing)
    : plan_(plan),
      shared_(shared),
      parallel_(parallel),
      number_(number),
      tickets_(std::move(tickets)),
      probing_(probing) {
  memo_.reserve(plan.nodes.size());
  for (std::size_t id = 0; id < plan.nodes.size(); ++id) {
    auto memo = std::make_unique<Memo>();
    const auto outputs = static_cast<std::size_t>(plan.nodes[id].graph.outputs);
    memo->consumers = plan.nodes[id].consumers;
    memo->specs.resize(outputs);
    memo->spec_set.resize(outputs);
    memo->results.resize(outputs);
    memo->affines.resize(outputs);
    memo->destinations.resize(outputs);
    memo->context = std::make_unique<Context>(*this, static_cast<int>(id));
    memo_.push_back(std::move(memo));
  }
}

Evaluation::~Evaluation() = default;

void Evaluation::clear() {
  memo_.clear();
  tickets_.clear();
}

Sample& Evaluation::sample(int id) { return *memo_[static_cast<std::size_t>(id)]->context; }

template <class Body>
void Evaluation::with_context(int id, const Body& body) {
  const GraphNode& node = plan_.nodes[static_cast<std::size_t>(id)].graph;
  const auto add_context = [&](Error& error) {
    error.set_operator(node.def->name());
    if (!probing_) error.set_sample(number_, source_name());
    error.set_defined(node.origin.defined);
  };
  try {
    body();
  } catch (Error& error) {
    add_context(error);
    throw;
  } catch (const std::bad_alloc&) {
    Error error(ErrorKind::state, "out of memory");
    add_context(error);
    throw error;
  } catch (const std::exception& other) {
    Error error(ErrorKind::internal, other.what());
    add_context(error);
    throw error;
  }
}

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
  std::vector<Layout> layouts;
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
    layouts.push_back(layout);
  }
  memo.layouts = std::move(layouts);
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
  memo.results[o] = std::move(tensor);
}

Tensor Evaluation::loaded(const Tensor& tensor) {
  if (!tensor.deferred()) return tensor;
  if (probing_) throw Unknown{};
  const auto [source, box] = tensor.fetch();
  if (!tensor.padded()) {
    Tensor landed = Tensor::own(tensor.spec());
    if (const auto landing = tensor.landing(landed.mutable_view())) {
      // Every element is one of the box: read straight into a dense tensor.
      source->read(box, *landing, parallel_);
      return landed.with_meta(tensor.meta());
    }
  }
  const Tensor whole = Tensor::own({source->dtype(), box.extents(), {}});
  source->read(box, whole.mutable_view(), parallel_);
  return tensor.fetched(whole);
}

Tensor Evaluation::in_memory(const Tensor& tensor, bool dense) {
  const Tensor t = loaded(tensor);
  if (!t.padded() && !(dense && !is_dense(t.view()))) return t;
  const Tensor copied = Tensor::own(t.spec());
  copy_tensor(t, copied.mutable_view(), parallel_);
  return copied.with_meta(t.meta());
}

bool Evaluation::resolve(int id) {
  Memo& memo = *memo_[static_cast<std::size_t>(id)];
  if (memo.evaluated) return true;
  if (memo.not_a_view) return false;
  infer(id);
  if (shared_.cancelled.load(std::memory_order_relaxed)) throw Cancelled{};
  with_context(id, [&] {
    if (memo.released) throw Error(ErrorKind::internal, "asked for after its last use");
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
  with_context(id, [&] {
    const PlanNode& node = plan_.nodes[static_cast<std::size_t>(id)];
    for (std::size_t o = 0; o < memo.results.size(); ++o) {
      const auto& destination = memo.destinations[o];
      // Rows that run backwards or in steps suit only those that do not mind.
      const std::int64_t step = destination ? innermost_stride(destination->view) : 1;
      const bool fits =
          step == 1 || node.graph.def->traits().moves_only || (step == -1 && node.pointwise);
      memo.results[o] = destination && fits ? Tensor::wrap(destination->view, destination->keep,
                                                           memo.specs[o].layout)
                                            : Tensor::own(memo.specs[o]);
    }
    node.op->run(*memo.context);
    shared_.nodes_run.fetch_add(1, std::memory_order_relaxed);
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

void Evaluation::release_edges(int id) {
  for (const Node& edge : plan_.nodes[static_cast<std::size_t>(id)].edges) {
    Memo& source = *memo_[static_cast<std::size_t>(edge.id)];
    if (--source.consumers == 0) release(edge.id);
  }
}

void Evaluation::release(int id) {
  Memo& memo = *memo_[static_cast<std::size_t>(id)];
  memo.released = true;
  for (Tensor& result : memo.results) result = {};
  memo.retired.clear();
  // Never evaluated: what it would have read is not needed by it any more.
  if (!memo.evaluated) release_edges(id);
}

const Tensor& Evaluation::value(Node node) {
  evaluate(node.id);
  return memo_[static_cast<std::size_t>(node.id)]->results[static_cast<std::size_t>(node.output)];
}

std::optional<Evaluation::Aim> Evaluation::aim_of_source(int id, const View& place) {
  const PlanNode& node = plan_.nodes[static_cast<std::size_t>(id)];
  Memo& memo = *memo_[static_cast<std::size_t>(id)];
  if (node.graph.inputs.empty() || node.graph.outputs != 1) return std::nullopt;
  std::optional<Aim> aim;
  with_context(id, [&] {
    const auto dense = memo.context->try_resolve(std::nullopt);
    if (!dense) return;
    const auto view = place_of_source(dense->result.view(), dense->seen.view(), place);
    if (!view) return;
    // Whether the value is the place then is for resolve() to say.
    const auto placed = memo.context->try_resolve(stand_in(*view, dense->seen.layout()));
    if (placed && placed->input == dense->input && same_elements(placed->result.view(), place))
      aim = Aim{node.graph.inputs[static_cast<std::size_t>(dense->input)], *view};
  });
  return aim;
}

void Evaluation::aim(Node node, View place, const std::shared_ptr<const void>& keep) {
  while (true) {
    Memo& memo = *memo_[static_cast<std::size_t>(node.id)];
    infer(node.id);
    if (memo.evaluated) return;
    memo.destinations[static_cast<std::size_t>(node.output)] = {place, keep};
    if (!shared_.placement) return;
    const auto next = aim_of_source(node.id, place);
    if (!next) return;
    node = next->node;
    place = next->place;
  }
}

bool Evaluation::deliver(Node node, const View& place, const std::shared_ptr<const void>& keep) {
  aim(node, place, keep);
  evaluate(node.id);
  const Tensor& result =
      memo_[static_cast<std::size_t>(node.id)]->results[static_cast<std::size_t>(node.output)];
  if (!result.deferred() && !result.padded() && same_elements(result.view(), place)) return true;
  with_context(node.id, [&] {
    std::optional<View> landing;
    if (result.deferred()) landing = result.landing(place);
    if (landing) {
      const auto [source, box] = result.fetch();
      source->read(box, *landing, parallel_);
    } else {
      copy_tensor(loaded(result), place, parallel_);
      shared_.copies.fetch_add(1, std::memory_order_relaxed);
    }
  });
  return false;
}

Tensor Evaluation::value_into(Node node, const View& destination,
                              std::shared_ptr<const void> keep) {
  Memo& memo = *memo_[static_cast<std::size_t>(node.id)];
  const auto o = static_cast<std::size_t>(node.output);
  const bool in_place = deliver(node, destination, keep);
  const Tensor& result = memo.results[o];
  Tensor landed = Tensor::wrap(destination, std::move(keep), memo.specs[o].layout);
  landed = landed.with_meta(result.meta());
  // The pipeline output itself was one consumer.
  if (--memo.consumers == 0)
    release(node.id);
  else if (!in_place && (result.deferred() || result.padded()))
    memo.results[o] = landed;
  return landed;
}

}  // namespace varo
