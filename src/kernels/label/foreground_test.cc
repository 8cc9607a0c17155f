// SPDX-License-Identifier: Apache-2.0
#include "kernels/label/foreground.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <vector>

#include "core/testing.h"

namespace varo {
namespace {

// Every foreground voxel, found one by one, against the obvious loop.
template <class T, class Test>
void expect_all(const ConstView& v, const Foreground& f, const Test& is_foreground) {
  const Strides scan = dense_strides(v.shape);
  std::vector<std::int64_t> wanted;  // row-major indices
  for (std::int64_t i = 0; i < v.volume(); ++i) {
    std::int64_t at = 0;
    for (int k = 0; k < v.rank(); ++k) at += i / scan[k] % v.shape[k] * v.strides[k];
    if (is_foreground(v.ptr<T>()[at])) wanted.push_back(i);
  }
  std::vector<std::int64_t> counts(static_cast<std::size_t>(foreground_blocks(v.shape)), -1);
  testing::ShuffledParallel shuffled(1);
  ASSERT_EQ(count_foreground(v, f, counts, shuffled), static_cast<std::int64_t>(wanted.size()));
  const std::size_t step = std::max<std::size_t>(1, wanted.size() / 50);
  for (std::size_t n = 0; n < wanted.size(); n += step) {
    const Dims index = nth_foreground(v, f, counts, static_cast<std::int64_t>(n));
    std::int64_t i = 0;
    for (int k = 0; k < v.rank(); ++k) {
      ASSERT_LT(index[k], v.shape[k]);
      i += index[k] * scan[k];
    }
    ASSERT_EQ(i, wanted[n]) << n;
  }
}

template <class T>
std::vector<T> noise(std::int64_t n) {
  std::mt19937 rng(4);
  std::vector<T> v(static_cast<std::size_t>(n));
  for (auto& x : v) x = static_cast<T>(static_cast<int>(rng() % 7) - (std::is_signed_v<T> ? 3 : 0));
  return v;
}

template <class T>
class Masks : public ::testing::Test {};
using Types = ::testing::Types<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t,
                               std::uint32_t, std::int32_t, std::uint64_t, std::int64_t, float>;
TYPED_TEST_SUITE(Masks, Types);

TYPED_TEST(Masks, every_voxel_is_found) {
  using T = TypeParam;
  for (const Shape& shape :
       {Shape{}, Shape{1}, Shape{1000}, Shape{7, 9}, Shape{3, 5, 129}, Shape{70, 41, 61},
        Shape{2, 3, 4, 5, 6, 7}, Shape{70000, 2}, Shape{2, 70000}}) {
    const auto v = noise<T>(volume(shape));
    const ConstView view = dense_view(v.data(), shape);
    expect_all<T>(view, {{}, 0}, [](T x) { return x > T(0); });
    expect_all<T>(view, {{}, 1.5}, [](T x) { return static_cast<double>(x) > 1.5; });
    expect_all<T>(view, {{}, -1.0}, [](T x) { return static_cast<double>(x) > -1.0; });
    expect_all<T>(view, {2}, [](T x) { return x == T(2); });
  }
}

TYPED_TEST(Masks, order_is_that_of_the_index_whatever_the_strides) {
  using T = TypeParam;
  const auto v = noise<T>(12 * 13 * 14);
  const ConstView turned{v.data() + 11 * 13 * 14, dtype_of<T>, {14, 6, 13}, {1, -2 * 13 * 14, 14}};
  expect_all<T>(turned, {{}, 0}, [](T x) { return x > T(0); });
}

TYPED_TEST(Masks, limits_of_the_type) {
  using T = TypeParam;
  using L = std::numeric_limits<T>;
  const T v[] = {L::lowest(), L::max(), T(0), T(1)};
  const ConstView view = dense_view(v, {4});
  const auto nothing = [](T) { return false; };
  const auto everything = [](T) { return true; };
  expect_all<T>(view, {{}, 1e300}, nothing);
  expect_all<T>(view, {{}, std::numeric_limits<double>::infinity()}, nothing);
  expect_all<T>(view, {{}, std::numeric_limits<double>::quiet_NaN()}, nothing);
  expect_all<T>(view, {{}, -std::numeric_limits<double>::infinity()}, everything);
  if constexpr (std::is_integral_v<T>) {
    expect_all<T>(view, {{}, static_cast<double>(L::max())}, nothing);
    expect_all<T>(view, {{}, std::ldexp(1.0, L::digits)}, nothing);
    if constexpr (sizeof(T) < 8) {
      expect_all<T>(view, {static_cast<std::int64_t>(L::max()) + 1}, nothing);
      expect_all<T>(view, {{}, static_cast<double>(L::max()) - 0.5},
                    [](T x) { return x == L::max(); });
      expect_all<T>(view, {{}, static_cast<double>(L::lowest()) - 0.5}, everything);
    }
    if constexpr (std::is_unsigned_v<T>) expect_all<T>(view, {-1}, nothing);
  } else {
    const float odd[] = {16777216.0F, 16777218.0F};
    expect_all<float>(dense_view(odd, {2}), {16777217}, [](float) { return false; });
    expect_all<float>(dense_view(odd, {2}), {16777218}, [](float x) { return x == 16777218.0F; });
    expect_all<float>(view, {std::numeric_limits<std::int64_t>::max()},
                      [](float) { return false; });
    expect_all<float>(view, {std::numeric_limits<std::int64_t>::min()},
                      [](float) { return false; });
  }
}

TEST(masks, bool_and_empty) {
  const bool v[] = {false, true, true, false, true};
  const ConstView view = dense_view(v, {5});
  expect_all<bool>(view, {}, [](bool x) { return x; });
  expect_all<bool>(view, {0}, [](bool x) { return !x; });
  expect_all<bool>(view, {2}, [](bool) { return false; });
  expect_all<bool>(view, {{}, -0.5}, [](bool) { return true; });
  for (const Shape& shape : {Shape{0}, Shape{3, 0}, Shape{0, 3}}) {
    EXPECT_EQ(foreground_blocks(shape), 0);
    EXPECT_EQ(count_foreground(dense_view(v, shape), {}, {}, Parallel::serial()), 0);
  }
}

}  // namespace
}  // namespace varo
