// SPDX-License-Identifier: Apache-2.0
#include "operators/api/args.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <type_traits>

#include "operators/api/operator.h"
#include "varo/error.h"

namespace varo {

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
                                        "list of str",
                                        "list of str or dict of lists"};
  return names[static_cast<int>(type)];
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

// As a program has it; no more than a line of explain() bears.
std::string shown_in_short(const ArgDef& arg, const ArgValue& value) {
  constexpr std::size_t kItems = 6, kLetters = 40;
  if (const auto* number = std::get_if<std::int64_t>(&value);
      number != nullptr && arg.type == ArgType::dtype && *number >= 0 && *number < kDTypeCount)
    return std::string(name_of(static_cast<DType>(*number)));
  ArgValue part = value;
  const bool cut = std::visit(
      [&](auto& v) {
        using T = std::remove_reference_t<decltype(v)>;
        if constexpr (requires { v.resize(v.size()); }) {
          const std::size_t most = std::is_same_v<T, std::string> ? kLetters : kItems;
          if (v.size() <= most) return false;
          v.resize(most);
          return true;
        }
        return false;
      },
      part);
  std::string text = shown(part);
  if (cut) text.insert(text.size() - 1, "...");
  return text;
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
    case ArgType::grouped:
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

// "a, b or c"
std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 < names.size() ? ", " : " or ";
    text += names[i];
  }
  return text;
}

void check_choice(const ArgDef& arg, const std::string& text) {
  const auto& choices = arg.choices;
  if (choices.empty() || std::find(choices.begin(), choices.end(), text) != choices.end()) return;
  std::vector<std::string> quoted;
  for (const std::string& choice : choices) quoted.push_back('"' + choice + '"');
  throw Error(ErrorKind::param, fmt::format("argument {} has no such choice", arg.name))
      .got(shown(text))
      .allowed(listed(quoted));
}

}  // namespace

ArgValue checked_value(const ArgDef& arg, ArgValue value) {
  ArgValue result = converted(arg, std::move(value));
  if (const auto* text = std::get_if<std::string>(&result)) check_choice(arg, *text);
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
  Entry entry{name, checked_value(def_of(name), std::move(value)), false};
  const auto before = std::find_if(entries_.begin(), entries_.end(),
                                   [&](const Entry& other) { return other.name == name; });
  if (before == entries_.end())
    entries_.push_back(std::move(entry));
  else
    *before = std::move(entry);
}

void Args::set_per_sample(const std::string& name) {
  if (def_of(name).constant)
    throw Error(ErrorKind::type, fmt::format("argument {} must be a constant", name))
        .got("a value per sample (DataNode)")
        .allowed(std::string(name_of(def_of(name).type)));
  entries_.push_back({name, {}, true});
}

namespace {

void check_exclusive(const Args& args, const ExclusiveArgs& exclusive) {
  std::vector<std::string> given, allowed;
  int count = 0;
  for (const Alternative& alternative : exclusive.alternatives) {
    const std::size_t before = given.size();
    for (const std::string& name : alternative.names)
      if (args.given(name)) given.push_back(name);
    if (given.size() > before) ++count;
    allowed.push_back(alternative.names.size() == 1
                          ? alternative.names[0]
                          : fmt::format("({})", fmt::join(alternative.names, ", ")));
  }
  if (count == 1 || (count == 0 && !exclusive.required)) return;
  throw Error(ErrorKind::param,
              count == 0 ? "an argument is missing" : "arguments that exclude each other")
      .got(count == 0 ? "none" : fmt::format("{}", fmt::join(given, ", ")))
      .allowed(
          fmt::format("{} 1 of {}", exclusive.required ? "exactly" : "at most", listed(allowed)));
}

void check_together(const Args& args, const std::vector<std::string>& names) {
  std::vector<std::string> given;
  for (const std::string& name : names)
    if (args.given(name)) given.push_back(name);
  if (given.empty() || given.size() == names.size()) return;
  throw Error(ErrorKind::param, "arguments that go together")
      .got(fmt::format("{} alone", fmt::join(given, ", ")))
      .allowed(fmt::format("{}, or none", fmt::join(names, " and ")));
}

}  // namespace

void Args::check() const {
  for (const ArgDef& arg : def_->args())
    if (arg.required && !given(arg.name))
      throw Error(ErrorKind::type, fmt::format("argument {} is missing", arg.name))
          .allowed(std::string(name_of(arg.type)));
  for (const ExclusiveArgs& exclusive : def_->exclusive_args()) check_exclusive(*this, exclusive);
  for (const auto& names : def_->args_together()) check_together(*this, names);
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

int Args::choice_number(std::string_view name) const {
  const auto& choices = def_of(name).choices;
  const auto at = std::find(choices.begin(), choices.end(), text(name));
  if (at == choices.end())
    throw Error(ErrorKind::internal, fmt::format("argument {} has no choices", name));
  return static_cast<int>(at - choices.begin());
}

namespace {

template <class T>
bool holds(ArgType type) {
  if constexpr (std::is_same_v<T, bool>) return type == ArgType::boolean;
  if constexpr (std::is_same_v<T, std::int64_t>)
    return type == ArgType::integer || type == ArgType::interp;
  if constexpr (std::is_same_v<T, double>) return type == ArgType::real;
  if constexpr (std::is_same_v<T, std::string>)
    return type == ArgType::text || type == ArgType::layout;
  if constexpr (std::is_same_v<T, DType>) return type == ArgType::dtype;
  if constexpr (std::is_same_v<T, std::vector<std::int64_t>>) return type == ArgType::integers;
  if constexpr (std::is_same_v<T, std::vector<double>>) return type == ArgType::reals;
  if constexpr (std::is_same_v<T, std::vector<std::string>>)
    return type == ArgType::texts || type == ArgType::grouped;
}

template <class T>
T constant_of(const ArgValue& value) {
  if constexpr (std::is_same_v<T, DType>)
    return static_cast<DType>(std::get<std::int64_t>(value));
  else
    return std::get<T>(value);
}

}  // namespace

template <class T>
Arg<T>::Arg(const Args& args, std::string_view name)
    : def_(&args.def_of(name)), given_(args.given(name)), per_sample_(args.per_sample(name)) {
  if (!holds<T>(def_->type))
    throw Error(ErrorKind::internal,
                fmt::format("{} reads argument {} as of another type", args.def().name(), name))
        .allowed(std::string(name_of(def_->type)));
  if (args.constant(name)) value_ = constant_of<T>(args.value(name));
}

template <class T>
const T& Arg<T>::value() const {
  if (!value_)
    throw Error(ErrorKind::internal, fmt::format("argument {} is not a constant", name()));
  return *value_;
}

template <class T>
T Arg<T>::operator()(const Inference& sample) const {
  return per_sample_ ? of_sample(sample) : value();
}

template <class T>
T Arg<T>::of_sample(const Inference& sample) const {
  if constexpr (std::is_same_v<T, bool>)
    return sample.flag(name());
  else if constexpr (std::is_same_v<T, std::int64_t>)
    return sample.integer(name());
  else if constexpr (std::is_same_v<T, double>)
    return sample.real(name());
  else if constexpr (std::is_same_v<T, DType>)
    return sample.dtype(name());
  else if constexpr (std::is_same_v<T, std::vector<std::int64_t>>)
    return sample.integers(name());
  else if constexpr (std::is_same_v<T, std::vector<double>>)
    return sample.reals(name());
  else  // texts are constants
    return value();
}

template <class T>
T Arg<T>::list_of_sample(const Inference& sample, int n) const {
  if constexpr (std::is_same_v<T, std::vector<std::int64_t>>)
    return sample.integers(name(), n);
  else if constexpr (std::is_same_v<T, std::vector<double>>)
    return sample.reals(name(), n);
  else
    return of_sample(sample);
}

template class Arg<bool>;
template class Arg<std::int64_t>;
template class Arg<double>;
template class Arg<std::string>;
template class Arg<DType>;
template class Arg<std::vector<std::int64_t>>;
template class Arg<std::vector<double>>;
template class Arg<std::vector<std::string>>;

std::vector<std::string> Args::shown() const {
  std::vector<std::string> texts;
  for (const Entry& entry : entries_)
    if (!entry.per_sample && !std::holds_alternative<std::monostate>(entry.value))
      texts.push_back(
          fmt::format("{}={}", entry.name, shown_in_short(def_of(entry.name), entry.value)));
  return texts;
}

}  // namespace varo
