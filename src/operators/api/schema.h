// SPDX-License-Identifier: Apache-2.0
/// One definition of an operator: from it come argument checks, the Python function with signature
/// and docstring, type stubs, the reference page and a place in the contract tests.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "varo/argument.h"
#include "varo/dtype.h"
#include "varo/shape.h"

namespace varo {

enum class ArgType : std::uint8_t {
  boolean,
  integer,
  real,
  text,
  dtype,     ///< a types.* element type; held as int64
  interp,    ///< a types.INTERP_* value; held as int64
  layout,    ///< axis letters
  integers,  ///< list; a scalar is accepted and repeated where the operator knows the length
  reals,
  texts,
};
std::string_view name_of(ArgType type);

struct ArgDef {
  std::string name;
  ArgType type = ArgType::real;
  ArgValue default_value = {};  ///< monostate: nothing given
  std::string doc;              ///< meaning, unit, what not giving it means
  bool required = false;
  bool constant = false;  ///< must be a Python constant; otherwise also a per-sample node
  bool late = false;  ///< a per-sample value of it is read by Operator::prepare() at the earliest
  double least =
      -std::numeric_limits<double>::infinity();  ///< allowed closed range of every element
  double most = std::numeric_limits<double>::infinity();
};

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

class Operator;
class Args;

/// Built once per operator by chained calls; see operators/geometry/flip.cc for the pattern.
class OperatorDef {
 public:
  OperatorDef(std::string name, std::string summary);

  /// Further paragraphs of the docstring.
  OperatorDef doc(std::string text) &&;
  OperatorDef input(InputDef input) &&;
  OperatorDef output(std::string name, std::string doc) &&;
  OperatorDef arg(ArgDef arg) &&;
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
  Traits traits_;
  std::function<int(const Args&)> count_;
  std::function<std::unique_ptr<Operator>(const Args&)> factory_;
};

/// The constant arguments of one node, checked against the definition. Lookups of names that the
/// definition lacks are our mistake (InternalError).
class Args {
 public:
  explicit Args(const OperatorDef& def) : def_(&def) {}
  /// Checks type and range, converts (int to real, scalar to list, dtype names). Throws Error.
  void set(const std::string& name, ArgValue value);
  /// Marks the argument as coming per sample.
  void set_per_sample(const std::string& name);

  const OperatorDef& def() const { return *def_; }
  /// Given by the user, as a constant or per sample.
  bool given(std::string_view name) const;
  bool per_sample(std::string_view name) const;
  /// Given as a constant or has a default: the constant getters below may be called.
  bool constant(std::string_view name) const;

  bool flag(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  double real(std::string_view name) const;
  const std::string& text(std::string_view name) const;
  DType dtype(std::string_view name) const;
  const std::vector<std::int64_t>& integers(std::string_view name) const;
  const std::vector<double>& reals(std::string_view name) const;
  const std::vector<std::string>& texts(std::string_view name) const;
  /// monostate when neither given nor defaulted.
  const ArgValue& value(std::string_view name) const;

 private:
  const ArgDef& def_of(std::string_view name) const;
  const OperatorDef* def_;
  struct Entry {
    std::string name;
    ArgValue value;
    bool per_sample = false;
  };
  std::vector<Entry> entries_;
};

/// Throws ParamError / ArgumentTypeError unless `value` fits the definition; returns it converted
/// to the argument's own type. `where` names the operator.
ArgValue checked_value(const ArgDef& arg, ArgValue value);

/// Every dtype but those listed; for InputDef::dtypes.
std::vector<DType> dtypes_except(std::initializer_list<DType> left_out);
/// Layouts of the spatial operators.
std::vector<Layout> layouts_of(std::initializer_list<const char*> letters);

}  // namespace varo
