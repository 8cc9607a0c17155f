// SPDX-License-Identifier: Apache-2.0
#include "operators/api/schema.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <set>
#include <span>

#include "operators/api/operator.h"
#include "varo/error.h"

namespace varo {
namespace {

using Integers = std::vector<std::int64_t>;
using Reals = std::vector<double>;
using Texts = std::vector<std::string>;
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

ArgDef of(ArgType type) { return {.name = "arg", .type = type}; }

// What the value becomes; text of the error if it is refused as of the wrong type.
ArgValue as(ArgType type, ArgValue value) { return checked_value(of(type), std::move(value)); }

template <class... Match>
void expect_error(ErrorKind kind, const std::function<void()>& action, const Match&... match) {
  try {
    action();
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    for (const std::string& text : {std::string(match)...})
      EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << text << " in\n"
                                                                         << error.what();
  }
}
void expect_refused(ArgType type, const ArgValue& value, const std::string& shown) {
  expect_error(
      ErrorKind::type, [&] { as(type, value); }, "arg", shown, std::string(name_of(type)));
}

TEST(argument, integer) {
  EXPECT_EQ(as(ArgType::integer, std::int64_t{-5}), ArgValue(std::int64_t{-5}));
  EXPECT_EQ(as(ArgType::integer, 3.0), ArgValue(std::int64_t{3}));
  EXPECT_EQ(as(ArgType::integer, true), ArgValue(std::int64_t{1}));
  const std::int64_t exact = (std::int64_t{1} << 53) + 1;
  EXPECT_EQ(as(ArgType::integer, exact), ArgValue(exact)) << "never through a double";
  expect_refused(ArgType::integer, 2.5, "2.5");
  expect_refused(ArgType::integer, 1e300, "1e+300");
  expect_refused(ArgType::integer, kNaN, "nan");
  expect_refused(ArgType::integer, kInf, "inf");
  expect_refused(ArgType::integer, std::string("3"), "\"3\"");
  expect_refused(ArgType::integer, Integers{1, 2}, "[1, 2]");
}

TEST(argument, real) {
  EXPECT_EQ(as(ArgType::real, 2.5), ArgValue(2.5));
  EXPECT_EQ(as(ArgType::real, std::int64_t{2}), ArgValue(2.0));
  EXPECT_EQ(as(ArgType::real, true), ArgValue(1.0));
  EXPECT_EQ(as(ArgType::real, kInf), ArgValue(kInf));
  expect_refused(ArgType::real, std::string("1.5"), "\"1.5\"");
  expect_refused(ArgType::real, Reals{0.5, 1}, "[0.5, 1]");
}

TEST(argument, boolean) {
  EXPECT_EQ(as(ArgType::boolean, true), ArgValue(true));
  EXPECT_EQ(as(ArgType::boolean, std::int64_t{0}), ArgValue(false));
  EXPECT_EQ(as(ArgType::boolean, std::int64_t{2}), ArgValue(true));
  EXPECT_EQ(as(ArgType::boolean, 1.0), ArgValue(true));
  expect_refused(ArgType::boolean, 0.5, "0.5");
  expect_refused(ArgType::boolean, std::string("yes"), "\"yes\"");
}

TEST(argument, lists_of_numbers) {
  EXPECT_EQ(as(ArgType::integers, Integers{1, -2}), ArgValue(Integers{1, -2}));
  EXPECT_EQ(as(ArgType::integers, Reals{1, 2}), ArgValue(Integers{1, 2}));
  EXPECT_EQ(as(ArgType::integers, std::int64_t{4}), ArgValue(Integers{4}));
  EXPECT_EQ(as(ArgType::integers, true), ArgValue(Integers{1}));
  EXPECT_EQ(as(ArgType::integers, Integers{}), ArgValue(Integers{}));
  EXPECT_EQ(as(ArgType::reals, Integers{1, -2}), ArgValue(Reals{1, -2}));
  EXPECT_EQ(as(ArgType::reals, Reals{0.5}), ArgValue(Reals{0.5}));
  EXPECT_EQ(as(ArgType::reals, 0.5), ArgValue(Reals{0.5}));
  EXPECT_EQ(as(ArgType::reals, std::int64_t{4}), ArgValue(Reals{4}));
  expect_refused(ArgType::integers, Reals{1, 2.5}, "[1, 2.5]");
  expect_refused(ArgType::integers, Reals{1, kNaN}, "nan");
  expect_refused(ArgType::integers, Texts{"1"}, "1");
  expect_refused(ArgType::reals, Texts{"1"}, "1");
  expect_refused(ArgType::reals, std::string("DHW"), "\"DHW\"");
}

TEST(argument, texts) {
  EXPECT_EQ(as(ArgType::text, std::string("box")), ArgValue(std::string("box")));
  EXPECT_EQ(as(ArgType::layout, std::string("DHW")), ArgValue(std::string("DHW")));
  EXPECT_EQ(as(ArgType::texts, std::string("a")), ArgValue(Texts{"a"}));
  EXPECT_EQ(as(ArgType::texts, Texts{"a", "b"}), ArgValue(Texts{"a", "b"}));
  EXPECT_EQ(as(ArgType::texts, Integers{}), ArgValue(Texts{})) << "[] has no type of its own";
  EXPECT_EQ(as(ArgType::texts, Reals{}), ArgValue(Texts{}));
  EXPECT_EQ(as(ArgType::integers, Texts{}), ArgValue(Integers{}));
  EXPECT_EQ(as(ArgType::reals, Texts{}), ArgValue(Reals{}));
  expect_refused(ArgType::text, std::int64_t{1}, "1");
  expect_refused(ArgType::text, Texts{"a"}, "a");
  expect_refused(ArgType::layout, true, "True");
  expect_refused(ArgType::texts, Integers{1}, "[1]");
  expect_refused(ArgType::texts, 1.5, "1.5");
}

TEST(argument, element_types_by_number_or_numpys_name) {
  EXPECT_EQ(as(ArgType::dtype, std::int64_t{9}), ArgValue(std::int64_t{9}));
  EXPECT_EQ(as(ArgType::dtype, std::string("float32")), ArgValue(std::int64_t{9}));
  EXPECT_EQ(as(ArgType::dtype, std::string("bool")), ArgValue(std::int64_t{11}));
  expect_refused(ArgType::dtype, std::string("float31"), "float31");
  expect_refused(ArgType::dtype, std::int64_t{12}, "12");
  expect_refused(ArgType::dtype, std::int64_t{-1}, "-1");
  expect_refused(ArgType::dtype, 0.5, "0.5");
}

TEST(argument, ranges_are_closed_and_hold_for_every_element) {
  ArgDef arg{.name = "ratio", .type = ArgType::real, .least = 0, .most = 1};
  for (const double inside : {0.0, 0.5, 1.0})
    EXPECT_EQ(checked_value(arg, inside), ArgValue(inside));
  for (const double outside : {-1e-9, 1.0000001, kInf, -kInf, kNaN})
    expect_error(
        ErrorKind::param, [&] { checked_value(arg, outside); }, "ratio", "0 to 1");
  arg.type = ArgType::reals;
  expect_error(
      ErrorKind::param,
      [&] {
        checked_value(arg, Reals{0.5, 1.5});
      },
      "[0.5, 1.5]", "0 to 1");
  EXPECT_EQ(checked_value(arg, Reals{}), ArgValue(Reals{}));
  arg.type = ArgType::integers;
  expect_error(
      ErrorKind::param,
      [&] {
        checked_value(arg, Integers{1, 2});
      },
      "[1, 2]", "0 to 1");
  const ArgDef least{.name = "n", .type = ArgType::integer, .least = 1};
  expect_error(
      ErrorKind::param, [&] { checked_value(least, std::int64_t{0}); }, "got      0", "at least 1");
  EXPECT_EQ(checked_value(least, std::int64_t{1}), ArgValue(std::int64_t{1}));
  const ArgDef most{.name = "n", .type = ArgType::integer, .most = -2};
  expect_error(
      ErrorKind::param, [&] { checked_value(most, true); }, "got      1", "at most -2");
}

TEST(argument, texts_with_choices) {
  const ArgDef arg{.name = "policy", .type = ArgType::text, .choices = {"error", "pad", "trim"}};
  EXPECT_EQ(checked_value(arg, std::string("pad")), ArgValue(std::string("pad")));
  expect_error(
      ErrorKind::param, [&] { checked_value(arg, std::string("wrap")); }, "policy", "\"wrap\"",
      "\"error\", \"pad\" or \"trim\"");
}

class Nothing final : public Operator {
 public:
  explicit Nothing(const Args&) {}
  void infer(Inference&) const override {}
};

OperatorDef sample_def() {
  return OperatorDef("sample", "For tests.")
      .input({.name = "a"})
      .input({.name = "rest", .variadic = true})
      .output("x", "")
      .output("y", "")
      .arg({.name = "size", .type = ArgType::integers, .constant = true})
      .arg({.name = "gain", .type = ArgType::real, .default_value = std::int64_t{2}, .most = 9})
      .arg({.name = "kind", .type = ArgType::dtype, .default_value = std::string("int16")})
      .outputs_by([](const Args& args) { return args.given("size") ? 3 : 1; })
      .make<Nothing>();
}

TEST(args, given_default_or_neither) {
  const OperatorDef def = sample_def();
  Args args(def);
  EXPECT_FALSE(args.given("size"));
  EXPECT_FALSE(args.constant("size"));
  EXPECT_FALSE(args.given("gain"));
  EXPECT_TRUE(args.constant("gain"));
  EXPECT_EQ(args.real("gain"), 2.0) << "the default is converted like any value";
  EXPECT_EQ(args.dtype("kind"), DType::i16);
  args.set("size", std::int64_t{5});
  args.set("gain", std::monostate());
  EXPECT_EQ(args.integers("size"), Integers{5});
  EXPECT_FALSE(args.given("gain")) << "None is not given";
  args.set("gain", true);
  EXPECT_EQ(args.real("gain"), 1.0);
  EXPECT_EQ(def.output_count(Args(def)), 1);
  EXPECT_EQ(def.output_count(args), 3);
}

TEST(args, per_sample) {
  const OperatorDef def = sample_def();
  Args args(def);
  args.set_per_sample("gain");
  EXPECT_TRUE(args.given("gain"));
  EXPECT_TRUE(args.per_sample("gain"));
  EXPECT_FALSE(args.constant("gain"));
  expect_error(
      ErrorKind::internal, [&] { args.real("gain"); }, "gain");
  expect_error(
      ErrorKind::type, [&] { args.set_per_sample("size"); }, "size", "constant", "DataNode");
}

TEST(args, mistakes_of_the_user_and_ours) {
  const OperatorDef def = sample_def();
  Args args(def);
  expect_error(
      ErrorKind::type, [&] { args.set("gain", std::string("much")); }, "gain", "\"much\"", "float");
  expect_error(
      ErrorKind::param, [&] { args.set("gain", 9.5); }, "gain", "9.5", "at most 9");
  EXPECT_FALSE(args.given("gain")) << "a refused value is not kept";
  expect_error(
      ErrorKind::internal, [&] { args.real("weight"); }, "sample", "weight");
  expect_error(
      ErrorKind::internal, [&] { args.integer("gain"); }, "gain");
  expect_error(
      ErrorKind::internal, [&] { args.integers("size"); }, "size");
}

enum class Policy : std::uint8_t { error, pad };

OperatorDef combining_def() {
  return OperatorDef("combining", "For tests.")
      .arg({.name = "a", .type = ArgType::integer})
      .arg({.name = "b", .type = ArgType::integer})
      .arg({.name = "c", .type = ArgType::integer})
      .arg({.name = "low"})
      .arg({.name = "high"})
      .arg({.name = "x"})
      .arg({.name = "y"})
      .arg({.name = "policy",
            .type = ArgType::text,
            .default_value = std::string("pad"),
            .choices = {"error", "pad"}})
      .ignored({{"hint", 32, "Memory is as large as it is.", 1}, {"mapped", false, "Never."}})
      .just_one_of({"a", {"b", "c"}})
      .one_of({"x", "y"})
      .together({"low", "high"})
      .hidden()
      .make<Nothing>();
}

Args combining(const OperatorDef& def, std::initializer_list<const char*> given) {
  Args args(def);
  for (const char* name : given) args.set(name, std::int64_t{1});
  return args;
}

TEST(args, that_exclude_each_other) {
  const OperatorDef def = combining_def();
  EXPECT_NO_THROW(combining(def, {"a"}).check());
  EXPECT_NO_THROW(combining(def, {"b"}).check());
  EXPECT_NO_THROW(combining(def, {"c", "b", "x"}).check());
  expect_error(
      ErrorKind::param, [&] { combining(def, {"x"}).check(); }, "missing", "got      none",
      "exactly 1 of a or (b, c)");
  expect_error(
      ErrorKind::param,
      [&] {
        combining(def, {"c", "a"}).check();
      },
      "exclude", "a, c", "exactly 1 of a or (b, c)");
  expect_error(
      ErrorKind::param,
      [&] {
        combining(def, {"a", "x", "y"}).check();
      },
      "exclude", "x, y", "at most 1 of x or y");
  Args args = combining(def, {"a", "x"});
  args.set_per_sample("y");
  expect_error(
      ErrorKind::param, [&] { args.check(); }, "x, y");
}

TEST(args, that_go_together) {
  const OperatorDef def = combining_def();
  EXPECT_NO_THROW(combining(def, {"a", "high", "low"}).check());
  expect_error(
      ErrorKind::param,
      [&] {
        combining(def, {"a", "high"}).check();
      },
      "together", "high alone", "low and high, or none");
}

TEST(args, without_effect) {
  const OperatorDef def = combining_def();
  Args args(def);
  EXPECT_EQ(args.integer("hint"), 32);
  EXPECT_FALSE(args.flag("mapped"));
  EXPECT_TRUE(def.find_arg("hint")->ignored);
  EXPECT_TRUE(def.find_arg("hint")->constant);
  EXPECT_EQ(def.find_arg("mapped")->doc, "Accepted without effect. Never.");
  expect_error(
      ErrorKind::param, [&] { args.set("hint", std::int64_t{0}); }, "hint", "0", "at least 1");
  EXPECT_TRUE(def.is_hidden());
  EXPECT_FALSE(sample_def().is_hidden());
}

TEST(args, choice_is_an_enumeration) {
  const OperatorDef def = combining_def();
  Args args(def);
  EXPECT_EQ(args.choice<Policy>("policy"), Policy::pad);
  args.set("policy", std::string("error"));
  EXPECT_EQ(args.choice<Policy>("policy"), Policy::error);
}

TEST(handle, reads_constants_and_defaults) {
  const OperatorDef def = sample_def();
  Args args(def);
  const Inference sample(args, 1);
  const Arg<double> by_default(args, "gain");
  EXPECT_FALSE(by_default.given());
  EXPECT_TRUE(by_default.has());
  EXPECT_EQ(by_default(sample), 2.0);
  EXPECT_EQ(Arg<DType>(args, "kind")(sample), DType::i16);
  const Arg<Integers> neither(args, "size");
  EXPECT_FALSE(neither.has());
  expect_error(
      ErrorKind::internal, [&] { neither(sample); }, "size");
  args.set("size", Integers{3, 4});
  args.set("gain", 1.5);
  const Arg<Integers> size(args, "size");
  EXPECT_TRUE(size.given());
  EXPECT_EQ(size(sample), (Integers{3, 4}));
  EXPECT_EQ(size(sample, 2), (Integers{3, 4}));
  expect_error(
      ErrorKind::shape, [&] { size(sample, 3); }, "size", "2 values", "3 values");
  EXPECT_EQ(Arg<double>(args, "gain").value(), 1.5);
}

TEST(handle, reads_the_samples_value) {
  const OperatorDef def = sample_def();
  Args args(def);
  args.set_per_sample("gain");
  Inference sample(args, 1);
  const Arg<double> gain(args, "gain");
  EXPECT_TRUE(gain.given() && gain.per_sample() && gain.has());
  EXPECT_FALSE(gain.constant());
  expect_error(
      ErrorKind::internal, [&] { gain.value(); }, "gain");
  for (const double value : {3.0, 9.5}) {
    sample.facts.arguments = {{"gain", Tensor::of(std::span(&value, 1), {})}};
    if (value <= 9)
      EXPECT_EQ(gain(sample), value);
    else
      expect_error(
          ErrorKind::param, [&] { gain(sample); }, "gain", "9.5", "at most 9");
  }
}

TEST(handle, wrong_name_or_type_when_it_is_made) {
  const OperatorDef def = sample_def();
  const Args args(def);
  expect_error(
      ErrorKind::internal, [&] { Arg<double>(args, "weight"); }, "sample", "weight");
  expect_error(
      ErrorKind::internal, [&] { Arg<std::int64_t>(args, "gain"); }, "sample", "gain");
  expect_error(
      ErrorKind::internal, [&] { Arg<double>(args, "kind"); }, "kind");
  expect_error(
      ErrorKind::internal, [&] { Arg<Reals>(args, "size"); }, "size");
}

TEST(definition, inputs_repeat_the_variadic_one) {
  const OperatorDef def = sample_def();
  EXPECT_EQ(def.input_at(0).name, "a");
  EXPECT_EQ(def.input_at(1).name, "rest");
  EXPECT_EQ(def.input_at(7).name, "rest");
  EXPECT_EQ(def.find_arg("gain")->name, "gain");
  EXPECT_EQ(def.find_arg("gai"), nullptr);
}

TEST(operator_table, is_sorted_and_found_by_name) {
  std::set<std::string> names;
  std::string before;
  for (const OperatorDef* def : operator_table()) {
    EXPECT_LT(before, def->name());
    before = def->name();
    EXPECT_EQ(find_operator(def->name()), def);
  }
  EXPECT_EQ(find_operator("no_such_operator"), nullptr);
  EXPECT_EQ(find_operator(""), nullptr);
}

// Half a definition is none.
TEST(operator_table, every_definition_is_whole) {
  for (const OperatorDef* def : operator_table()) {
    SCOPED_TRACE(def->name());
    EXPECT_FALSE(def->summary().empty());
    EXPECT_FALSE(def->outputs().empty());
    std::set<std::string> names;
    for (const ArgDef& arg : def->args()) {
      SCOPED_TRACE(arg.name);
      EXPECT_TRUE(names.insert(arg.name).second) << "twice";
      EXPECT_FALSE(arg.doc.empty());
      EXPECT_FALSE(arg.required && !std::holds_alternative<std::monostate>(arg.default_value))
          << "required, with a default";
      EXPECT_LE(arg.least, arg.most);
      EXPECT_TRUE(arg.choices.empty() || arg.type == ArgType::text);
      if (!std::holds_alternative<std::monostate>(arg.default_value)) {
        EXPECT_NO_THROW(EXPECT_EQ(checked_value(arg, arg.default_value), arg.default_value));
      }
    }
    std::vector<std::string> combined;
    for (const ExclusiveArgs& exclusive : def->exclusive_args())
      for (const Alternative& alternative : exclusive.alternatives)
        combined.insert(combined.end(), alternative.names.begin(), alternative.names.end());
    for (const auto& together : def->args_together())
      combined.insert(combined.end(), together.begin(), together.end());
    for (const std::string& name : combined) EXPECT_TRUE(names.contains(name)) << name;
    bool optional = false;
    for (std::size_t i = 0; i < def->inputs().size(); ++i) {
      const InputDef& input = def->inputs()[i];
      SCOPED_TRACE(input.name);
      EXPECT_FALSE(input.name.empty());
      EXPECT_TRUE(input.optional || !optional) << "after an optional one";
      optional |= input.optional;
      EXPECT_TRUE(!input.variadic || i + 1 == def->inputs().size());
      EXPECT_LE(input.least_rank, input.most_rank);
      EXPECT_LE(input.most_rank, kMaxRank);
    }
  }
}

}  // namespace
}  // namespace varo
