// SPDX-License-Identifier: Apache-2.0
/// What cases cannot see: views, regions that are read, affines.
#include <gtest/gtest.h>

#include "operators/api/testing.h"

namespace varo {
namespace {

using testing::RecordingSource;
using testing::Trial;
using Reals = std::vector<double>;

Tensor volume_of(const Shape& shape, const char* layout) {
  std::vector<float> values(static_cast<std::size_t>(volume(shape)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 97);
  return Tensor::of<float>(values, shape).relabelled(layout);
}

TEST(Resize, same_size_is_the_input) {
  const Tensor in = volume_of({5, 6, 7}, "DHW");
  for (std::int64_t interp = 0; interp <= 4; ++interp) {
    Trial s("resize", {in}, {{"size", Reals{5, 6, 7}}, {"interp_type", interp}});
    const Tensor out = s.evaluate();
    EXPECT_FALSE(s.ran) << interp;
    EXPECT_EQ(out.view().data, in.view().data);
    EXPECT_EQ(out.view().strides, in.view().strides);
  }
  Trial gaussian("resize", {in}, {{"size", Reals{5, 6, 7}}, {"interp_type", std::int64_t{5}}});
  gaussian.evaluate();
  EXPECT_TRUE(gaussian.ran);
  const Tensor bytes =
      Tensor::of<std::uint8_t>(std::vector<std::uint8_t>(210, 9), {5, 6, 7}).relabelled("DHW");
  Trial converted("resize", {bytes},
                  {{"size", Reals{5, 6, 7}}, {"dtype", static_cast<std::int64_t>(DType::f32)}});
  EXPECT_EQ(*converted.evaluate().view().ptr<float>(), 9);
  EXPECT_TRUE(converted.ran);
}

TEST(Resize, whole_steps_are_slices) {
  const Tensor in = volume_of({5, 6, 8, 2}, "DHWC");
  Trial crop(
      "resize", {in},
      {{"size", Reals{2, 3, 4}}, {"roi_start", Reals{1, 2, 3}}, {"roi_end", Reals{3, 5, 7}}});
  EXPECT_EQ(crop.evaluate().view().data,
            in.sliced(0, 1, 2).sliced(1, 2, 3).sliced(2, 3, 4).view().data);
  Trial mirrored("resize", {in}, {{"size", Reals{5, 6, -8}}});
  EXPECT_EQ(mirrored.evaluate().view().strides, in.flipped(2).view().strides);
  Trial every_other("resize", {in}, {{"size", Reals{5, 3, 4}}, {"interp_type", std::int64_t{0}}});
  EXPECT_EQ(every_other.evaluate().view().strides, (Strides{96, 32, 4, 1}));
}

TEST(Resize, reads_the_region_only) {
  const Tensor values = volume_of({40, 50, 60}, "DHW");
  const auto source = std::make_shared<RecordingSource>(values);
  Trial s(
      "resize", {Tensor::defer(source, "DHW")},
      {{"size", Reals{8, 8, 8}}, {"roi_start", Reals{10, 10, 50}}, {"roi_end", Reals{20, 30, 60}}});
  const Tensor out = s.evaluate();
  ASSERT_EQ(source->boxes.size(), 1U);
  // half-widths 1.25, 2.5 and 1.25 around centres 10.125 to 18.875, 10.75 to 28.25, 50.125
  // to 58.875
  EXPECT_EQ(source->boxes[0].lo, (Dims{9, 9, 49}));
  EXPECT_EQ(source->boxes[0].hi, (Dims{21, 31, 60}));
  Trial in_memory(
      "resize", {values},
      {{"size", Reals{8, 8, 8}}, {"roi_start", Reals{10, 10, 50}}, {"roi_end", Reals{20, 30, 60}}});
  const Tensor want = in_memory.evaluate();
  for (int i = 0; i < 512; ++i) ASSERT_EQ(out.view().ptr<float>()[i], want.view().ptr<float>()[i]);
}

// Millimetres of a point given in voxels along D, H, W.
std::array<double, 3> world(const Tensor& t, double z, double y, double x) {
  const Affine& a = *t.meta().affine;
  std::array<double, 3> p{};
  for (std::size_t r = 0; r < 3; ++r)
    p[r] = a[4 * r] * x + a[4 * r + 1] * y + a[4 * r + 2] * z + a[4 * r + 3];
  return p;
}

TEST(Resize, affine_keeps_the_ends_of_the_region_in_place) {
  const Affine affine{-0.7, 0.1, 0, 90, 0, 0.8, -0.2, -60, 0.3, 0, 2.5, 12};
  const Tensor in = volume_of({10, 12, 14}, "DHW").with_meta({.affine = affine});
  struct {
    Reals size;
    std::int64_t interp;
  } const runs[] = {
      {{7, 20, 9}, 1}, {{10, 12, 14}, 1}, {{10, -12, 14}, 1}, {{5, 6, 7}, 0}, {{5, 4.5, 9.3}, 3}};
  for (const auto& [size, interp] : runs) {
    Trial s("resize", {in}, {{"size", size}, {"interp_type", interp}});
    const Tensor out = s.evaluate();
    ASSERT_TRUE(out.meta().affine);
    // Whole sizes: the corners of the grids coincide. Others: the centres do.
    const auto centre = world(out, (out.shape()[0] - 1) / 2.0, (out.shape()[1] - 1) / 2.0,
                              (out.shape()[2] - 1) / 2.0);
    const auto centre_in = world(in, 4.5, 5.5, 6.5);
    const bool mirrored = size[1] < 0;
    const auto corner = world(out, -0.5, mirrored ? 11.5 : -0.5, -0.5);
    const auto corner_in = world(in, -0.5, -0.5, -0.5);
    for (std::size_t r = 0; r < 3; ++r) {
      EXPECT_NEAR(centre[r], centre_in[r], 1e-9);
      if (interp != 3) {
        EXPECT_NEAR(corner[r], corner_in[r], 1e-9);
      }
    }
  }
}

}  // namespace
}  // namespace varo
