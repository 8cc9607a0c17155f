// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <numeric>
#include <vector>

#include "core/testing.h"
#include "kernels/copy/copy.h"

namespace varo {
namespace {

// Large enough to be split; odd, and walked backwards and transposed.
const Shape kShape{67, 129, 61};

std::vector<float> transposed_copy(Parallel& parallel) {
  std::vector<float> in(static_cast<std::size_t>(volume(kShape)));
  std::iota(in.begin(), in.end(), 0.0F);
  const Strides dense = dense_strides(kShape);
  const ConstView src{in.data() + (kShape[0] - 1) * dense[0], DType::f32,
                      Shape{kShape[2], kShape[1], kShape[0]},
                      Strides{dense[2], dense[1], -dense[0]}};
  std::vector<float> out(in.size(), -1.0F);
  copy(src, dense_view(out.data(), src.shape), parallel);
  return out;
}

TEST(copy, same_under_any_schedule) {
  const auto serial = transposed_copy(Parallel::serial());
  testing::ThreadedParallel threads(4);
  testing::ShuffledParallel shuffled(3);
  EXPECT_EQ(transposed_copy(threads), serial);
  EXPECT_EQ(transposed_copy(shuffled), serial);
}

TEST(convert, same_under_any_schedule) {
  const auto in = transposed_copy(Parallel::serial());
  const auto converted = [&](Parallel& parallel) {
    std::vector<std::int16_t> out(in.size());
    convert(dense_view(in.data(), kShape), dense_view(out.data(), kShape), parallel);
    return out;
  };
  const auto serial = converted(Parallel::serial());
  testing::ThreadedParallel threads(4);
  testing::ShuffledParallel shuffled(3);
  EXPECT_EQ(converted(threads), serial);
  EXPECT_EQ(converted(shuffled), serial);
}

}  // namespace
}  // namespace varo
