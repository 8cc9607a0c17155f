// SPDX-License-Identifier: Apache-2.0
// Operators that read their input through its padding: which region of a file is read, how often,
// and that the bits are those of an input that holds its padding.
#include <gtest/gtest.h>
#include <random>

#include "core/convert.h"
#include "operators/api/in_memory.h"
#include "operators/api/testing.h"

namespace varo {
namespace {

using testing::RecordingSource;
using testing::Trial;
using Reals = std::vector<double>;
using Args = std::map<std::string, ArgValue>;

const Shape kShape{14, 16, 19};

Tensor noise(DType dtype) {
  std::mt19937 random(3);
  std::vector<float> values(static_cast<std::size_t>(volume(kShape)));
  for (float& v : values) v = std::uniform_real_distribution<float>(0, 200)(random);
  const Tensor t = Tensor::own({dtype, kShape, "DHW"});
  convert(dense_view(values.data(), kShape), t.mutable_view(), Parallel::serial());
  return t;
}

// A crop that reaches outside at three faces, mirrored and turned.
Tensor window_of(const Tensor& t, double fill) {
  const std::uint64_t bits = bits_of(fill, t.dtype());
  Tensor w = *t.windowed(0, -3, 12, bits);
  w = *w.windowed(1, 5, 14, bits);
  w = *w.windowed(2, -2, 25, bits);
  return w.flipped(2).permuted(std::array{1, 0, 2}).relabelled("DHW");
}

Tensor in_memory(const Tensor& t) { return varo::in_memory(t, true, Parallel::serial()); }

std::vector<std::byte> bytes_of(const Tensor& t) {
  const Tensor filled = in_memory(t);
  const auto* first = filled.view().ptr<std::byte>();
  return {first,
          first + static_cast<std::ptrdiff_t>(filled.view().element_size()) * volume(t.shape())};
}

const Reals kTurn{0.9, 0.3, -0.1, -2, -0.2, 1.1, 0.2, 1, 0.1, -0.1, 0.8, 2};

const std::pair<const char*, Args> kCalls[] = {
    {"warp_affine", {{"matrix", kTurn}}},
    {"warp_affine", {{"matrix", kTurn}, {"fill_value", 0.0}}},
    {"warp_affine", {{"matrix", kTurn}, {"fill_value", 9.0}}},
    {"warp_affine", {{"matrix", kTurn}, {"fill_value", 9.0}, {"interp_type", std::int64_t{0}}}},
    {"rotate", {{"angle", 31.0}, {"axis", Reals{1, 2, 3}}, {"fill_value", 0.0}}},
    {"resize", {{"size", Reals{9, 20, 13}}}},
    {"resize", {{"size", Reals{9, 20, -13}}, {"interp_type", std::int64_t{0}}}},
    {"resize", {{"size", Reals{11, 12, 25}}, {"interp_type", std::int64_t{3}}}},
    {"resize", {{"size", Reals{30, 12, 40}}, {"interp_type", std::int64_t{6}}}},
    {"resize",
     {{"size", Reals{5, 7, 15}},
      {"roi_start", Reals{4, 2, 8}},
      {"roi_end", Reals{10, 9, 24}},
      {"dtype", static_cast<std::int64_t>(DType::f32)}}},
};

TEST(PaddedInput, gives_the_bits_of_padding_in_memory) {
  for (const DType dtype : {DType::u8, DType::i16, DType::f32})
    for (const double fill : {0.0, 9.0, -0.0, static_cast<double>(HUGE_VALF)})
      for (const auto& [op, args] : kCalls) {
        const Tensor padded = window_of(noise(dtype), fill);
        Trial through(op, {padded}, args), plain(op, {in_memory(padded)}, args);
        EXPECT_EQ(bytes_of(through.evaluate()), bytes_of(plain.evaluate()))
            << op << " of " << name_of(dtype) << " padded with " << fill;
        EXPECT_TRUE(through.ran);
      }
}

TEST(PaddedInput, reads_what_there_is_of_a_file_once) {
  for (const auto& [op, args] : kCalls) {
    const Tensor values = noise(DType::i16);
    const auto source = std::make_shared<RecordingSource>(values);
    Trial s(op, {window_of(Tensor::defer(source, "DHW"), 0)}, args);
    Trial plain(op, {in_memory(window_of(values, 0))}, args);
    EXPECT_EQ(bytes_of(s.evaluate()), bytes_of(plain.evaluate())) << op;
    ASSERT_EQ(source->boxes.size(), 1U) << op;
    const Box& box = source->boxes[0];
    const bool region = args.contains("roi_start");
    EXPECT_EQ(to_string(box.lo), region ? "[0, 8, 0]" : "[0, 5, 0]") << op;
    EXPECT_EQ(to_string(box.hi), region ? "[6, 16, 16]" : "[9, 16, 19]") << op;
  }
}

TEST(PaddedInput, may_hold_nothing) {
  for (const auto& [op, args] : kCalls) {
    const auto source = std::make_shared<RecordingSource>(noise(DType::i16));
    const Tensor outside = *window_of(Tensor::defer(source, "DHW"), 7).windowed(1, 20, 12, 7);
    Trial s(op, {outside}, args);
    const Tensor all = Tensor::constant(outside.spec(), 7);
    Trial plain(op, {in_memory(all)}, args);
    EXPECT_EQ(bytes_of(s.evaluate()), bytes_of(plain.evaluate())) << op;
    for (const Box& box : source->boxes) EXPECT_TRUE(box.empty());
  }
}

// A channel of nothing but padding is made first: the kernel pads along the axes of the map alone.
TEST(PaddedInput, may_have_padding_along_other_axes) {
  const Tensor volume = noise(DType::f32).expanded(0, 'C');
  const Tensor padded = *volume.windowed(0, -1, 3, 0)->windowed(2, -3, 22, 0);
  for (const auto& [op, args] : kCalls) {
    Trial s(op, {padded}, args), plain(op, {in_memory(padded)}, args);
    EXPECT_EQ(bytes_of(s.evaluate()), bytes_of(plain.evaluate())) << op;
  }
}

}  // namespace
}  // namespace varo
