// SPDX-License-Identifier: Apache-2.0
// Every operator of the table is of one kind, and its definition says so.
#include <cmath>
#include <gtest/gtest.h>

#include "operators/api/pointwise.h"

namespace varo {
namespace {

using Reals = std::vector<double>;

// Some value that an argument accepts, perhaps.
ArgValue some_value(const ArgDef& arg) {
  const double number = std::isinf(arg.least) ? std::min(1.0, arg.most) : std::max(1.0, arg.least);
  switch (arg.type) {
    case ArgType::boolean:
      return true;
    case ArgType::text:
      return std::string("a");
    case ArgType::layout:
      return std::string("DHW");
    case ArgType::texts:
    case ArgType::grouped:
      return std::vector<std::string>{"a"};
    case ArgType::dtype:
      return static_cast<std::int64_t>(DType::f32);
    case ArgType::integers:
      return std::vector<std::int64_t>{static_cast<std::int64_t>(number)};
    case ArgType::reals:
      return Reals{number};
    case ArgType::integer:
    case ArgType::interp:
      return static_cast<std::int64_t>(number);
    case ArgType::real:
      return number;
  }
  return {};
}

// The operator with as few arguments as it can be made with: those required, and one more.
std::unique_ptr<Operator> some_operator(const OperatorDef& def) {
  std::vector<const ArgDef*> also = {nullptr};
  for (const ArgDef& arg : def.args())
    if (!arg.required) also.push_back(&arg);
  for (const ArgDef* more : also) try {
      Args args(def);
      for (const ArgDef& arg : def.args())
        if (arg.required || &arg == more) args.set(arg.name, some_value(arg));
      return def.create(args);
    } catch (const Error&) {
    }
  return nullptr;
}

TEST(operator_table, every_operator_is_of_one_kind) {
  for (const OperatorDef* def : operator_table()) {
    SCOPED_TRACE(def->name());
    const auto op = some_operator(*def);
    ASSERT_NE(op, nullptr) << "cannot be made with what is required and one more argument";
    const bool pointwise = dynamic_cast<const Pointwise*>(op.get()) != nullptr,
               source = dynamic_cast<const SourceOperator*>(op.get()) != nullptr,
               host = dynamic_cast<const HostOperator*>(op.get()) != nullptr,
               function = dynamic_cast<const HostFunction*>(op.get()) != nullptr,
               join = dynamic_cast<const Join*>(op.get()) != nullptr;
    EXPECT_LE(pointwise + source + host + function + join, 1);
    // The planner goes by what the definition says of the class.
    EXPECT_EQ(def->traits().pointwise, pointwise);
    EXPECT_EQ(def->traits().source, source);
    EXPECT_TRUE(!source || def->inputs().empty()) << "a source begins a graph";
  }
}

}  // namespace
}  // namespace varo
