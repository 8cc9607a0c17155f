// SPDX-License-Identifier: Apache-2.0
// Every header that says what one element is, on its own: compiled for the host, and for devices
// where there is nvcc (cmake/tests.cmake). What is called here is compiled for both.
#include "core/convert.h"
#include "core/half.h"
#include "core/philox.h"
#include "core/scalar.h"
#include "kernels/copy/copy_point.h"
#include "kernels/filter/filter_point.h"
#include "kernels/pointwise/pointwise_point.h"
#include "kernels/random/random_point.h"
#include "kernels/reduce/reduce_point.h"
#include "kernels/resample/resample_point.h"
#include "kernels/warp/warp_point.h"
#include "varo/view.h"

#if defined(HIGHWAY_HWY_BASE_H_) || defined(FMT_VERSION) || defined(TBB_VERSION_MAJOR)
#error "a header of one element includes Highway, fmt or oneTBB"
#endif

#if defined(__CUDACC__)
#define VARO_KERNEL __global__
#else
#define VARO_KERNEL
#endif

namespace varo {

VARO_HD inline float core(const ConstView& in, std::int64_t i) {
  const float x = in.ptr<float>()[i * in.strides[0]];
  Rng rng(RandomKey{.seed = 1, .sample = static_cast<std::uint64_t>(i)});
  return static_cast<float>(in.volume() + in.rank() + saturate<std::uint8_t>(x)) +
         to_float(saturate<Half>(x)) + static_cast<float>(rng.uniform()) + scalar::root(x) +
         static_cast<float>(rng.below(7) + mix64(static_cast<std::uint64_t>(i)) % 5);
}

VARO_HD inline float copied(float x) {
  return static_cast<float>(convert_element<std::int16_t>(x));
}

VARO_HD inline float pointwise(float x, float y) {
  return element::unary<Op::sin>(x) + element::unary<Op::exp>(x) + element::unary<Op::cbrt>(x) +
         element::unary<Op::floor>(x) + element::binary<Op::pow>(x, y) +
         element::binary<Op::atan2>(x, y) +
         static_cast<float>(element::binary<Op::div>(static_cast<std::int32_t>(x), 3));
}

VARO_HD inline float drawn(const RandomKey& key, std::uint64_t i) {
  return random_normal(key, i) +
         static_cast<float>(unit_of(random_word(key, i)) + unit_of(random_word_pair(key, i)));
}

VARO_HD inline float filtered(const float* in, std::int64_t i, std::int64_t n, const float* half) {
  return filter::weigh([&](std::int64_t k) { return in[reflect_101(i + k, n)]; }, 2, half);
}

VARO_HD inline float reduced(const float* in, std::int64_t n) {
  using namespace reduction;
  const auto at = [&](std::int64_t j) { return in[j]; };
  const Partition p = partition_of(1, n, 1);
  const double mean = finished(Reduction::mean, accumulated<Sum<double>>(p, n, at, 0), n, 0);
  return static_cast<float>(
             finished(Reduction::std_dev, accumulated<Deviations>(p, n, at, mean), n, 1)) +
         accumulated<Smallest<float>>(p, n, at, 0) + accumulated<Largest<float>>(p, n, at, 0);
}

VARO_HD inline float resampled(const float* in, const AxisMap& map, std::int64_t x,
                               const float* weights, const resampling::PassExtents& extents) {
  using namespace resampling;
  const auto at = [&](int t) { return in[inside(map, reach_of(map, x).start + t)]; };
  return tap_sum(at, weights, 4) + in[nearest_of(map, x)] +
         static_cast<float>(pass_order(extents).axis[0]);
}

VARO_HD inline float warped(const float* in, const warp::Grid& grid, const double* source_of,
                            std::int64_t x) {
  using namespace warp;
  const std::int32_t before[3] = {0, 0, 0};
  Place places[3] = {};
  Path path{};
  find_path(source_of, grid, true, 1, 2, 64, path);
  find_places(path, grid.axes, before, x, places);
  const auto read = [&](std::int64_t offset) { return in[offset]; };
  return linear_of(grid, places, 0.0F, read) + nearest_of(grid, places, 0.0F, read);
}

struct Inputs {
  ConstView in;
  RandomKey key;
  AxisMap map;
  resampling::PassExtents extents;
  warp::Grid grid;
  double source_of[12];
  float weights[4];
};

VARO_KERNEL void call_all(Inputs inputs, float* out) {
  const auto* in = inputs.in.ptr<float>();
  out[0] = core(inputs.in, 1);
  out[1] = copied(in[0]);
  out[2] = pointwise(in[0], in[1]);
  out[3] = drawn(inputs.key, 5);
  out[4] = filtered(in, 3, 64, inputs.weights);
  out[5] = reduced(in, 64);
  out[6] = resampled(in, inputs.map, 3, inputs.weights, inputs.extents);
  out[7] = warped(in, inputs.grid, inputs.source_of, 9);
}

}  // namespace varo
