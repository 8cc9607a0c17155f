// SPDX-License-Identifier: Apache-2.0
/// One thread, a CT-sized volume to 128^3; the buffers are warm, the input larger than the cache.
#include <benchmark/benchmark.h>
#include <random>
#include <vector>

#include "kernels/resample/resample.h"

namespace varo {
namespace {

const Shape kIn{155, 240, 240}, kOut{128, 128, 128};

std::vector<ResampledAxis> tables(const Shape& in, const Shape& out, ResampleFilter filter,
                                  bool antialias) {
  std::vector<ResampledAxis> axes;
  for (int i = 0; i < in.rank(); ++i) {
    const double ratio = static_cast<double>(in[i]) / static_cast<double>(out[i]);
    const double radius = least_radius(filter) * (antialias ? std::max(1.0, ratio) : 1.0);
    axes.push_back(
        {i, make_axis_table({in[i], out[i], 0, static_cast<double>(in[i]), filter, radius})});
  }
  return axes;
}

template <class T>
void resize(benchmark::State& state, ResampleFilter filter, bool antialias, Shape in_shape,
            Shape out_shape) {
  std::vector<T> in(static_cast<std::size_t>(volume(in_shape))),
      out(static_cast<std::size_t>(volume(out_shape)));
  std::mt19937 rng(1);
  for (T& v : in) v = static_cast<T>(rng() % 256);
  const auto axes = tables(in_shape, out_shape, filter, antialias);
  ConstView source = dense_view<T>(in.data(), in_shape);
  for (const auto& a : axes) {
    source.data = static_cast<const T*>(source.data) + a.table.begin * source.strides[a.axis];
    source.shape[a.axis] = a.table.extent;
  }
  const View target = dense_view<T>(out.data(), out_shape);
  const ResamplePlan plan = plan_resample(source, target, axes);
  std::vector<float> scratch(static_cast<std::size_t>(plan.scratch_floats(1)));
  for (auto _ : state) {
    if (filter == ResampleFilter::nearest)
      resample_nearest(plan_nearest(unpadded(source), target, axes), Parallel::serial());
    else
      resample(plan_resample(source, target, axes), scratch, Parallel::serial());
    benchmark::ClobberMemory();
  }
}

constexpr auto resize_f32 = resize<float>;
constexpr auto resize_i16 = resize<std::int16_t>;
constexpr auto resize_u8 = resize<std::uint8_t>;

// clang-format off
BENCHMARK_CAPTURE(resize_f32, linear, ResampleFilter::triangular, false, kIn, kOut)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(resize_f32, antialias, ResampleFilter::triangular, true, kIn, kOut)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(resize_f32, cubic, ResampleFilter::cubic, false, kIn, kOut)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(resize_f32, lanczos3_antialias, ResampleFilter::lanczos3, true, kIn, kOut)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(resize_i16, linear, ResampleFilter::triangular, false, kIn, kOut)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(resize_u8, nearest, ResampleFilter::nearest, false, kIn, kOut)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(resize_f32, nearest, ResampleFilter::nearest, false, kIn, kOut)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(resize_f32, linear_enlarge, ResampleFilter::triangular, false, kOut, kIn)->Unit(benchmark::kMillisecond);
// clang-format on

}  // namespace
}  // namespace varo
