// SPDX-License-Identifier: Apache-2.0
// What cases cannot see of operators that move elements: what they ask for and when, what is a
// view, which region of a file is read, where affines go.
#include <gtest/gtest.h>

#include "operators/api/testing.h"

namespace varo {
namespace {

using testing::RecordingSource;
using testing::Trial;
using Ints = std::vector<std::int64_t>;
using Reals = std::vector<double>;
using Asked = std::set<std::string>;

constexpr Affine kAffine = {2, 0, 0, 10, 0, 3, 0, -20, 0, 0, 4, 30};

Tensor counted(const Shape& shape, const char* layout) {
  std::vector<std::int16_t> values(static_cast<std::size_t>(volume(shape)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int16_t>(i);
  return Tensor::of<std::int16_t>(values, shape).relabelled(layout);
}

Tensor list(std::vector<std::int32_t> values) {
  return Tensor::of<std::int32_t>(values, {static_cast<std::int64_t>(values.size())});
}

std::vector<double> elements(const Tensor& t) {
  std::vector<double> values(static_cast<std::size_t>(volume(t.shape())));
  const Tensor filled = Tensor::own(t.spec());
  copy_padded(t.padded_view(), filled.mutable_view(), Parallel::serial());
  convert(filled.view(), dense_view(values.data(), t.shape()), Parallel::serial());
  return values;
}

TEST(Slice, infers_a_constant_shape_without_the_start) {
  Trial s("slice", {counted({10, 20}, "HW")}, {{"shape", Ints{3, 4}}, {"axes", Ints{0, 1}}},
          {{"start", list({2, 5})}});
  EXPECT_EQ(to_string(s.infer().shape), "[3, 4]");
  EXPECT_EQ(s.asked, Asked());
  const Tensor out = s.evaluate();
  EXPECT_FALSE(s.ran);
  EXPECT_EQ(s.asked, (Asked{"start", "value 0"}));
  EXPECT_EQ(elements(out)[0], 45);
}

TEST(Slice, infers_a_positional_shape_without_the_anchor) {
  Trial s("slice", {counted({10, 20}, "HW"), list({2, 5}), list({3, 4})}, {});
  EXPECT_EQ(to_string(s.infer().shape), "[4, 3]");
  EXPECT_EQ(s.asked, Asked{"value 2"});
}

TEST(Slice, trimming_needs_the_start) {
  Trial s("slice", {counted({10, 20}, "HW")},
          {{"shape", Ints{9}},
           {"axes", Ints{0}},
           {"out_of_bounds_policy", std::string("trim_to_shape")}},
          {{"start", list({6})}});
  EXPECT_EQ(to_string(s.infer().shape), "[4, 20]");
  EXPECT_EQ(s.asked, Asked{"start"});
}

TEST(Slice, repeats_the_input_and_reads_what_it_repeats) {
  struct {
    const char* policy;
    std::int64_t lo, hi;
    std::vector<double> values;
  } const expected[] = {{"clamp", 0, 3, {0, 0, 0, 0, 1, 2}},
                        {"reflect", 0, 3, {2, 1, 0, 0, 1, 2}},
                        {"reflect_101", 0, 4, {3, 2, 1, 0, 1, 2}},
                        {"wrap", 0, 20, {17, 18, 19, 0, 1, 2}}};
  for (const auto& [policy, lo, hi, values] : expected) {
    SCOPED_TRACE(policy);
    const auto source = std::make_shared<RecordingSource>(counted({10, 20}, "HW"));
    Trial s("slice", {Tensor::defer(source, "HW").with_meta({"file", kAffine})},
            {{"start", Ints{0, -3}},
             {"shape", Ints{1, 6}},
             {"axes", Ints{0, 1}},
             {"out_of_bounds_policy", std::string(policy)}});
    const Tensor out = s.evaluate();
    EXPECT_TRUE(s.ran);
    EXPECT_EQ(elements(out), values);
    ASSERT_EQ(source->boxes.size(), 1U);
    EXPECT_EQ(to_string(source->boxes[0].lo), to_string(Dims{0, lo}));
    EXPECT_EQ(to_string(source->boxes[0].hi), to_string(Dims{1, hi}));
    ASSERT_TRUE(out.meta().affine);
    EXPECT_EQ((*out.meta().affine)[3], 10 - 2 * 3);
  }
}

TEST(Slice, inside_of_the_input_no_border_is_needed) {
  Trial s("slice", {counted({10, 20}, "HW")},
          {{"start", Ints{3}},
           {"shape", Ints{6}},
           {"axes", Ints{1}},
           {"out_of_bounds_policy", std::string("reflect_101")}});
  s.evaluate();
  EXPECT_FALSE(s.ran);
}

TEST(Slice, checks_bounds_when_the_start_is_there) {
  Trial s("slice", {counted({10, 20}, "HW")}, {{"shape", Ints{3}}, {"axes", Ints{1}}},
          {{"start", list({18})}});
  s.infer();
  try {
    s.evaluate();
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::shape);
    EXPECT_NE(std::string(e.what()).find("3 elements starting at 18"), std::string::npos)
        << e.what();
  }
}

TEST(Slice, an_empty_argument_counts_as_not_given) {
  Trial s("slice", {counted({10, 20}, "HW")}, {{"end", Ints{4}}, {"axes", Ints{0}}},
          {{"start", list({})}});
  EXPECT_EQ(to_string(s.infer().shape), "[4, 20]");
}

TEST(Crop, infers_without_the_position) {
  Trial s(
      "crop", {counted({10, 20}, "HW")},
      {{"crop", Reals{4, 30}}, {"out_of_bounds_policy", std::string("trim_to_shape")}},
      {{"crop_pos_x", Tensor::scalar<float>(0.3F)}, {"crop_pos_y", Tensor::scalar<float>(0.7F)}});
  EXPECT_EQ(to_string(s.infer().shape), "[4, 20]");
  EXPECT_EQ(s.asked, Asked());
}

TEST(Crop, reads_only_its_region) {
  const auto source = std::make_shared<RecordingSource>(counted({8, 10, 12}, "DHW"));
  const Tensor file = Tensor::defer(source, "DHW");
  Trial view("crop", {file}, {{"crop", Reals{2, 4, 6}}, {"crop_pos_z", 1.0}});
  const Tensor cropped = view.evaluate();
  EXPECT_FALSE(view.ran);
  EXPECT_TRUE(cropped.deferred());
  EXPECT_EQ(to_string(cropped.fetch().box.lo), "[6, 3, 3]");
  EXPECT_EQ(to_string(cropped.fetch().box.hi), "[8, 7, 9]");
  EXPECT_TRUE(source->boxes.empty());

  Trial converting("crop", {file},
                   {{"crop", Reals{2, 4, 6}}, {"crop_pos_z", 1.0}, {"dtype", std::int64_t{9}}});
  const Tensor converted = converting.evaluate();
  EXPECT_TRUE(converting.ran);
  ASSERT_EQ(source->boxes.size(), 1U);
  EXPECT_EQ(to_string(source->boxes[0].extents()), "[2, 4, 6]");
  EXPECT_EQ(elements(converted)[0], 6 * 120 + 3 * 12 + 3);
}

TEST(Crop, padding_a_file_reads_only_what_is_inside) {
  const auto source = std::make_shared<RecordingSource>(counted({4, 6}, "HW"));
  Trial s("crop", {Tensor::defer(source, "HW")},
          {{"crop", Reals{2, 10}},
           {"out_of_bounds_policy", std::string("pad")},
           {"fill_values", Reals{-5}}});
  const Tensor out = s.evaluate();
  EXPECT_FALSE(s.ran);
  EXPECT_TRUE(out.padded());
  EXPECT_EQ(to_string(out.fetch().box.extents()), "[2, 6]");
}

TEST(Crop, affine_follows_views_and_copies) {
  const Tensor in = counted({8, 10, 12}, "DHW").with_meta({"file", kAffine});
  for (const std::int64_t dtype : {5, 9}) {
    Trial s("crop", {in},
            {{"crop", Reals{2, 4, 16}},
             {"out_of_bounds_policy", std::string("pad")},
             {"dtype", dtype}});
    const Tensor out = s.evaluate();
    EXPECT_EQ(s.ran, dtype == 9);
    ASSERT_TRUE(out.meta().affine);
    // Starts at x = -2, y = 3, z = 3.
    EXPECT_EQ((*out.meta().affine)[3], 10 - 2 * 2);
    EXPECT_EQ((*out.meta().affine)[7], -20 + 3 * 3);
    EXPECT_EQ((*out.meta().affine)[11], 30 + 4 * 3);
  }
}

TEST(Pad, a_second_fill_is_written_out) {
  const Tensor once = *counted({2, 2}, "HW").windowed(1, 0, 3, 0x0007);
  Trial same("pad", {once}, {{"shape", Ints{3, 3}}, {"fill_value", 7.0}});
  EXPECT_EQ(elements(same.evaluate()), (Reals{0, 1, 7, 2, 3, 7, 7, 7, 7}));
  EXPECT_FALSE(same.ran);
  Trial other("pad", {once}, {{"shape", Ints{3, 3}}, {"fill_value", 9.0}});
  EXPECT_EQ(elements(other.evaluate()), (Reals{0, 1, 7, 2, 3, 7, 9, 9, 9}));
  EXPECT_TRUE(other.ran);
}

TEST(Pad, waits_for_the_batch_only_where_it_must) {
  const Tensor in = counted({2, 2}, "HW");
  EXPECT_EQ(Trial("pad", {in}, {}).op().batch_need(), BatchNeed::shapes);
  EXPECT_EQ(Trial("pad", {in}, {{"shape", Ints{4, -1}}}).op().batch_need(), BatchNeed::shapes);
  EXPECT_EQ(Trial("pad", {in}, {{"shape", Ints{1}}, {"align", Ints{8}}}).op().batch_need(),
            BatchNeed::none);
}

TEST(Pad, grows_to_the_largest_of_the_batch) {
  Trial a("pad", {counted({2, 5}, "HW")}, {}), b("pad", {counted({4, 3}, "HW")}, {});
  const BatchItem batch[] = {{a.facts(), {}, Parallel::serial()},
                             {b.facts(), {}, Parallel::serial()}};
  for (Trial* sample : {&a, &b}) sample->set_batch(a.op().combine(batch));
  EXPECT_EQ(to_string(a.infer().shape), "[4, 5]");
  EXPECT_EQ(to_string(b.infer().shape), "[4, 5]");
}

TEST(Shapes, what_needs_no_elements_asks_for_none) {
  for (const char* op : {"tensor_shape", "zeros_like", "ones_like"}) {
    Trial s(op, {counted({2, 3}, "HW")}, {});
    s.evaluate();
    EXPECT_EQ(s.asked, Asked()) << op;
    EXPECT_FALSE(s.ran);
  }
  Trial like("full_like", {counted({2, 3}, "HW"), Tensor::scalar<std::int16_t>(4)}, {});
  EXPECT_EQ(elements(like.evaluate()), Reals(6, 4));
  EXPECT_EQ(like.asked, Asked{"value 1"});
}

TEST(Shapes, views_of_a_file_stay_views_of_a_file) {
  const Tensor file =
      Tensor::defer(std::make_shared<RecordingSource>(counted({8, 10, 12}, "DHW")), "DHW");
  const std::pair<const char*, std::map<std::string, ArgValue>> calls[] = {
      {"transpose", {}},
      {"expand_dims", {{"axes", Ints{0}}, {"new_axis_names", std::string("C")}}},
      {"reshape", {{"shape", Ints{8, 1, 10, 12}}, {"layout", std::string("DCHW")}}},
      {"reshape", {{"layout", std::string("DHW")}}},
      {"flip", {}},
      {"slice", {{"start", Ints{2}}, {"axes", Ints{0}}}},
      {"pad", {{"shape", Ints{20}}}},
      {"cat", {}},
      {"stack", {}},
      {"tensor_subscript", {{"num_subscripts", std::int64_t{1}}, {"at_0", std::int64_t{3}}}},
  };
  for (const auto& [op, args] : calls) {
    Trial s(op, {file}, args);
    EXPECT_TRUE(s.evaluate().deferred()) << op;
    EXPECT_FALSE(s.ran) << op;
  }
}

TEST(Reshape, of_a_transposed_array_is_one_copy) {
  const Tensor in = counted({2, 3}, "HW").permuted(std::array{1, 0});
  Trial s("reshape", {in}, {{"shape", Ints{6}}});
  EXPECT_EQ(elements(s.evaluate()), (Reals{0, 3, 1, 4, 2, 5}));
  EXPECT_TRUE(s.ran);
}

}  // namespace
}  // namespace varo
