// SPDX-License-Identifier: Apache-2.0
/// One definition of an operator: from it come argument checks, the Python function with signature
/// and docstring, type stubs, the reference page and a place in the contract tests.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "operators/api/args.h"
#include "varo/dtype.h"
#include "varo/shape.h"

namespace varo {

struct InputDef {
  std::string name;
  std::string doc;
  std::vector<DType> dtypes = {};  ///< accepted element types; empty: every one
  std::vector<Layout> layouts =
      {};  ///< accepted layouts; empty: every one. An unlabelled input is taken
           ///< to have the first listed layout of its rank; none: an error
  int least_rank = 0;
  int most_rank = kMaxRank;
  bool optional = false;  ///< may be left out, with everything after it
  bool variadic = false;  ///< the last input may come any number of times (at least once)
};

/// What the pipeline knows of an operator besides its schema.
struct Traits {
  bool pointwise = false;   ///< a Pointwise: output element i depends on elements i of inputs alone
  bool random = false;      ///< draws random numbers; gets a seed
  bool source = false;      ///< a SourceOperator: no inputs, ticks once an iteration
  bool moves_only = false;  ///< never computes with elements (views, copies)
  bool keeps_grid = false;  ///< the voxel grid and the affine stay as they are
};

/// Arguments that say one thing together, e.g. {"crop_w", "crop_h"}, or one alone.
struct Alternative {
  Alternative(const char* name) : names{name} {}  // NOLINT(google-explicit-constructor)
  Alternative(std::initializer_list<const char*> list) : names(list.begin(), list.end()) {}
  std::vector<std::string> names;
};
/// Arguments of which one alternative may be given, or one must be.
struct ExclusiveArgs {
  std::vector<Alternative> alternatives;
  bool required = false;
};
/// An argument that has no effect here; its type is that of its default.
struct IgnoredArg {
  std::string name;
  ArgValue default_value;
  std::string why;
  double least = -std::numeric_limits<double>::infinity();
};

class Operator;

/// Built once per operator by chained calls; see operators/geometry/flip.cc for the pattern.
class OperatorDef {
 public:
  OperatorDef(std::string name, std::string summary);

  /// Further paragraphs of the docstring.
  OperatorDef doc(std::string text) &&;
  OperatorDef input(InputDef input) &&;
  OperatorDef output(std::string name, std::string doc) &&;
  OperatorDef arg(ArgDef arg) &&;
  /// At most one of the alternatives may be given.
  OperatorDef one_of(std::initializer_list<Alternative> alternatives) &&;
  /// Exactly one of them must be.
  OperatorDef just_one_of(std::initializer_list<Alternative> alternatives) &&;
  /// All of the arguments are given, or none.
  OperatorDef together(std::initializer_list<const char*> names) &&;
  /// Arguments of DALI's that are accepted without effect.
  OperatorDef ignored(std::vector<IgnoredArg> args) &&;
  /// No public function: reached by Python's operators and subscripts.
  OperatorDef hidden() &&;
  /// Which of them the operator's class does not say already.
  OperatorDef traits(Traits traits) &&;
  /// How many outputs there are, when it depends on the constant arguments.
  OperatorDef outputs_by(std::function<int(const Args&)> count) &&;
  /// Makes the operator from its constant arguments; may throw Error. The factory returns a
  /// unique_ptr of the operator's own class, which says whether it is pointwise or a source.
  template <class Factory>
  OperatorDef make(Factory factory) && {
    using T = typename std::invoke_result_t<Factory, const Args&>::element_type;
    if constexpr (requires { T::kTraits; }) {
      traits_.pointwise = T::kTraits.pointwise;
      traits_.source = T::kTraits.source;
    }
    factory_ = std::move(factory);
    return std::move(*this);
  }
  /// make<T>: T's constructor takes const Args&.
  template <class T>
  OperatorDef make() && {
    return std::move(*this).make([](const Args& args) { return std::make_unique<T>(args); });
  }

  const std::string& name() const { return name_; }
  const std::string& summary() const { return summary_; }
  const std::string& details() const { return details_; }
  const std::vector<InputDef>& inputs() const { return inputs_; }
  const std::vector<ArgDef>& args() const { return args_; }
  const Traits& traits() const { return traits_; }
  const std::vector<ExclusiveArgs>& exclusive_args() const { return exclusive_; }
  const std::vector<std::vector<std::string>>& args_together() const { return together_; }
  bool is_hidden() const { return hidden_; }
  const ArgDef* find_arg(std::string_view name) const;
  /// The input's definition for position i (a variadic one repeats).
  const InputDef& input_at(int i) const;
  struct OutputDef {
    std::string name, doc;
  };
  const std::vector<OutputDef>& outputs() const { return outputs_; }
  int output_count(const Args& args) const;
  std::unique_ptr<Operator> create(const Args& args) const { return factory_(args); }

 private:
  std::string name_, summary_, details_;
  std::vector<InputDef> inputs_;
  std::vector<OutputDef> outputs_;
  std::vector<ArgDef> args_;
  std::vector<ExclusiveArgs> exclusive_;
  std::vector<std::vector<std::string>> together_;
  bool hidden_ = false;
  Traits traits_;
  std::function<int(const Args&)> count_;
  std::function<std::unique_ptr<Operator>(const Args&)> factory_;
};

/// Every dtype but those listed; for InputDef::dtypes.
std::vector<DType> dtypes_except(std::initializer_list<DType> left_out);
/// Layouts of the spatial operators.
std::vector<Layout> layouts_of(std::initializer_list<const char*> letters);

}  // namespace varo
