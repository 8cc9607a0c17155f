// SPDX-License-Identifier: Apache-2.0
#include "kernels/label/label.h"

#include <algorithm>
#include <functional>
#include <gtest/gtest.h>
#include <hwy/highway.h>
#include <map>
#include <random>

#include "core/dispatch.h"
#include "core/testing.h"

namespace varo {
namespace {

struct Component {
  std::int64_t value, first, voxels;
  std::vector<std::int64_t> lo, hi;
  bool operator==(const Component&) const = default;
};
void PrintTo(const Component& c, std::ostream* os) {
  *os << "class " << c.value << " first " << c.first << " voxels " << c.voxels << " box";
  for (std::size_t i = 0; i < c.lo.size(); ++i) *os << " " << c.lo[i] << ":" << c.hi[i];
}

std::int64_t value_at(const ConstView& v, std::int64_t element) {
  std::int64_t value = 0;
  dispatch<bool, std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::uint32_t,
           std::int32_t>(v.dtype, [&](auto tag) {
    value = static_cast<std::int64_t>(v.ptr<typename decltype(tag)::type>()[element]);
  });
  return value;
}

// The twin: fills one component after another, voxel by voxel.
std::vector<Component> flood(const ConstView& v, std::int64_t background) {
  const std::int64_t n = v.volume();
  const int rank = v.rank();
  const Strides scan = dense_strides(v.shape);
  const auto coordinate = [&](std::int64_t i, int axis) { return i / scan[axis] % v.shape[axis]; };
  std::vector<std::int64_t> values;
  for (std::int64_t i = 0; i < n; ++i) {
    std::int64_t at = 0;
    for (int k = 0; k < rank; ++k) at += coordinate(i, k) * v.strides[k];
    values.push_back(value_at(v, at));
  }
  std::vector<bool> seen(static_cast<std::size_t>(n));
  std::vector<Component> all;
  for (std::int64_t i = 0; i < n; ++i) {
    if (seen[i] || values[i] == background) continue;
    Component c{values[i], i, 0, std::vector<std::int64_t>(rank, INT32_MAX),
                std::vector<std::int64_t>(rank, 0)};
    std::vector<std::int64_t> todo{i};
    seen[i] = true;
    while (!todo.empty()) {
      const std::int64_t at = todo.back();
      todo.pop_back();
      ++c.voxels;
      for (int k = 0; k < rank; ++k) {
        const std::int64_t x = coordinate(at, k);
        c.lo[k] = std::min(c.lo[k], x);
        c.hi[k] = std::max(c.hi[k], x + 1);
        for (const int step : {-1, 1}) {
          if (x + step < 0 || x + step >= v.shape[k]) continue;
          const std::int64_t next = at + step * scan[k];
          if (seen[next] || values[next] != c.value) continue;
          seen[next] = true;
          todo.push_back(next);
        }
      }
    }
    all.push_back(c);
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.value < b.value; });
  return all;
}

std::vector<Component> listed(const ComponentTable& table) {
  std::vector<Component> all;
  for (const auto& cls : table.classes)
    for (std::int64_t i = cls.begin; i < cls.end; ++i) {
      const auto lo = table.lo(i), hi = table.hi(i);
      all.push_back({cls.value,
                     table.first[i],
                     table.voxels[i],
                     {lo.begin(), lo.end()},
                     {hi.begin(), hi.end()}});
    }
  EXPECT_EQ(static_cast<std::int64_t>(all.size()), table.size());
  return all;
}

void expect_as_flooded(const ConstView& v, std::int64_t background = 0) {
  const auto wanted = flood(v, background);
  EXPECT_EQ(listed(label_components(v, background, Parallel::serial())), wanted)
      << to_string(v.shape);
  testing::ShuffledParallel threads(7);
  EXPECT_EQ(listed(label_components(v, background, threads)), wanted)
      << to_string(v.shape) << " on threads";
}

// `classes` values with long stretches of equal ones, about `density` of them not 0.
template <class T>
std::vector<T> blobs(std::int64_t n, int classes, double density, unsigned seed) {
  std::mt19937 rng(seed);
  std::vector<T> v(static_cast<std::size_t>(n));
  std::uniform_real_distribution<> real;
  const std::int64_t mean = 1 + rng() % 20;
  for (std::int64_t i = 0; i < n;) {
    const T value = real(rng) < density
                        ? static_cast<T>(static_cast<std::int64_t>(rng() % classes) -
                                         (std::is_signed_v<T> ? classes / 2 : 0))
                        : T(0);
    for (std::int64_t k = 1 + static_cast<std::int64_t>(rng()) % mean; k > 0 && i < n; --k)
      v[static_cast<std::size_t>(i++)] = value;
  }
  return v;
}

template <class T>
class Labels : public ::testing::Test {};
// Not bool: std::vector<bool> has no elements to point at. It has its own test.
using Types = ::testing::Types<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t,
                               std::uint32_t, std::int32_t>;
TYPED_TEST_SUITE(Labels, Types);

TYPED_TEST(Labels, agree_with_flood_fill_in_every_rank) {
  const Shape shapes[] = {
      {1},         {2},        {67},         {301},          {5, 3},          {19, 70},
      {3, 1, 131}, {7, 9, 33}, {4, 5, 6, 7}, {17, 2, 18, 3}, {3, 2, 4, 3, 5}, {2, 3, 2, 3, 2, 19},
      {1, 1, 1},   {20, 20, 2}};
  unsigned seed = 1;
  for (const Shape& shape : shapes)
    for (const double density : {0.1, 0.5, 0.9})
      for (const int classes : {1, 2, 5}) {
        const auto v = blobs<TypeParam>(volume(shape), classes + 1, density, ++seed);
        expect_as_flooded(dense_view(v.data(), shape));
        expect_as_flooded(dense_view(v.data(), shape), 1);
      }
}

TYPED_TEST(Labels, extreme_values_keep_their_sign_and_order) {
  using L = std::numeric_limits<TypeParam>;
  const TypeParam v[] = {L::max(), L::min(), 1, L::max(), L::max(), 0, L::min()};
  expect_as_flooded(dense_view(v, {7}), 1);
  expect_as_flooded(dense_view(v, {7}), L::max());
  expect_as_flooded(dense_view(v, {7}),
                    std::int64_t{L::min()} - 1);  // no such value: nothing is background
  expect_as_flooded(dense_view(v, {7}), std::int64_t{L::max()} + 1);
}

TYPED_TEST(Labels, strided_views) {
  const Shape shape{9, 20, 70};
  const auto v = blobs<TypeParam>(volume(shape), 3, 0.6, 5);
  ConstView whole = dense_view(v.data(), shape);
  const int orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {2, 0, 1}};
  for (const auto& order : orders)
    for (int mirrored = 0; mirrored < 8; ++mirrored)
      for (const int step : {1, 3}) {
        ConstView view{v.data(), whole.dtype, {}, {}};
        std::int64_t offset = 0;
        for (const int axis : order) {
          const std::int64_t extent = (shape[axis] + step - 1) / step;
          const bool flip = (mirrored >> axis & 1) != 0;
          if (flip) offset += (extent - 1) * step * whole.strides[axis];
          view.shape.push_back(extent);
          view.strides.push_back((flip ? -step : step) * whole.strides[axis]);
        }
        view.data = v.data() + offset;
        expect_as_flooded(view);
      }
  ConstView repeated = whole;  // broadcast along the first and the last axis
  repeated.strides[0] = repeated.strides[2] = 0;
  expect_as_flooded(repeated);
}

void expect_rows_as_flooded() {
  std::mt19937 rng(3);
  for (int n = 1; n <= 300; n += n < 140 ? 1 : 23)
    for (const int shift : {0, 1, 3}) {
      const auto v = blobs<std::uint8_t>(3 * n + shift, 3, 0.5, rng());
      expect_as_flooded(dense_view(v.data() + shift, {3, n}));
      const auto w = blobs<std::uint16_t>(3 * n + shift, 3, 0.5, rng());
      expect_as_flooded(dense_view(w.data() + shift, {3, n}));
      const auto x = blobs<std::int32_t>(3 * n + shift, 3, 0.5, rng());
      expect_as_flooded(dense_view(x.data() + shift, {3, n}));
    }
}

TEST(labels, every_row_length_and_misalignment_on_every_instruction_set) {
  int targets = 0;
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::GetChosenTarget().Update(target);
    SCOPED_TRACE(hwy::TargetName(target));
    expect_rows_as_flooded();
    ++targets;
  }
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  EXPECT_GT(targets, 0);
}

TEST(labels, single_voxels_at_every_place_of_a_row) {
  for (int at = 0; at < 330; ++at) {
    std::vector<std::uint8_t> v(330);
    v[static_cast<std::size_t>(at)] = 2;
    expect_as_flooded(dense_view(v.data(), {330}));
  }
}

TEST(labels, bool_map) {
  const bool v[3][4] = {
      {true, false, false, true}, {true, true, false, false}, {false, false, true, true}};
  expect_as_flooded(dense_view(&v[0][0], {3, 4}));
  expect_as_flooded(dense_view(&v[0][0], {3, 4}), 1);
}

TEST(labels, nothing_to_find) {
  const std::vector<std::uint8_t> zeros(1000);
  EXPECT_EQ(label_components(dense_view(zeros.data(), {10, 100}), 0, Parallel::serial()).size(), 0);
  for (const Shape& shape : {Shape{0}, Shape{3, 0, 4}, Shape{0, 0}}) {
    const ComponentTable table =
        label_components(dense_view(zeros.data(), shape), 0, Parallel::serial());
    EXPECT_EQ(table.size(), 0);
    EXPECT_EQ(table.rank, shape.rank());
  }
}

TEST(labels, diagonal_neighbours_are_strangers) {
  std::vector<std::uint8_t> board(7 * 8 * 9);
  for (int z = 0; z < 7; ++z)
    for (int y = 0; y < 8; ++y)
      for (int x = 0; x < 9; ++x)
        board[static_cast<std::size_t>((z * 8 + y) * 9 + x)] = (x + y + z) % 2;
  const ConstView view = dense_view(board.data(), {7, 8, 9});
  expect_as_flooded(view);
  EXPECT_EQ(label_components(view, 0, Parallel::serial()).size(), 7 * 8 * 9 / 2);
}

TEST(labels, spiral_is_one_component) {
  constexpr int n = 101;
  std::vector<std::uint8_t> v(n * n);
  int y = 0, x = 0, dy = 0, dx = 1;
  const auto inside = [](int a, int b) { return a >= 0 && a < n && b >= 0 && b < n; };
  const auto cell = [&](int a, int b) -> std::uint8_t& {
    return v[static_cast<std::size_t>(a * n + b)];
  };
  for (int turns = 0; turns < 2;) {
    cell(y, x) = 1;
    const bool free = inside(y + dy, x + dx) &&
                      !(inside(y + 2 * dy, x + 2 * dx) && cell(y + 2 * dy, x + 2 * dx) != 0);
    if (free) {
      turns = 0;
      y += dy;
      x += dx;
    } else {
      ++turns;
      std::tie(dy, dx) = std::pair(dx, -dy);
    }
  }
  const ConstView view = dense_view(v.data(), {n, n});
  expect_as_flooded(view);
  EXPECT_EQ(label_components(view, 0, Parallel::serial()).size(), 1);
}

TEST(labels, combs_that_meet_in_the_last_slab) {
  // Teeth along the first axis, 2.9 million voxels, so that several parts see them apart.
  const Shape shape{90, 160, 200};
  std::vector<std::uint8_t> v(static_cast<std::size_t>(volume(shape)));
  for (int z = 0; z < 90; ++z)
    for (int y = 0; y < 160; y += 2)
      for (int x = 0; x < 200; ++x)
        if (x % 2 == 0 || z == 89)
          v[static_cast<std::size_t>((z * 160 + y) * 200 + x)] =
              static_cast<std::uint8_t>(1 + y % 3);
  testing::ThreadedParallel threads(3);
  const ConstView view = dense_view(v.data(), shape);
  const ComponentTable split = label_components(view, 0, threads);
  EXPECT_EQ(split.size(), 80);
  EXPECT_EQ(listed(split), flood(view, 0));
  ConstView upside_down = view;
  upside_down.data = v.data() + 89 * 160 * 200;
  upside_down.strides[0] = -upside_down.strides[0];
  EXPECT_EQ(listed(label_components(upside_down, 0, threads)), flood(upside_down, 0));
}

TEST(labels, noise_in_slabs) {
  for (const Shape& shape : {Shape{150, 150, 150}, Shape{3, 1500, 700}, Shape{40, 50000}}) {
    const auto v = blobs<std::uint8_t>(volume(shape), 4, 0.7, 11);
    testing::ThreadedParallel threads(3);
    EXPECT_EQ(listed(label_components(dense_view(v.data(), shape), 0, threads)),
              flood(dense_view(v.data(), shape), 0));
  }
}

TEST(labels, rows_longer_than_a_piece) {
  for (const std::int64_t n : {16384, 65536, 65537, 200001}) {
    std::vector<std::uint16_t> v(static_cast<std::size_t>(2 * n), 3);
    v[40000 % n] = 0;
    v[static_cast<std::size_t>(n + 5)] = 7;
    v[static_cast<std::size_t>(2 * n - 1)] = 0;
    expect_as_flooded(dense_view(v.data(), {2, n}));
    expect_as_flooded(dense_view(v.data(), {2 * n}));
    const auto w = blobs<std::uint16_t>(2 * n, 3, 0.5, 9);
    expect_as_flooded(dense_view(w.data(), {2, n}));
    expect_as_flooded({w.data(), DType::u16, {n}, {2}});
  }
}

}  // namespace
}  // namespace varo
