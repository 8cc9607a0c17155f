// SPDX-License-Identifier: Apache-2.0
// Resampling of an input whose padding is not in memory, against one that has it.
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <hwy/targets.h>
#include <random>
#include <vector>

#include "core/testing.h"
#include "kernels/copy/copy.h"
#include "kernels/resample/resample.h"
#include "kernels/testing.h"
#include "varo/tensor.h"

namespace varo {
namespace {

using testing::make_volume;
using testing::Volume;

constexpr ResampleFilter kFilters[] = {ResampleFilter::nearest,  ResampleFilter::triangular,
                                       ResampleFilter::gaussian, ResampleFilter::cubic,
                                       ResampleFilter::lanczos3, ResampleFilter::bspline};

const PaddedView& as_padded(const PaddedView& in) { return in; }
PaddedView as_padded(const ConstView& in) { return unpadded(in); }

template <class In>
void resampled(const In& in, DType dtype, const View& out, const std::vector<ResampledAxis>& axes,
               Parallel& parallel) {
  const bool moves =
      std::all_of(axes.begin(), axes.end(), [](const ResampledAxis& a) { return a.table.moves(); });
  if (moves && dtype == out.dtype)
    return resample_nearest(plan_nearest(as_padded(in), out, axes), parallel);
  const ResamplePlan plan = plan_resample(in, out, axes);
  std::vector<float> scratch(static_cast<std::size_t>(plan.scratch_floats(parallel.width())), NAN);
  resample(plan, scratch, parallel);
}

// One map of an axis to anywhere: a part of it, more than it, mirrored.
AxisMap draw_map(std::int64_t in, std::mt19937& random) {
  const auto part = [&](double of) { return of * std::uniform_real_distribution<>(0, 1)(random); };
  const auto length = static_cast<double>(in);
  AxisMap map{.in = in, .out = 1 + static_cast<std::int64_t>(random() % (2 * in + 2))};
  if (random() % 4 == 0) map.out = in;
  map.hi = length;
  if (random() % 3 == 0) {
    map.lo = part(length / 2) - (random() % 4 == 0 ? length : 0);
    map.hi = length - part(length / 2);
  }
  if (random() % 4 == 0) std::swap(map.lo, map.hi);
  map.filter = kFilters[random() % std::size(kFilters)];
  const double ratio = std::abs(map.hi - map.lo) / static_cast<double>(map.out);
  map.radius = least_radius(map.filter) * (random() % 2 != 0 ? std::max(1.0, ratio) : 1.0);
  return map;
}

// Both ends of each axis: at the window's, or somewhere.
Box draw_inside(const Shape& shape, std::mt19937& random) {
  Box box{Dims::filled(shape.rank(), 0), shape};
  for (int i = 0; i < shape.rank(); ++i) {
    const auto up_to = [&](std::int64_t n) {
      return static_cast<std::int64_t>(random()) % (n + 1);
    };
    if (random() % 2 != 0) box.lo[i] = up_to(shape[i] - (random() % 8 == 0 ? 0 : 1));
    if (random() % 2 != 0) box.hi[i] = box.lo[i] + up_to(shape[i] - box.lo[i]);
  }
  return box;
}

// The part in memory, in any order of its axes and any direction.
Tensor padded(const ConstView& part, const Box& box, const Shape& window, std::uint64_t fill) {
  Tensor t = Tensor::wrap(part, nullptr);
  for (int i = 0; i < window.rank(); ++i) t = *t.windowed(i, -box.lo[i], window[i], fill);
  return t;
}

void expect_same(const Shape& window, DType dtype, std::mt19937& random,
                 std::vector<ResampledAxis> axes, Parallel& parallel) {
  const Box box = draw_inside(window, random);
  const Volume part = make_volume(dtype, box.extents(), random() % 4);
  testing::fill_random(part.view, random(), 200);
  const std::uint64_t fill = bits_of(random() % 2 != 0   ? 0
                                     : random() % 8 == 0 ? -0.0
                                                         : 77.5,
                                     dtype);
  const Volume whole = make_volume(dtype, window, 0);
  copy(part.view, fill_outside(box, whole.view, fill, parallel), parallel);

  Shape to = window;
  for (const auto& [axis, table] : axes) to[axis] = table.out;
  const DType out = random() % 2 != 0 ? dtype : DType::f32;
  const unsigned variant = random() % 3 == 0 ? random() % 4 : 0;
  const Volume wanted = make_volume(out, to, variant), got = make_volume(out, to, variant);
  // Tables count from the first voxel that they use.
  Tensor seen = padded(part.view, box, window, fill);
  Tensor full = Tensor::wrap(whole.view, nullptr);
  for (const auto& [axis, table] : axes) {
    seen = seen.sliced(axis, table.begin, table.extent);
    full = full.sliced(axis, table.begin, table.extent);
  }
  // Without padding a mirrored input is read, and summed, backwards.
  if (!seen.padded()) return;
  const Volume used = make_volume(dtype, full.shape(), 0);
  copy(full.view(), used.view, parallel);
  resampled<ConstView>(used.view, dtype, wanted.view, axes, parallel);
  resampled(seen.padded_view(), dtype, got.view, axes, parallel);
  EXPECT_EQ(wanted.bytes, got.bytes)
      << name_of(dtype) << " to " << name_of(out) << " window " << to_string(window) << " inside "
      << to_string(box.lo) << " to " << to_string(box.hi) << " out " << to_string(to) << " variant "
      << variant;
}

void expect_same_at_random(std::mt19937& random, int rounds, Parallel& parallel) {
  const DType dtypes[] = {DType::u8, DType::i16, DType::u16, DType::f32};
  for (int round = 0; round < rounds && !::testing::Test::HasFailure(); ++round) {
    const bool large = round % 16 == 0;
    Shape window;
    const int rank = large ? 3 : 1 + static_cast<int>(random() % 4);
    for (int i = 0; i < rank; ++i) {
      const bool one = !large && random() % 6 == 0;
      window.push_back(one ? 1 : (large ? 40 : 2) + static_cast<std::int64_t>(random() % 30));
    }
    std::vector<ResampledAxis> axes;
    for (int i = 0; i < rank; ++i)
      if (random() % 4 != 0) axes.push_back({i, make_axis_table(draw_map(window[i], random))});
    if (random() % 5 == 0)
      for (auto& [axis, table] : axes)
        table = make_axis_table({.in = window[axis],
                                 .out = 1 + static_cast<std::int64_t>(random() % 40),
                                 .hi = static_cast<double>(window[axis]),
                                 .filter = ResampleFilter::nearest});
    expect_same(window, dtypes[random() % 4], random, axes, parallel);
  }
}

TEST(ResamplePadding, gives_the_bits_of_padding_in_memory) {
  std::mt19937 random(1);
  expect_same_at_random(random, 2000, Parallel::serial());
}

TEST(ResamplePadding, gives_them_on_threads) {
  std::mt19937 random(2);
  testing::ThreadedParallel threads(3);
  expect_same_at_random(random, 64, threads);
}

TEST(ResamplePadding, gives_them_on_every_instruction_set) {
  std::mt19937 random(3);
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    SCOPED_TRACE(hwy::TargetName(target));
    expect_same_at_random(random, 200, Parallel::serial());
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().DeInit();
}

// The last pass apart from the others, which then read the padding: long windows along two axes.
TEST(ResamplePadding, comes_before_a_volume_in_between) {
  std::mt19937 random(4);
  bool apart = false;
  for (int round = 0; round < 6; ++round) {
    const Shape window{40, 40, 60};
    std::vector<ResampledAxis> axes;
    for (int i = 0; i < 3; ++i)
      axes.push_back({i, make_axis_table({.in = window[i],
                                          .out = 50,
                                          .hi = static_cast<double>(window[i]),
                                          .filter = ResampleFilter::bspline,
                                          .radius = 11})});
    const View out{nullptr, DType::f32, {50, 50, 50}, {2500, 50, 1}};
    apart = apart ||
            !plan_resample(ConstView{nullptr, DType::f32, window, dense_strides(window)}, out, axes)
                 .before.empty();
    expect_same(window, DType::f32, random, axes, Parallel::serial());
  }
  EXPECT_TRUE(apart);
}

TEST(ResamplePadding, takes_what_is_not_finite_as_fill) {
  const Shape window{6, 9};
  const Volume part = make_volume(DType::f32, {4, 5}, 0);
  testing::fill_random(part.view, 5, 10);
  const std::uint64_t fill = bits_of(HUGE_VAL, DType::f32);
  const Box box{{1, 2}, {5, 7}};
  const Volume whole = make_volume(DType::f32, window, 0);
  copy(part.view, fill_outside(box, whole.view, fill, Parallel::serial()), Parallel::serial());
  std::vector<ResampledAxis> axes;
  for (int i = 0; i < 2; ++i)
    axes.push_back({i, make_axis_table({.in = window[i],
                                        .out = 13,
                                        .hi = static_cast<double>(window[i]),
                                        .filter = ResampleFilter::triangular,
                                        .radius = 1})});
  const Volume wanted = make_volume(DType::f32, {13, 13}, 0);
  const Volume got = make_volume(DType::f32, {13, 13}, 0);
  resampled<ConstView>(whole.view, DType::f32, wanted.view, axes, Parallel::serial());
  resampled<PaddedView>({part.view, window, box, fill}, DType::f32, got.view, axes,
                        Parallel::serial());
  EXPECT_EQ(wanted.bytes, got.bytes);
}

}  // namespace
}  // namespace varo
