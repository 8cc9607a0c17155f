// SPDX-License-Identifier: Apache-2.0
#include "operators/api/schema.h"

#include <algorithm>

#include "operators/api/operator.h"

namespace varo {

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
    arg.default_value = checked_value(arg, std::move(arg.default_value));
  args_.push_back(std::move(arg));
  return std::move(*this);
}
OperatorDef OperatorDef::one_of(std::initializer_list<Alternative> alternatives) && {
  exclusive_.push_back({alternatives, false});
  return std::move(*this);
}
OperatorDef OperatorDef::just_one_of(std::initializer_list<Alternative> alternatives) && {
  exclusive_.push_back({alternatives, true});
  return std::move(*this);
}
OperatorDef OperatorDef::together(std::initializer_list<const char*> names) && {
  together_.emplace_back(names.begin(), names.end());
  return std::move(*this);
}
OperatorDef OperatorDef::ignored(std::vector<IgnoredArg> args) && {
  for (IgnoredArg& arg : args)
    *this = std::move(*this).arg({.name = std::move(arg.name),
                                  .type = std::holds_alternative<bool>(arg.default_value)
                                              ? ArgType::boolean
                                              : ArgType::integer,
                                  .default_value = std::move(arg.default_value),
                                  .doc = "Accepted without effect. " + arg.why,
                                  .constant = true,
                                  .least = arg.least,
                                  .ignored = true});
  return std::move(*this);
}
OperatorDef OperatorDef::hidden() && {
  hidden_ = true;
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
