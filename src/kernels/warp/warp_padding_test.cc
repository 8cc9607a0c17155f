// SPDX-License-Identifier: Apache-2.0
// Warps of an input whose padding is not in memory, against warps of one that has it.
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <hwy/targets.h>
#include <random>
#include <vector>

#include "kernels/copy/copy.h"
#include "kernels/testing.h"
#include "kernels/warp/warp.h"

namespace varo {
namespace {

using testing::make_volume;
using testing::Volume;

// In voxels of a window of about 9 x 11 x 40: along rows of the input, across them, far away.
const std::array<double, 12> kMaps[] = {
    {0.61, 0, 0, -3.2, 0, 1.2, 0, -2.1, 0, 0, 1.3, -1.4},
    {3.7, 0, 0, -20.3, 0, 1.9, 0, -3.3, 0, 0, 1.9, -2.2},
    {1, 0, 0, -0.7, 0, 1, 0, 0.3, 0, 0, 1, -0.45},
    {-0.8, 0, 0, 47.1, 0, -1, 0, 10.3, 0, 0, -1.1, 9.2},
    {0.9, 0, 0, -1, 0, 0.8, -0.6, 3, 0, 0.6, 0.8, -3},
    {0, 0, 0, 7.3, 0, 0, 0, 4.9, 0, 0, 0, 5.2},
    {0.87, 0.41, -0.13, -5.3, -0.38, 0.91, 0.21, 4.1, 0.2, -0.12, 0.97, -3.7},
    {-0.87, 0.41, -0.13, 50.3, -0.11, -0.91, 0.21, 14.1, 0.1, -0.12, -0.97, 5.7},
    {0, 3.1, 0, 0.2, 0.15, 0, 0, -0.8, 0, 0, 1.1, -1.2},
    {7.9, 0.4, 0.3, -60, 1.1, 0.9, 0.1, -30, -0.9, 0.2, 1.1, 30},
    {19.7, 0.4, 0.3, -90, 5.1, 0.9, 0.1, -30, -4.9, 0.2, 1.1, 30},
    {57.3, 0, 0, -90, 0, 0.9, 0, -1, 0, 0, 1.1, 0.3},
    {0.5, 0.1, 0, -1, 0.004, 0.01, 0, -0.31, 0, 0.1, 1, 0.2},
    {0.9, 0.1, 0, 3, 0.1, 1, 0, -5e8, 0, 0.1, 1, 2},
    {0.9, 0.1, 0, 3, 0.1, 1, 0, 5, 0, 0.1, 1, -1e30},
};

// A window, and the part of it that is in memory.
struct Window {
  Shape shape;
  Box inside;
};

// Each end of each axis of D, H, W: at the window's, or somewhere; the part may be empty.
Window draw(std::mt19937& random) {
  const Shape shapes[] = {{9, 11, 40, 2}, {9, 11, 40, 1}, {1, 11, 40, 1}, {9, 1, 40, 1},
                          {9, 11, 1, 1},  {5, 7, 150, 1}, {1, 1, 1, 1}};
  Window w{shapes[random() % std::size(shapes)], {Dims::filled(4, 0), {}}};
  w.inside.hi = w.shape;
  for (int axis = 0; axis < 3; ++axis) {
    const auto extent = static_cast<unsigned>(w.shape[axis]);
    std::int64_t &lo = w.inside.lo[axis], &hi = w.inside.hi[axis];
    if (random() % 2 != 0) lo = random() % (extent + (random() % 4 == 0));
    if (random() % 2 != 0) hi = lo + random() % static_cast<unsigned>(w.shape[axis] - lo + 1);
  }
  return w;
}

// Values with what does not mix among them.
Volume values_for(DType dtype, const Shape& shape, unsigned variant, std::mt19937& random) {
  Volume v = make_volume(dtype, shape, variant);
  testing::fill_random(v.view, random(), 200);
  if (dtype == DType::f32 && random() % 2 != 0)
    testing::for_each_index(shape, [&](const Dims& at, std::int64_t) {
      float& value = v.view.ptr<float>()[offset_of(v.view.strides, at)];
      if (random() % 16 == 0) value = random() % 2 != 0 ? -0.0F : HUGE_VALF;
    });
  return v;
}

void expect_same(DType from, DType to, WarpParams p, std::mt19937& random) {
  const Window w = draw(random);
  const Shape inner = w.inside.extents();
  const Volume part = values_for(from, inner, random() % 5, random);
  p.fill_bits = bits_of(random() % 2 != 0 ? 0 : 77.5, from);
  const Volume whole = make_volume(from, w.shape, 0);
  copy(part.view, fill_outside(w.inside, whole.view, p.fill_bits, Parallel::serial()),
       Parallel::serial());

  // Slices have padding of their own here.
  if (p.axes == 2 && inner[0] != w.shape[0]) return;
  const Shape out{p.axes == 2 ? w.shape[0] : 10, 13, random() % 2 != 0 ? 83 : 7, w.shape[3]};
  const unsigned variant = random() % 3;
  const Volume wanted = make_volume(to, out, variant), got = make_volume(to, out, variant);
  warp_affine(whole.view, wanted.view, p, Parallel::serial());
  warp_affine({part.view, w.shape, w.inside, p.fill_bits}, got.view, p, Parallel::serial());
  EXPECT_EQ(wanted.bytes, got.bytes)
      << name_of(from) << " to " << name_of(to) << ", window " << to_string(w.shape) << " inside "
      << to_string(w.inside.lo) << " to " << to_string(w.inside.hi) << ", map from "
      << p.source_of[0] << ", axes " << p.axes
      << (p.border == WarpBorder::clamp ? ", clamp" : ", constant")
      << (p.filter == WarpFilter::linear ? ", linear" : ", nearest");
}

void expect_same_for_all(std::mt19937& random, int rounds) {
  for (const auto& map : kMaps)
    for (const auto filter : {WarpFilter::linear, WarpFilter::nearest})
      for (const auto border : {WarpBorder::clamp, WarpBorder::constant})
        for (const int axes : {2, 3})
          for (int round = 0; round < rounds && !::testing::Test::HasFailure(); ++round) {
            const WarpParams p{.axes = axes, .source_of = map, .filter = filter, .border = border};
            for (const DType dtype : {DType::u8, DType::i16, DType::i32, DType::f32})
              expect_same(dtype, dtype, p, random);
            expect_same(DType::f32, DType::i16, p, random);
            expect_same(DType::u8, DType::f32, p, random);
            if (filter == WarpFilter::nearest) expect_same(DType::f64, DType::f64, p, random);
          }
}

TEST(WarpPadding, gives_the_bits_of_padding_in_memory) {
  std::mt19937 random(1);
  expect_same_for_all(random, 12);
}

TEST(WarpPadding, gives_them_on_every_instruction_set) {
  std::mt19937 random(2);
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    SCOPED_TRACE(hwy::TargetName(target));
    expect_same_for_all(random, 3);
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().DeInit();
}

TEST(WarpPadding, is_not_for_fills_that_do_not_mix) {
  const auto bits = [](float value) { return bits_of(static_cast<double>(value), DType::f32); };
  for (const float fill : {-0.0F, HUGE_VALF, std::nanf("")}) {
    EXPECT_FALSE(warp_mixes(DType::f32, bits(fill), WarpFilter::linear));
    EXPECT_TRUE(warp_mixes(DType::f32, bits(fill), WarpFilter::nearest));
  }
  EXPECT_TRUE(warp_mixes(DType::f32, bits(0), WarpFilter::linear));
  EXPECT_TRUE(warp_mixes(DType::i32, 0x7f800000, WarpFilter::linear));
}

}  // namespace
}  // namespace varo
