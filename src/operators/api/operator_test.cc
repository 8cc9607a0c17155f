// SPDX-License-Identifier: Apache-2.0
// The contract of operators: what each of their parts is given, and what one runs into that does
// not keep to it. tests/compile_fail holds what the compiler refuses.
#include "operators/api/operator.h"

#include <functional>
#include <gtest/gtest.h>

#include "operators/api/testing.h"

namespace varo {
namespace {

using testing::RecordingSource;
using testing::Trial;
using Asked = std::set<std::string>;
using Reals = std::vector<double>;

static_assert(noexcept(std::declval<const HostOperator&>().run(std::declval<const HostRun&>())));
static_assert(!noexcept(std::declval<const HostOperator&>().setup(std::declval<const HostRun&>(),
                                                                  std::declval<std::any&>())));

// An operator of which each test writes the parts that it is about. Two inputs, one output; its
// per-sample arguments are `early` and `late`.
struct Parts {
  std::function<bool(int)> infers_from = [](int) { return false; };
  std::function<void(Inference&)> infer = [](Inference& s) { s.set_output(0, s.spec(0)); };
  std::function<Need(const Inference&, int)> need = [](const Inference&, int) { return Need{}; };
  std::function<bool(const PaddedView&)> takes_padding = [](const PaddedView&) { return true; };
  std::function<void(Inference&)> prepare = [](Inference&) {};
  std::function<std::optional<int>()> view_of = []() { return std::nullopt; };
  std::function<bool(Views&)> resolve = [](Views&) { return false; };
  std::function<std::size_t(const HostRun&, std::any&)> setup = [](const HostRun&, std::any&) {
    return std::size_t{0};
  };
  std::function<void(const HostRun&)> run = [](const HostRun&) {};
};
Parts parts;

class Host final : public HostOperator {
 public:
  bool infers_from(const Inference&, int i) const override { return parts.infers_from(i); }
  void infer(Inference& s) const override { parts.infer(s); }
  Need need(const Inference& s, int i) const override { return parts.need(s, i); }
  bool takes_padding(const Inference&, int, const PaddedView& padding) const override {
    return parts.takes_padding(padding);
  }
  void prepare(Inference& s) const override { parts.prepare(s); }
  std::optional<int> view_of(const Inference&) const override { return parts.view_of(); }
  bool resolve(Views& v) const override { return parts.resolve(v); }
  std::size_t setup(const HostRun& r, std::any& plan) const override {
    return parts.setup(r, plan);
  }
  void run(const HostRun& r) const noexcept override { parts.run(r); }
};

class OnlyViews final : public Operator {
 public:
  void infer(Inference& s) const override { s.set_output(0, s.spec(0)); }
  std::optional<int> view_of(const Inference&) const override { return 0; }
};

class Fails final : public HostFunction {
 public:
  void infer(Inference& s) const override { s.set_output(0, s.spec(0)); }
  std::optional<Error> call(const FunctionRun&) const override {
    return Error(ErrorKind::read, "the file is gone");
  }
};

template <class T>
OperatorDef defined() {
  return OperatorDef("tried", "For tests.")
      .input({.name = "a"})
      .input({.name = "b", .optional = true})
      .output("x", "")
      .arg({.name = "early", .default_value = 1.0})
      .arg({.name = "late", .default_value = 1.0, .late = true})
      .make([](const Args&) { return std::make_unique<T>(); });
}

class Contract : public ::testing::Test {
 protected:
  void SetUp() override { parts = {}; }

  Trial trial(std::vector<Tensor> inputs, std::map<std::string, Tensor> values = {}) {
    return Trial(def_, std::move(inputs), {}, std::move(values));
  }
  const OperatorDef def_ = defined<Host>();
};

Tensor counted(const Shape& shape) {
  std::vector<float> values(static_cast<std::size_t>(volume(shape)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  return Tensor::of<float>(values, shape);
}

template <class Action>
void expect_internal(const Action& action, const std::string& text) {
  try {
    action();
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::internal) << error.what();
    EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
  }
}

// --- arguments and numbers ---

TEST_F(Contract, an_early_argument_is_there_in_infer_a_late_one_in_prepare) {
  Reals seen;
  parts.infer = [&](Inference& s) {
    seen.push_back(s.real("early"));
    s.set_output(0, s.spec(0));
  };
  parts.prepare = [&](Inference& s) { seen.push_back(s.real("late")); };
  Trial s = trial({counted({2})},
                  {{"early", Tensor::scalar<float>(3)}, {"late", Tensor::scalar<float>(4)}});
  s.infer();
  EXPECT_EQ(s.asked, Asked{"early"});
  s.evaluate();
  EXPECT_EQ(s.asked, (Asked{"early", "late", "value 0"}));
  EXPECT_EQ(seen, (Reals{3, 4}));
}

TEST_F(Contract, infer_has_no_late_argument) {
  parts.infer = [](Inference& s) { s.real("late"); };
  Trial s = trial({counted({2})}, {{"late", Tensor::scalar<float>(4)}});
  expect_internal([&] { s.infer(); }, "argument late is late");
}

TEST_F(Contract, a_constant_is_never_late) {
  parts.infer = [](Inference& s) { s.set_output(0, {DType::f32, {}, {}}), s.real("late"); };
  Trial s = trial({counted({2})});
  EXPECT_NO_THROW(s.infer());
}

TEST_F(Contract, numbers_are_there_where_they_were_asked_for) {
  parts.infer = [](Inference& s) { s.number(1); };
  Trial unasked = trial({counted({2}), counted({})});
  expect_internal([&] { unasked.infer(); }, "input 1 are read before");

  parts.infers_from = [](int input) { return input == 1; };
  parts.infer = [](Inference& s) {
    s.set_output(0, {DType::f32, {static_cast<std::int64_t>(*s.number(1).ptr<float>())}, {}});
  };
  Trial asked = trial({counted({2}), Tensor::scalar<float>(5)});
  EXPECT_EQ(asked.infer().shape, Shape{5});
  EXPECT_EQ(asked.asked, Asked{"value 1"});
}

TEST_F(Contract, a_choice_waits_for_the_number_that_decides_it) {
  bool decided_early = false;
  parts.need = [&](const Inference& s, int input) -> Need {
    if (input == 1) return {Access::number};
    if (!s.known(1)) return {Access::later};
    return {*s.number(1).ptr<float>() != 0 ? Access::view : Access::nothing};
  };
  parts.prepare = [&](Inference& s) { decided_early = !s.known(1); };
  Trial no = trial({counted({2}), Tensor::scalar<float>(0)});
  no.evaluate();
  EXPECT_EQ(no.asked, Asked{"value 1"});
  Trial yes = trial({counted({2}), Tensor::scalar<float>(1)});
  yes.evaluate();
  EXPECT_EQ(yes.asked, (Asked{"value 0", "value 1"}));
  EXPECT_FALSE(decided_early);
}

TEST_F(Contract, a_choice_is_made_in_the_end) {
  parts.need = [](const Inference&, int) { return Need{Access::later}; };
  Trial s = trial({counted({2})});
  expect_internal([&] { s.evaluate(); }, "never decided");
}

// --- outputs ---

TEST_F(Contract, infer_sets_every_output_to_what_can_be) {
  parts.infer = [](Inference&) {};
  Trial nothing = trial({counted({2})});
  expect_internal([&] { nothing.infer(); }, "output 0 was not inferred");
  parts.infer = [](Inference& s) { s.set_output(0, {DType::f32, {2}, "DHW"}); };
  Trial lettered = trial({counted({2})});
  expect_internal([&] { lettered.infer(); }, "layout \"DHW\"");
  parts.infer = [](Inference& s) { s.set_output(0, {DType::f32, {-2}, {}}); };
  Trial negative = trial({counted({2})});
  expect_internal([&] { negative.infer(); }, "negative");
}

TEST_F(Contract, a_view_is_whole_and_what_was_inferred) {
  parts.view_of = [] { return 0; };
  parts.resolve = [](Views&) { return true; };
  Trial part = trial({counted({2})});
  expect_internal([&] { part.evaluate(); }, "only in part");
  parts.resolve = [](Views& v) {
    v.out[0] = v.in.sliced(0, 0, 1);
    return true;
  };
  Trial other = trial({counted({2})});
  expect_internal([&] { other.evaluate(); }, "not what was inferred");
}

TEST_F(Contract, what_is_only_a_view_cannot_decline) {
  const OperatorDef def = defined<OnlyViews>();
  Trial s(def, {counted({2})}, {});
  expect_internal([&] { s.evaluate(); }, "was none for this sample");
}

TEST_F(Contract, what_a_function_returns_is_thrown) {
  const OperatorDef def = defined<Fails>();
  Trial s(def, {counted({2})}, {});
  try {
    s.evaluate();
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::read);
  }
}

// --- what run() reads ---

TEST_F(Contract, there_is_no_data_where_none_was_asked_for) {
  for (const Access access : {Access::nothing, Access::spec, Access::number}) {
    parts.need = [access](const Inference&, int input) {
      return Need{input == 1 ? access : Access::view};
    };
    const void *first = nullptr, *second = &parts;
    std::int64_t elements = -1;
    parts.run = [&](const HostRun& r) {
      first = r.view(0).data;
      second = r.view(1).data;
      elements = r.in[1].inside.rank();
    };
    const auto source = std::make_shared<RecordingSource>(counted({2}));
    Trial s = trial({counted({2}), Tensor::defer(source)});
    s.evaluate();
    EXPECT_TRUE(s.ran);
    EXPECT_NE(first, nullptr);
    EXPECT_EQ(second, nullptr);
    EXPECT_EQ(elements, 0);
    EXPECT_EQ(source->boxes.size(), access == Access::number ? 1U : 0U);
  }
}

TEST_F(Contract, run_sees_the_region_alone) {
  parts.need = [](const Inference&, int) { return Need{.region = Box{{4, 2}, {6, 5}}}; };
  ConstView seen;
  float first = -1;
  parts.run = [&](const HostRun& r) {
    seen = r.view(0);
    first = *seen.ptr<float>();
  };
  const auto source = std::make_shared<RecordingSource>(counted({10, 10}));
  for (const Tensor& in : {counted({10, 10}), Tensor::defer(source)}) {
    Trial s = trial({in});
    s.evaluate();
    EXPECT_EQ(seen.shape, (Shape{2, 3}));
    EXPECT_EQ(first, 42);
  }
  ASSERT_EQ(source->boxes.size(), 1U);
  EXPECT_EQ(source->boxes[0].extents(), (Shape{2, 3}));
}

TEST_F(Contract, most_of_a_file_is_read_whole_unless_asked_for_alone) {
  for (const bool alone : {false, true}) {
    parts.need = [alone](const Inference&, int) {
      return Need{.region = Box{{1}, {10}}, .alone = alone};
    };
    const auto source = std::make_shared<RecordingSource>(counted({10}));
    Trial s = trial({Tensor::defer(source)});
    s.evaluate();
    ASSERT_EQ(source->boxes.size(), 1U);
    EXPECT_EQ(source->boxes[0].extents(), Shape{alone ? 9 : 10});
  }
}

TEST_F(Contract, elements_come_in_the_form_asked_for) {
  const Tensor padded = *counted({3, 4}).windowed(1, -1, 6, 0);
  const Tensor turned = counted({3, 4}).permuted(std::array{1, 0});
  const Tensor mirrored = counted({3, 4}).flipped(1);
  struct {
    Access access;
    const Tensor& in;
    bool padding, dense;
    bool rows;
  } const forms[] = {
      {Access::view, padded, false, true, true},    {Access::view, turned, false, false, false},
      {Access::padded, padded, true, true, true},   {Access::dense, turned, false, true, true},
      {Access::dense, mirrored, false, true, true}, {Access::rows, turned, false, true, true},
      {Access::rows, mirrored, false, false, true},
  };
  for (const auto& [access, in, padding, dense, rows] : forms) {
    SCOPED_TRACE(static_cast<int>(access));
    parts.need = [access = access](const Inference&, int) { return Need{access}; };
    PaddedView seen;
    Reals values;
    parts.run = [&](const HostRun& r) {
      seen = r.in[0];
      copy_padded(seen, r.out[0], r.parallel);
    };
    Trial s = trial({in});
    const Tensor out = s.evaluate(), want = Tensor::own(in.spec());
    EXPECT_EQ(seen.padded(), padding);
    EXPECT_EQ(is_dense(seen.inside), dense);
    EXPECT_EQ(std::abs(seen.inside.strides[1]) == 1, rows);
    copy_padded(in.padded_view(), want.mutable_view(), Parallel::serial());
    for (std::int64_t i = 0; i < volume(in.shape()); ++i)
      EXPECT_EQ(out.view().ptr<float>()[i], want.view().ptr<float>()[i]);
  }
}

TEST_F(Contract, padding_that_is_not_taken_is_filled_in) {
  parts.need = [](const Inference&, int) { return Need{Access::padded}; };
  const void* told = &parts;
  Shape inside, seen;
  parts.takes_padding = [&](const PaddedView& padding) {
    told = padding.inside.data;
    inside = padding.inside.shape;
    return false;
  };
  parts.run = [&](const HostRun& r) { seen = r.view(0).shape; };
  Trial s = trial({*counted({4}).windowed(0, -1, 6, 0)});
  s.evaluate();
  EXPECT_EQ(told, nullptr) << "the answer comes before the elements";
  EXPECT_EQ(inside, Shape{4});
  EXPECT_EQ(seen, Shape{6});
}

TEST_F(Contract, scratch_and_plan_are_what_setup_said) {
  parts.setup = [](const HostRun& r, std::any& plan) {
    EXPECT_TRUE(r.scratch.empty());
    plan = std::string("as planned");
    return std::size_t{24};
  };
  std::size_t floats = 0;
  std::uintptr_t place = 1;
  std::string plan;
  parts.run = [&](const HostRun& r) {
    floats = r.scratch_of<float>().size();
    place = reinterpret_cast<std::uintptr_t>(r.scratch.data());
    plan = r.plan<std::string>();
  };
  Trial s = trial({counted({2})});
  s.evaluate();
  EXPECT_EQ(floats, 6U);
  EXPECT_EQ(place % 64, 0U);
  EXPECT_EQ(plan, "as planned");
}

TEST_F(Contract, state_lasts_from_infer_to_run) {
  parts.infer = [](Inference& s) {
    s.state() = 1;
    s.set_output(0, s.spec(0));
  };
  parts.prepare = [](Inference& s) { s.state() = s.kept<int>() + 0.5; };
  double kept = 0;
  parts.run = [&](const HostRun& r) { kept = r.state<double>(); };
  Trial s = trial({counted({2})});
  s.evaluate();
  EXPECT_EQ(kept, 1.5);
}

}  // namespace
}  // namespace varo
