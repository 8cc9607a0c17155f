// SPDX-License-Identifier: Apache-2.0
#include "kernels/pointwise/normalize.h"

#include <cmath>
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "core/testing.h"
#include "kernels/testing.h"

namespace varo {
namespace {

using testing::fill_random;
using testing::for_each_index;
using testing::make_volume;
using testing::values_of;
using testing::Volume;

struct Shot {
  Shape shape;
  std::uint32_t along;  // axes that the parameters differ along
};
const std::vector<Shot> kShots = {
    {{9, 11, 13}, 0}, {{9, 11, 13}, 7}, {{4, 5, 6, 3}, 8}, {{3, 40, 50}, 1},
    {{3, 40, 50}, 2}, {{5, 2000}, 2},   {{100, 700}, 2},   {{1, 1}, 0},
    {{0, 3}, 2},      {{70000}, 0},     {{70000}, 1},      {{2, 3, 4, 5, 6}, 10},
    {{40000, 3}, 2},  {{5000, 4}, 1},   {{3, 300, 4}, 2},  {{30, 3, 40}, 5}};

// Parameters in row-major order of the axes they differ along.
struct Params {
  std::vector<double> offset, gain;
  NormalizeParams params;
};
Params make_params(const Shot& shot) {
  Params p;
  std::int64_t n = 1;
  p.params.strides = Dims::filled(shot.shape.rank(), 0);
  for (int i = shot.shape.rank() - 1; i >= 0; --i) {
    if ((shot.along >> i & 1U) == 0) continue;
    p.params.strides[i] = n;
    n *= shot.shape[i];
  }
  std::mt19937 gen(3);
  for (std::int64_t i = 0; i < n; ++i) {
    p.offset.push_back(std::uniform_real_distribution<double>(-10, 10)(gen));
    p.gain.push_back(i % 7 == 6 ? 0 : std::uniform_real_distribution<double>(-2, 2)(gen));
  }
  p.params.offset = p.offset.data();
  p.params.gain = p.gain.data();
  p.params.shift = 0.75;
  return p;
}

TEST(Normalize, agrees_with_the_formula_for_all_strides_and_types) {
  for (const Shot& shot : kShots) {
    const Params p = make_params(shot);
    for (DType from : {DType::f32, DType::u8, DType::i32, DType::f16, DType::u64}) {
      for (unsigned variant : {0U, 2U, 3U}) {
        Volume in = make_volume(from, shot.shape, variant);
        fill_random(in.view, 5, 100.0F);
        const auto values = values_of(in.view);
        for (DType to : {DType::f32, DType::f64, DType::f16, DType::i16, DType::u8}) {
          Volume out = make_volume(to, shot.shape, variant == 3 ? 1 : 0);
          normalize(in.view, out.view, p.params, Parallel::serial());
          const auto got = values_of(out.view);
          for_each_index(shot.shape, [&](const Dims& at, std::int64_t i) {
            const auto k = static_cast<std::size_t>(offset_of(p.params.strides, at)),
                       e = static_cast<std::size_t>(i);
            const double exact =
                (p.gain[k] == 0 ? 0 : (values[e] - p.offset[k]) * p.gain[k]) + 0.75;
            double want = 0;
            dispatch_all(to, [&](auto tag) {
              want = saturate<double>(saturate<typename decltype(tag)::type>(exact));
            });
            ASSERT_EQ(got[e], want) << to_string(shot.shape) << name_of(from) << " to "
                                    << name_of(to) << " variant " << variant;
          });
        }
      }
    }
  }
}

TEST(Normalize, is_equal_bit_for_bit_on_every_instruction_set_and_for_any_threads) {
  for (const Shot& shot : kShots) {
    const Params p = make_params(shot);
    Volume in = make_volume(DType::f32, shot.shape, 0);
    fill_random(in.view, 5, 100.0F);
    const auto normalized = [&](Parallel& parallel) {
      Volume out = make_volume(DType::f32, shot.shape, 0);
      normalize(in.view, out.view, p.params, parallel);
      return out.bytes;
    };
    const auto want = normalized(Parallel::serial());
    testing::ShuffledParallel shuffled(5);
    testing::ThreadedParallel threads(3);
    EXPECT_EQ(want, normalized(shuffled));
    EXPECT_EQ(want, normalized(threads));
    for (std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
      hwy::SetSupportedTargetsForTest(target);
      hwy::GetChosenTarget().Update(hwy::SupportedTargets());
      EXPECT_EQ(want, normalized(Parallel::serial())) << hwy::TargetName(target);
    }
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
}

TEST(Normalize, a_gain_of_zero_hides_nan_and_infinity) {
  const std::vector<float> in{NAN, INFINITY, 1.0F};
  std::vector<float> out(3);
  const double offset = 1, gain = 0;
  normalize(dense_view(in.data(), {3}), dense_view(out.data(), {3}), {&offset, &gain, {0}, 4.0},
            Parallel::serial());
  EXPECT_EQ(out, std::vector<float>(3, 4.0F));
}

}  // namespace
}  // namespace varo
