// SPDX-License-Identifier: Apache-2.0
#include "varo/view.h"

#include <gtest/gtest.h>
#include <vector>

namespace varo {
namespace {

// Element number i is i; [2, 3, 4] with the last axis reversed.
struct Numbered {
  std::vector<std::int16_t> values;
  View view;

  Numbered() : values(24) {
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int16_t>(i);
    view = {values.data() + 3, DType::i16, {2, 3, 4}, {12, 4, -1}};
  }
};

std::int16_t first(const ConstView& v) { return *v.ptr<std::int16_t>(); }

TEST(View, at_gives_the_address_of_an_element) {
  const Numbered n;
  EXPECT_EQ(*static_cast<std::int16_t*>(n.view.at({1, 2, 3})), 12 + 8 + 0);
  EXPECT_EQ(*static_cast<const std::int16_t*>(ConstView(n.view).at({0, 1, 0})), 4 + 3);
  EXPECT_EQ(offset_of(n.view.strides, {1, 2, 3}), 12 + 8 - 3);
  EXPECT_EQ(offset_of({}, {}), 0);
}

TEST(View, part_keeps_strides_and_moves_the_first_element) {
  const Numbered n;
  const View rows = n.view.part(1, 1, 2);
  EXPECT_EQ(rows.shape, (Shape{2, 2, 4}));
  EXPECT_EQ(rows.strides, n.view.strides);
  EXPECT_EQ(first(rows), 4 + 3);
  const ConstView box = ConstView(n.view).part({{1, 0, 2}, {2, 2, 4}});
  EXPECT_EQ(box.shape, (Shape{1, 2, 2}));
  EXPECT_EQ(first(box), 12 + 1);
  EXPECT_EQ(box.dtype, DType::i16);
  EXPECT_EQ(n.view.part(2, 4, 0).volume(), 0);
}

TEST(View, drop_leaves_an_axis_out) {
  const Numbered n;
  const View column = n.view.part(0, 1, 1).drop(0).part(1, 3, 1).drop(1);
  EXPECT_EQ(column.shape, (Shape{3}));
  EXPECT_EQ(column.strides, (Strides{4}));
  EXPECT_EQ(first(column), 12);
}

// The first 3 of 5 x 6 elements, from (1, 2) on.
PaddedView padded_rows(const std::int16_t* values) {
  return {{values, DType::i16, {1, 3}, {3, 1}}, {5, 6}, {{1, 2}, {2, 5}}, 7};
}

TEST(PaddedView, part_holds_what_it_shows) {
  const std::int16_t values[] = {10, 11, 12};
  const PaddedView v = padded_rows(values);
  EXPECT_TRUE(v.padded());
  const PaddedView corner = v.part({{0, 3}, {4, 6}});
  EXPECT_EQ(corner.shape, (Shape{4, 3}));
  EXPECT_EQ(corner.box.lo, (Dims{1, 0}));
  EXPECT_EQ(corner.box.hi, (Dims{2, 2}));
  EXPECT_EQ(corner.inside.shape, (Shape{1, 2}));
  EXPECT_EQ(first(corner.inside), 11);
  EXPECT_EQ(corner.fill, 7U);
  const PaddedView elements = v.part({{1, 3}, {2, 5}});
  EXPECT_FALSE(elements.padded());
  EXPECT_EQ(first(elements.inside), 11);
  const PaddedView nothing = v.part({{2, 0}, {5, 6}});
  EXPECT_TRUE(nothing.box.empty());
  EXPECT_EQ(nothing.inside.volume(), 0);
}

TEST(PaddedView, of_a_view_has_no_padding) {
  const Numbered n;
  const PaddedView v = unpadded(n.view);
  EXPECT_FALSE(v.padded());
  EXPECT_EQ(v.rank(), 3);
  EXPECT_EQ(v.box.extents(), n.view.shape);
  EXPECT_FALSE(v.part({{0, 1, 2}, {2, 2, 4}}).padded());
}

}  // namespace
}  // namespace varo
