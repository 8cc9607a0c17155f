// SPDX-License-Identifier: Apache-2.0
#include "core/walk.h"

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <random>
#include <type_traits>
#include <vector>

#include "varo/view.h"

namespace varo {
namespace {

using Offsets = std::array<std::int64_t, 2>;

static_assert(std::is_trivially_copyable_v<Walk<2>> && std::is_trivially_copyable_v<Odometer<2>>);

// Offsets of both operands in row-major order.
std::vector<Offsets> offsets_of(const Shape& shape, const Strides& a, const Strides& b) {
  std::vector<Offsets> all;
  Dims at = Dims::filled(shape.rank(), 0);
  for (std::int64_t n = volume(shape); n > 0; --n) {
    all.push_back({offset_of(a, at), offset_of(b, at)});
    for (int i = shape.rank() - 1; i >= 0 && ++at[i] == shape[i]; --i) at[i] = 0;
  }
  return all;
}

std::vector<Offsets> visited(const Walk<2>& walk) {
  std::vector<Offsets> all;
  Odometer<2> at(walk);
  for (std::int64_t n = walk.count(); n > 0; --n, at.next())
    all.push_back({at.offset[0], at.offset[1]});
  return all;
}

bool mergeable(const WalkAxis<2>& outer, const WalkAxis<2>& inner) {
  return outer.step[0] == inner.step[0] * inner.extent &&
         outer.step[1] == inner.step[1] * inner.extent;
}

// Dense in some order of the axes, then with gaps, reversed or repeated axes.
Strides draw_strides(const Shape& shape, std::mt19937& random) {
  std::vector<int> order;
  for (int i = 0; i < shape.rank(); ++i) order.push_back(i);
  if (random() % 2 != 0) std::shuffle(order.begin(), order.end(), random);
  Strides strides = Dims::filled(shape.rank(), 0);
  std::int64_t step = 1;
  for (auto at = order.rbegin(); at != order.rend(); ++at) {
    strides[*at] = step;
    step *= std::max<std::int64_t>(shape[*at], 1) + (random() % 6 == 0 ? 1 : 0);
    if (random() % 5 == 0) strides[*at] *= -1;
    if (random() % 7 == 0) strides[*at] = 0;
  }
  return strides;
}

TEST(Walk, visits_every_element_once_in_every_order) {
  std::mt19937 random(1);
  for (int round = 0; round < 4000; ++round) {
    Shape shape;
    for (auto rank = random() % 6; rank > 0; --rank)
      shape.push_back(random() % 3 == 0 ? 1 : 2 + static_cast<std::int64_t>(random() % 3));
    const Strides a = draw_strides(shape, random), b = draw_strides(shape, random);
    const std::vector<Offsets> wanted = offsets_of(shape, a, b);
    for (const Order order : {Order::logical, Order::memory, Order::forwards}) {
      const Walk<2> walk = walk_of(shape, order, a, b);
      std::vector<Offsets> got = visited(walk);
      ASSERT_GE(walk.rank, 1);
      ASSERT_EQ(walk.count(), volume(shape));
      for (std::int64_t n = 0; n < walk.count(); ++n) {
        const Odometer<2> at(walk, walk.rank, n);
        const Offsets& here = got[static_cast<std::size_t>(n)];
        ASSERT_EQ((Offsets{at.offset[0], at.offset[1]}), here);
        ASSERT_EQ((Offsets{walk.offset(n, 0), walk.offset(n, 1)}), here);
      }
      for (int i = 0; i < walk.rank; ++i) {
        const WalkAxis<2>& axis = walk.axis[i];
        ASSERT_TRUE(axis.extent > 1 || walk.rank == 1);
        ASSERT_TRUE(axis.step[0] >= 0 || order != Order::forwards);
        if (i == 0) continue;
        const WalkAxis<2>& outer = walk.axis[i - 1];
        ASSERT_FALSE(mergeable(outer, axis));
        ASSERT_TRUE(std::abs(outer.step[0]) >= std::abs(axis.step[0]) || order == Order::logical);
      }
      if (order != Order::logical) {
        std::vector<Offsets> sorted = wanted;
        std::sort(sorted.begin(), sorted.end());
        std::sort(got.begin(), got.end());
        ASSERT_EQ(got, sorted) << to_string(shape) << to_string(a) << to_string(b);
      } else {
        ASSERT_EQ(got, wanted) << to_string(shape) << to_string(a) << to_string(b);
      }
    }
  }
}

TEST(Walk, drops_and_merges_axes) {
  const Walk<2> walk = walk_of({2, 1, 3, 4}, Order::logical, {12, 7, 4, 1}, Strides{24, 7, 8, 1});
  ASSERT_EQ(walk.rank, 2);
  EXPECT_EQ(walk.axis[0].extent, 6);
  EXPECT_EQ(walk.axis[0].step[0], 4);
  EXPECT_EQ(walk.axis[0].step[1], 8);
  EXPECT_EQ(walk.axis[1].extent, 4);
  EXPECT_EQ(walk.run(0).length, 24);
  EXPECT_EQ(walk.run(0).step, 1);
  EXPECT_EQ(walk.run(1).length, 4);
  // One value for all axes is one axis; so are axes that are reversed alike.
  EXPECT_EQ(walk_of({2, 3}, Order::logical, {0, 0}).rank, 1);
  EXPECT_EQ(walk_of({2, 3}, Order::logical, {-3, -1}).rank, 1);
  EXPECT_EQ(walk_of({2, 3}, Order::logical, {3, -1}).rank, 2);
}

TEST(Walk, logical_order_ignores_strides) {
  const Shape shape{2, 3, 4};
  const Strides turned{1, 2, 6};
  EXPECT_EQ(walk_of(shape, Order::logical, turned).rank, 3);
  const Walk<1> memory = walk_of(shape, Order::memory, turned);
  EXPECT_EQ(memory.rank, 1);
  EXPECT_EQ(memory.axis[0].extent, 24);
  EXPECT_EQ(memory.axis[0].step[0], 1);
}

std::vector<int> in_order(Order order, AxisSet axes) {
  const AxisList list = axes_in_order({2, 1, 3, 4, 5}, order, {5, 9, 0, -5, 7}, axes);
  return {list.begin(), list.end()};
}

TEST(Walk, equal_strides_stay_in_order) {
  EXPECT_EQ(in_order(Order::memory, ~0U), (std::vector<int>{4, 0, 3, 2}));
  EXPECT_EQ(in_order(Order::logical, ~0U), (std::vector<int>{0, 2, 3, 4}));
  EXPECT_EQ(in_order(Order::memory, 0b01110), (std::vector<int>{3, 2}));
}

TEST(Walk, forwards_begins_at_the_other_end) {
  // Both are reversed along the last axis, and read as one row; only the first along the first.
  const Walk<2> walk = walk_of({2, 3}, Order::forwards, {-3, -1}, Strides{3, -1});
  EXPECT_EQ(walk.start[0], -3 - 2);
  EXPECT_EQ(walk.start[1], 3 - 2);
  ASSERT_EQ(walk.rank, 2);
  EXPECT_EQ(walk.axis[0].step[1], -3);
  EXPECT_EQ(walk.axis[1].step[1], 1);
  EXPECT_EQ(walk_of({2, 3}, Order::forwards, {3, -1}, Strides{3, -1}).rank, 1);
}

TEST(Walk, of_one_element_has_an_axis) {
  for (const Shape& shape : {Shape{}, Shape{1, 1}}) {
    const Strides strides = Dims::filled(shape.rank(), -9);
    const Walk<1> walk = walk_of(shape, Order::forwards, strides);
    EXPECT_EQ(walk.rank, 1);
    EXPECT_EQ(walk.count(), 1);
    EXPECT_EQ(walk.axis[0].step[0], 1);
    EXPECT_EQ(walk.start[0], 0);
  }
}

TEST(Walk, of_nothing_counts_none) {
  for (const Order order : {Order::logical, Order::memory, Order::forwards}) {
    const Walk<1> walk = walk_of({3, 0, 2}, order, {0, 2, -1});
    EXPECT_EQ(walk.count(), 0);
    for_each_row(walk, [](const std::int64_t*) { FAIL(); });
  }
}

TEST(Walk, rows_begin_where_their_first_elements_are) {
  const Walk<2> walk = walk_of({2, 3, 4}, Order::logical, {24, 8, 1}, Strides{12, 4, 1});
  std::vector<Offsets> rows;
  for_each_row(walk, [&](const std::int64_t* at) { rows.push_back({at[0], at[1]}); });
  EXPECT_EQ(rows, (std::vector<Offsets>{{0, 0}, {8, 4}, {16, 8}, {24, 12}, {32, 16}, {40, 20}}));
}

TEST(Walk, an_axis_can_be_kept_apart) {
  const Shape shape{2, 3, 4};
  const Strides strides{12, 4, -1};
  const Strides* const operands[] = {&strides};
  const WalkAxes axes = walk_axes(shape, Order::memory, operands, ~0U, 1U << 1);
  ASSERT_EQ(axes.rank, 3);
  const Strides dense = dense_strides(shape);
  const Strides* const other[] = {&dense};
  const WalkAxes two = walk_axes(shape, Order::memory, other, ~0U, 1U << 1);
  ASSERT_EQ(two.rank, 2);
  EXPECT_EQ(two.axis[0].outermost, 0);
  EXPECT_EQ(two.axis[0].innermost, 0);
  EXPECT_EQ(two.axis[1].outermost, 1);
  EXPECT_EQ(two.axis[1].innermost, 2);
  EXPECT_EQ(two.axis[1].extent, 12);
}

TEST(Walk, goes_along_some_axes_only) {
  const Walk<1> walk = walk_along(0b1101, {5, 6, 7, 8}, Order::logical, Strides{336, 56, 8, 1});
  ASSERT_EQ(walk.rank, 2);
  EXPECT_EQ(walk.axis[0].extent, 5);
  EXPECT_EQ(walk.axis[1].extent, 56);
  EXPECT_EQ(walk_along(0, {5, 6}, Order::logical, Strides{6, 1}).count(), 1);
}

}  // namespace
}  // namespace varo
