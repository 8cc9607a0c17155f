// SPDX-License-Identifier: Apache-2.0
#include "kernels/reduce/reduce.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <hwy/targets.h>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "core/testing.h"
#include "kernels/reduce/accumulate.h"
#include "kernels/testing.h"

namespace varo {
namespace {

using testing::fill_random;
using testing::for_each_index;
using testing::make_volume;
using testing::values_of;
using testing::Volume;

constexpr Reduction kAll[] = {Reduction::sum,      Reduction::mean,   Reduction::mean_square,
                              Reduction::rms,      Reduction::min,    Reduction::max,
                              Reduction::variance, Reduction::std_dev};

Shape kept_shape(Shape shape, std::uint32_t axes) {
  for (int i = 0; i < shape.rank(); ++i)
    if ((axes >> i & 1U) != 0) shape[i] = 1;
  return shape;
}

// The obvious twin, in long double; `mean` in row-major order of the outputs.
std::vector<double> reduce_slow(const ConstView& in, std::uint32_t axes, Reduction what,
                                const std::vector<double>& mean, double ddof) {
  const Shape shape = kept_shape(in.shape, axes);
  const Strides strides = dense_strides(shape);
  const auto values = values_of(in);
  std::vector<std::vector<double>> groups(static_cast<std::size_t>(volume(shape)));
  for_each_index(in.shape, [&](const Dims& at, std::int64_t i) {
    std::int64_t to = 0;
    for (int k = 0; k < at.rank(); ++k)
      if ((axes >> k & 1U) == 0) to += at[k] * strides[k];
    groups[static_cast<std::size_t>(to)].push_back(values[static_cast<std::size_t>(i)]);
  });
  std::vector<double> out;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    long double sum = 0, squares = 0, deviations = 0;
    double low = INFINITY, high = -INFINITY;
    for (double v : groups[g]) {
      sum += v;
      squares += static_cast<long double>(v) * v;
      if (!mean.empty())
        deviations +=
            (static_cast<long double>(v) - mean[g]) * (v - static_cast<long double>(mean[g]));
      low = std::min(low, v);
      high = std::max(high, v);
    }
    const auto n = static_cast<long double>(groups[g].size());
    switch (what) {
      case Reduction::sum:
        out.push_back(static_cast<double>(sum));
        break;
      case Reduction::mean:
        out.push_back(static_cast<double>(sum / n));
        break;
      case Reduction::mean_square:
        out.push_back(static_cast<double>(squares / n));
        break;
      case Reduction::rms:
        out.push_back(static_cast<double>(std::sqrt(squares / n)));
        break;
      case Reduction::min:
        out.push_back(low);
        break;
      case Reduction::max:
        out.push_back(high);
        break;
      case Reduction::variance:
        out.push_back(n > ddof ? static_cast<double>(deviations / (n - ddof)) : 0);
        break;
      case Reduction::std_dev:
        out.push_back(n > ddof ? static_cast<double>(std::sqrt(deviations / (n - ddof))) : 0);
        break;
    }
  }
  return out;
}

void run(const ConstView& in, const View& out, const ReduceSpec& spec, Parallel& parallel) {
  std::vector<double> scratch(reduce_scratch_bytes(in, spec) / 8 + 4, -777.0);
  reduce(in, out, spec, parallel,
         std::as_writable_bytes(std::span(scratch)).first((scratch.size() - 4) * 8));
  for (std::size_t i = scratch.size() - 4; i < scratch.size(); ++i) ASSERT_EQ(scratch[i], -777.0);
}

struct Shot {
  Shape shape;
  std::vector<std::uint32_t> axes;
};
const std::vector<Shot> kShots = {
    {{5, 6, 7}, {0, 1, 2, 3, 4, 5, 6, 7}},
    {{3, 40, 50, 3}, {7, 8, 15, 5, 6, 2}},
    {{70, 33, 31}, {7, 1, 4, 2}},
    {{2, 3, 4, 5, 6}, {0b01010, 0b10101, 0b11110, 0b00111}},
    {{150000}, {1}},
    {{100, 1100}, {1, 2, 3}},
    {{2, 70000}, {2}},
    {{1, 17, 1}, {0, 2, 5, 7}},
    {{9000, 3}, {2, 1}},
    {{32, 48, 64}, {5, 6, 7}},
    {{6, 5, 1, 16}, {0b1011, 0b1101, 0b0100}},
    {{40, 50, 4}, {4, 6}},
    {{7, 3, 300, 2}, {0b1010, 0b0010, 0b1000}},
    {{1500, 63}, {2}},
};

double tolerance(Reduction what, double want) {
  return std::abs(want) * (what == Reduction::min || what == Reduction::max ? 0 : 1e-12) + 1e-12;
}

TEST(Reduce, agrees_with_the_slow_twin_for_all_axes_and_strides) {
  for (const Shot& shot : kShots) {
    for (std::uint32_t axes : shot.axes) {
      const Shape to = kept_shape(shot.shape, axes);
      std::map<Reduction, std::vector<double>> want;
      std::map<Reduction, std::vector<std::byte>> bits;
      for (unsigned variant : {0U, 1U, 2U, 3U}) {
        Volume in = make_volume(DType::f32, shot.shape, variant);
        fill_random(in.view, 5, 1.0F);
        Volume mean = make_volume(DType::f32, to, variant);
        run(in.view, mean.view, {Reduction::mean, axes}, Parallel::serial());
        for (Reduction what : kAll) {
          if (variant == 0)
            want[what] = reduce_slow(in.view, axes, what, values_of(mean.view), 1.0);
          Volume out = make_volume(DType::f64, to, 0);
          run(in.view, out.view, {what, axes, mean.view, 1.0}, Parallel::serial());
          const auto got = values_of(out.view);
          for (std::size_t i = 0; i < got.size(); ++i)
            ASSERT_NEAR(got[i], want[what][i],
                        tolerance(what, want[what][i]) + (what == Reduction::sum ? 1e-10 : 0))
                << to_string(shot.shape) << " axes " << axes << " what " << static_cast<int>(what)
                << " variant " << variant << " at " << i;
          if (variant == 0) bits[what] = out.bytes;
          EXPECT_EQ(bits[what], out.bytes)
              << "strides change the result: " << to_string(shot.shape) << " axes " << axes;
          Volume strided = make_volume(DType::f64, to, 3);
          run(in.view, strided.view, {what, axes, mean.view, 1.0}, Parallel::serial());
          EXPECT_EQ(got, values_of(strided.view));
        }
      }
    }
  }
}

// Outputs as reduce_point.h makes them, in row-major order, from elements of type T.
template <class T>
std::vector<double> reduce_points(const ConstView& in, std::uint32_t axes, Reduction what,
                                  const std::vector<double>& mean, double ddof) {
  std::int64_t outers = 1, reduces = 1, inners = 1;
  for (int i = in.rank() - 1; i >= 0; --i) {
    if ((axes >> i & 1U) != 0)
      reduces *= in.shape[i];
    else
      (reduces == 1 ? inners : outers) *= in.shape[i];
  }
  const Shape shape = kept_shape(in.shape, axes);
  const Strides strides = dense_strides(shape);
  std::vector<std::vector<T>> groups(static_cast<std::size_t>(volume(shape)));
  for_each_index(in.shape, [&](const Dims& at, std::int64_t) {
    std::int64_t to = 0;
    for (int k = 0; k < at.rank(); ++k)
      if ((axes >> k & 1U) == 0) to += at[k] * strides[k];
    groups[static_cast<std::size_t>(to)].push_back(in.ptr<T>()[offset_of(in.strides, at)]);
  });
  const reduction::Partition partition = reduction::partition_of(outers, reduces, inners);
  std::vector<double> out;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const auto element = [&](std::int64_t j) { return groups[g][static_cast<std::size_t>(j)]; };
    out.push_back(reduction::with_operation<T>(what, [&](auto tag) {
      using Op = typename decltype(tag)::type;
      const auto acc = reduction::accumulated<Op>(partition, reduces, element, mean[g]);
      return reduction::finished(what, static_cast<double>(acc), reduces, ddof);
    }));
  }
  return out;
}

TEST(Reduce, has_the_bits_of_its_points) {
  for (const Shot& shot : kShots) {
    for (const std::uint32_t axes : shot.axes) {
      const Shape to = kept_shape(shot.shape, axes);
      for (const DType type : {DType::f32, DType::u8, DType::i64}) {
        Volume in = make_volume(type, shot.shape, 0);
        fill_random(in.view, 5, 100.0F);
        if (type == DType::f32)
          for (std::int64_t i = 3; i < in.view.volume(); i += 1009)
            in.view.ptr<float>()[i] = i % 2 == 0 ? -0.0F : i % 5 == 0 ? INFINITY : 1e-41F;
        Volume mean = make_volume(DType::f64, to, 0);
        fill_random(mean.view, 6, 1.0F);
        for (const Reduction what : kAll) {
          Volume out = make_volume(DType::f64, to, 0);
          run(in.view, out.view, {what, axes, mean.view, 1.0}, Parallel::serial());
          const auto got = values_of(out.view);
          std::vector<double> want;
          reduction::dispatch_element(type, [&](auto tag) {
            want = reduce_points<typename decltype(tag)::type>(in.view, axes, what,
                                                               values_of(mean.view), 1.0);
          });
          for (std::size_t i = 0; i < got.size(); ++i)
            ASSERT_TRUE(std::memcmp(&got[i], &want[i], sizeof(double)) == 0 ||
                        (std::isnan(got[i]) && std::isnan(want[i])))
                << name_of(type) << " " << to_string(shot.shape) << " axes " << axes << " what "
                << static_cast<int>(what) << " at " << i << ": " << got[i] << " and " << want[i];
        }
      }
    }
  }
}

TEST(Reduce, takes_every_type_and_is_exact_for_integers) {
  for (int t = 0; t < kDTypeCount; ++t) {
    const auto type = static_cast<DType>(t);
    for (std::uint32_t axes : {7U, 3U, 4U, 2U}) {
      Volume in = make_volume(type, {9, 31, 17}, axes == 2 ? 3 : 0);
      fill_random(in.view, 5, type == DType::boolean ? 1.0F : 120.0F);
      Volume mean = make_volume(DType::f64, kept_shape({9, 31, 17}, axes), 0);
      run(in.view, mean.view, {Reduction::mean, axes}, Parallel::serial());
      for (Reduction what : kAll) {
        Volume out = make_volume(DType::f64, mean.view.shape, 0);
        run(in.view, out.view, {what, axes, mean.view}, Parallel::serial());
        const auto want = reduce_slow(in.view, axes, what, values_of(mean.view), 0);
        const auto got = values_of(out.view);
        for (std::size_t i = 0; i < got.size(); ++i)
          ASSERT_NEAR(got[i], want[i],
                      what == Reduction::sum && is_integer(type) ? 0 : std::abs(want[i]) * 1e-13)
              << name_of(type);
      }
    }
  }
  const std::vector<std::int64_t> big(100000, (std::int64_t{1} << 46) + 1);
  std::int64_t sum = 0;
  run(dense_view(big.data(), {100000}), dense_view(&sum, {1}), {Reduction::sum, 1},
      Parallel::serial());
  EXPECT_EQ(sum, 100000 * ((std::int64_t{1} << 46) + 1));
  std::uint8_t clamped = 0;
  run(dense_view(big.data(), {100000}), dense_view(&clamped, {1}), {Reduction::sum, 1},
      Parallel::serial());
  EXPECT_EQ(clamped, 255);
}

TEST(Reduce, keeps_nan_and_defines_the_empty_case) {
  for (std::int64_t n : {1, 5, 100, 200000})
    for (std::int64_t at : {std::int64_t{0}, n / 2, n - 1}) {
      std::vector<float> x(static_cast<std::size_t>(n), 1.0F);
      x[static_cast<std::size_t>(at)] = NAN;
      for (Reduction what : kAll) {
        float out = 0, mean = 0;
        run(dense_view(x.data(), {n}), dense_view(&out, {1}), {what, 1, dense_view(&mean, {1})},
            Parallel::serial());
        EXPECT_TRUE(std::isnan(out)) << static_cast<int>(what) << " n " << n << " at " << at;
      }
    }
  for (Reduction what : kAll) {
    if (what == Reduction::min || what == Reduction::max) continue;
    std::vector<float> out(3, -1.0F), mean(3, 0.0F);
    const View to = dense_view(out.data(), {3, 1});
    run(dense_view(out.data(), {3, 0}), to, {what, 2, dense_view(mean.data(), {3, 1})},
        Parallel::serial());
    for (float v : out)
      EXPECT_TRUE(what == Reduction::sum ? v == 0 : std::isnan(v)) << static_cast<int>(what);
  }
  std::vector<float> none;
  run(dense_view(none.data(), {0, 5}), dense_view(none.data(), {0, 1}), {Reduction::max, 2},
      Parallel::serial());
}

TEST(Reduce, deviation_without_degrees_of_freedom_is_zero) {
  const std::vector<float> x{1.0F, 5.0F};
  float mean = 3, out = -1;
  for (double ddof : {2.0, 3.0}) {
    run(dense_view(x.data(), {2}), dense_view(&out, {1}),
        {Reduction::std_dev, 1, dense_view(&mean, {1}), ddof}, Parallel::serial());
    EXPECT_EQ(out, 0);
  }
}

TEST(Reduce, is_equal_bit_for_bit_on_every_instruction_set_and_for_any_threads) {
  for (const Shot& shot : kShots) {
    for (std::uint32_t axes : shot.axes) {
      for (DType type : {DType::f32, DType::u8, DType::i32}) {
        Volume in = make_volume(type, shot.shape, 0);
        fill_random(in.view, 5, 100.0F);
        Volume mean = make_volume(DType::f32, kept_shape(shot.shape, axes), 0);
        fill_random(mean.view, 6, 1.0F);
        for (Reduction what : kAll) {
          const auto reduced = [&](Parallel& parallel) {
            Volume out = make_volume(DType::f64, mean.view.shape, 0);
            run(in.view, out.view, {what, axes, mean.view}, parallel);
            return out.bytes;
          };
          const auto want = reduced(Parallel::serial());
          testing::ShuffledParallel shuffled(5);
          testing::ThreadedParallel threads(3);
          EXPECT_EQ(want, reduced(shuffled));
          EXPECT_EQ(want, reduced(threads));
          for (std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
            hwy::SetSupportedTargetsForTest(target);
            hwy::GetChosenTarget().Update(hwy::SupportedTargets());
            EXPECT_EQ(want, reduced(Parallel::serial()))
                << hwy::TargetName(target) << " " << to_string(shot.shape);
          }
          hwy::SetSupportedTargetsForTest(0);
          hwy::GetChosenTarget().Update(hwy::SupportedTargets());
        }
      }
    }
  }
}

TEST(Reduce, gives_the_same_bits_wherever_elements_begin) {
  // Of every shape: all of it, columns, rows.
  for (const Shape& shape : std::vector<Shape>{{1, 63}, {3, 131}, {33, 70}, {700, 101}}) {
    for (const std::uint32_t axes : {3U, 1U, 2U}) {
      for (const DType type : {DType::f32, DType::u8, DType::i16, DType::f64}) {
        Volume in = make_volume(type, shape, 0);
        fill_random(in.view, 5, 100.0F);
        Volume mean = make_volume(DType::f32, kept_shape(shape, axes), 0);
        fill_random(mean.view, 6, 1.0F);
        const auto count = static_cast<std::size_t>(mean.view.volume());
        for (const Reduction what : kAll) {
          std::vector<float> want(count);
          run(in.view, dense_view(want.data(), mean.view.shape), {what, axes, mean.view},
              Parallel::serial());
          for (std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
            hwy::SetSupportedTargetsForTest(target);
            hwy::GetChosenTarget().Update(hwy::SupportedTargets());
            for (const std::size_t shift : {1, 3, 15}) {
              testing::Shifted<std::byte> from(in.bytes, shift * size_of(type));
              testing::Shifted<float> to(count, 16 - shift), about(count, shift);
              std::memcpy(about.data(), mean.view.data, count * sizeof(float));
              run({from.data(), type, shape, in.view.strides},
                  dense_view(to.data(), mean.view.shape),
                  {what, axes, dense_view(about.data(), mean.view.shape)}, Parallel::serial());
              EXPECT_TRUE(to.intact());
              ASSERT_EQ(to.values(), want) << hwy::TargetName(target) << " " << to_string(shape)
                                           << " " << static_cast<int>(what) << " " << shift;
            }
          }
          hwy::SetSupportedTargetsForTest(0);
          hwy::GetChosenTarget().Update(hwy::SupportedTargets());
        }
      }
    }
  }
}

// Every kind of reduction, some twice, in one pass.
void expect_pass_equals_reduce(const ConstView& in, const Shape& one) {
  const double means[] = {1.25, -3};
  const ConstView about[] = {dense_view(&means[0], one), dense_view(&means[1], one)};
  std::vector<ReduceSpec> specs;
  for (const Reduction what : kAll) {
    const bool deviates = what == Reduction::variance || what == Reduction::std_dev;
    ReduceSpec spec{.what = what, .axes = 3};
    if (deviates) spec.mean = about[what == Reduction::variance ? 0 : 1];
    specs.push_back(spec);
  }
  specs.push_back({.what = Reduction::std_dev, .axes = 3, .mean = about[0], .ddof = 1});
  std::vector<double> alone(specs.size()), together(specs.size());
  std::vector<std::vector<std::byte>> scratch;
  std::vector<ReduceRequest> requests;
  for (std::size_t k = 0; k < specs.size(); ++k) {
    ASSERT_TRUE(ReducePass::takes(in, specs[k]));
    scratch.emplace_back(reduce_scratch_bytes(in, specs[k]));
    reduce(in, dense_view(&alone[k], one), specs[k], Parallel::serial(), scratch.back());
    requests.push_back({dense_view(&together[k], one), specs[k], scratch.back()});
  }
  // All of them, and each single one.
  for (std::size_t first = 0; first <= requests.size(); ++first) {
    const bool all = first == requests.size();
    std::fill(together.begin(), together.end(), -777.0);
    ReducePass pass(in, all ? std::span(requests) : std::span(requests).subspan(first, 1));
    for (std::int64_t piece = (in.volume() - 1) / ReducePass::kPiece; piece >= 0; --piece)
      pass.piece(piece);
    pass.finish();
    for (std::size_t k = 0; k < specs.size(); ++k) {
      if (!all && k != first) continue;
      EXPECT_TRUE(std::memcmp(&alone[k], &together[k], sizeof(double)) == 0 ||
                  (std::isnan(alone[k]) && std::isnan(together[k])))
          << "request " << k << " of " << in.volume() << ": " << alone[k] << " and " << together[k];
    }
  }
}

TEST(ReducePass, gives_the_bits_of_reduce_in_any_order_of_pieces) {
  for (std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    for (const std::int64_t n : {4096, 65536, 65537, 200'003}) {
      for (const float strange : {0.0F, -0.0F, INFINITY, NAN}) {
        std::vector<float> values(static_cast<std::size_t>(n));
        std::mt19937 rng(7);
        for (float& v : values) v = std::normal_distribution<float>(1, 3)(rng);
        for (std::size_t i = 77; i < values.size(); i += 997) values[i] = strange;
        for (const bool negatives : {true, false}) {
          for (float& v : values) v = negatives ? v : std::max(v, 0.0F);
          for (const std::size_t shift : {0, 1, 7}) {
            testing::Shifted<float> placed(values, shift);
            const float* const at = placed.data();
            expect_pass_equals_reduce(dense_view(at, {1, n}), {1, 1});
          }
        }
      }
    }
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

TEST(ReducePass, reduces_last_axes) {
  // Channels of one piece, of two; some requests want a channel each, one wants all of them.
  for (const std::int64_t pieces : {1, 2}) {
    const Shape shape{3, pieces, 256, 256}, kept{3, 1, 1, 1}, one{1, 1, 1, 1};
    std::vector<float> values(static_cast<std::size_t>(volume(shape)));
    std::mt19937 rng(9);
    for (float& v : values) v = std::normal_distribution<float>(1, 3)(rng);
    const ConstView in = dense_view(std::as_const(values).data(), shape);
    const std::vector<float> means = {0.5F, 1, 2}, others = {0.5F, 1, 2.5F};
    const float whole_mean = 0.5F;
    std::vector<ReduceSpec> specs;
    for (const Reduction what : kAll) {
      const bool deviates = what == Reduction::variance || what == Reduction::std_dev;
      specs.push_back({.what = what, .axes = 14});
      if (deviates) specs.back().mean = dense_view(means.data(), kept);
    }
    specs.push_back(
        {.what = Reduction::std_dev, .axes = 14, .mean = dense_view(others.data(), kept)});
    specs.push_back(
        {.what = Reduction::variance, .axes = 15, .mean = dense_view(&whole_mean, one)});
    specs.push_back({.what = Reduction::sum, .axes = 15});
    std::vector<std::array<double, 3>> alone(specs.size()), together(specs.size());
    std::vector<std::vector<std::byte>> scratch;
    std::vector<ReduceRequest> requests;
    for (std::size_t k = 0; k < specs.size(); ++k) {
      ASSERT_TRUE(ReducePass::takes(in, specs[k]));
      const Shape& to = specs[k].axes == 15 ? one : kept;
      scratch.emplace_back(reduce_scratch_bytes(in, specs[k]));
      reduce(in, dense_view(alone[k].data(), to), specs[k], Parallel::serial(), scratch.back());
      requests.push_back({dense_view(together[k].data(), to), specs[k], scratch.back()});
    }
    for (std::size_t first = 0; first <= requests.size(); ++first) {
      const bool all = first == requests.size();
      for (auto& t : together) t.fill(0);
      ReducePass pass(in, all ? std::span(requests) : std::span(requests).subspan(first, 1));
      for (std::int64_t piece = 3 * pieces; piece-- > 0;) pass.piece(piece);
      pass.finish();
      for (std::size_t k = 0; k < specs.size(); ++k)
        if (all || k == first) {
          EXPECT_EQ(together[k], alone[k]) << "request " << k;
        }
    }
    EXPECT_EQ(ReducePass::takes(in, {.what = Reduction::sum, .axes = 13}), pieces == 1);
    EXPECT_FALSE(ReducePass::takes(in, {.what = Reduction::sum, .axes = 7}));
    EXPECT_FALSE(ReducePass::takes(in, {.what = Reduction::sum, .axes = 8}));
  }
}

TEST(ReducePass, takes_other_types) {
  std::vector<std::int16_t> values(70'001);
  std::mt19937 rng(7);
  for (std::int16_t& v : values) v = static_cast<std::int16_t>(rng());
  const auto n = static_cast<std::int64_t>(values.size());
  expect_pass_equals_reduce(dense_view(std::as_const(values).data(), {1, n}), {1, 1});
}

TEST(ReducePass, takes_whole_row_major_views_only) {
  std::vector<float> values(100 * 100);
  const ConstView in = dense_view(static_cast<const float*>(values.data()), {100, 100});
  EXPECT_TRUE(ReducePass::takes(in, {.what = Reduction::max, .axes = 3}));
  EXPECT_FALSE(ReducePass::takes(in, {.what = Reduction::max, .axes = 1}));
  EXPECT_FALSE(ReducePass::takes({in.data, in.dtype, in.shape, {1, 100}},
                                 {.what = Reduction::max, .axes = 3}));
}

}  // namespace
}  // namespace varo
