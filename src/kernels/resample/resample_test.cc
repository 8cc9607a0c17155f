// SPDX-License-Identifier: Apache-2.0
#include "kernels/resample/resample.h"

#include <cmath>
#include <gtest/gtest.h>
#include <hwy/targets.h>
#include <numeric>
#include <random>

#include "core/convert.h"
#include "core/dispatch.h"
#include "core/testing.h"
#include "kernels/testing.h"

namespace varo {
namespace {

// --- the slow twin: the definition, voxel by voxel, in double -----------------------------------

double bspline(double x) {
  x = std::abs(x);
  return x < 1 ? 2.0 / 3 - x * x + x * x * x / 2 : x < 2 ? std::pow(2 - x, 3) / 6 : 0;
}

double reference_window(ResampleFilter f, double t, double r) {
  const auto sinc = [](double x) {
    return std::abs(x) < 1e-12 ? 1 : std::sin(M_PI * x) / (M_PI * x);
  };
  if (std::abs(t) > r) return 0;
  const double q = std::abs(2 * t / r);
  switch (f) {
    case ResampleFilter::triangular:
      return 1 - std::abs(t / r);
    case ResampleFilter::gaussian:
      return std::exp(-std::pow(2 * t / r, 2));
    case ResampleFilter::cubic:
      return q < 1 ? 1.5 * q * q * q - 2.5 * q * q + 1 : -0.5 * q * q * q + 2.5 * q * q - 4 * q + 2;
    case ResampleFilter::lanczos3:
      return sinc(3 * t / r) * sinc(t / r);
    case ResampleFilter::bspline: {
      double sum = 0;
      for (int k = -40; k <= 40; ++k)
        sum += std::sqrt(3) * std::pow(std::sqrt(3) - 2, std::abs(k)) * bspline(11 * t / r - k);
      return sum;
    }
    default:
      return 1;
  }
}

// dense weights [out][in]
std::vector<std::vector<double>> reference_matrix(const AxisMap& m) {
  std::vector<std::vector<double>> w(static_cast<std::size_t>(m.out),
                                     std::vector<double>(static_cast<std::size_t>(m.in)));
  for (std::int64_t x = 0; x < m.out; ++x) {
    auto& row = w[static_cast<std::size_t>(x)];
    const double s =
        m.lo + (static_cast<double>(x) + 0.5) * (m.hi - m.lo) / static_cast<double>(m.out);
    const auto at = [&](double i) -> double& {
      return row[static_cast<std::size_t>(std::clamp(i, 0.0, static_cast<double>(m.in - 1)))];
    };
    if (m.filter == ResampleFilter::nearest) {
      at(std::floor(s)) = 1;
      continue;
    }
    double sum = 0;
    const double first = std::ceil(s - 0.5 - m.radius);
    for (int k = 0; k < std::ceil(2 * m.radius); ++k)
      sum += reference_window(m.filter, first + k - s + 0.5, m.radius);
    for (int k = 0; k < std::ceil(2 * m.radius); ++k)
      at(first + k) += reference_window(m.filter, first + k - s + 0.5, m.radius) / sum;
  }
  return w;
}

struct Values {
  Shape shape;
  std::vector<double> v;
};

Values values_of(const ConstView& view) { return {view.shape, varo::testing::values_of(view)}; }

Values reference_axis(const Values& in, int axis, const AxisMap& map) {
  const auto w = reference_matrix(map);
  std::int64_t outer = 1, inner = 1;
  for (int i = 0; i < axis; ++i) outer *= in.shape[i];
  for (int i = axis + 1; i < in.shape.rank(); ++i) inner *= in.shape[i];
  Values out{in.shape, {}};
  out.shape[axis] = map.out;
  out.v.assign(static_cast<std::size_t>(volume(out.shape)), 0.0);
  for (std::int64_t o = 0; o < outer; ++o)
    for (std::int64_t x = 0; x < map.out; ++x)
      for (std::int64_t s = 0; s < map.in; ++s)
        for (std::int64_t i = 0; i < inner; ++i)
          if (const double f = w[static_cast<std::size_t>(x)][static_cast<std::size_t>(s)]; f != 0)
            out.v[static_cast<std::size_t>((o * map.out + x) * inner + i)] +=
                f * in.v[static_cast<std::size_t>((o * map.in + s) * inner + i)];
  return out;
}

// --- running the kernel ------------------------------------------------------------------------

// A view of random elements with the given order of axes in memory and signs of strides.
struct Memory {
  std::vector<std::byte> bytes;
  View view;

  Memory(DType dtype, const Shape& shape, std::vector<int> order = {},
         std::vector<int> flipped = {}, int gap = 0) {
    if (order.empty()) {
      order.resize(static_cast<std::size_t>(shape.rank()));
      std::iota(order.begin(), order.end(), 0);
    }
    view = {nullptr, dtype, shape, shape};
    std::int64_t step = 1, start = 0;
    for (auto it = order.rbegin(); it != order.rend(); ++it) {
      view.strides[*it] = step;
      step *= shape[*it] + gap;
    }
    for (const int axis : flipped) {
      start += (shape[axis] - 1) * view.strides[axis];
      view.strides[axis] *= -1;
    }
    bytes.resize(static_cast<std::size_t>(std::max<std::int64_t>(step, 1)) * size_of(dtype));
    view.data = bytes.data() + start * static_cast<std::int64_t>(size_of(dtype));
  }
  void randomise(unsigned seed) {
    std::mt19937 rng(seed);
    dispatch_all(view.dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      auto* p = reinterpret_cast<T*>(bytes.data());
      for (std::size_t i = 0; i < bytes.size() / sizeof(T); ++i) {
        if constexpr (std::is_floating_point_v<T>)
          p[i] = static_cast<T>(rng() % 2000) / 100;
        else if constexpr (sizeof(T) == 2 && std::is_integral_v<T>)
          p[i] = static_cast<T>(rng());
        else
          p[i] = saturate<T>(static_cast<int>(rng() % 256));
      }
    });
  }
};

struct AxisCase {
  int axis;
  AxisMap map;
};

// The part of `view` that the tables use.
ConstView used_part(ConstView view, const std::vector<ResampledAxis>& axes) {
  for (const auto& a : axes) {
    view.data =
        static_cast<const std::byte*>(view.data) +
        a.table.begin * view.strides[a.axis] * static_cast<std::int64_t>(view.element_size());
    view.shape[a.axis] = a.table.extent;
  }
  return view;
}

void run(const ConstView& in, const View& out, const std::vector<AxisCase>& cases,
         Parallel& parallel) {
  std::vector<ResampledAxis> axes;
  for (const auto& c : cases) axes.push_back({c.axis, make_axis_table(c.map)});
  const auto plan = plan_resample(used_part(in, axes), out, axes);
  std::vector<float> scratch(static_cast<std::size_t>(plan.scratch_floats(parallel.width())), NAN);
  resample(plan, scratch, parallel);
}

Shape output_shape(const Shape& in, const std::vector<AxisCase>& cases) {
  Shape shape = in;
  for (const auto& c : cases) shape[c.axis] = c.map.out;
  return shape;
}

void expect_close(const Values& want, const View& out) {
  const Values got = values_of(out);
  ASSERT_EQ(got.v.size(), want.v.size());
  double least = 0, most = 1;
  for (const double v : want.v) least = std::min(least, v), most = std::max(most, v);
  for (std::size_t i = 0; i < got.v.size(); ++i) {
    if (out.dtype == DType::f32) {
      ASSERT_NEAR(got.v[i], want.v[i], 2e-6 * (most - least)) << "element " << i;
    } else {
      double clamped = want.v[i];
      dispatch_all(out.dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        if constexpr (std::is_integral_v<T>)
          clamped = std::clamp(clamped, static_cast<double>(std::numeric_limits<T>::min()),
                               static_cast<double>(std::numeric_limits<T>::max()));
      });
      ASSERT_NEAR(got.v[i], clamped, 0.5 + 2e-6 * (most - least)) << "element " << i;
    }
  }
}

// resample_point.h, pass after pass, into row-major floats.
std::vector<float> resample_points(const ConstView& in, const std::vector<AxisCase>& cases) {
  resampling::PassExtents extents{.rank = in.rank()};
  for (int i = 0; i < in.rank(); ++i) extents.in[i] = extents.out[i] = in.shape[i];
  std::vector<AxisTable> tables(static_cast<std::size_t>(in.rank()));
  for (const auto& c : cases) {
    AxisTable& table = tables[static_cast<std::size_t>(c.axis)] = make_axis_table(c.map);
    extents.in[c.axis] = table.extent;
    extents.out[c.axis] = table.out;
    if (!table.identity() && (table.extent != 1 || table.out != 1))
      extents.taps[c.axis] = table.taps;
  }
  Values from = values_of(in);
  std::vector<float> now(from.v.begin(), from.v.end());
  Shape shape = in.shape;
  const auto apply = [&](int axis) {
    const AxisTable& table = tables[static_cast<std::size_t>(axis)];
    Shape to = shape;
    to[axis] = table.out;
    const Strides strides = dense_strides(shape);
    std::vector<float> next(static_cast<std::size_t>(volume(to)));
    testing::for_each_index(to, [&](const Dims& at, std::int64_t i) {
      const auto x = static_cast<std::size_t>(at[axis]);
      Dims first = at;
      first[axis] = table.begin + table.first[x];
      const std::int64_t offset = offset_of(strides, first);
      const auto tap = [&](int t) {
        return now[static_cast<std::size_t>(offset + t * strides[axis])];
      };
      next[static_cast<std::size_t>(i)] = resampling::tap_sum(
          tap, &table.weights[x * static_cast<std::size_t>(table.taps)], table.taps);
    });
    now = std::move(next);
    shape = to;
  };
  const resampling::PassOrder order = resampling::pass_order(extents);
  for (int k = 0; k < order.count; ++k) apply(order.axis[k]);
  for (const auto& c : cases)  // what is only cut
    if (extents.taps[c.axis] == 0) apply(c.axis);
  return now;
}

void expect_points(const std::vector<float>& want, const View& out) {
  const Values got = values_of(out);
  for (std::size_t i = 0; i < want.size(); ++i)
    dispatch_all(out.dtype, [&](auto tag) {
      const auto v = saturate<double>(saturate<typename decltype(tag)::type>(want[i]));
      ASSERT_TRUE(got.v[i] == v || (std::isnan(v) && std::isnan(got.v[i])))
          << "element " << i << ": " << got.v[i] << " and " << v;
    });
}

// On every instruction set and on threads: equal bytes, those of the points, and close to the slow
// twin.
void check(Memory& in, Memory& out, const std::vector<AxisCase>& cases) {
  Values want = values_of(in.view);
  for (const auto& c : cases) want = reference_axis(want, c.axis, c.map);
  std::vector<std::byte> first;
  varo::testing::ThreadedParallel threads(3);
  for (std::int64_t targets = hwy::SupportedTargets(); targets != 0; targets &= targets - 1) {
    hwy::SetSupportedTargetsForTest(targets & -targets);
    for (Parallel* parallel : {&Parallel::serial(), static_cast<Parallel*>(&threads)}) {
      std::fill(out.bytes.begin(), out.bytes.end(), std::byte{0x5a});
      run(in.view, out.view, cases, *parallel);
      if (first.empty()) {
        first = out.bytes;
        expect_close(want, out.view);
        expect_points(resample_points(in.view, cases), out.view);
      }
      EXPECT_TRUE(first == out.bytes) << hwy::TargetName(targets & -targets) << " differs";
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}

AxisMap scaled(std::int64_t in, std::int64_t out, ResampleFilter filter, bool antialias) {
  const double ratio = static_cast<double>(in) / static_cast<double>(out);
  return {.in = in,
          .out = out,
          .lo = 0,
          .hi = static_cast<double>(in),
          .filter = filter,
          .radius = least_radius(filter) * (antialias ? std::max(1.0, ratio) : 1.0)};
}

constexpr ResampleFilter kFilters[] = {ResampleFilter::nearest,  ResampleFilter::triangular,
                                       ResampleFilter::gaussian, ResampleFilter::cubic,
                                       ResampleFilter::lanczos3, ResampleFilter::bspline};

TEST(AxisTable, taps_and_edges_of_linear) {
  // positions 0.25, 1.75 - 0.5 = 1.25, ... of 3 voxels enlarged to 6: centres -0.25, 0.25, 0.75,
  // ...
  const AxisTable t = make_axis_table({.in = 3, .out = 6, .lo = 0, .hi = 3});
  EXPECT_EQ(t.taps, 2);
  EXPECT_EQ(t.begin, 0);
  EXPECT_EQ(t.extent, 3);
  EXPECT_EQ(t.first, (PooledVector<std::int32_t>{0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(t.weights, (PooledVector<float>{1, 0, .75, .25, .25, .75, .75, .25, .25, .75, 0, 1}));
}

TEST(AxisTable, same_size_moves_for_interpolating_filters_only) {
  for (const ResampleFilter f : kFilters)
    EXPECT_EQ(make_axis_table(scaled(7, 7, f, true)).identity(), f != ResampleFilter::gaussian);
  // mirrored, and shifted by two
  AxisMap m{.in = 7, .out = 4, .lo = 6, .hi = 2, .filter = ResampleFilter::cubic, .radius = 2};
  const AxisTable t = make_axis_table(m);
  EXPECT_TRUE(t.moves());
  EXPECT_FALSE(t.identity());
  EXPECT_EQ(t.begin, 2);
  EXPECT_EQ(t.extent, 4);
  EXPECT_EQ(t.first, (PooledVector<std::int32_t>{3, 2, 1, 0}));
  EXPECT_TRUE(mirrored(t).identity());
}

TEST(AxisTable, uses_only_what_a_region_touches) {
  const AxisTable t = make_axis_table({.in = 100, .out = 10, .lo = 40, .hi = 45});
  EXPECT_EQ(t.begin, 39);  // first centre 39.75, last 44.25
  EXPECT_EQ(t.extent, 7);
}

TEST(AxisTable, outside_repeats_the_edge) {
  const AxisTable t = make_axis_table(
      {.in = 4, .out = 3, .lo = -30, .hi = -27, .filter = ResampleFilter::lanczos3, .radius = 3});
  EXPECT_TRUE(t.moves());
  EXPECT_EQ(t.extent, 1);
  EXPECT_EQ(t.begin, 0);
}

TEST(Resample, every_filter_ratio_and_type) {
  const Shape shape{5, 13, 19};
  unsigned seed = 0;
  for (const ResampleFilter f : kFilters)
    for (const bool antialias : {false, true})
      for (const DType type : {DType::u8, DType::i16, DType::u16, DType::f32})
        for (const DType to : {type, DType::f32})
          for (const auto& size :
               {Shape{8, 7, 23}, Shape{2, 30, 6}, Shape{5, 5, 5}, Shape{1, 1, 1}}) {
            Memory in(type, shape), out(to, size);
            in.randomise(++seed);
            SCOPED_TRACE(::testing::Message() << "filter " << int(f) << " to " << to_string(size));
            check(in, out,
                  {{0, scaled(5, size[0], f, antialias)},
                   {1, scaled(13, size[1], f, antialias)},
                   {2, scaled(19, size[2], f, antialias)}});
          }
}

TEST(Resample, bspline_equals_prefilter_and_basis) {
  // Coefficients of the edge-extended line, from its tridiagonal system in double.
  for (const std::int64_t n : {1, 2, 3, 10, 97})
    for (const std::int64_t out : {1, 7, 55, 200}) {
      Memory in(DType::f32, {n, 3}), result(DType::f32, {out, 3});
      in.randomise(static_cast<unsigned>(n + out));
      const AxisMap map = scaled(n, out, ResampleFilter::bspline, false);
      run(in.view, result.view, {{0, map}}, Parallel::serial());
      constexpr std::int64_t kPad = 40;
      const auto length = static_cast<std::size_t>(n + 2 * kPad);
      for (std::int64_t column = 0; column < 3; ++column) {
        std::vector<double> c(length), ratio(length, 0.25);
        for (std::size_t i = 0; i < length; ++i) {
          const auto at = std::clamp(static_cast<std::int64_t>(i) - kPad, std::int64_t{0}, n - 1);
          c[i] = 6.0 * static_cast<double>(in.view.ptr<float>()[at * 3 + column]);
        }
        c[0] /= 4;
        for (std::size_t i = 1; i < length; ++i) {
          c[i] = (c[i] - c[i - 1]) / (4 - ratio[i - 1]);
          ratio[i] = 1 / (4 - ratio[i - 1]);
        }
        for (std::size_t i = length - 1; i-- > 0;) c[i] -= ratio[i] * c[i + 1];
        for (std::int64_t x = 0; x < out; ++x) {
          const double at =
              (static_cast<double>(x) + 0.5) * static_cast<double>(n) / static_cast<double>(out) -
              0.5 + static_cast<double>(kPad);
          double want = 0;
          for (std::size_t k = 0; k < length; ++k)
            want += c[k] * bspline(at - static_cast<double>(k));
          // Values lie in [0, 20).
          ASSERT_NEAR(result.view.ptr<float>()[x * 3 + column], want, 2e-5) << n << " to " << out;
        }
      }
    }
}

TEST(Resample, one_axis_anywhere_with_any_run_inside) {
  for (int axis = 0; axis < 3; ++axis)
    for (const std::int64_t inner : {1, 2, 3, 4, 5, 15, 16, 17, 37, 70, 131}) {
      Shape shape{3, 17, inner};
      std::swap(shape[1], shape[axis]);
      const std::int64_t n = shape[axis];
      if (n == inner && axis == 2) continue;
      for (const DType type : {DType::u8, DType::f32}) {
        Memory in(type, shape);
        const std::vector<AxisCase> cases{
            {axis, scaled(n, n * 2 - 1, ResampleFilter::cubic, true)}};
        Memory out(type, output_shape(shape, cases));
        in.randomise(7);
        SCOPED_TRACE(to_string(shape));
        check(in, out, cases);
      }
    }
}

TEST(Resample, any_memory_order_sign_and_gap) {
  const Shape shape{4, 6, 9, 3};
  const std::vector<std::vector<int>> orders{
      {0, 1, 2, 3}, {3, 0, 1, 2}, {2, 1, 0, 3}, {3, 2, 1, 0}};
  const std::vector<std::vector<int>> flips{{}, {2}, {0, 1}, {3}, {0, 1, 2, 3}};
  const std::vector<AxisCase> all{{0, scaled(4, 7, ResampleFilter::triangular, true)},
                                  {1, scaled(6, 3, ResampleFilter::lanczos3, true)},
                                  {2, scaled(9, 20, ResampleFilter::cubic, true)}};
  for (const auto& cases : {all, std::vector<AxisCase>{all[0]}, {all[2]}, {all[1], all[2]}})
    for (const auto& order : orders)
      for (const auto& flip : flips)
        for (const int gap : {0, 2})
          for (const DType type : {DType::f32, DType::i16}) {
            Memory in(type, shape, order, flip, gap);
            in.randomise(11);
            Memory out(type, output_shape(shape, cases));
            check(in, out, cases);
            Memory strided(type, output_shape(shape, cases), order, flip, gap);
            check(in, strided, cases);
          }
}

TEST(Resample, regions_reach_outside_and_mirror) {
  Memory in(DType::f32, {6, 40}), out(DType::f32, {11, 33});
  in.randomise(3);
  for (const ResampleFilter f : kFilters) {
    const double r = least_radius(f);
    check(in, out, {{0, {6, 11, 5.5, -2.25, f, r}}, {1, {40, 33, 7.1, 60.3, f, r * 53.2 / 33}}});
    check(in, out, {{0, {6, 11, 2, 3, f, r}}, {1, {40, 33, 40, 0, f, r * 40 / 33}}});
  }
}

TEST(Resample, many_tiles) {
  // Intermediates of several tiles along different first axes, and ragged last tiles.
  struct {
    Shape in, out;
  } const sizes[] = {{{20, 150, 170}, {31, 75, 80}},
                     {{70, 40, 300}, {20, 90, 310}},
                     {{3, 33, 500, 3}, {3, 50, 260, 3}}};
  for (const auto& s : sizes) {
    Memory in(DType::u8, s.in), out(DType::u8, s.out);
    in.randomise(5);
    std::vector<AxisCase> cases;
    for (int i = 0; i < s.in.rank(); ++i)
      if (s.in[i] != s.out[i])
        cases.push_back({i, scaled(s.in[i], s.out[i], ResampleFilter::triangular, true)});
    check(in, out, cases);
  }
}

TEST(Resample, long_windows_take_a_volume_in_between) {
  // Planes a multiple of 2 KiB apart, and not; channels; backwards.
  struct {
    Shape in, out;
    std::vector<int> flipped;
  } const sizes[] = {{{40, 40, 60}, {50, 64, 48}, {1}},
                     {{40, 40, 60}, {50, 50, 50}, {}},
                     {{2, 40, 40, 60}, {2, 50, 50, 50}, {1, 2}}};
  for (const auto& s : sizes)
    for (const DType type : {DType::f32, DType::i16}) {
      Memory in(type, s.in, {}, s.flipped), out(type, s.out);
      in.randomise(9);
      std::vector<AxisCase> cases;
      std::vector<ResampledAxis> axes;
      for (int i = 0; i < s.in.rank(); ++i)
        if (s.in[i] != s.out[i]) {
          cases.push_back({i, scaled(s.in[i], s.out[i], ResampleFilter::bspline, true)});
          axes.push_back({i, make_axis_table(cases.back().map)});
        }
      EXPECT_FALSE(plan_resample(in.view, out.view, axes).before.empty()) << to_string(s.in);
      check(in, out, cases);
    }
}

TEST(Resample, unused_voxels_are_not_read) {
  Memory in(DType::f32, {30, 30, 30}), out(DType::f32, {8, 8, 8});
  for (std::size_t i = 0; i < in.bytes.size() / 4; ++i)
    reinterpret_cast<float*>(in.bytes.data())[i] = NAN;
  for (int z = 9; z < 21; ++z)
    for (int y = 9; y < 21; ++y)
      for (int x = 9; x < 21; ++x) in.view.ptr<float>()[(z * 30 + y) * 30 + x] = 1;
  const AxisMap m{30, 8, 10, 20, ResampleFilter::triangular, 1.25};
  run(in.view, out.view, {{0, m}, {1, m}, {2, m}}, Parallel::serial());
  for (const double v : values_of(out.view).v) EXPECT_NEAR(v, 1, 1e-6);
}

TEST(Resample, empty_and_single) {
  for (const auto& shape : {Shape{0, 5, 5}, Shape{3, 0, 4}}) {
    Memory in(DType::f32, shape);
    const std::vector<AxisCase> cases{{2, scaled(shape[2], 9, ResampleFilter::cubic, true)}};
    Memory out(DType::f32, output_shape(shape, cases));
    check(in, out, cases);
  }
  Memory one(DType::u8, {1, 1, 1}), out(DType::u8, {3, 1, 40});
  one.bytes[0] = std::byte{77};
  check(one, out,
        {{0, scaled(1, 3, ResampleFilter::lanczos3, true)},
         {2, scaled(1, 40, ResampleFilter::triangular, true)}});
  for (const double v : values_of(out.view).v) EXPECT_EQ(v, 77);
}

TEST(Resample, integers_saturate_and_round_halves_away) {
  // A step from 0 to 255 overshoots under Catmull-Rom; -3 and -2 average to -2.5.
  Memory in(DType::u8, {8}), out(DType::u8, {64});
  for (int i = 4; i < 8; ++i) in.bytes[static_cast<std::size_t>(i)] = std::byte{255};
  check(in, out, {{0, scaled(8, 64, ResampleFilter::cubic, true)}});
  Memory steps(DType::i16, {40, 2}), halves(DType::i16, {40, 1});
  for (int i = 0; i < 40; ++i) {
    steps.view.ptr<std::int16_t>()[2 * i] = static_cast<std::int16_t>(i - 20);
    steps.view.ptr<std::int16_t>()[2 * i + 1] = static_cast<std::int16_t>(i - 19);
  }
  run(steps.view, halves.view, {{1, scaled(2, 1, ResampleFilter::triangular, true)}},
      Parallel::serial());
  for (int i = 0; i < 40; ++i) EXPECT_EQ(halves.view.ptr<std::int16_t>()[i], std::round(i - 19.5));
}

TEST(ResampleNearest, moves_elements_of_every_width) {
  const Shape shape{4, 6, 70, 3};
  const std::vector<std::vector<int>> orders{{0, 1, 2, 3}, {3, 0, 1, 2}, {3, 2, 1, 0}};
  for (const DType type :
       {DType::u8, DType::i16, DType::boolean, DType::i32, DType::f32, DType::i64, DType::f64})
    for (const auto& order : orders)
      for (const auto& flip : std::vector<std::vector<int>>{{}, {2}, {3, 0}})
        for (const int gap : {0, 1})
          for (const std::int64_t wide : {1, 5, 16, 33, 69, 70, 140, 301}) {
            const std::vector<AxisCase> cases{
                {0, scaled(4, 5, ResampleFilter::nearest, false)},
                {1, {6, 5, 7, -1.5, ResampleFilter::nearest, 1}},
                {2, scaled(70, wide, ResampleFilter::nearest, false)}};
            Memory in(type, shape, order, flip, gap), out(type, output_shape(shape, cases));
            Memory strided(type, output_shape(shape, cases), order, flip, gap);
            in.randomise(2);
            Values want = values_of(in.view);
            for (const auto& c : cases) want = reference_axis(want, c.axis, c.map);
            std::vector<ResampledAxis> axes;
            for (const auto& c : cases) axes.push_back({c.axis, make_axis_table(c.map)});
            for (std::int64_t targets = hwy::SupportedTargets(); targets != 0;
                 targets &= targets - 1) {
              hwy::SetSupportedTargetsForTest(targets & -targets);
              varo::testing::ThreadedParallel threads(3);
              resample_nearest(plan_nearest(unpadded(used_part(in.view, axes)), out.view, axes),
                               threads);
              resample_nearest(plan_nearest(unpadded(used_part(in.view, axes)), strided.view, axes),
                               Parallel::serial());
              ASSERT_TRUE(values_of(out.view).v == want.v) << name_of(type) << " to " << wide;
              ASSERT_TRUE(values_of(strided.view).v == want.v) << name_of(type) << " to " << wide;
            }
            hwy::SetSupportedTargetsForTest(0);
          }
}

TEST(ResampleNearest, large_runs_and_rows_without_the_axis) {
  for (int axis = 0; axis < 3; ++axis) {
    Memory in(DType::u8, {9, 31, 65});
    in.randomise(1);
    const std::vector<AxisCase> cases{
        {axis, scaled(in.view.shape[axis], 20, ResampleFilter::nearest, false)}};
    Memory out(DType::u8, output_shape(in.view.shape, cases));
    const std::vector<ResampledAxis> axes{{axis, make_axis_table(cases[0].map)}};
    resample_nearest(plan_nearest(unpadded(used_part(in.view, axes)), out.view, axes),
                     Parallel::serial());
    EXPECT_TRUE(values_of(out.view).v == reference_axis(values_of(in.view), axis, cases[0].map).v);
  }
}

}  // namespace
}  // namespace varo
