// SPDX-License-Identifier: Apache-2.0
#include "pipeline/sample/run_steps.h"

#include <functional>
#include <gtest/gtest.h>

#include "operators/api/testing.h"
#include "pipeline/sample/testing.h"

namespace varo {
namespace {

using testing::counted;
using testing::RecordingSource;

// A source that does something else before it is read.
class Interrupted final : public Source {
 public:
  explicit Interrupted(std::function<void()> before) : before_(std::move(before)) {}
  DType dtype() const override { return source_.dtype(); }
  const Shape& shape() const override { return source_.shape(); }
  void read(const Box& box, const View& dst, Parallel& parallel) override {
    before_();
    source_.read(box, dst, parallel);
  }

 private:
  std::function<void()> before_;
  RecordingSource source_{counted({3, 4, 5})};
};

class Fails final : public HostFunction {
 public:
  void infer(Inference& s) const override { s.set_output(0, s.spec(0)); }
  std::optional<Error> call(const FunctionRun&) const override {
    return Error(ErrorKind::read, "the cache is gone");
  }
};

class RunSteps : public ::testing::Test, protected testing::OneSample {
 protected:
  Node file(std::function<void()> before, const std::string& name = "") {
    return source(Tensor::defer(std::make_shared<Interrupted>(std::move(before)), Layout("DHW"))
                      .with_meta({name, {}}));
  }
  Node blurred(Node x) { return add("gaussian_blur", {x}, {{"sigma", 0.8}}); }
};

TEST_F(RunSteps, steps_run_once_each_and_in_order) {
  int reads = 0;
  const Node y = blurred(file([&] { ++reads; }));
  SamplePlan& sample = plan({y});
  deliver(y);
  EXPECT_TRUE(run());
  EXPECT_TRUE(run());
  EXPECT_EQ(reads, 1);
  EXPECT_EQ(sample.steps_run(), sample.steps().size());
  EXPECT_EQ(nodes_run, 1) << "a read is no operator";
}

TEST_F(RunSteps, memory_is_there_from_the_first_writer_to_the_last_reader) {
  const Node x = file([] {}), a = blurred(x);
  std::vector<bool> seen;
  const Node other = file([&] {
    for (const std::size_t n : {0, 1, 2}) seen.push_back(in_memory(step(n).out[0].buffer));
  });
  const Node y = blurred(other), z = blurred(a);
  ASSERT_TRUE(plan({y, z}).value(a));
  deliver(y);
  deliver(z);
  ASSERT_EQ(
      steps(),
      "read:external_source run:gaussian_blur read:external_source run:gaussian_blur run:gaussian_blur");
  ASSERT_TRUE(run());
  EXPECT_EQ(seen, (std::vector<bool>{false, true, true})) << "while the second file is read";
  EXPECT_FALSE(in_memory(step(1).out[0].buffer));
  EXPECT_FALSE(in_memory(step(2).out[0].buffer));
}

TEST_F(RunSteps, errors_of_reads_tell_operator_sample_and_line) {
  const Node y = blurred(file([] { throw Error(ErrorKind::read, "it is gone"); }, "volume.npy"));
  plan({y});
  deliver(y);
  try {
    run();
    FAIL() << "the file cannot be read";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::read);
    const std::string text = error.what();
    for (const char* part : {"external_source", "it is gone", "sample   7", "volume.npy", "here"})
      EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  }
  EXPECT_EQ(nodes_run, 0);
}

TEST_F(RunSteps, errors_of_calls_tell_operator_and_sample) {
  const OperatorDef def =
      OperatorDef("fails", "For tests.").input({.name = "x"}).output("y", "").make([](const Args&) {
        return std::make_unique<Fails>();
      });
  const Node y = add(def, {blurred(source(counted({3, 4, 5})))});
  plan({y});
  deliver(y);
  try {
    run();
    FAIL() << "the call fails";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::read);
    const std::string text = error.what();
    for (const char* part : {"fails", "the cache is gone", "sample   7"})
      EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  }
  EXPECT_EQ(nodes_run, 1) << "the blur";
}

TEST_F(RunSteps, no_memory_is_an_error_of_the_operator) {
  const Node y = blurred(file([] { throw std::bad_alloc(); }));
  plan({y});
  deliver(y);
  try {
    run();
    FAIL() << "there is no memory";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::state);
    EXPECT_NE(std::string(error.what()).find("out of memory"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("sample   7"), std::string::npos);
  }
}

TEST_F(RunSteps, nothing_more_runs_once_it_is_cancelled) {
  const Node y = blurred(file([&] { cancelled = true; }));
  SamplePlan& sample = plan({y});
  const Tensor value = deliver(y);
  EXPECT_FALSE(run());
  const std::size_t ran = sample.steps_run();
  EXPECT_EQ(ran + 1, sample.steps().size()) << "the read alone";
  EXPECT_FALSE(run());
  EXPECT_EQ(sample.steps_run(), ran);
  EXPECT_EQ(nodes_run, 0);
  cancelled = false;
  EXPECT_TRUE(run()) << "it goes on where it was";
  EXPECT_EQ(nodes_run, 1);
}

TEST_F(RunSteps, without_files_nothing_runs_before_a_read) {
  bool read = false;
  const Node a = blurred(source(counted({3, 4, 5}))), b = blurred(file([&] { read = true; }));
  SamplePlan& sample = plan({a, b});
  deliver(a);
  EXPECT_TRUE(run(true));
  EXPECT_EQ(nodes_run, 1);
  const std::size_t ran = sample.steps_run();
  deliver(b);
  EXPECT_FALSE(run(true));
  EXPECT_EQ(sample.steps_run(), ran);
  EXPECT_FALSE(read);
  EXPECT_TRUE(run());
  EXPECT_TRUE(read);
}

TEST_F(RunSteps, without_files_a_call_that_would_look_into_one_does_not_run) {
  const Node labels = source(Tensor::defer(std::make_shared<RecordingSource>(
      Tensor::of<std::int32_t>(std::vector<std::int32_t>{0, 1, 1, 0}, {2, 2}))));
  const Node box = add("segmentation.random_object_bbox", {labels});
  plan({box});
  deliver(box);
  ASSERT_EQ(steps(), "call:segmentation.random_object_bbox");
  EXPECT_FALSE(run(true));
  EXPECT_TRUE(run());
}

}  // namespace
}  // namespace varo
