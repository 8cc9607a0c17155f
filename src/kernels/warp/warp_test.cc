// SPDX-License-Identifier: Apache-2.0
#include "kernels/warp/warp.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <hwy/targets.h>
#include <random>
#include <vector>

#include "core/convert.h"
#include "core/dispatch.h"
#include "kernels/warp/warp_point.h"

namespace varo {
namespace {

const DType kComputed[] = {DType::u8, DType::i8, DType::u16, DType::i16, DType::i32, DType::f32};

// A view [D, H, W, C] into a buffer of its own, filled with seeded noise, with room around it.
struct Volume {
  std::vector<std::byte> bytes;
  ConstView view;

  View writable() { return {const_cast<void*>(view.data), view.dtype, view.shape, view.strides}; }
};

Volume make_volume(DType dtype, const Shape& shape, const Strides& strides, unsigned seed) {
  std::int64_t low = 0, high = 0;
  for (int i = 0; i < shape.rank(); ++i) {
    const std::int64_t reach = (std::max<std::int64_t>(shape[i], 1) - 1) * strides[i];
    (reach < 0 ? low : high) += reach;
  }
  Volume v;
  const std::int64_t guard = 16, count = high - low + 1 + 2 * guard;
  v.bytes.resize(static_cast<std::size_t>(count) * size_of(dtype));
  std::mt19937 random(seed);
  dispatch_all(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* at = reinterpret_cast<T*>(v.bytes.data());
    for (std::int64_t i = 0; i < count; ++i)
      at[i] = saturate<T>(std::uniform_real_distribution<double>(-120, 250)(random));
    v.view = {at + guard - low, dtype, shape, strides};
  });
  return v;
}

std::int64_t offset_of(const ConstView& v, std::int64_t z, std::int64_t y, std::int64_t x,
                       std::int64_t c) {
  return z * v.strides[0] + y * v.strides[1] + x * v.strides[2] + c * v.strides[3];
}

double element(const ConstView& v, std::int64_t offset) {
  double value = 0;
  dispatch_all(v.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    value = saturate<double>(v.ptr<T>()[offset]);
  });
  return value;
}

double fill_of(DType dtype, std::uint64_t bits) {
  double value = 0;
  dispatch_all(dtype, [&](auto tag) {
    typename decltype(tag)::type t{};
    std::memcpy(static_cast<void*>(&t), &bits, sizeof t);
    value = saturate<double>(t);
  });
  return value;
}

// The slow twin: one output voxel in float64. `decided` turns false where a nearest position lies
// within 1e-4 voxel of a cell's edge.
double twin(const ConstView& in, const WarpParams& p, std::int64_t z, std::int64_t y,
            std::int64_t x, std::int64_t c, bool& decided) {
  const double at[3] = {x + 0.5, y + 0.5, z + 0.5};
  double position[3] = {0, 0, z + 0.5};
  for (int axis = 0; axis < p.axes; ++axis) {
    position[axis] = p.source_of[axis * 4 + 3];
    for (int j = 0; j < p.axes; ++j) position[axis] += p.source_of[axis * 4 + j] * at[j];
  }
  const std::int64_t extent[3] = {in.shape[2], in.shape[1], in.shape[0]};
  const auto read = [&](std::int64_t i, std::int64_t j, std::int64_t k) {
    std::int64_t at[3] = {i, j, k};
    for (int axis = 0; axis < 3; ++axis) {
      if (at[axis] >= 0 && at[axis] < extent[axis]) continue;
      if (p.border == WarpBorder::constant) return fill_of(in.dtype, p.fill_bits);
      at[axis] = at[axis] < 0 ? 0 : extent[axis] - 1;
    }
    return element(in, offset_of(in, at[2], at[1], at[0], c));
  };
  if (p.filter == WarpFilter::nearest) {
    std::int64_t index[3];
    for (int axis = 0; axis < 3; ++axis) {
      if (std::abs(position[axis] - std::round(position[axis])) < 1e-4) decided = false;
      index[axis] = static_cast<std::int64_t>(std::floor(position[axis]));
    }
    return read(index[0], index[1], index[2]);
  }
  std::int64_t base[3];
  double weight[3];
  for (int axis = 0; axis < 3; ++axis) {
    base[axis] = static_cast<std::int64_t>(std::floor(position[axis] - 0.5));
    weight[axis] = position[axis] - 0.5 - static_cast<double>(base[axis]);
  }
  double sum = 0;
  for (int corner = 0; corner < 8; ++corner) {
    double share = 1;
    for (int axis = 0; axis < 3; ++axis)
      share *= (corner >> axis & 1) != 0 ? weight[axis] : 1 - weight[axis];
    if (share != 0)
      sum += share *
             read(base[0] + (corner & 1), base[1] + (corner >> 1 & 1), base[2] + (corner >> 2 & 1));
  }
  return sum;
}

void expect_twin(const ConstView& in, const ConstView& out, const WarpParams& p,
                 const std::string& what) {
  std::int64_t compared = 0, undecided = 0;
  for (std::int64_t z = 0; z < out.shape[0]; ++z)
    for (std::int64_t y = 0; y < out.shape[1]; ++y)
      for (std::int64_t x = 0; x < out.shape[2]; ++x)
        for (std::int64_t c = 0; c < out.shape[3]; ++c) {
          bool decided = true;
          const double wanted = twin(in, p, z, y, x, c, decided);
          if (!decided) {
            ++undecided;
            continue;
          }
          ++compared;
          double expected = wanted, allowed = 1e-4 * 370;
          dispatch_all(out.dtype, [&](auto tag) {
            using T = typename decltype(tag)::type;
            if (out.dtype == DType::f32) return;
            expected = saturate<double>(saturate<T>(wanted));
            allowed = p.filter == WarpFilter::linear ? 1 : 0;
          });
          if (p.filter == WarpFilter::nearest) allowed = 0;
          ASSERT_NEAR(element(out, offset_of(out, z, y, x, c)), expected, allowed)
              << what << " at z, y, x, c = " << z << ", " << y << ", " << x << ", " << c;
        }
  EXPECT_LE(undecided * 20, compared + undecided) << what;
}

std::array<double, 12> oblique(double scale, double x, double y, double z) {
  // A rotation by about 33 degrees around a slanted axis, scaled and sheared.
  return {0.87 * scale, 0.41,         -0.13, x,  //
          -0.38,        0.91 * scale, 0.21,  y,  //
          0.2,          -0.12,        0.97,  z};
}

std::uint64_t bits_of(DType dtype, double value) {
  std::uint64_t bits = 0;
  dispatch_all(dtype, [&](auto tag) {
    const auto t = saturate<typename decltype(tag)::type>(value);
    std::memcpy(&bits, &t, sizeof t);
  });
  return bits;
}

Volume warped(const PaddedView& in, DType dtype, const Shape& shape, const WarpParams& p,
              Parallel& parallel = Parallel::serial()) {
  Volume out = make_volume(dtype, shape, dense_strides(shape), 99);
  warp_affine(in, out.writable(), p, parallel);
  return out;
}
Volume warped(const ConstView& in, DType dtype, const Shape& shape, const WarpParams& p,
              Parallel& parallel = Parallel::serial()) {
  return warped(unpadded(in), dtype, shape, p, parallel);
}

TEST(Warp, agrees_with_the_twin_for_every_pair_of_types) {
  const Shape shape{7, 9, 85, 1};
  for (const DType from : kComputed)
    for (const DType to : kComputed)
      for (const auto filter : {WarpFilter::nearest, WarpFilter::linear})
        for (const auto border : {WarpBorder::clamp, WarpBorder::constant}) {
          if (!warp_takes(from, to, filter)) continue;
          const Volume in = make_volume(from, shape, dense_strides(shape), 1);
          const WarpParams p{.axes = 3,
                             .source_of = oblique(1, -2.3, 6.1, -3.7),
                             .filter = filter,
                             .border = border,
                             .fill_bits = bits_of(from, 42)};
          const Volume out = warped(in.view, to, {8, 11, 97, 1}, p);
          expect_twin(in.view, out.view, p,
                      std::string(name_of(from)) + " -> " + std::string(name_of(to)));
        }
}

// One output voxel as warp_point.h makes it.
template <class In, class Out>
Out warp_point(const PaddedView& padded, const WarpParams& p, const Shape& out, const Dims& at) {
  const ConstView& in = padded.inside;
  const Dims& lo = padded.box.lo;
  const auto after = [&](int axis) { return padded.shape[axis] - padded.box.hi[axis]; };
  const bool linear = p.filter == WarpFilter::linear;
  const warp::Grid grid = warp::grid_of({.axes = p.axes,
                                         .constant = p.border == WarpBorder::constant,
                                         .extent = {in.shape[2], in.shape[1], in.shape[0]},
                                         .stride = {in.strides[2], in.strides[1], in.strides[0]},
                                         .before = {lo[2], lo[1], lo[0]},
                                         .after = {after(2), after(1), after(0)}});
  std::int32_t before[3];
  for (int i = 0; i < 3; ++i) before[i] = static_cast<std::int32_t>(lo[2 - i]);
  warp::Path path{};
  warp::find_path(p.source_of.data(), grid, linear, at[0], at[1], out[2], path);
  warp::Place places[3] = {};
  warp::find_places(path, p.axes, before, at[2], places);
  const In* const data =
      in.ptr<In>() + at[3] * in.strides[3] + (p.axes == 2 ? at[0] * in.strides[0] : 0);
  In fill{};
  std::memcpy(static_cast<void*>(&fill), &p.fill_bits, sizeof fill);
  const auto read = [&](std::int64_t offset) { return data[offset]; };
  if (!linear) return saturate<Out>(warp::nearest_of(grid, places, fill, read));
  return saturate<Out>(warp::linear_of(grid, places, static_cast<float>(fill), read));
}

void expect_points(const PaddedView& in, const ConstView& out, const WarpParams& p,
                   const std::string& what) {
  const auto check = [&](auto from, auto to) {
    using In = typename decltype(from)::type;
    using Out = typename decltype(to)::type;
    Dims at = Dims::filled(4, 0);
    for (std::int64_t i = 0; i < out.volume(); ++i) {
      std::int64_t rest = i;
      for (int k = 3; k >= 0; --k, rest /= out.shape[k + 1]) at[k] = rest % out.shape[k];
      const Out want = warp_point<In, Out>(in, p, out.shape, at);
      const Out got = out.ptr<Out>()[offset_of(out, at[0], at[1], at[2], at[3])];
      ASSERT_TRUE(std::memcmp(&got, &want, sizeof got) == 0 ||
                  (std::isnan(saturate<float>(got)) && std::isnan(saturate<float>(want))))
          << what << " at " << to_string(at) << ": " << saturate<float>(got) << " and "
          << saturate<float>(want);
    }
  };
  dispatch<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::int32_t, float>(
      in.dtype(), [&](auto from) {
        dispatch<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::int32_t, float>(
            out.dtype, [&](auto to) { check(from, to); });
      });
}

TEST(Warp, has_the_bits_of_its_points_on_every_instruction_set) {
  struct {
    const char* name;
    std::array<double, 12> source_of;
  } const maps[] = {
      {"oblique", oblique(1, -2.3, 6.1, -3.7)},
      {"enlarging", oblique(0.4, 3.3, 2.1, 1.9)},
      {"level", {0.61, 0, 0, 1.3, 0, 0.9, 0.3, -1.2, 0, -0.3, 0.9, 0.7}},
      {"shift", {1, 0, 0, -3.25, 0, 1, 0, 0.5, 0, 0, 1, 1.75}},
      {"mirror", {-1, 0, 0, 80.5, 0, 1, 0, 0, 0, 0, 1, 0}},
      {"steep", oblique(9.5, -30.3, -6.1, -3.7)},
      {"far", {1, 0, 0, 3e9, 0, 1, 0, 0, 0, 0, 1, 0}},
      {"none", {1, 0, 0, NAN, 0, 1, 0, 0, 0, 0, 1, 0}},
  };
  const Shape shape{7, 9, 85, 2}, small{1, 2, 1, 1};
  for (const auto& map : maps)
    for (const auto& [from, to] : {std::pair{DType::f32, DType::f32},
                                   {DType::u8, DType::u8},
                                   {DType::i16, DType::f32},
                                   {DType::f32, DType::i32}})
      for (const auto filter : {WarpFilter::nearest, WarpFilter::linear})
        for (const auto border : {WarpBorder::clamp, WarpBorder::constant})
          for (const int axes : {2, 3})
            for (const Shape& extents : {shape, small})
              for (const bool padded : {false, true})
                for (const bool back : {false, true}) {
                  Strides strides = dense_strides(extents);
                  if (back) strides[2] = -strides[2];
                  const Volume in = make_volume(from, extents, strides, 1);
                  WarpParams p{.axes = axes,
                               .source_of = map.source_of,
                               .filter = filter,
                               .border = border,
                               .fill_bits = bits_of(from, 42)};
                  PaddedView whole = unpadded(in.view);
                  if (padded) {  // along x before, along y after, along z at both ends
                    const std::int64_t z = axes == 3 ? 1 : 0;
                    whole.fill = p.fill_bits;
                    whole.box = {{z, 0, 2, 0},
                                 {z + extents[0], extents[1], 2 + extents[2], extents[3]}};
                    whole.shape = {extents[0] + 2 * z, extents[1] + 3, extents[2] + 2, extents[3]};
                  }
                  const Shape to_shape{extents[0] + (axes == 3 ? 1 : 0), 6, 75, extents[3]};
                  for (std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
                    hwy::SetSupportedTargetsForTest(target);
                    const Volume out = warped(whole, to, to_shape, p);
                    expect_points(whole, out.view, p,
                                  std::string(map.name) + " " + std::string(name_of(from)) + " " +
                                      std::string(name_of(to)) + " " + hwy::TargetName(target) +
                                      " " + std::to_string(axes) + " padded " +
                                      std::to_string(padded) + " back " + std::to_string(back) +
                                      " filter " + std::to_string(static_cast<int>(filter)) +
                                      " border " + std::to_string(static_cast<int>(border)) +
                                      " of " + to_string(extents));
                    if (HasFatalFailure()) break;
                  }
                  hwy::SetSupportedTargetsForTest(0);
                  if (HasFatalFailure()) return;
                }
}

TEST(Warp, moves_labels_of_every_width) {
  const Shape shape{5, 6, 17, 2};
  for (int t = 0; t < kDTypeCount; ++t) {
    const auto dtype = static_cast<DType>(t);
    const Volume in = make_volume(dtype, shape, dense_strides(shape), 5);
    const WarpParams p{.source_of = oblique(0.9, 1, 2, -1),
                       .filter = WarpFilter::nearest,
                       .border = WarpBorder::constant,
                       .fill_bits = bits_of(dtype, 1)};
    const Volume out = warped(in.view, dtype, shape, p);
    expect_twin(in.view, out.view, p, std::string(name_of(dtype)));
  }
}

TEST(Warp, takes_extents_of_one_and_ragged_runs) {
  for (const std::int64_t width : {1, 2, 3, 15, 16, 17, 63, 64, 65, 129})
    for (const std::int64_t other : {1, 2, 5})
      for (const int axes : {2, 3})
        for (const auto filter : {WarpFilter::nearest, WarpFilter::linear})
          for (const auto border : {WarpBorder::clamp, WarpBorder::constant}) {
            const Shape shape{other, other, width, 3};
            const Volume in = make_volume(DType::f32, shape, dense_strides(shape), 2);
            const WarpParams p{.axes = axes,
                               .source_of = oblique(1.02, -0.83, 0.71, 0.1301),
                               .filter = filter,
                               .border = border,
                               .fill_bits = bits_of(DType::f32, -7)};
            const Volume out = warped(in.view, DType::f32, shape, p);
            expect_twin(in.view, out.view, p, "width " + std::to_string(width));
          }
}

TEST(Warp, gives_the_same_bits_for_any_strides) {
  const Shape shape{6, 7, 70, 2};
  const Strides dense = dense_strides(shape);
  const Strides others[] = {{-980, 140, 2, 1},    // upside down
                            {980, 140, -2, 1},    // mirrored
                            {490, 70, 1, 2940},   // channel first
                            {490, 70, -1, 2940},  // channel first, mirrored
                            {1, 6, 42, 2940},     // axes in reverse
                            {2200, 300, 4, 1}};   // with gaps
  for (const DType dtype : {DType::f32, DType::u8})
    for (const auto filter : {WarpFilter::nearest, WarpFilter::linear})
      for (const auto border : {WarpBorder::clamp, WarpBorder::constant}) {
        const Volume in = make_volume(dtype, shape, dense, 3);
        const WarpParams p{.source_of = oblique(1, 1.3, -0.4, 0.7),
                           .filter = filter,
                           .border = border,
                           .fill_bits = bits_of(dtype, 9)};
        const Volume out = warped(in.view, dtype, shape, p);
        for (const Strides& strides : others) {
          Volume in2 = make_volume(dtype, shape, strides, 3);
          Volume out2 = make_volume(dtype, shape, strides, 98);
          const auto each = [&](auto body) {
            for (std::int64_t i = 0; i < in.view.volume(); ++i) {
              const std::int64_t c = i % 2, x = i / 2 % 70, y = i / 140 % 7, z = i / 980;
              body(offset_of(in.view, z, y, x, c) * size_of(dtype),
                   offset_of(in2.view, z, y, x, c) * static_cast<std::int64_t>(size_of(dtype)));
            }
          };
          each([&](std::int64_t a, std::int64_t b) {
            std::memcpy(static_cast<std::byte*>(in2.writable().data) + b,
                        static_cast<const std::byte*>(in.view.data) + a, size_of(dtype));
          });
          const auto untouched = out2.bytes;
          warp_affine(in2.view, out2.writable(), p, Parallel::serial());
          each([&](std::int64_t a, std::int64_t b) {
            auto* got = static_cast<std::byte*>(out2.writable().data) + b;
            ASSERT_EQ(
                std::memcmp(got, static_cast<const std::byte*>(out.view.data) + a, size_of(dtype)),
                0);
            std::memcpy(got, untouched.data() + (got - out2.bytes.data()), size_of(dtype));
          });
          EXPECT_EQ(out2.bytes, untouched) << "written outside the view";
        }
      }
}

TEST(Warp, writes_only_inside_its_view) {
  const Shape shape{3, 3, 67, 1};
  Volume in = make_volume(DType::f32, shape, dense_strides(shape), 1);
  for (const DType to : kComputed) {
    Volume out = make_volume(to, shape, {300, 80, 1, 1}, 4);
    const auto before = out.bytes;
    warp_affine(in.view, out.writable(), {.source_of = oblique(1, 0, 0, 0)}, Parallel::serial());
    const std::size_t size = size_of(to);
    std::vector<char> ours(before.size(), 0);
    for (std::int64_t z = 0; z < 3; ++z)
      for (std::int64_t y = 0; y < 3; ++y)
        std::fill_n(ours.begin() + static_cast<std::ptrdiff_t>((16 + z * 300 + y * 80) * size),
                    67 * size, 1);
    for (std::size_t i = 0; i < before.size(); ++i)
      if (ours[i] == 0) {
        ASSERT_EQ(out.bytes[i], before[i]) << "byte " << i;
      }
  }
}

// Several threads in the worst order.
class Backwards final : public Parallel {
 public:
  void run(std::int64_t blocks, FunctionRef<void(std::int64_t)> body) override {
    split_ = split_ || blocks > 1;
    for (std::int64_t i = blocks; i-- > 0;) body(i);
  }
  int width() const override { return 8; }
  bool split_ = false;
};

TEST(Warp, gives_the_same_bits_on_every_instruction_set_and_split) {
  const Shape shape{20, 31, 150, 1};
  bool split = false;
  for (const DType from : kComputed)
    for (const DType to : kComputed)
      for (const int axes : {2, 3})
        for (const auto border : {WarpBorder::clamp, WarpBorder::constant}) {
          if (!warp_takes(from, to, WarpFilter::linear)) continue;
          const Volume in = make_volume(from, shape, dense_strides(shape), 6);
          const WarpParams p{.axes = axes,
                             .source_of = oblique(1.1, 3.1, -2.2, 1.7),
                             .border = border,
                             .fill_bits = bits_of(from, 3)};
          std::vector<std::byte> first;
          int targets = 0;
          for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
            hwy::SetSupportedTargetsForTest(target);
            hwy::GetChosenTarget().Update(hwy::SupportedTargets());
            Backwards parallel;
            const Volume out = warped(in.view, to, shape, p, parallel);
            split = split || parallel.split_;
            if (targets++ == 0) first = out.bytes;
            EXPECT_EQ(out.bytes, first)
                << hwy::TargetName(target) << " " << name_of(from) << " -> " << name_of(to);
          }
          hwy::SetSupportedTargetsForTest(0);
          hwy::GetChosenTarget().DeInit();
          EXPECT_GT(targets, 0);
        }
  EXPECT_TRUE(split);
}

TEST(Warp, keeps_positions_exact_along_long_axes) {
  // At 40000 voxels from the origin a float32 position would be 4e-3 voxel off.
  const Shape shape{1, 3, 40000, 1};
  const Volume in = make_volume(DType::f32, shape, dense_strides(shape), 7);
  WarpParams p{.axes = 2, .source_of = {0.99999, 1e-5, 0, 0.3, 1.7e-5, 1, 0, 0.2}};
  expect_twin(in.view, warped(in.view, DType::f32, shape, p).view, p, "long");
  p.source_of = {0.99999, 1e-5, 0, 0.3 + 39000, 1.7e-5, 1, 0, 0.2};
  expect_twin(in.view, warped(in.view, DType::f32, {1, 3, 900, 1}, p).view, p, "far");
  p.source_of = {37.77, 1e-5, 0, 0.3, 1.7e-5, 1, 0, 0.2};
  expect_twin(in.view, warped(in.view, DType::f32, {1, 3, 1050, 1}, p).view, p, "wide steps");
}

TEST(Warp, identity_is_exact) {
  const Shape shape{5, 6, 77, 1};
  for (const DType dtype : kComputed)
    for (const auto filter : {WarpFilter::nearest, WarpFilter::linear}) {
      const Volume in = make_volume(dtype, shape, dense_strides(shape), 8);
      const Volume out = warped(in.view, dtype, shape, {.filter = filter});
      EXPECT_EQ(std::memcmp(in.view.data, out.view.data,
                            static_cast<std::size_t>(volume(shape)) * size_of(dtype)),
                0)
          << name_of(dtype);
    }
}

TEST(Warp, survives_positions_that_are_no_numbers) {
  const Shape shape{3, 4, 70, 1};
  const Volume in = make_volume(DType::f32, shape, dense_strides(shape), 9);
  for (const double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL, 1e300, -1e300, 1e10})
    for (int entry = 0; entry < 12; ++entry) {
      WarpParams p{.border = WarpBorder::constant, .fill_bits = bits_of(DType::f32, 5)};
      p.source_of[entry] = bad;
      const Volume out = warped(in.view, DType::f32, shape, p);
      EXPECT_EQ(element(out.view, offset_of(out.view, 2, 3, 69, 0)), 5) << bad << " at " << entry;
      p.border = WarpBorder::clamp;
      EXPECT_TRUE(std::isfinite(element(warped(in.view, DType::f32, shape, p).view, 0)));
    }
}

TEST(Warp, empty_input_reads_as_fill_and_empty_output_is_left_alone) {
  const WarpParams p{.border = WarpBorder::constant, .fill_bits = bits_of(DType::f32, 5)};
  const Shape none{0, 4, 4, 1};
  const Volume in = make_volume(DType::f32, none, dense_strides(none), 1);
  EXPECT_EQ(element(warped(in.view, DType::f32, {1, 1, 1, 1}, p).view, 0), 5);
  warped(in.view, DType::f32, none, {});
}

TEST(Warp, rounds_halves_away_from_zero) {
  const Shape shape{1, 1, 4, 1};
  const float values[] = {1, 2, -1, -2};
  std::int16_t out[3];
  // Half a voxel to the right: the means 1.5, 0.5, -1.5.
  warp_affine(dense_view(values, shape), dense_view(out, {1, 1, 3, 1}),
              {.axes = 2, .source_of = {1, 0, 0, 0.5, 0, 1, 0, 0}}, Parallel::serial());
  EXPECT_EQ(out[0], 2);
  EXPECT_EQ(out[1], 1);
  EXPECT_EQ(out[2], -2);
}

}  // namespace
}  // namespace varo
