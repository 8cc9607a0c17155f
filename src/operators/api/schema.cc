// SPDX-License-Identifier: Apache-2.0
#include "operators/api/schema.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "operators/api/operator.h"
#include "varo/error.h"

namespace varo {

namespace {
ArgValue converted(const ArgDef& arg, ArgValue value);
}

std::string_view name_of(ArgType type) {
  constexpr std::string_view names[] = {"bool",
                                        "int",
                                        "float",
                                        "str",
                                        "types.DALIDataType",
                                        "types.DALIInterpType",
                                        "layout string",
                                        "list of int",
                                        "list of float",
                                        "list of str"};
  return names[static_cast<int>(type)];
}

OperatorDef::OperatorDef(std::string name, std::string summary)
    : name_(std::move(name)), summary_(std::move(summary)) {}
OperatorDef OperatorDef::doc(std::string text) && {
  details_ = std::move(text);
  return std::move(*this);
}
OperatorDef OperatorDef::input(InputDef input) && {
  inputs_.push_back(std::move(input));
  return std::move(*this);
}
OperatorDef OperatorDef::output(std::string name, std::string doc) && {
  outputs_.push_back({std::move(name), std::move(doc)});
  return std::move(*this);
}
OperatorDef OperatorDef::arg(ArgDef arg) && {
  if (!std::holds_alternative<std::monostate>(arg.default_value))
    arg.default_value = converted(arg, std::move(arg.default_value));
  args_.push_back(std::move(arg));
  return std::move(*this);
}
OperatorDef OperatorDef::traits(Traits traits) && {
  traits.pointwise |= traits_.pointwise;
  traits.source |= traits_.source;
  traits_ = traits;
  return std::move(*this);
}
OperatorDef OperatorDef::outputs_by(std::function<int(const Args&)> count) && {
  count_ = std::move(count);
  return std::move(*this);
}
const ArgDef* OperatorDef::find_arg(std::string_view name) const {
  const auto at =
      std::find_if(args_.begin(), args_.end(), [&](const ArgDef& a) { return a.name == name; });
  return at == args_.end() ? nullptr : &*at;
}

const InputDef& OperatorDef::input_at(int i) const {
  return inputs_[std::min<std::size_t>(static_cast<std::size_t>(i), inputs_.size() - 1)];
}

int OperatorDef::output_count(const Args& args) const {
  return count_ ? count_(args) : std::max<int>(1, static_cast<int>(outputs_.size()));
}

namespace {

std::string shown(const ArgValue& value) {
  struct {
    std::string operator()(std::monostate) const { return "None"; }
    std::string operator()(bool b) const { return b ? "True" : "False"; }
    std::string operator()(std::int64_t i) const { return fmt::format("{}", i); }
    std::string operator()(double d) const { return fmt::format("{}", d); }
    std::string operator()(const std::string& s) const { return fmt::format("\"{}\"", s); }
    std::string operator()(const std::vector<std::int64_t>& v) const {
      return fmt::format("[{}]", fmt::join(v, ", "));
    }
    std::string operator()(const std::vector<double>& v) const {
      return fmt::format("[{}]", fmt::join(v, ", "));
    }
    std::string operator()(const std::vector<std::string>& v) const {
      return fmt::format("[{}]", fmt::join(v, ", "));
    }
  } show;
  return std::visit(show, value);
}

[[noreturn]] void wrong_type(const ArgDef& arg, const ArgValue& value) {
  throw Error(ErrorKind::type, fmt::format("argument {} has the wrong type", arg.name))
      .got(shown(value))
      .allowed(std::string(name_of(arg.type)));
}

// What `value` is as one of the types that `arg` may hold.
ArgValue converted(const ArgDef& arg, ArgValue value) {
  const auto as_integer = [&](const ArgValue& v) -> std::int64_t {
    if (const auto* b = std::get_if<bool>(&v)) return *b ? 1 : 0;
    if (const auto* i = std::get_if<std::int64_t>(&v)) return *i;
    if (const auto* d = std::get_if<double>(&v);
        d != nullptr && *d == std::floor(*d) && std::abs(*d) < 0x1p53)
      return static_cast<std::int64_t>(*d);
    wrong_type(arg, value);
  };
  const auto as_real = [&](const ArgValue& v) -> double {
    if (const auto* d = std::get_if<double>(&v)) return *d;
    return static_cast<double>(as_integer(v));
  };
  // A list without elements has no type of its own.
  const bool no_elements = std::visit(
      [](const auto& v) {
        if constexpr (requires { v.empty(); } && !std::is_same_v<decltype(v), const std::string&>)
          return v.empty();
        else
          return false;
      },
      value);
  switch (arg.type) {
    case ArgType::boolean:
      if (std::holds_alternative<bool>(value)) return value;
      return as_integer(value) != 0;
    case ArgType::integer:
    case ArgType::interp:
      return as_integer(value);
    case ArgType::dtype:
      if (const auto* text = std::get_if<std::string>(&value)) {
        const auto named = dtype_named(*text);
        if (!named) wrong_type(arg, value);
        return static_cast<std::int64_t>(*named);
      }
      {
        const std::int64_t number = as_integer(value);
        if (number < 0 || number >= kDTypeCount) wrong_type(arg, value);
        return number;
      }
    case ArgType::real:
      return as_real(value);
    case ArgType::text:
    case ArgType::layout:
      if (!std::holds_alternative<std::string>(value)) wrong_type(arg, value);
      return value;
    case ArgType::integers: {
      if (std::holds_alternative<std::vector<std::int64_t>>(value)) return value;
      std::vector<std::int64_t> list;
      if (no_elements) return list;
      if (const auto* reals = std::get_if<std::vector<double>>(&value)) {
        for (const double d : *reals) list.push_back(as_integer(d));
        return list;
      }
      list.push_back(as_integer(value));
      return list;
    }
    case ArgType::reals: {
      if (std::holds_alternative<std::vector<double>>(value)) return value;
      std::vector<double> list;
      if (no_elements) return list;
      if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&value)) {
        list.assign(integers->begin(), integers->end());
        return list;
      }
      list.push_back(as_real(value));
      return list;
    }
    case ArgType::texts:
      if (const auto* text = std::get_if<std::string>(&value))
        return std::vector<std::string>{*text};
      if (no_elements) return std::vector<std::string>{};
      if (!std::holds_alternative<std::vector<std::string>>(value)) wrong_type(arg, value);
      return value;
  }
  wrong_type(arg, value);
}

void check_range(const ArgDef& arg, double number, const ArgValue& value) {
  if (number >= arg.least && number <= arg.most) return;
  throw Error(ErrorKind::param, fmt::format("argument {} is out of range", arg.name))
      .got(shown(value))
      .allowed(std::isinf(arg.most)    ? fmt::format("at least {}", arg.least)
               : std::isinf(arg.least) ? fmt::format("at most {}", arg.most)
                                       : fmt::format("{} to {}", arg.least, arg.most));
}

}  // namespace

ArgValue checked_value(const ArgDef& arg, ArgValue value) {
  ArgValue result = converted(arg, std::move(value));
  if (std::isinf(arg.least) && std::isinf(arg.most)) return result;
  if (const auto* i = std::get_if<std::int64_t>(&result))
    check_range(arg, static_cast<double>(*i), result);
  if (const auto* d = std::get_if<double>(&result)) check_range(arg, *d, result);
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&result))
    for (const auto i : *list) check_range(arg, static_cast<double>(i), result);
  if (const auto* list = std::get_if<std::vector<double>>(&result))
    for (const double d : *list) check_range(arg, d, result);
  return result;
}

const ArgDef& Args::def_of(std::string_view name) const {
  const ArgDef* arg = def_->find_arg(name);
  if (arg == nullptr)
    throw Error(ErrorKind::internal, fmt::format("{} has no argument {}", def_->name(), name));
  return *arg;
}

void Args::set(const std::string& name, ArgValue value) {
  if (std::holds_alternative<std::monostate>(value)) return;
  entries_.push_back({name, checked_value(def_of(name), std::move(value)), false});
}

void Args::set_per_sample(const std::string& name) {
  if (def_of(name).constant)
    throw Error(ErrorKind::type, fmt::format("argument {} must be a constant", name))
        .got("a value per sample (DataNode)")
        .allowed(std::string(name_of(def_of(name).type)));
  entries_.push_back({name, {}, true});
}

bool Args::given(std::string_view name) const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [&](const Entry& e) { return e.name == name; });
}
bool Args::per_sample(std::string_view name) const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [&](const Entry& e) { return e.name == name && e.per_sample; });
}
const ArgValue& Args::value(std::string_view name) const {
  for (const Entry& e : entries_)
    if (e.name == name) return e.value;
  return def_of(name).default_value;
}
bool Args::constant(std::string_view name) const {
  return !per_sample(name) && !std::holds_alternative<std::monostate>(value(name));
}

namespace {
template <class T>
const T& held(const ArgValue& value, std::string_view name) {
  const T* v = std::get_if<T>(&value);
  if (v == nullptr)
    throw Error(ErrorKind::internal,
                fmt::format("argument {} is not a constant of the type asked for", name));
  return *v;
}
}  // namespace

bool Args::flag(std::string_view name) const { return held<bool>(value(name), name); }
std::int64_t Args::integer(std::string_view name) const {
  return held<std::int64_t>(value(name), name);
}
double Args::real(std::string_view name) const { return held<double>(value(name), name); }
const std::string& Args::text(std::string_view name) const {
  return held<std::string>(value(name), name);
}
DType Args::dtype(std::string_view name) const { return static_cast<DType>(integer(name)); }
const std::vector<std::int64_t>& Args::integers(std::string_view name) const {
  return held<std::vector<std::int64_t>>(value(name), name);
}
const std::vector<double>& Args::reals(std::string_view name) const {
  return held<std::vector<double>>(value(name), name);
}
const std::vector<std::string>& Args::texts(std::string_view name) const {
  return held<std::vector<std::string>>(value(name), name);
}

std::vector<DType> dtypes_except(std::initializer_list<DType> left_out) {
  std::vector<DType> types;
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto t = static_cast<DType>(i);
    if (std::find(left_out.begin(), left_out.end(), t) == left_out.end()) types.push_back(t);
  }
  return types;
}

std::vector<Layout> layouts_of(std::initializer_list<const char*> letters) {
  return {letters.begin(), letters.end()};
}

}  // namespace varo
