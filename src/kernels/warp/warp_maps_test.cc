// SPDX-License-Identifier: Apache-2.0
// Warps by maps of every kind: along axes, across borders, far away.
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <hwy/targets.h>
#include <random>
#include <sys/mman.h>
#include <vector>

#include "core/convert.h"
#include "core/dispatch.h"
#include "kernels/testing.h"
#include "kernels/warp/warp.h"

namespace varo {
namespace {

using testing::make_volume;
using testing::values_of;
using testing::Volume;
using Map = std::array<double, 12>;

struct NamedMap {
  const char* name;
  Map map;
};

// Inputs have about 9 x 11 x 40 voxels, outputs 10 x 13 x 83: all of these go over several faces.
const NamedMap kLevel[] = {
    {"scaled", {0.61, 0, 0, -3.2, 0, 1.2, 0, -2.1, 0, 0, 1.3, -1.4}},
    {"shrunk", {3.7, 0, 0, -20.3, 0, 1.9, 0, -3.3, 0, 0, 1.9, -2.2}},
    {"enlarged", {0.13, 0, 0, 33.1, 0, 0.2, 0, 9.1, 0, 0, 0.1, -0.8}},
    {"shifted", {1, 0, 0, -0.7, 0, 1, 0, 0.3, 0, 0, 1, -0.45}},
    {"shifted far", {1, 0, 0, -60.3, 0, 1, 0, 2.3, 0, 0, 1, 1.5}},
    {"shifted by halves", {1, 0, 0, -0.5, 0, 1, 0, 0.5, 0, 0, 1, -0.5}},
    {"shifted by almost one", {1, 0, 0, -3.00000001, 0, 1, 0, -1.00000002, 0, 0, 1, 0.99999999}},
    {"mirrored", {-0.8, 0, 0, 47.1, 0, -1, 0, 10.3, 0, 0, -1.1, 9.2}},
    {"turned about x", {0.9, 0, 0, -1, 0, 0.8, -0.6, 3, 0, 0.6, 0.8, -3}},
    {"sheared along x", {0.9, 0.3, -0.4, -1, 0, 1, 0, -1.2, 0, 0, 1.1, 0.1}},
    {"a point", {0, 0, 0, 7.3, 0, 0, 0, 4.9, 0, 0, 0, 5.2}},
};
const NamedMap kOther[] = {
    {"turned", {0.87, 0.41, -0.13, -5.3, -0.38, 0.91, 0.21, 4.1, 0.2, -0.12, 0.97, -3.7}},
    {"turned back", {-0.87, 0.41, -0.13, 50.3, -0.11, -0.91, 0.21, 14.1, 0.1, -0.12, -0.97, 5.7}},
    {"z along x", {0, 0, 3.9, 1.2, 0, 0.9, 0, -1.3, 0.13, 0, 0, -0.9}},
    {"y along x", {0, 3.1, 0, 0.2, 0.15, 0, 0, -0.8, 0, 0, 1.1, -1.2}},
    {"steep", {7.9, 0.4, 0.3, -60, 1.1, 0.9, 0.1, -30, -0.9, 0.2, 1.1, 30}},
    {"long steps", {19.7, 0.4, 0.3, -90, 5.1, 0.9, 0.1, -30, -4.9, 0.2, 1.1, 30}},
    {"long steps along x", {57.3, 0, 0, -90, 0, 0.9, 0, -1, 0, 0, 1.1, 0.3}},
    {"hardly any steps", {1e-7, 0.9, 0.3, 20, 1e-8, 1.1, 0.1, -1, -1e-9, 0.2, 1.1, 0.3}},
    {"over one face for long", {0.5, 0.1, 0, -1, 0.004, 0.01, 0, -0.31, 0, 0.1, 1, 0.2}},
    {"far away", {0.9, 0.1, 0, 1e6, 0.1, 1, 0, 3, 0, 0.1, 1, 2}},
    {"very far away", {0.9, 0.1, 0, 3, 0.1, 1, 0, -5e8, 0, 0.1, 1, 2}},
    {"farther than can be", {0.9, 0.1, 0, 3, 0.1, 1, 0, 5, 0, 0.1, 1, -1e30}},
};

std::vector<NamedMap> all_maps() {
  std::vector<NamedMap> maps(std::begin(kLevel), std::end(kLevel));
  maps.insert(maps.end(), std::begin(kOther), std::end(kOther));
  return maps;
}

// One output voxel in float64; NaN where a nearest position is too close to a cell's edge to tell.
double slow(const std::vector<double>& in, const Shape& shape, const WarpParams& p, double fill,
            const Dims& at) {
  const double to[3] = {at[2] + 0.5, at[1] + 0.5, at[0] + 0.5};
  double position[3] = {0, 0, to[2]};
  for (int axis = 0; axis < p.axes; ++axis) {
    position[axis] = p.source_of[axis * 4 + 3];
    for (int j = 0; j < p.axes; ++j) position[axis] += p.source_of[axis * 4 + j] * to[j];
  }
  const auto read = [&](const double(&index)[3]) {
    std::int64_t element = 0;
    for (int axis = 2; axis >= 0; --axis) {
      const auto extent = static_cast<double>(shape[2 - axis]);
      const double pinned = std::min(std::max(index[axis], 0.0), extent - 1);
      if (p.border == WarpBorder::constant && pinned != index[axis]) return fill;
      element = element * shape[2 - axis] + static_cast<std::int64_t>(pinned);
    }
    return in[static_cast<std::size_t>(element * shape[3] + at[3])];
  };
  const bool linear = p.filter == WarpFilter::linear;
  double base[3], weight[3];
  for (int axis = 0; axis < 3; ++axis) {
    const double x = linear ? position[axis] - 0.5 : position[axis];
    base[axis] = std::floor(x);
    weight[axis] = x - base[axis];
    if (!linear && std::abs(x - std::round(x)) < 1e-4) return std::nan("");
  }
  if (!linear) return read(base);
  double sum = 0;
  for (int corner = 0; corner < 8; ++corner) {
    double share = 1, index[3];
    for (int axis = 0; axis < 3; ++axis) {
      const bool upper = (corner >> axis & 1) != 0;
      share *= upper ? weight[axis] : 1 - weight[axis];
      index[axis] = base[axis] + (upper ? 1 : 0);
    }
    if (share != 0) sum += share * read(index);
  }
  return sum;
}

std::uint64_t bits_of(DType dtype, double value) {
  std::uint64_t bits = 0;
  dispatch_all(dtype, [&](auto tag) {
    const auto t = saturate<typename decltype(tag)::type>(value);
    std::memcpy(&bits, &t, sizeof t);
  });
  return bits;
}

Volume filled(DType dtype, const Shape& shape, unsigned variant) {
  Volume v = make_volume(dtype, shape, variant);
  testing::fill_random(v.view, 11, 200);
  return v;
}

std::vector<double> warped(const ConstView& in, const Shape& shape, const WarpParams& p,
                           unsigned variant = 0) {
  const Volume out = make_volume(in.dtype, shape, variant);
  warp_affine(in, out.view, p, Parallel::serial());
  return values_of(out.view);
}

template <class Body>
void for_each_way(const Body& body) {
  for (const auto filter : {WarpFilter::linear, WarpFilter::nearest})
    for (const auto border : {WarpBorder::clamp, WarpBorder::constant}) {
      WarpParams p;
      p.filter = filter;
      p.border = border;
      body(p);
    }
}

void expect_slow(const ConstView& in, const Shape& shape, WarpParams p, const std::string& what) {
  p.fill_bits = bits_of(in.dtype, 77);
  const std::vector<double> values = values_of(in), got = warped(in, shape, p);
  // A position may be 3e-5 voxel off on each axis, and neighbours are up to 400 apart.
  const double allowed = p.filter == WarpFilter::nearest ? 0 : in.dtype == DType::f32 ? 0.04 : 1;
  testing::for_each_index(shape, [&](const Dims& at, std::int64_t i) {
    const double wanted = slow(values, in.shape, p, 77, at);
    if (std::isnan(wanted) || ::testing::Test::HasFailure()) return;
    EXPECT_NEAR(got[static_cast<std::size_t>(i)], wanted, allowed)
        << what << " to " << name_of(in.dtype) << " at " << to_string(at) << " axes " << p.axes
        << (p.border == WarpBorder::clamp ? " clamp" : " constant")
        << (p.filter == WarpFilter::linear ? " linear" : " nearest");
  });
}

TEST(WarpMaps, agree_with_float64) {
  for (const Shape& shape : {Shape{9, 11, 40, 1}, Shape{1, 11, 40, 1}, Shape{9, 1, 40, 1},
                             Shape{9, 11, 1, 1}, Shape{9, 11, 2, 1}, Shape{1, 1, 1, 1}})
    for (const DType dtype : {DType::f32, DType::u8, DType::i16})
      for (const int axes : {2, 3})
        for_each_way([&](WarpParams p) {
          const Volume in = filled(dtype, shape, 0);
          const Shape out{axes == 2 ? shape[0] : 10, 13, 83, 1};
          p.axes = axes;
          for (const NamedMap& m : all_maps()) {
            p.source_of = m.map;
            expect_slow(in.view, out, p, m.name);
          }
        });
}

TEST(WarpMaps, give_the_same_bits_for_any_memory_order) {
  const Shape shape{9, 11, 40, 3}, to{5, 13, 83, 3};
  for (const DType dtype : {DType::f32, DType::u8})
    for_each_way([&](WarpParams p) {
      for (const NamedMap& m : all_maps())
        for (const double fill : {77.0, static_cast<double>(HUGE_VALF)}) {
          p.source_of = m.map;
          p.fill_bits = bits_of(dtype, fill);
          const std::vector<double> wanted = warped(filled(dtype, shape, 0).view, to, p);
          for (const unsigned variant : {1U, 2U, 3U, 4U}) {
            const auto got = warped(filled(dtype, shape, variant).view, to, p, variant);
            EXPECT_EQ(std::memcmp(got.data(), wanted.data(), got.size() * sizeof(double)), 0)
                << m.name << " variant " << variant << " fill " << fill;
          }
          // Planes, forwards and backwards along x.
          const Volume base = filled(dtype, shape, 0);
          for (const std::int64_t x : {1, -1}) {
            Volume planes = make_volume(dtype, {3, 9, 11, 40}, 0);
            View v = planes.view;
            v.shape = shape;
            v.strides = {440, 40, x, 3960};
            if (x < 0)
              v.data = static_cast<std::byte*>(v.data) + 39 * static_cast<int>(size_of(dtype));
            testing::for_each_index(shape, [&](const Dims& at, std::int64_t i) {
              const auto size = static_cast<std::int64_t>(size_of(dtype));
              std::memcpy(static_cast<std::byte*>(v.data) + offset_of(v.strides, at) * size,
                          base.bytes.data() + i * size, size_of(dtype));
            });
            const auto got = warped(v, to, p);
            EXPECT_EQ(std::memcmp(got.data(), wanted.data(), got.size() * sizeof(double)), 0)
                << m.name << " planes " << x << " fill " << fill;
          }
        }
    });
}

// A step of 1e-30 voxel changes no position, but a row is no longer level.
TEST(WarpMaps, along_the_input_equal_those_across_it_bit_for_bit) {
  for (const DType dtype : {DType::f32, DType::i16, DType::i32})
    for (const std::int64_t width : {1, 2, 7, 40, 150})
      for (const unsigned variant : {0U, 3U})
        for_each_way([&](WarpParams p) {
          const Volume in = filled(dtype, {9, 11, width, 1}, variant);
          p.fill_bits = bits_of(dtype, 77);
          for (const NamedMap& m : kLevel)
            for (const Shape& to : {Shape{10, 13, 83, 1}, Shape{4, 3, 5, 1}, Shape{4, 3, 130, 1}}) {
              p.source_of = m.map;
              const auto level = warped(in.view, to, p);
              p.source_of[4] = 1e-30;
              EXPECT_EQ(level, warped(in.view, to, p)) << m.name << " " << width;
            }
        });
}

TEST(WarpMaps, give_the_same_bits_on_every_instruction_set) {
  const Shape shape{9, 11, 40, 1}, to{5, 13, 83, 1};
  for (const DType dtype : {DType::f32, DType::i16})
    for_each_way([&](WarpParams p) {
      const Volume in = filled(dtype, shape, 0);
      p.fill_bits = bits_of(dtype, 77);
      for (const NamedMap& m : all_maps()) {
        p.source_of = m.map;
        std::vector<double> first;
        for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
          hwy::SetSupportedTargetsForTest(target);
          hwy::GetChosenTarget().Update(hwy::SupportedTargets());
          const auto got = warped(in.view, to, p);
          if (first.empty()) first = got;
          EXPECT_EQ(got, first) << hwy::TargetName(target) << " " << m.name;
        }
        hwy::SetSupportedTargetsForTest(0);
        hwy::GetChosenTarget().DeInit();
      }
    });
}

// Two slices 2^31 elements apart: offsets that no int32 holds.
TEST(WarpMaps, reach_over_more_than_two_gigabytes) {
  const std::int64_t apart = (std::int64_t{1} << 31) + 4096;
  const std::size_t bytes = static_cast<std::size_t>(apart) + 8192;
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) GTEST_SKIP() << "no address space";
  const Shape shape{2, 7, 40, 1};
  const Volume near = filled(DType::u8, shape, 0);
  View far{memory, DType::u8, shape, {apart, 40, 1, 1}};
  for (int z = 0; z < 2; ++z)
    std::memcpy(static_cast<std::byte*>(memory) + z * apart, near.bytes.data() + z * 280, 280);
  for_each_way([&](WarpParams p) {
    p.fill_bits = 77;
    for (const NamedMap& m : all_maps()) {
      p.source_of = m.map;
      EXPECT_EQ(warped(far, {3, 9, 83, 1}, p), warped(near.view, {3, 9, 83, 1}, p)) << m.name;
    }
  });
  munmap(memory, bytes);
}

}  // namespace
}  // namespace varo
