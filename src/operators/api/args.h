// SPDX-License-Identifier: Apache-2.0
/// Arguments of an operator: what one may be, the constant ones of a node, and handles on single ones.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "varo/argument.h"
#include "varo/dtype.h"

namespace varo {

class Inference;
class OperatorDef;

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
  grouped,  ///< as texts; in Python also a dict of lists, one an output
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
  std::vector<std::string> choices = {};  ///< allowed texts; empty: every one
  bool ignored = false;                   ///< accepted without effect
};

/// The constant arguments of one node, checked against the definition. Lookups of names that the
/// definition lacks are our mistake (InternalError).
class Args {
 public:
  explicit Args(const OperatorDef& def) : def_(&def) {}
  /// Checks type, range and choice, converts (int to real, scalar to list, dtype names). Throws Error.
  void set(const std::string& name, ArgValue value);
  /// Marks the argument as coming per sample.
  void set_per_sample(const std::string& name);
  /// Once all are set: throws Error where the definition asks for others with or instead of them.
  void check() const;

  const OperatorDef& def() const { return *def_; }
  const ArgDef& def_of(std::string_view name) const;
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
  /// Which of ArgDef::choices a text is, as an enumeration that lists them in the same order.
  template <class Enum>
  Enum choice(std::string_view name) const {
    return static_cast<Enum>(choice_number(name));
  }
  /// monostate when neither given nor defaulted.
  const ArgValue& value(std::string_view name) const;
  /// The constants that were given, as in Python: "axes=[0, 1]", "dtype=FLOAT"; long lists and texts are cut.
  std::vector<std::string> shown() const;

 private:
  int choice_number(std::string_view name) const;
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

/// A handle on one argument, a member of the operator's class that its constructor resolves:
///     explicit Blur(const Args& args) : sigma_(args, "sigma") {}
///     ... sigma_(sample) ...
///     Arg<double> sigma_;
/// An argument that there is not, or one of another type than T, is an InternalError when the
/// operator is made.
/// T: bool, std::int64_t (also filters), double, std::string (also layouts), DType, or a
/// std::vector of std::int64_t, double or std::string.
template <class T>
class Arg {
 public:
  Arg(const Args& args, std::string_view name);

  const std::string& name() const { return def_->name; }
  /// Given by the user, as a constant or per sample.
  bool given() const { return given_; }
  bool per_sample() const { return per_sample_; }
  /// Given as a constant, or has a default.
  bool constant() const { return value_.has_value(); }
  /// Given, or has a default.
  bool has() const { return per_sample_ || constant(); }
  /// \pre constant(); else InternalError
  const T& value() const;
  /// What it is for the sample. \pre has(); else InternalError
  T operator()(const Inference& sample) const;
  /// A list of n entries, as Inference::reals(arg, n).
  T operator()(const Inference& sample, int n) const
      requires(std::is_same_v<T, std::vector<std::int64_t>> ||
               std::is_same_v<T, std::vector<double>>) {
    // Also where an explicit instantiation for another T has this compiled.
    if constexpr (requires(const T& list) { list.size(); })
      if (value_ && value_->size() == static_cast<std::size_t>(n)) return *value_;
    return list_of_sample(sample, n);
  }

 private:
  T of_sample(const Inference& sample) const;
  T list_of_sample(const Inference& sample, int n) const;
  const ArgDef* def_;
  bool given_, per_sample_;
  std::optional<T> value_;
};

}  // namespace varo
