// SPDX-License-Identifier: Apache-2.0
#include "kernels/filter/convolve.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <hwy/targets.h>
#include <numeric>
#include <random>

#include "core/convert.h"
#include "core/dispatch.h"
#include "core/testing.h"
#include "kernels/testing.h"

namespace varo {
namespace {

using testing::fill_random;
using testing::for_each_index;
using testing::make_volume;
using testing::values_of;
using testing::Volume;

// The obvious twin: one axis after another, in double.
std::vector<double> convolve_slow(std::vector<double> values, const Shape& shape,
                                  std::span<const AxisWindow> windows) {
  for (const AxisWindow& w : windows) {
    std::vector<double> next(values.size());
    const Strides strides = dense_strides(shape);
    const auto r = static_cast<std::int64_t>(w.half.size()) - 1;
    for_each_index(shape, [&](const Dims& at, std::int64_t i) {
      double sum = 0;
      for (std::int64_t k = -r; k <= r; ++k) {
        std::int64_t x = at[w.axis] + k;  // walk back and forth between the ends
        const std::int64_t n = shape[w.axis];
        while (n > 1 && (x < 0 || x >= n)) x = x < 0 ? -x : 2 * (n - 1) - x;
        if (n == 1) x = 0;
        sum += w.half[static_cast<std::size_t>(std::abs(k))] *
               values[static_cast<std::size_t>(i + (x - at[w.axis]) * strides[w.axis])];
      }
      next[static_cast<std::size_t>(i)] = sum;
    });
    values = next;
  }
  return values;
}

std::vector<float> gaussian(int radius, double sigma) {
  std::vector<float> half;
  double total = 0;
  for (int k = 0; k <= radius; ++k)
    total += (k == 0 ? 1 : 2) * std::exp(-k * k / (2 * sigma * sigma));
  for (int k = 0; k <= radius; ++k)
    half.push_back(static_cast<float>(std::exp(-k * k / (2 * sigma * sigma)) / total));
  return half;
}

void run(const ConstView& in, const View& out, const Convolution& what, Parallel& parallel) {
  std::vector<std::byte> scratch(convolve_scratch_bytes(in, out, what, parallel.width()) + 128,
                                 std::byte{0x77});
  auto* base = reinterpret_cast<std::byte*>(
      (reinterpret_cast<std::uintptr_t>(scratch.data()) + 63) & ~std::uintptr_t{63});
  convolve(in, out, what, parallel, {base, scratch.size() - 128});
  for (std::size_t i = 0; i < 32; ++i) ASSERT_EQ(scratch[scratch.size() - 1 - i], std::byte{0x77});
}

struct Shot {
  Shape shape;
  std::vector<int> axes;
  std::vector<int> radii;
};

const std::vector<Shot> kShots = {
    {{5, 6, 7}, {0, 1, 2}, {1, 2, 3}},
    {{17, 19, 70}, {0, 1, 2}, {3, 3, 3}},
    {{3, 4, 5, 2}, {0, 1, 2}, {3, 3, 3}},
    {{2, 9, 8, 7}, {1, 2, 3}, {2, 0, 4}},
    {{4, 3, 40}, {0, 1}, {2, 2}},
    {{4, 50}, {0}, {2}},
    {{1, 1, 1}, {0, 1, 2}, {3, 3, 3}},
    {{2, 3, 2}, {0, 1, 2}, {9, 8, 7}},
    {{37}, {0}, {4}},
    {{0, 4, 5}, {0, 1, 2}, {1, 1, 1}},
    {{3, 2, 5, 4, 3}, {2, 3}, {2, 1}},
    {{2, 4, 3, 5, 6}, {0, 2, 4}, {1, 1, 1}},
    {{3, 1, 5000}, {0, 1, 2}, {1, 1, 30}},
    {{70, 9, 300}, {0, 1, 2}, {8, 2, 1}},
    {{9, 10, 16}, {0, 1, 2}, {3, 2, 2}},
    {{9, 10, 48}, {0, 1, 2}, {6, 5, 6}},
    {{6, 5, 37, 2}, {0, 1, 2}, {1, 2, 5}},
    {{6, 5, 16, 4}, {0, 1, 2}, {1, 2, 4}},
    {{2, 10, 16130, 4}, {0, 1, 2}, {3, 3, 3}},  // the last tile is narrower than the window
    {{2, 200, 300, 3}, {1, 2}, {20, 3}},
    {{3, 3, 3}, {1}, {0}},
};

TEST(Convolve, agrees_with_the_slow_twin_for_every_stride_order) {
  for (const Shot& shot : kShots) {
    std::vector<std::vector<float>> halves;
    for (int r : shot.radii) halves.push_back(gaussian(r, 0.4 * r + 0.3));
    std::vector<AxisWindow> windows;
    for (std::size_t i = 0; i < shot.axes.size(); ++i) windows.push_back({shot.axes[i], halves[i]});
    for (unsigned variant : {0U, 1U, 2U, 3U}) {
      Volume in = make_volume(DType::f32, shot.shape, variant);
      fill_random(in.view, 7, 1.0F);
      const auto want = convolve_slow(values_of(in.view), shot.shape, windows);
      for (unsigned to : {0U, 3U}) {
        Volume out = make_volume(DType::f32, shot.shape, to);
        run(in.view, out.view, {windows}, Parallel::serial());
        const auto got = values_of(out.view);
        for (std::size_t i = 0; i < want.size(); ++i)
          ASSERT_NEAR(got[i], want[i], 2e-6)
              << to_string(shot.shape) << " variant " << variant << " element " << i;
      }
    }
  }
}

// filter_point.h, one axis after another, outermost first, into row-major floats.
std::vector<float> convolve_points(const ConstView& in, std::span<const AxisWindow> windows) {
  const auto values = values_of(in);
  std::vector<float> now(values.begin(), values.end()), next(now.size());
  const Strides strides = dense_strides(in.shape);
  for (int axis = 0; axis < in.rank(); ++axis) {
    for (const AxisWindow& w : windows) {
      if (w.axis != axis) continue;
      for_each_index(in.shape, [&](const Dims& at, std::int64_t i) {
        const auto element = [&](std::int64_t k) {
          const std::int64_t x = reflect_101(at[axis] + k, in.shape[axis]);
          return now[static_cast<std::size_t>(i + (x - at[axis]) * strides[axis])];
        };
        next[static_cast<std::size_t>(i)] =
            filter::weigh(element, static_cast<std::int64_t>(w.half.size()) - 1, w.half.data());
      });
      now = next;
    }
  }
  return now;
}

TEST(Convolve, has_the_bits_of_its_points_on_every_instruction_set) {
  for (const Shot& shot : kShots) {
    std::vector<std::vector<float>> halves;
    for (int r : shot.radii) halves.push_back(gaussian(r, 0.4 * r + 0.3));
    std::vector<AxisWindow> windows;
    for (std::size_t i = 0; i < shot.axes.size(); ++i) windows.push_back({shot.axes[i], halves[i]});
    for (const bool strange : {false, true}) {
      Volume in = make_volume(DType::f32, shot.shape, 0);
      fill_random(in.view, 7, 1.0F);
      constexpr float kStrange[] = {INFINITY, 1e-41F, NAN, -0.0F, -INFINITY};
      for (std::int64_t i = 5; strange && i < in.view.volume(); i += 97)
        in.view.ptr<float>()[i] = kStrange[i % 5];
      const std::vector<float> want = convolve_points(in.view, windows);
      for (std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
        hwy::SetSupportedTargetsForTest(target);
        hwy::GetChosenTarget().Update(hwy::SupportedTargets());
        Volume out = make_volume(DType::f32, shot.shape, 0);
        run(in.view, out.view, {windows}, Parallel::serial());
        for (std::size_t i = 0; i < want.size(); ++i) {
          const float got = out.view.ptr<float>()[i];
          ASSERT_TRUE(std::memcmp(&got, &want[i], sizeof got) == 0 ||
                      (std::isnan(got) && std::isnan(want[i])))
              << hwy::TargetName(target) << " " << to_string(shot.shape) << " element " << i << ": "
              << got << " and " << want[i];
        }
      }
      hwy::SetSupportedTargetsForTest(0);
      hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    }
  }
}

TEST(Convolve, converts_every_type_with_saturation) {
  const Shape shape{6, 5, 37};
  const auto half = gaussian(2, 1.0);
  const AxisWindow windows[] = {{0, half}, {1, half}, {2, half}};
  for (int t = 0; t < kDTypeCount; ++t) {
    const auto type = static_cast<DType>(t);
    if (type == DType::boolean) continue;
    Volume in = make_volume(type, shape, 0);
    fill_random(in.view, 3, 120.0F);
    Volume wide = make_volume(DType::f32, shape, 0), same = make_volume(type, shape, 0),
           strided = make_volume(type, shape, 3);
    run(in.view, wide.view, {windows}, Parallel::serial());
    run(in.view, same.view, {windows}, Parallel::serial());
    run(in.view, strided.view, {windows}, Parallel::serial());
    const auto want = convolve_slow(values_of(in.view), shape, windows);
    const auto floats = values_of(wide.view), got = values_of(same.view);
    EXPECT_EQ(got, values_of(strided.view)) << name_of(type);
    for (std::size_t i = 0; i < want.size(); ++i) {
      ASSERT_NEAR(floats[i], want[i], 2e-4) << name_of(type);
      double rounded = 0;
      dispatch_all(type, [&](auto tag) {
        rounded =
            saturate<double>(saturate<typename decltype(tag)::type>(static_cast<float>(floats[i])));
      });
      ASSERT_EQ(got[i], rounded) << name_of(type) << " element " << i;
    }
  }
}

TEST(Convolve, rounds_halves_away_and_clamps_at_the_bounds_of_small_types) {
  std::vector<float> in{0.5F,     1.5F,         -0.5F,    -1.5F,    2.4999998F,
                        127.5F,   -128.5F,      255.5F,   32767.5F, -32768.5F,
                        65535.5F, 1e30F,        -1e30F,   NAN,      0.49999997F,
                        254.5F,   -0.49999997F, 65534.5F, INFINITY, -INFINITY};
  const auto n = static_cast<std::int64_t>(in.size());
  const std::vector<float> one{1.0F};
  const AxisWindow windows[] = {{0, one}};
  for (DType type : {DType::u8, DType::i8, DType::u16, DType::i16, DType::i32, DType::u32}) {
    Volume out = make_volume(type, {n}, 0);
    run(dense_view(in.data(), {n}), out.view, {windows}, Parallel::serial());
    dispatch_all(type, [&](auto tag) {
      using T = typename decltype(tag)::type;
      for (std::int64_t i = 0; i < n; ++i)
        EXPECT_EQ(static_cast<T*>(out.view.data)[i], saturate<T>(in[static_cast<std::size_t>(i)]))
            << name_of(type) << " of " << in[static_cast<std::size_t>(i)];
    });
  }
}

TEST(Convolve, adds_to_what_is_there) {
  const auto half = gaussian(2, 1.0);
  const AxisWindow windows[] = {{0, half}, {2, half}};
  for (unsigned variant : {0U, 3U}) {
    Volume in = make_volume(DType::u8, {6, 5, 37, 2}, 1);
    fill_random(in.view, 3, 120.0F);
    Volume once = make_volume(DType::f32, in.view.shape, variant),
           twice = make_volume(DType::f32, in.view.shape, variant);
    run(in.view, once.view, {windows}, Parallel::serial());
    run(in.view, twice.view, {windows}, Parallel::serial());
    run(in.view, twice.view, {windows, WriteMode::add}, Parallel::serial());
    const auto a = values_of(once.view), b = values_of(twice.view);
    for (std::size_t i = 0; i < a.size(); ++i) ASSERT_EQ(b[i], 2 * a[i]);
  }
}

TEST(Convolve, is_equal_bit_for_bit_on_every_instruction_set_and_for_any_threads) {
  for (const Shot& shot : kShots) {
    std::vector<std::vector<float>> halves;
    for (int r : shot.radii) halves.push_back(gaussian(r, 0.4 * r + 0.3));
    std::vector<AxisWindow> windows;
    for (std::size_t i = 0; i < shot.axes.size(); ++i) windows.push_back({shot.axes[i], halves[i]});
    for (DType type : {DType::f32, DType::u8, DType::i16}) {
      Volume in = make_volume(type, shot.shape, 0);
      fill_random(in.view, 11, 200.0F);
      for (DType to : {DType::f32, type}) {
        Volume want = make_volume(to, shot.shape, 0);
        run(in.view, want.view, {windows}, Parallel::serial());
        testing::ShuffledParallel shuffled(5);
        testing::ThreadedParallel threads(3);
        for (Parallel* parallel :
             {static_cast<Parallel*>(&shuffled), static_cast<Parallel*>(&threads)}) {
          Volume got = make_volume(to, shot.shape, 0);
          run(in.view, got.view, {windows}, *parallel);
          EXPECT_EQ(want.bytes, got.bytes) << to_string(shot.shape);
        }
        for (std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
          hwy::SetSupportedTargetsForTest(target);
          hwy::GetChosenTarget().Update(hwy::SupportedTargets());
          Volume got = make_volume(to, shot.shape, 0);
          run(in.view, got.view, {windows}, Parallel::serial());
          EXPECT_EQ(want.bytes, got.bytes)
              << hwy::TargetName(target) << " " << to_string(shot.shape);
        }
        hwy::SetSupportedTargetsForTest(0);
        hwy::GetChosenTarget().Update(hwy::SupportedTargets());
      }
    }
  }
}

}  // namespace
}  // namespace varo
