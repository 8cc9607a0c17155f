// SPDX-License-Identifier: Apache-2.0
#include "kernels/warp/points.h"

#include <gtest/gtest.h>
#include <vector>

namespace varo {
namespace {

TEST(TransformPoints, maps_more_coordinates_to_fewer) {
  const float in[] = {1, 2, 3, 4, 5, 6};
  float out[4];
  const float matrix[] = {1, 0, 2, 0, 1, -1}, shift[] = {10, 20};
  transform_points(dense_view(in, {2, 3}), dense_view(out, {2, 2}), matrix, shift,
                   Parallel::serial());
  EXPECT_EQ(out[0], 17);
  EXPECT_EQ(out[1], 19);
  EXPECT_EQ(out[2], 26);
  EXPECT_EQ(out[3], 19);
}

TEST(TransformPoints, walks_any_strides_and_rounds_integers) {
  // A [2, 2, 1] list read from its end, written column by column.
  const std::uint8_t in[] = {1, 2, 3, 4};
  std::int16_t out[4] = {};
  const float matrix[] = {-1.5F}, shift[] = {0};
  transform_points({in + 3, DType::u8, {2, 2, 1}, {-2, -1, 1}},
                   {out, DType::i16, {2, 2, 1}, {1, 2, 1}}, matrix, shift, Parallel::serial());
  EXPECT_EQ(out[0], -6);
  EXPECT_EQ(out[1], -3);
  EXPECT_EQ(out[2], -5);  // -4.5
  EXPECT_EQ(out[3], -2);  // -1.5
}

TEST(TransformPoints, splits_long_lists_without_a_seam) {
  std::vector<float> in(3 * 20000), out(in.size());
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>(i);
  const float matrix[] = {2, 0, 0, 0, 2, 0, 0, 0, 2}, shift[] = {1, 1, 1};
  const Shape shape{20000, 3};
  transform_points(dense_view(in.data(), shape), dense_view(out.data(), shape), matrix, shift,
                   Parallel::serial());
  for (std::size_t i = 0; i < in.size(); ++i) ASSERT_EQ(out[i], 2 * static_cast<float>(i) + 1) << i;
}

TEST(TransformPoints, takes_no_points) {
  const float matrix[] = {1}, shift[] = {0};
  float none = 5;
  transform_points(dense_view(&none, {0, 1}), dense_view(&none, {0, 1}), matrix, shift,
                   Parallel::serial());
  EXPECT_EQ(none, 5);
}

}  // namespace
}  // namespace varo
