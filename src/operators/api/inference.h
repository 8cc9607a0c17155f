// SPDX-License-Identifier: Apache-2.0
/// What an operator is told of one sample before anything runs: specs of its inputs, its arguments,
/// elements that are numbers to it, draws. And what it says of the sample: specs of its outputs, and
/// a state of its own.
#pragma once

#include <any>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/philox.h"
#include "operators/api/schema.h"
#include "varo/error.h"
#include "varo/tensor.h"

namespace varo {

/// What a source hands out for one sample when it ticks.
struct Ticket {
  std::int64_t index = -1;     ///< e.g. the file's number
  std::vector<Tensor> values;  ///< e.g. what external_source was fed
};

class Inference {
 public:
  /// What whoever asks the operator fills in, the planner of a sample or a test.
  struct Facts {
    std::vector<const Spec*> specs;  ///< of the inputs
    std::vector<Layout> layouts;     ///< of the inputs: own or assumed, see checked_layouts()
    /// Elements of inputs, in memory and dense; undefined where they are not there (yet).
    std::vector<Tensor> numbers;
    /// Per-sample arguments by name, in memory and dense; undefined where not there (yet).
    std::vector<std::pair<std::string_view, Tensor>> arguments;
    std::uint64_t seed = 0, sample = 0;  ///< of the node; number of the sample's streams
    const Ticket* ticket = nullptr;      ///< sources only
    const std::any* batch = nullptr;     ///< what Operator::combine() found, where there is one
    int item = 0;  ///< place of the sample among those that combine() was given
  };
  Facts facts;

  Inference(const Args& args, int outputs)
      : args_(&args),
        outputs_(static_cast<std::size_t>(outputs)),
        set_(static_cast<std::size_t>(outputs), false) {}

  // --- inputs ---
  int input_count() const { return static_cast<int>(facts.specs.size()); }
  const Spec& spec(int input) const { return *facts.specs.at(static_cast<std::size_t>(input)); }
  /// The layout to work by: the input's own, or the assumed one (InputDef::layouts).
  const Layout& layout(int input) const {
    return facts.layouts.at(static_cast<std::size_t>(input));
  }
  /// The elements of the input are there.
  bool known(int input) const;
  /// The elements of an input, dense. \pre Operator::infers_from() or need() asked for them
  ConstView number(int input) const;

  // --- arguments: per sample if given so, else constant, else default ---
  const Args& args() const { return *args_; }
  /// Given, or has a default.
  bool has(std::string_view arg) const { return args_->per_sample(arg) || args_->constant(arg); }
  bool flag(std::string_view arg) const;
  std::int64_t integer(std::string_view arg) const;
  double real(std::string_view arg) const;
  const std::string& text(std::string_view arg) const { return args_->text(arg); }
  DType dtype(std::string_view arg) const { return static_cast<DType>(integer(arg)); }
  std::vector<std::int64_t> integers(std::string_view arg) const;
  std::vector<double> reals(std::string_view arg) const;
  /// A per-sample argument as it came (any shape and dtype, in memory, dense); undefined when the
  /// argument is constant.
  const Tensor& argument(std::string_view arg) const;
  /// Lists with exactly n entries: a constant scalar is repeated; anything else of another length
  /// is a ShapeError that names the argument.
  std::vector<std::int64_t> integers(std::string_view arg, int n) const;
  std::vector<double> reals(std::string_view arg, int n) const;

  // --- outputs ---
  int output_count() const { return static_cast<int>(outputs_.size()); }
  /// In infer, for every output.
  void set_output(int output, Spec spec);
  const Spec& output_spec(int output) const {
    return outputs_.at(static_cast<std::size_t>(output));
  }
  const std::vector<Spec>& output_specs() const { return outputs_; }

  // --- what else ---
  /// Stream of random numbers number `draw` of this node for this sample.
  RandomKey random(int draw = 0) const {
    return {facts.seed, facts.sample, static_cast<std::uint32_t>(draw)};
  }
  /// The operator's own memory for this sample, kept from infer to run: a plan, drawn parameters.
  std::any& state() { return state_; }
  const std::any& state() const { return state_; }
  template <class T>
  T& kept() {
    return *std::any_cast<T>(&state_);
  }
  template <class T>
  const T& kept() const {
    return *std::any_cast<T>(&state_);
  }
  /// What combine() found; nothing where the operator is not batch-wide.
  template <class T>
  const T* batch() const {
    return facts.batch == nullptr ? nullptr : std::any_cast<T>(facts.batch);
  }
  /// Sources only.
  const Ticket& ticket() const { return *facts.ticket; }

  /// As new, for another sample; memory is kept.
  void reset();
  /// Throws InternalError unless every output was set since the last reset, with a layout that fits.
  void check_outputs() const;

 private:
  const Args* args_;
  std::vector<Spec> outputs_;
  std::vector<bool> set_;
  std::any state_;
};

/// The layouts that an operator works by, one an input: its own, or the first listed one of its
/// rank. Throws TypeError, ShapeError or LayoutError where an input is not what `def` takes.
void check_inputs(const OperatorDef& def, std::span<const Spec* const> specs,
                  std::vector<Layout>& layouts);
/// Tells the user once an operator what it took the axes of an unlabelled input 0 for, where that is
/// likely to be a mistake: more axes than a picture has, or a picture with many channels.
void notice_assumed_layout(const OperatorDef& def, const Inference& inferred);
inline std::vector<Layout> checked_layouts(const OperatorDef& def,
                                           std::span<const Spec* const> specs) {
  std::vector<Layout> layouts;
  check_inputs(def, specs, layouts);
  return layouts;
}

}  // namespace varo
