// SPDX-License-Identifier: Apache-2.0
#include "pipeline/sample/placement.h"

#include <array>
#include <gtest/gtest.h>

#include "varo/tensor.h"

namespace varo {
namespace {

class Placement : public ::testing::Test {
 protected:
  std::array<float, 24> elements{}, landing{};
  std::shared_ptr<int> keep = std::make_shared<int>();

  Tensor source(const Shape& shape) {
    return Tensor::wrap(dense_view(elements.data(), shape), keep);
  }
  // Where `source` belongs so that apply(source) is `place`; checked by applying it.
  template <class Apply>
  std::optional<View> check(const Shape& shape, const View& place, const Apply& apply) {
    const Tensor dense = source(shape);
    const auto found = place_of_source(apply(dense).view(), dense.view(), place);
    if (found) {
      EXPECT_TRUE(same_elements(apply(Tensor::wrap(*found, keep)).view(), place));
    }
    return found;
  }
};

TEST_F(Placement, follows_flips_and_orders_of_axes) {
  const int perm[] = {2, 0, 1};
  const View place = dense_view(landing.data(), {4, 2, 3});
  const auto view = check({2, 3, 4}, place,
                          [&](const Tensor& t) { return t.flipped(0).permuted(perm).flipped(0); });
  ASSERT_TRUE(view);
  EXPECT_EQ(view->data, landing.data() + 3 * 6 + 3);
  EXPECT_EQ(view->strides, (Strides{-3, 1, -6}));
}

TEST_F(Placement, follows_equal_extents_by_their_strides) {
  const int perm[] = {1, 0};
  const auto view = check({2, 2}, dense_view(landing.data(), {2, 2}),
                          [&](const Tensor& t) { return t.permuted(perm); });
  ASSERT_TRUE(view);
  EXPECT_EQ(view->strides, (Strides{1, 2}));
}

TEST_F(Placement, follows_unit_axes) {
  EXPECT_TRUE(check({1, 6, 4}, dense_view(landing.data(), {6, 1, 4}),
                    [](const Tensor& t) { return t.squeezed(0).expanded(1, 0).flipped(2); }));
}

TEST_F(Placement, follows_another_shape_of_dense_places) {
  const auto reshaped = [](const Tensor& t) { return *t.reshaped({6, 4}); };
  EXPECT_TRUE(check({2, 3, 4}, dense_view(landing.data(), {6, 4}), reshaped));
  View backwards = dense_view(landing.data(), {6, 4});
  backwards.data = landing.data() + 20;
  backwards.strides = {-4, 1};
  EXPECT_FALSE(check({2, 3, 4}, backwards, reshaped));
}

TEST_F(Placement, refuses_what_leaves_out_or_repeats) {
  const View place = dense_view(landing.data(), {2, 2});
  EXPECT_FALSE(check({2, 4}, place, [](const Tensor& t) { return t.sliced(1, 0, 2, 2); }));
  EXPECT_FALSE(check({2, 1}, place, [](const Tensor& t) { return t.broadcast(1, 2); }));
  EXPECT_FALSE(
      check({0, 2}, dense_view(landing.data(), {0, 2}), [](const Tensor& t) { return t; }));
}

}  // namespace
}  // namespace varo
