// SPDX-License-Identifier: Apache-2.0
#include "varo/shape.h"

#include <gtest/gtest.h>
#include <limits>
#include <set>
#include <stdexcept>
#include <vector>

#include "varo/dtype.h"
#include "varo/error.h"
#include "varo/view.h"

namespace varo {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

TEST(dims, insert_and_erase_at_every_place) {
  for (int at = 0; at <= 3; ++at) {
    Dims d{10, 20, 30};
    d.insert(at, 5);
    std::vector<std::int64_t> wanted{10, 20, 30};
    wanted.insert(wanted.begin() + at, 5);
    EXPECT_EQ(d, Dims(std::span<const std::int64_t>(wanted)));
    d.erase(at);
    EXPECT_EQ(d, (Dims{10, 20, 30}));
  }
}

TEST(dims, holds_eight_and_no_more) {
  Dims d = Dims::filled(kMaxRank, 7);
  EXPECT_EQ(d.rank(), 8);
  EXPECT_EQ(d.back(), 7);
  EXPECT_THROW(d.push_back(1), std::length_error);
  EXPECT_THROW(d.insert(0, 1), std::length_error);
  EXPECT_EQ(d, Dims::filled(8, 7)) << "as it was";
  EXPECT_THROW((Dims{1, 2, 3, 4, 5, 6, 7, 8, 9}), std::length_error);
  EXPECT_THROW(Dims::filled(9, 0), std::length_error);
}

TEST(dims, equality_is_of_rank_and_values) {
  EXPECT_EQ(Dims{}, Dims{});
  EXPECT_NE((Dims{1, 2}), (Dims{1, 2, 0}));
  EXPECT_NE((Dims{1, 2}), (Dims{2, 1}));
  Dims shrunk{1, 2, 3};
  shrunk.erase(2);
  EXPECT_EQ(shrunk, (Dims{1, 2})) << "what lies past the end does not count";
  shrunk.clear();
  EXPECT_TRUE(shrunk.empty());
}

TEST(shape, volume_and_text) {
  EXPECT_EQ(volume({}), 1);
  EXPECT_EQ(volume({3, 4, 5}), 60);
  EXPECT_EQ(volume({3, 0, 5}), 0);
  EXPECT_EQ(to_string(Shape{1, 128, -160}), "[1, 128, -160]");
  EXPECT_EQ(to_string(Shape{}), "[]");
}

TEST(shape, checked_bytes_refuses_what_no_memory_can_hold) {
  EXPECT_EQ(checked_bytes({}, 4), 4);
  EXPECT_EQ(checked_bytes({2, 3}, 8), 48);
  EXPECT_EQ(checked_bytes({2, 0, 3}, 8), 0);
  EXPECT_EQ(checked_bytes({kMax}, 1), kMax);
  EXPECT_EQ(checked_bytes({kMax}, 2), -1);
  EXPECT_EQ(checked_bytes({std::int64_t{1} << 32, std::int64_t{1} << 31}, 1), -1);
  EXPECT_EQ(checked_bytes({std::int64_t{1} << 31, std::int64_t{1} << 31}, 2), -1);
  EXPECT_EQ(checked_bytes({-1}, 1), -1);
  EXPECT_EQ(checked_bytes({-2, -3}, 1), -1);
  EXPECT_EQ(checked_bytes({0, -1}, 1), -1) << "an empty shape hides no negative extent";
  EXPECT_EQ(checked_bytes({kMax, kMax, 0}, 1), -1) << "nor one that overflows";
  EXPECT_EQ(checked_bytes({0, kMax, kMax}, 1), -1);
}

TEST(shape, dense_strides_are_row_major) {
  EXPECT_EQ(dense_strides({2, 3, 4}), (Strides{12, 4, 1}));
  EXPECT_EQ(dense_strides({7}), (Strides{1}));
  EXPECT_EQ(dense_strides({}), Strides{});
}

TEST(view, is_dense) {
  const auto dense = [](Shape shape, Strides strides) {
    return is_dense({nullptr, DType::u8, shape, strides});
  };
  EXPECT_TRUE(dense({}, {}));
  EXPECT_TRUE(dense({2, 3, 4}, {12, 4, 1}));
  EXPECT_FALSE(dense({2, 3, 4}, {24, 4, 1})) << "a gap";
  EXPECT_FALSE(dense({2, 3, 4}, {1, 2, 6})) << "the other order";
  EXPECT_FALSE(dense({2, 3}, {3, -1})) << "backwards";
  EXPECT_FALSE(dense({2, 3}, {0, 1})) << "repeated";
  EXPECT_TRUE(dense({1, 3}, {-99, 1})) << "an axis of one voxel may have any stride";
  EXPECT_TRUE(dense({3, 1}, {1, 77}));
  EXPECT_TRUE(dense({5, 0, 3}, {9, 9, 9})) << "nothing has no gaps";
  EXPECT_TRUE(dense({0, 5, 3}, {9, 9, 9}));
}

TEST(box, extents_and_emptiness) {
  EXPECT_EQ((Box{{1, 2}, {4, 10}}.extents()), (Shape{3, 8}));
  EXPECT_FALSE((Box{{1, 2}, {4, 10}}.empty()));
  EXPECT_TRUE((Box{{1, 2}, {4, 2}}.empty()));
  EXPECT_TRUE((Box{{5, 2}, {4, 10}}.empty()));
  EXPECT_FALSE((Box{}.empty())) << "a scalar is one element";
}

TEST(layout, find_and_compare) {
  const Layout layout("CDHW");
  EXPECT_EQ(layout.rank(), 4);
  EXPECT_EQ(layout.find('C'), 0);
  EXPECT_EQ(layout.find('W'), 3);
  EXPECT_EQ(layout.find('F'), -1);
  EXPECT_EQ(layout[2], 'H');
  EXPECT_EQ(layout, Layout("CDHW"));
  EXPECT_NE(layout, Layout("CDH"));
  EXPECT_TRUE(Layout().empty());
  EXPECT_FALSE(Layout().has('\0'));
}

TEST(layout, axes_come_go_and_move) {
  const Layout layout("DHW");
  EXPECT_EQ(layout.with(0, 'C'), Layout("CDHW"));
  EXPECT_EQ(layout.with(3, 'C'), Layout("DHWC"));
  EXPECT_EQ(layout.without(1), Layout("DW"));
  EXPECT_EQ(Layout().without(1), Layout());
  const int reversed[] = {2, 1, 0};
  EXPECT_EQ(layout.permuted(reversed), Layout("WHD"));
  EXPECT_EQ(Layout().permuted(reversed), Layout());
  const int some[] = {2, 0};
  EXPECT_EQ(layout.permuted(some), Layout("WD"));
}

TEST(layout, more_than_eight_letters_are_refused) {
  EXPECT_EQ(Layout("ABCDEFGH").rank(), 8);
  try {
    Layout("ABCDEFGHI");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::layout);
    EXPECT_NE(std::string(error.what()).find("ABCDEFGHI"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("8"), std::string::npos);
  }
  EXPECT_THROW(Layout("ABCDEFGH").with(0, 'X'), Error);
}

TEST(dtype, names_are_numpys_and_distinct) {
  std::set<std::string_view> names;
  for (int i = 0; i < kDTypeCount; ++i) {
    const auto t = static_cast<DType>(i);
    names.insert(name_of(t));
    EXPECT_EQ(dtype_named(name_of(t)), t);
    EXPECT_EQ(is_float(t) + is_bool(t) + is_integer(t), 1);
  }
  EXPECT_EQ(names.size(), 12U);
  EXPECT_EQ(name_of(DType::f16), "float16");
  EXPECT_EQ(name_of(DType::boolean), "bool");
  EXPECT_FALSE(dtype_named("float"));
  EXPECT_FALSE(dtype_named(""));
  EXPECT_EQ(dtype_of<float>, DType::f32);
  EXPECT_EQ(size_of(DType::f16), 2U);
  EXPECT_EQ(size_of(DType::boolean), 1U);
  EXPECT_EQ(size_of(DType::i64), 8U);
}

TEST(dtype, signedness) {
  for (const DType t :
       {DType::i8, DType::i16, DType::i32, DType::i64, DType::f16, DType::f32, DType::f64})
    EXPECT_TRUE(is_signed(t)) << name_of(t);
  for (const DType t : {DType::u8, DType::u16, DType::u32, DType::u64, DType::boolean})
    EXPECT_FALSE(is_signed(t)) << name_of(t);
}

}  // namespace
}  // namespace varo
