// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/graph.h"
#include "pipeline/testing.h"

namespace varo {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// What `body` throws, as users see it; "" if nothing.
template <class Body>
std::string error_of(ErrorKind kind, const Body& body) {
  try {
    body();
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind);
    return error.what();
  }
}

TEST(Devices, follow_from_the_inputs_unless_they_are_named) {
  Pipeline p({});
  const Node x = p.add("external_source");
  EXPECT_EQ(p.device_of(x), "cpu");
  EXPECT_EQ(p.device_of(x.gpu()), "gpu");
  const Node read_there = p.add("flip", {x.gpu()});
  EXPECT_EQ(p.device_of(read_there), "gpu");
  EXPECT_EQ(p.device_of(p.add("flip", {read_there})), "gpu");
  EXPECT_EQ(p.device_of(p.add("flip", {read_there.cpu()})), "cpu");
  EXPECT_EQ(p.device_of(p.add("flip", {read_there}, {}, {}, "cpu")), "cpu");
  EXPECT_EQ(p.device_of(p.add("flip", {x}, {}, {}, "gpu")), "gpu");
  EXPECT_EQ(p.device_of(p.add("flip", {x}, {}, {}, "mixed")), "gpu");
  EXPECT_EQ(p.device_of(p.add("flip", {x}, {}, {}, "mixed").cpu()), "cpu");
}

TEST(Devices, that_are_unknown_are_told_what_is_allowed) {
  Pipeline p({});
  const Node x = p.add("external_source");
  const std::string text = error_of(ErrorKind::param, [&] {
    p.add("flip", {x}, {}, {"train.py:3   fn.flip(x)", ""}, "tpu");
  });
  EXPECT_THAT(text, AllOf(HasSubstr("flip: unknown device"), HasSubstr("\"tpu\""),
                          HasSubstr("\"cpu\", \"gpu\" or \"mixed\""), HasSubstr("train.py:3")));
}

TEST(Devices, without_a_back_end_all_run_on_the_cpu_and_explain_says_so) {
  const auto run = [](bool gpu, std::string& text) {
    Pipeline p({.batch_size = 2, .seed = 3});
    const Node size = p.add("random.uniform", {}, {{"range", std::vector<double>{0, 1}}});
    Node x = p.add("constant", {}, {{"fdata", std::vector<double>{1, 2, 3, 4}}});
    x = p.add("arithmetic.mul", {gpu ? x.gpu() : x, size}, {}, {}, gpu ? "gpu" : "");
    p.set_outputs({gpu ? x.cpu() : x});
    const std::string bytes = testing::bytes_of(p, 3);
    text = p.explain();
    return bytes;
  };
  std::string with, without;
  EXPECT_EQ(run(true, with), run(false, without));
  EXPECT_THAT(with, AllOf(HasSubstr("%2   gpu   arithmetic.mul(%1 on gpu, %0)"),
                          HasSubstr("%2   cpu   arithmetic.mul(%1, %0)"),
                          HasSubstr("declared for the GPU: 2 nodes; this build has no back end")));
  EXPECT_THAT(without, AllOf(HasSubstr("%2   cpu   arithmetic.mul(%1, %0)"), Not(HasSubstr("GPU")),
                             Not(HasSubstr("gpu"))));
}

// Memory of the host stands in for a device's: nobody may look at it.
TEST(Devices, what_the_cpu_cannot_read_is_not_taken_in) {
  Pipeline p({});
  const Node x = p.add("external_source");
  p.set_outputs({x});
  const float value = 5;
  ConstView view = dense_view(&value, {1});
  view.device = {Device::cuda, 1};
  const auto keep = std::make_shared<int>();
  EXPECT_THAT(error_of(ErrorKind::device, [&] { p.feed(x, {Tensor::wrap(view, keep)}); }),
              AllOf(HasSubstr("external_source"), HasSubstr("cuda:1"), HasSubstr("pinned")));
  view.device = {Device::pinned};
  p.feed(x, {Tensor::wrap(view, keep)});
  const Batch batch = p.run()[0];
  EXPECT_EQ(*batch.samples[0].view().ptr<float>(), 5);
  EXPECT_EQ(batch.device, Device{});
  EXPECT_EQ(batch.samples[0].device(), Device{});
}

TEST(Pipeline, tells_the_seed_that_it_was_given_or_drew) {
  EXPECT_EQ(Pipeline({.seed = 7}).seed(), 7);
  const Pipeline a({}), b({});
  EXPECT_GE(a.seed(), 0);
  EXPECT_NE(a.seed(), b.seed());
}

}  // namespace
}  // namespace varo
