// SPDX-License-Identifier: Apache-2.0
#include "pipeline/reference.h"

#include <gtest/gtest.h>

#include "pipeline/testing.h"

namespace varo {
namespace {

using Reals = std::vector<double>;

// Batches of three volumes of different extents, each of them other numbers.
std::vector<Tensor> fed(int batch, std::int64_t width) {
  std::vector<Tensor> samples;
  for (std::int64_t k = 0; k < 3; ++k) {
    const Shape shape{12 + k, 15 - 2 * k, width + k};
    std::vector<float> values(static_cast<std::size_t>(volume(shape)));
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>((i * 7919 + static_cast<std::size_t>(batch) * 31 + 13) % 101);
    samples.push_back(Tensor::of<float>(values, shape).relabelled(Layout("DHW")));
  }
  return samples;
}

// A graph of two sources, and what it gives.
using Define = std::vector<Node> (*)(Pipeline&, Node, Node);

std::string bytes_of(Define define, PipelineOptions options) {
  options.batch_size = 3;
  options.seed = 11;
  options.prefetch_queue_depth = 2;
  Pipeline pipe(options);
  const Node x = pipe.add("external_source"), y = pipe.add("external_source");
  pipe.set_outputs(define(pipe, x, y));
  for (int batch = 0; batch < 3; ++batch) {
    pipe.feed(x, fed(batch, 20));
    pipe.feed(y, fed(batch + 5, 20));
  }
  return testing::bytes_of(pipe, 2);
}

class Reference : public ::testing::TestWithParam<Define> {};

TEST_P(Reference, equals_every_other_schedule) {
  const std::string oracle = bytes_of(GetParam(), {.schedule = Schedule::reference});
  ASSERT_GT(oracle.size(), 0U);
  EXPECT_TRUE(bytes_of(GetParam(), {.num_threads = 3}) == oracle);
  EXPECT_TRUE(bytes_of(GetParam(), {.schedule = Schedule::shuffled, .shuffle_seed = 5}) == oracle);
  EXPECT_TRUE(bytes_of(GetParam(), {.schedule = Schedule::serial,
                                    .without_rewrites = {"fusion", "placement"}}) == oracle);
}

INSTANTIATE_TEST_SUITE_P(
    Graphs, Reference,
    ::testing::Values(
        // A chain, a sum that rides in it, and its flip.
        [](Pipeline& p, Node x, Node y) -> std::vector<Node> {
          const Node sum = p.add("arithmetic.add", {x, p.add("arithmetic.minus", {y})});
          return {p.add("flip", {sum}, {{"depthwise", 1}}), p.add("reductions.mean", {sum})};
        },
        // Batch-wide operators, one behind the other.
        [](Pipeline& p, Node x, Node) -> std::vector<Node> {
          const Node same = p.add("normalize", {x}, {{"batch", true}});
          const Node labels = p.add("cast", {x}, {{"dtype", DType::u8}});
          return {p.add("pad", {same}), p.add("reductions.max", {p.add("pad", {x})}),
                  p.add("one_hot", {labels}, {{"num_classes", 101}})};
        },
        // Branches of different shapes, with batches of their own, one within the other.
        [](Pipeline& p, Node x, Node y) -> std::vector<Node> {
          const auto coin = [&] { return p.add("random.coin_flip"); };
          const auto permuted = [&](Node v) {
            return p.add("permute_batch", {v}, {{"indices", p.add("batch_permutation")}});
          };
          const Node inner = p.add("flow.merge", {coin(), p.add("pad", {permuted(x)}), y});
          const Node large = p.add(
              "arithmetic.gt", {p.add("reductions.mean", {inner}), p.add("reductions.mean", {x})});
          const Node outer = p.add("flow.merge", {large, permuted(inner), p.add("pad", {x})});
          return {outer, p.add("normalize", {inner}, {{"batch", true}}), permuted(y)};
        },
        // Padded views, read by an operator that makes padding up and by one that does not.
        [](Pipeline& p, Node x, Node) -> std::vector<Node> {
          const Node wide =
              p.add("crop", {x}, {{"crop", Reals{20, 20, 20}}, {"out_of_bounds_policy", "pad"}});
          const Node turned =
              p.add("rotate", {wide},
                    {{"angle", p.add("random.uniform", {}, {{"range", Reals{-40, 40}}})},
                     {"axis", Reals{0, 0, 1}},
                     {"fill_value", 0.0}});
          return {wide, turned, p.add("gaussian_blur", {wide}, {{"sigma", 0.7}})};
        },
        // Regions that are read, and arguments that shapes do not depend on.
        [](Pipeline& p, Node x, Node) -> std::vector<Node> {
          const Node part = p.add("resize", {x},
                                  {{"size", Reals{9, 9, 9}},
                                   {"roi_start", Reals{1, 2, 3}},
                                   {"roi_end", Reals{9, 8, 17}}});
          const Node coin = p.add("random.coin_flip", {}, {{"dtype", DType::i32}});
          return {part, p.add("flip", {x}, {{"horizontal", coin}})};
        },
        // A coin between branches, one of which is a view, and their join with another value.
        [](Pipeline& p, Node x, Node y) -> std::vector<Node> {
          const Node coin = p.add("random.coin_flip", {}, {{"dtype", DType::boolean}});
          const Node turned = p.add("flip", {x}, {{"horizontal", 1}});
          const Node either =
              p.add("select", {coin, p.add("gaussian_blur", {x}, {{"sigma", 1.1}}), turned});
          return {either, p.add("cat", {either, y, turned}, {{"axis", 0}})};
        }));

TEST(ReferenceErrors, tell_operator_sample_and_line_of_the_one_that_fails) {
  for (const Schedule schedule : {Schedule::parallel, Schedule::reference}) {
    Pipeline pipe({.batch_size = 3, .prefetch_queue_depth = 1, .schedule = schedule});
    const Node x = pipe.add("external_source");
    // Heights are 15, 13, 11.
    const Node y = pipe.add("crop", {x}, {{"crop", Reals{0, 13, 0}}}, {"here.cc:1   crop", ""});
    pipe.set_outputs({y});
    for (int batch = 0; batch < 2; ++batch) pipe.feed(x, fed(batch, 20));
    for (int batch = 0; batch < 2; ++batch) {
      try {
        pipe.run();
        FAIL() << "the window does not fit into the third sample";
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::shape);
        const std::string text = error.what();
        const std::string sample = "sample   " + std::to_string(3 * batch + 2);
        for (const std::string& part : {std::string("crop: "), std::string("here.cc:1"), sample})
          EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
      }
    }
  }
}

TEST(ReferenceErrors, a_branch_not_taken_does_not_fail) {
  for (const Schedule schedule : {Schedule::parallel, Schedule::reference}) {
    Pipeline pipe({.batch_size = 3, .prefetch_queue_depth = 1, .schedule = schedule});
    const Node x = pipe.add("external_source"), deviation = pipe.add("external_source");
    const Node choice = pipe.add("external_source");
    const Node noisy = pipe.add("noise.gaussian", {x}, {{"stddev", deviation}});
    pipe.set_outputs({pipe.add("select", {choice, x, noisy})});
    for (const bool plain : {true, false}) {
      pipe.feed(x, fed(0, 20));
      pipe.feed(deviation, std::vector<Tensor>(3, Tensor::scalar(-1.0F)));
      pipe.feed(choice, std::vector<Tensor>(3, Tensor::scalar(plain)));
      if (plain)
        EXPECT_NO_THROW(pipe.run());
      else
        EXPECT_THROW(pipe.run(), Error) << "a negative deviation";
    }
  }
}

}  // namespace
}  // namespace varo
