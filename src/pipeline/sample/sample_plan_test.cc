// SPDX-License-Identifier: Apache-2.0
// Plans of one sample as data: which steps there are, where they read and write, what they free.
#include "pipeline/sample/sample_plan.h"

#include <gtest/gtest.h>

#include "kernels/reduce/reduce.h"
#include "operators/api/testing.h"
#include "pipeline/sample/testing.h"

namespace varo {
namespace {

using testing::counted;
using testing::floats;
using testing::RecordingSource;
using Integers = std::vector<std::int64_t>;
using Reals = std::vector<double>;

constexpr PlanRules kPlain{.fusion = false, .placement = false};

class SamplePlanTest : public ::testing::Test, protected testing::OneSample {
 protected:
  Node coin(double probability) {
    return add("random.coin_flip", {}, {{"probability", probability}, {"dtype", DType::boolean}});
  }
  Node flipped(Node x, int d, int h, int w) {
    return add("flip", {x}, {{"depthwise", d}, {"vertical", h}, {"horizontal", w}});
  }
  Node blurred(Node x) { return add("gaussian_blur", {x}, {{"sigma", 0.8}}); }
  std::size_t buffers_in_memory(SamplePlan& plan) {
    std::size_t count = 0;
    for (const SampleBuffer& buffer : plan.buffers()) count += buffer.memory != nullptr;
    return count;
  }
};

// --- branches -----------------------------------------------------------------------------------

TEST_F(SamplePlanTest, a_branch_asks_for_nothing_of_what_it_does_not_take) {
  for (const bool condition : {false, true}) {
    SCOPED_TRACE(condition);
    const Node x = source(counted({3, 4, 5}));
    const Node wrong =
        add("slice", {x}, {{"start", Integers{7}}, {"shape", Integers{1}}, {"axes", Integers{0}}});
    const Node fine = blurred(x);
    const Node taken = source(Tensor::scalar(condition));
    const Node y = add("flow.merge", {taken, condition ? fine : wrong, condition ? wrong : fine});
    SamplePlan& sample = plan({y});
    deliver(y);
    ASSERT_TRUE(run());
    EXPECT_EQ(steps(), "run:gaussian_blur") << "in the place of the output";
    EXPECT_FALSE(sample.has_specs(wrong.id));
    EXPECT_TRUE(sample.released(wrong.id));
    EXPECT_TRUE(sample.released(x.id));
  }
}

TEST_F(SamplePlanTest, what_an_output_demands_follows_conditions) {
  const Node x = source(counted({3, 4, 5}));
  const Node outside = add("pad", {x}), inside = add("pad", {x});
  const Node late = add("pad", {x});
  const Node known = add("flow.merge", {source(Tensor::scalar(false)), inside, outside});
  const Node unknown =
      add("flow.merge",
          {add("cast", {add("reductions.sum", {late})}, {{"dtype", DType::boolean}}), x, inside});
  SamplePlan& sample = plan({known});
  EXPECT_TRUE(sample.demands(inside.id)) << "the condition has not been read yet";
  ASSERT_TRUE(run());
  EXPECT_TRUE(sample.demands(outside.id));
  EXPECT_FALSE(sample.demands(inside.id));
  EXPECT_FALSE(sample.demands(late.id));
  SamplePlan& other = plan({known, unknown});
  other.demands(late.id);
  ASSERT_TRUE(run());
  EXPECT_TRUE(other.demands(inside.id)) << "perhaps: nobody knows the condition yet";
  EXPECT_TRUE(other.demands(late.id));
}

TEST_F(SamplePlanTest, a_batch_wide_node_is_not_known_before_its_batch_is_there) {
  const Node x = source(counted({3, 4, 5})), y = add("pad", {x});
  SamplePlan& sample = plan({y});
  EXPECT_TRUE(sample.gather(y.id));
  EXPECT_FALSE(sample.specs(y.id));
  const std::vector<BatchItem> items{{sample.facts(y.id), {}, Parallel::serial()}};
  const std::any found = nodes()[y.id].op->combine(items);
  sample.set_batch(y.id, &found, 0);
  EXPECT_TRUE(sample.specs(y.id));
}

// --- on demand ----------------------------------------------------------------------------------

TEST_F(SamplePlanTest, planning_computes_nothing) {
  const auto file = std::make_shared<RecordingSource>(counted({3, 4, 5}));
  const Node y = blurred(source(Tensor::defer(file, Layout("DHW"))));
  SamplePlan& sample = plan({y});
  Tensor landed;
  ASSERT_TRUE(sample.specs(y.id));
  ASSERT_TRUE(sample.value_into(y, sample.new_place(y), landed));
  ASSERT_EQ(steps(), "read:external_source run:gaussian_blur");
  EXPECT_EQ(sample.steps_run(), 0U);
  EXPECT_EQ(file->boxes.size(), 0U);
  EXPECT_EQ(buffers_in_memory(sample), 0U);
}

TEST_F(SamplePlanTest, it_stops_where_a_number_is_to_be_computed_and_goes_on_when_it_is) {
  const Node x = source(counted({3, 4, 5}));
  const Node y =
      add("flip", {x}, {{"horizontal", add("cast", {coin(1)}, {{"dtype", DType::i32}})}});
  SamplePlan& sample = plan({y});
  EXPECT_TRUE(sample.specs(y.id)) << "the shape does not depend on the argument";
  ASSERT_EQ(steps(), "");
  EXPECT_FALSE(sample.value_in_memory(y));
  EXPECT_FALSE(sample.value_in_memory(y)) << "nothing ran in between";
  ASSERT_EQ(steps(), "fused:cast");
  ASSERT_TRUE(run());
  ASSERT_TRUE(sample.value_in_memory(y));
  ASSERT_EQ(steps(), "fused:cast") << "a view has no step that runs";
  EXPECT_EQ(floats(sample.bound(sample.result(y)))[0], 4);
}

TEST_F(SamplePlanTest, a_chain_that_stopped_counts_its_operators_once) {
  const Node x = source(counted({3, 4, 5})), choice = source(Tensor::scalar(true));
  const Node either = add("select", {choice, add("cast", {x}, {{"dtype", DType::i16}}), x});
  const Node y = add("arithmetic.add", {add("arithmetic.minus", {x}), either}), other = blurred(x);
  const SamplePlan& sample = plan({y, other});
  const Tensor value = deliver(y);
  EXPECT_GT(sample.steps_run(), 0U) << "it stopped for the choice";
  EXPECT_FALSE(sample.released(x.id));
  deliver(other);
  ASSERT_TRUE(run());
  EXPECT_EQ(floats(value), std::vector<float>(60, 0));
}

TEST_F(SamplePlanTest, numbers_are_read_in_their_order_wherever_they_lie) {
  const Node start =
      source(Tensor::of<std::int32_t>(std::vector<std::int32_t>{2, 1, 0}, {3}).flipped(0));
  const Node extents = source(Tensor::of<std::int32_t>(std::vector<std::int32_t>{1, 1, 1}, {3}));
  const Node y =
      add("slice", {source(counted({3, 4, 5})), start, extents}, {{"axes", Integers{0, 1, 2}}});
  plan({y});
  const Tensor value = deliver(y);
  ASSERT_TRUE(run());
  EXPECT_EQ(floats(value), std::vector<float>{5 + 2});
}

TEST_F(SamplePlanTest, it_goes_on_by_itself_with_a_runner) {
  const Node x = source(counted({3, 4, 5}));
  const Node y =
      add("flip", {x}, {{"horizontal", add("cast", {coin(1)}, {{"dtype", DType::i32}})}});
  SamplePlan& sample = plan({y});
  int asked = 0;
  const auto runner = [&] {
    ++asked;
    return run();
  };
  sample.begin(7, {}, false, SamplePlan::Runner(runner));
  EXPECT_TRUE(sample.value_in_memory(y));
  EXPECT_EQ(asked, 1);
}

TEST_F(SamplePlanTest, what_infer_needs_of_an_argument_is_computed_before_the_specs) {
  const Node extent = add("random.uniform", {}, {{"range", Reals{2, 2.5}}});
  const Node y = add("crop", {source(counted({3, 4, 5}))}, {{"crop_w", extent}, {"crop_h", 4}});
  SamplePlan& sample = plan({y});
  EXPECT_FALSE(sample.specs(y.id));
  ASSERT_TRUE(run());
  ASSERT_TRUE(sample.specs(y.id));
  EXPECT_EQ(sample.specs_of(y.id)[0].shape, (Shape{3, 4, 2}));
}

TEST_F(SamplePlanTest, who_asks_after_the_last_use_is_told) {
  const Node x = source(counted({3, 4, 5})), y = blurred(x);
  SamplePlan& sample = plan({y});
  deliver(y);
  EXPECT_THROW(sample.value(x), Error);
}

TEST_F(SamplePlanTest, the_next_sample_finds_nothing_of_the_one_before) {
  const Node y = blurred(source(counted({3, 4, 5})));
  SamplePlan& sample = plan({y});
  deliver(y);
  ASSERT_TRUE(run());
  next({counted({3, 4, 5})});
  EXPECT_EQ(sample.steps().size(), 0U);
  EXPECT_EQ(sample.steps_run(), 0U);
  EXPECT_FALSE(sample.planned(y.id));
  EXPECT_EQ(buffers_in_memory(sample), 0U);
  deliver(y);
  ASSERT_EQ(steps(), "run:gaussian_blur");
}

TEST_F(SamplePlanTest, what_was_fused_for_one_sample_is_not_for_the_next) {
  // A conversion of what was chosen, or the view of it.
  const Node choice = source(Tensor::scalar(false)), x = source(counted({3, 4, 5}));
  const Tensor threes = Tensor::of<std::int16_t>(std::vector<std::int16_t>(60, 3), {3, 4, 5});
  const Node numbers = source(threes);
  const Node either = add("select", {choice, x, add("arithmetic.minus", {numbers})});
  const Node other = add("cast", {numbers}, {{"dtype", DType::f32}}), last = blurred(other);
  SamplePlan& sample = plan({either, numbers, last});
  const Tensor converted = deliver(either);
  ASSERT_EQ(steps(), "fused:select");
  ASSERT_TRUE(run());
  EXPECT_EQ(floats(converted)[0], -3);
  next({Tensor::scalar(true), counted({3, 4, 5}), threes});
  const Tensor view = deliver(either);
  ASSERT_EQ(steps(), "copy:select");
  deliver(numbers);
  EXPECT_FALSE(sample.released(numbers.id)) << "another has yet to read it";
  deliver(last);
  ASSERT_TRUE(run());
  EXPECT_EQ(floats(view)[1], 1);
}

// --- fusion -------------------------------------------------------------------------------------

TEST_F(SamplePlanTest, a_chain_of_pointwise_operators_is_one_step) {
  const Node x = source(counted({3, 4, 5})), a = add("arithmetic.add", {x, x});
  const Node b = add("arithmetic.minus", {a}), y = add("arithmetic.mul", {b, x});
  plan({y});
  const Tensor value = deliver(y);
  ASSERT_EQ(steps(), "fused:arithmetic.mul");
  EXPECT_EQ(step(0).nodes.size(), 3U);
  EXPECT_EQ(step(0).out[0].buffer, Operand::kElsewhere) << "straight into the output";
  ASSERT_TRUE(run());
  EXPECT_EQ(nodes_run, 1);
  EXPECT_EQ(floats(value)[2], -8);
  EXPECT_EQ(floats(value)[59], -2 * 59 * 59);
}

TEST_F(SamplePlanTest, a_chain_stops_at_a_value_that_another_reads) {
  const Node x = source(counted({3, 4, 5})), a = add("arithmetic.add", {x, x});
  const Node y = add("arithmetic.minus", {a}), other = blurred(a);
  plan({y, other});
  deliver(y);
  deliver(other);
  ASSERT_EQ(steps(), "fused:arithmetic.add fused:arithmetic.minus run:gaussian_blur");
}

TEST_F(SamplePlanTest, without_fusion_every_operator_has_a_step) {
  const Node x = source(counted({20, 20, 20})), a = add("arithmetic.add", {x, x});
  const Node y = add("arithmetic.minus", {a}), mean = add("reductions.mean", {y});
  plan({y, mean}, kPlain);
  deliver(y);
  deliver(mean);
  ASSERT_EQ(steps(), "fused:arithmetic.add fused:arithmetic.minus run:reductions.mean");
}

TEST_F(SamplePlanTest, reductions_ride_in_the_pass_that_makes_what_they_reduce) {
  const Node x = source(counted({20, 20, 20})), y = add("arithmetic.minus", {x});
  const Node mean = add("reductions.mean", {y}), least = add("reductions.min", {x});
  plan({y, mean, least});
  deliver(y);
  const Tensor means = deliver(mean), leasts = deliver(least);
  ASSERT_EQ(step(0).reductions.size(), 2U) << "of what it writes and of what it reads";
  ASSERT_EQ(steps(), "fused:arithmetic.minus copy:reductions.mean copy:reductions.min");
  ASSERT_TRUE(run());
  EXPECT_EQ(nodes_run, 3);
  EXPECT_EQ(floats(means), std::vector<float>{-3999.5F});
  EXPECT_EQ(floats(leasts), std::vector<float>{0});
}

TEST_F(SamplePlanTest, a_value_that_a_step_reads_twice_is_reduced_once) {
  const Node x = source(counted({20, 20, 20})), y = add("arithmetic.mul", {x, x});
  const Node mean = add("reductions.mean", {x});
  plan({y, mean});
  deliver(y);
  deliver(mean);
  EXPECT_EQ(step(0).reductions.size(), 1U);
}

TEST_F(SamplePlanTest, reductions_of_one_value_share_a_pass_and_others_do_not) {
  const Node x = source(counted({20, 20, 20})), z = source(counted({20, 20, 21}));
  const Node mean = add("reductions.mean", {x}), most = add("reductions.max", {x});
  const Node other = add("reductions.max", {z}),
             turned = add("reductions.max", {flipped(x, 1, 0, 0)});
  plan({mean, most, other, turned});
  const Tensor found = deliver(mean);
  ASSERT_EQ(steps(), "reduce:reductions.mean");
  EXPECT_EQ(step(0).reductions.size(), 2U);
  deliver(most);
  deliver(other);
  deliver(turned);
  ASSERT_EQ(steps(),
            "reduce:reductions.mean copy:reductions.max run:reductions.max run:reductions.max");
  ASSERT_TRUE(run());
  EXPECT_EQ(floats(found), std::vector<float>{3999.5F});
}

// --- placement ----------------------------------------------------------------------------------

TEST_F(SamplePlanTest, a_flip_is_computed_in_the_output_backwards) {
  const Node y = flipped(add("arithmetic.minus", {source(counted({3, 4, 5}))}), 1, 1, 1);
  SamplePlan& sample = plan({y});
  const Tensor value = deliver(y);
  ASSERT_EQ(steps(), "fused:arithmetic.minus");
  EXPECT_EQ(step(0).out[0].buffer, Operand::kElsewhere);
  EXPECT_EQ(step(0).out[0].view.inside.strides[2], -1);
  EXPECT_EQ(sample.copies_planned(), 0);
  ASSERT_TRUE(run());
  EXPECT_EQ(floats(value)[0], -59);
  EXPECT_EQ(floats(value)[58], -1);
}

TEST_F(SamplePlanTest, without_placement_it_is_computed_elsewhere_and_copied) {
  const Node y = flipped(add("arithmetic.minus", {source(counted({3, 4, 5}))}), 1, 1, 1);
  SamplePlan& sample = plan({y}, {.fusion = true, .placement = false});
  const Tensor value = deliver(y);
  ASSERT_EQ(steps(), "fused:arithmetic.minus copy:flip");
  EXPECT_GE(step(0).out[0].buffer, 0);
  EXPECT_EQ(sample.copies_planned(), 1);
  ASSERT_TRUE(run());
  EXPECT_EQ(floats(value)[0], -59);
}

TEST_F(SamplePlanTest, a_value_that_others_read_is_not_computed_backwards) {
  const Node x = blurred(source(counted({3, 4, 5}))), y = flipped(x, 1, 0, 0);
  plan({y, x});
  const Tensor there = deliver(y), straight = deliver(x);
  ASSERT_EQ(steps(), "run:gaussian_blur copy:flip copy:gaussian_blur");
  ASSERT_TRUE(run());
  EXPECT_EQ(floats(there)[0], floats(straight)[40]);
}

TEST_F(SamplePlanTest, a_view_that_others_read_looks_as_it_would_without_a_place) {
  const Node x = add("arithmetic.minus", {source(counted({3, 4, 5}))});
  const Node y = flipped(x, 1, 1, 1), other = add("reductions.sum", {y});
  plan({y, other});
  deliver(y);
  deliver(other);
  ASSERT_EQ(steps(), "fused:arithmetic.minus copy:flip run:reductions.sum");
  EXPECT_GE(step(0).out[0].buffer, 0);
  EXPECT_EQ(step(2).in[0].view.inside.strides[2], -1) << "the view, not its copy";
}

TEST_F(SamplePlanTest, a_file_that_is_an_output_is_read_there_for_others_too) {
  const Node x =
      source(Tensor::defer(std::make_shared<RecordingSource>(counted({3, 4, 5})), Layout("DHW")));
  const Node y = blurred(x);
  plan({x, y});
  const Tensor value = deliver(x);
  deliver(y);
  ASSERT_EQ(steps(), "read:external_source run:gaussian_blur");
  EXPECT_EQ(step(1).in[0].view.inside.data, value.view().data);
}

TEST_F(SamplePlanTest, an_output_is_released_once_it_is_delivered) {
  const Node x = blurred(source(counted({3, 4, 5}))), y = flipped(x, 1, 0, 0);
  SamplePlan& sample = plan({x, y, x});
  deliver(x);
  deliver(y);
  EXPECT_TRUE(sample.released(y.id));
  EXPECT_FALSE(sample.released(x.id)) << "it is two outputs";
  deliver(x);
  EXPECT_TRUE(sample.released(x.id));
}

TEST_F(SamplePlanTest, a_value_of_somebody_else_is_copied) {
  const Node x = source(counted({3, 4, 5}));
  SamplePlan& sample = plan({x});
  const Tensor value = deliver(x);
  ASSERT_EQ(steps(), "copy:external_source");
  EXPECT_EQ(sample.copies_planned(), 1);
  ASSERT_TRUE(run());
  EXPECT_EQ(floats(value), floats(counted({3, 4, 5})));
}

TEST_F(SamplePlanTest, inputs_of_a_join_are_computed_in_their_parts) {
  const Node x = source(counted({2, 3, 4}));
  const Node a = add("arithmetic.minus", {x}), b = blurred(x);
  const Node y = add("cat", {a, flipped(b, 1, 0, 0), x}, {{"axis", 0}});
  plan({y});
  const Tensor value = deliver(y);
  ASSERT_EQ(steps(), "fused:arithmetic.minus run:gaussian_blur copy:external_source");
  const auto* out = static_cast<const float*>(value.view().data);
  EXPECT_EQ(step(0).out[0].view.inside.data, out);
  EXPECT_EQ(step(1).out[0].view.inside.data, out + 36) << "its last plane comes first";
  EXPECT_EQ(step(2).out[0].view.inside.data, out + 48);
  ASSERT_TRUE(run());
  EXPECT_EQ(floats(value)[1], -1);
  EXPECT_EQ(floats(value)[49], 1);
}

// --- choices and regions ------------------------------------------------------------------------

TEST_F(SamplePlanTest, a_select_plans_the_branch_that_is_taken) {
  for (const bool yes : {true, false}) {
    OneSample one;
    const Node x = one.source(counted({3, 4, 5}));
    const Node a = one.add("gaussian_blur", {x}, {{"sigma", 0.8}}), b = one.add("laplacian", {x});
    const Node choice = one.source(Tensor::scalar(yes));
    const Node y = one.add("select", {choice, a, b});
    SamplePlan& sample = one.plan({y});
    one.deliver(y);
    EXPECT_EQ(one.steps(), yes ? "run:gaussian_blur" : "run:laplacian");
    EXPECT_EQ(sample.planned(a.id), yes);
    EXPECT_TRUE(sample.released(yes ? b.id : a.id));
    EXPECT_TRUE(sample.released(x.id));
  }
}

TEST_F(SamplePlanTest, a_branch_is_let_go_when_the_choice_is_made) {
  const Node x = source(counted({3, 4, 5})), choice = source(Tensor::scalar(true));
  const Node no = add("laplacian", {x}), y = add("select", {choice, blurred(x), no});
  SamplePlan& sample = plan({y});
  while (!sample.decide(y.id)) ASSERT_TRUE(run());
  EXPECT_TRUE(sample.released(no.id));
  EXPECT_FALSE(sample.planned(y.id));
}

TEST_F(SamplePlanTest, a_crop_of_a_file_reads_its_region_into_the_output) {
  const auto file = std::make_shared<RecordingSource>(counted({6, 7, 8}));
  const Node x = source(Tensor::defer(file, Layout("DHW")));
  const Node y = add("slice",
                     {x, source(Tensor::of<std::int32_t>(std::vector<std::int32_t>{1, 2, 3}, {3})),
                      source(Tensor::of<std::int32_t>(std::vector<std::int32_t>{2, 3, 4}, {3}))},
                     {{"axes", Integers{0, 1, 2}}});
  plan({y});
  const Tensor value = deliver(y);
  ASSERT_EQ(steps(), "read:slice");
  ASSERT_TRUE(run());
  ASSERT_EQ(file->boxes.size(), 1U);
  EXPECT_EQ(file->boxes[0].lo, (Dims{1, 2, 3}));
  EXPECT_EQ(file->boxes[0].hi, (Dims{3, 5, 7}));
  EXPECT_EQ(floats(value)[0], 1 * 56 + 2 * 8 + 3);
}

// --- the forms in which inputs are read ---------------------------------------------------------

TEST_F(SamplePlanTest, a_file_is_read_once_for_all_who_read_it) {
  const Node x =
      source(Tensor::defer(std::make_shared<RecordingSource>(counted({3, 4, 5})), Layout("DHW")));
  const Node a = blurred(x), b = add("laplacian", {x});
  plan({a, b});
  deliver(a);
  deliver(b);
  ASSERT_EQ(steps(), "read:external_source run:gaussian_blur run:laplacian");
  EXPECT_EQ(step(1).in[0].buffer, step(0).out[0].buffer);
  EXPECT_EQ(step(2).in[0].buffer, step(0).out[0].buffer);
  EXPECT_EQ(step(2).frees, std::vector<int>{step(0).out[0].buffer});
}

TEST_F(SamplePlanTest, a_region_is_read_by_itself_where_it_is_a_small_part) {
  const auto file = std::make_shared<RecordingSource>(counted({40, 10, 10}));
  const Node x = source(Tensor::defer(file, Layout("DHW")));
  const auto resized = [&](double from, double to) {
    return add("resize", {x},
               {{"size", Reals{7, 7, 7}},
                {"roi_start", Reals{from, 0, 0}},
                {"roi_end", Reals{to, 10, 10}}});
  };
  const Node part = resized(20, 25), most = resized(2, 38), again = resized(4, 9);
  plan({part, most, again});
  for (const Node& output : {part, most, again}) deliver(output);
  ASSERT_EQ(steps(), "read:resize run:resize read:external_source run:resize run:resize");
  ASSERT_TRUE(run());
  ASSERT_EQ(file->boxes.size(), 2U);
  EXPECT_GE(file->boxes[0].lo[0], 18);
  EXPECT_LE(file->boxes[0].hi[0], 27);
  EXPECT_EQ(file->boxes[1].extents(), (Dims{40, 10, 10}));
  EXPECT_EQ(step(3).in[0].view.shape[0], step(3).in[0].view.inside.shape[0]);
  EXPECT_LE(step(4).in[0].view.shape[0], 9) << "its region of what is in memory";
}

TEST_F(SamplePlanTest, padding_is_written_for_those_alone_who_cannot_make_it_up) {
  const auto turned = [](double fill) {
    OneSample one;
    const Node x = one.source(counted({3, 4, 5}));
    const Node wide =
        one.add("crop", {x},
                {{"crop", Reals{3, 8, 9}}, {"out_of_bounds_policy", "pad"}, {"fill_values", 2.0}});
    const Node y = one.add("rotate", {wide},
                           {{"angle", 30.0}, {"axis", Reals{0, 0, 1}}, {"fill_value", fill}});
    one.plan({y});
    one.deliver(y);
    EXPECT_EQ(one.run(), true);
    return one.steps();
  };
  EXPECT_EQ(turned(2), "run:rotate") << "padding is what lies outside";
  EXPECT_EQ(turned(0), "copy:crop run:rotate");
}

TEST_F(SamplePlanTest, rows_that_lie_apart_are_brought_together_for_those_who_read_by_rows) {
  const Node x = source(counted({3, 4, 5})),
             across = add("transpose", {x}, {{"perm", Integers{2, 1, 0}}});
  const Node y = blurred(across), z = add("arithmetic.minus", {across});
  plan({z, y});
  deliver(z);
  deliver(y);
  ASSERT_EQ(steps(), "fused:arithmetic.minus copy:transpose run:gaussian_blur");
}

TEST_F(SamplePlanTest, a_file_is_read_into_an_output_across_and_backwards_but_not_with_padding) {
  const auto file = std::make_shared<RecordingSource>(counted({3, 4, 5}));
  const Node x = source(Tensor::defer(file, Layout("DHW")));
  const Node across = add("transpose", {x}, {{"perm", Integers{2, 0, 1}}}),
             turned = flipped(x, 0, 0, 1);
  const Node wide = add("crop", {x}, {{"crop", Reals{3, 4, 9}}, {"out_of_bounds_policy", "pad"}});
  plan({across, turned, wide});
  const Tensor first = deliver(across), second = deliver(turned), third = deliver(wide);
  ASSERT_EQ(steps(), "read:transpose read:flip read:crop copy:crop");
  EXPECT_EQ(step(3).frees, std::vector<int>{step(2).out[0].buffer});
  ASSERT_TRUE(run());
  EXPECT_EQ(floats(first)[1], 5);
  EXPECT_EQ(floats(first)[12], 1);
  EXPECT_EQ(floats(second)[0], 4);
  EXPECT_EQ(floats(third)[3], 1);
}

TEST_F(SamplePlanTest, the_map_of_a_grid_follows_views_and_operators_that_move_it) {
  Meta meta{"volume.nii", Affine{1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0}};
  const Node x = source(counted({4, 4, 4}).with_meta(meta));
  const Node half = add("resize", {x}, {{"size", Reals{4, 4, 2}}});
  const Node y = add("arithmetic.minus", {add("arithmetic.add", {half, half})}),
             turned = flipped(y, 1, 0, 0);
  plan({y, turned});
  const Tensor value = deliver(y), other = deliver(turned);
  EXPECT_EQ(value.meta().source, "volume.nii");
  ASSERT_TRUE(value.meta().affine && other.meta().affine);
  EXPECT_EQ((*value.meta().affine)[0], 2);
  EXPECT_EQ((*value.meta().affine)[3], 0.5);
  EXPECT_EQ((*other.meta().affine)[10], -3);
}

// --- memory -------------------------------------------------------------------------------------

TEST_F(SamplePlanTest, a_buffer_is_freed_once_by_its_last_reader) {
  const Node x = source(counted({3, 4, 5})), a = blurred(x), b = blurred(a),
             c = add("laplacian", {a});
  const Node y = blurred(b), z = blurred(c);
  SamplePlan& sample = plan({y, z});
  deliver(y);
  deliver(z);
  EXPECT_EQ(
      steps(),
      "run:gaussian_blur run:gaussian_blur run:gaussian_blur run:laplacian run:gaussian_blur");
  const int of_a = step(0).out[0].buffer, of_b = step(1).out[0].buffer,
            of_c = step(3).out[0].buffer;
  EXPECT_EQ(step(0).frees, std::vector<int>{});
  EXPECT_EQ(step(1).frees, std::vector<int>{}) << "laplacian reads it, too";
  EXPECT_EQ(step(2).frees, std::vector<int>{of_b});
  EXPECT_EQ(step(3).frees, std::vector<int>{of_a});
  EXPECT_EQ(step(4).frees, std::vector<int>{of_c});
  ASSERT_TRUE(run());
  EXPECT_EQ(buffers_in_memory(sample), 0U);
}

TEST_F(SamplePlanTest, what_was_read_to_be_copied_is_freed_by_the_copy) {
  const Node x =
      source(Tensor::defer(std::make_shared<RecordingSource>(counted({3, 4, 5})), Layout("DHW")));
  const Node y = add("crop", {x}, {{"crop", Reals{5, 5, 5}}, {"out_of_bounds_policy", "pad"}});
  SamplePlan& sample = plan({y});
  ASSERT_TRUE(sample.value_in_memory(y));
  ASSERT_EQ(steps(), "read:crop copy:crop");
  EXPECT_EQ(step(1).frees, std::vector<int>{step(0).out[0].buffer});
  ASSERT_TRUE(run());
  EXPECT_FALSE(in_memory(step(0).out[0].buffer));
  EXPECT_TRUE(in_memory(step(1).out[0].buffer)) << "somebody may still ask for it";
}

TEST_F(SamplePlanTest, every_step_finds_its_operands_and_all_memory_is_given_back) {
  const Node file = source(
      Tensor::defer(std::make_shared<RecordingSource>(counted({20, 20, 20})), Layout("DHW")));
  const Node wide =
      add("crop", {file}, {{"crop", Reals{24, 24, 24}}, {"out_of_bounds_policy", "pad"}});
  const Node a = blurred(wide), b = add("arithmetic.add", {a, a}), flip = flipped(b, 1, 0, 1);
  const Node mean = add("reductions.mean", {b}), off = add("reductions.std_dev", {b, mean});
  const Node joined = add("cat", {flip, blurred(flip)}, {{"axis", 2}});
  const std::vector<Node> outputs{joined, add("arithmetic.sub", {flip, mean}), off};
  for (const PlanRules& rules : {PlanRules{}, kPlain}) {
    SamplePlan& sample = plan(outputs, rules);
    for (const Node& output : outputs) deliver(output);
    std::vector<int> freed(sample.buffers().size());
    for (const auto& step : sample.steps()) {
      for (const auto* operands : {&step->in, &step->out})
        for (const Operand& operand : *operands)
          if (operand.buffer >= 0) {
            EXPECT_EQ(freed[static_cast<std::size_t>(operand.buffer)], 0);
          }
      for (const int buffer : step->frees) ++freed[static_cast<std::size_t>(buffer)];
    }
    ASSERT_TRUE(run());
    EXPECT_EQ(buffers_in_memory(sample), 0U);
    for (const int times : freed) EXPECT_LE(times, 1);
  }
}

}  // namespace
}  // namespace varo
