// SPDX-License-Identifier: Apache-2.0
#include "kernels/resample/axis_table.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace varo {

namespace {

// Exactly 0 at the integers, so that interpolation at a voxel's centre is that voxel.
double sinc(double x) {
  if (x == 0) return 1;
  if (x == std::round(x)) return 0;
  return std::sin(std::numbers::pi * x) / (std::numbers::pi * x);
}

double catmull_rom(double x) {
  x = std::abs(x);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

double cubic_bspline(double x) {
  x = std::abs(x);
  if (x < 1) return (0.5 * x - 1) * x * x + 2.0 / 3.0;
  return x < 2 ? (2 - x) * (2 - x) * (2 - x) / 6 : 0;
}

double window(ResampleFilter filter, double t, double r) {
  if (std::abs(t) > r) return 0;
  switch (filter) {
    case ResampleFilter::nearest:
      return 1;
    case ResampleFilter::triangular:
      return 1 - std::abs(t) / r;
    case ResampleFilter::gaussian:
      return std::exp(-4 * (t / r) * (t / r));
    case ResampleFilter::cubic:
      return catmull_rom(2 * t / r);
    case ResampleFilter::lanczos3:
      return sinc(3 * t / r) * sinc(t / r);
    case ResampleFilter::bspline:
      return cardinal_spline(least_radius(filter) * t / r);
  }
  return 0;
}

// The weights of one output voxel on the source voxels first, first + 1, ...
struct Taps {
  std::int64_t first = 0;
  std::vector<double> weights;
};

Taps taps_at(const AxisMap& map, std::int64_t x) {
  using resampling::inside;
  if (map.filter == ResampleFilter::nearest) return {resampling::nearest_of(map, x), {1.0}};
  const auto [centre, start, count] = resampling::reach_of(map, x);
  Taps taps{inside(map, start), {}};
  taps.weights.resize(static_cast<std::size_t>(inside(map, start + static_cast<double>(count - 1)) -
                                               taps.first + 1));
  double sum = 0;
  for (std::int64_t k = 0; k < count; ++k) {
    const double index = start + static_cast<double>(k);
    const double w = window(map.filter, index - centre, map.radius);
    taps.weights[static_cast<std::size_t>(inside(map, index) - taps.first)] += w;
    sum += w;
  }
  for (double& w : taps.weights) w /= sum;

  while (taps.weights.size() > 1 && taps.weights.back() == 0) taps.weights.pop_back();
  const auto used =
      std::find_if(taps.weights.begin(), taps.weights.end() - 1, [](double w) { return w != 0; });
  taps.first += used - taps.weights.begin();
  taps.weights.erase(taps.weights.begin(), used);
  return taps;
}

}  // namespace

double cardinal_spline(double t) {
  t = std::abs(t);
  const double whole = std::floor(t);
  if (t == whole) return t == 0 ? 1 : 0;  // as for sinc()
  // The four B-splines that reach t, weighed with sqrt(3) z^|k|.
  const double root = std::numbers::sqrt3, pole = root - 2;
  const double before = whole == 0 ? pole : 1 / pole;
  double power = root;
  for (double k = 0; k < whole; ++k) power *= pole;
  return power * (before * cubic_bspline(t - whole + 1) + cubic_bspline(t - whole) +
                  pole * cubic_bspline(t - whole - 1) + pole * pole * cubic_bspline(t - whole - 2));
}

bool AxisTable::moves() const {
  return taps == 1 && std::all_of(weights.begin(), weights.end(), [](float w) { return w == 1; });
}

bool AxisTable::identity() const {
  if (!moves() || out != extent) return false;
  for (std::int64_t x = 0; x < out; ++x)
    if (first[static_cast<std::size_t>(x)] != x) return false;
  return true;
}

AxisTable make_axis_table(const AxisMap& map) {
  AxisTable table;
  table.out = map.out;
  if (map.out == 0) return table;
  PooledVector<Taps> rows(static_cast<std::size_t>(map.out));
  std::int64_t begin = map.in, end = 0;
  std::size_t taps = 1;
  for (std::int64_t x = 0; x < map.out; ++x) {
    Taps& row = rows[static_cast<std::size_t>(x)] = taps_at(map, x);
    begin = std::min(begin, row.first);
    end = std::max(end, row.first + static_cast<std::int64_t>(row.weights.size()));
    taps = std::max(taps, row.weights.size());
  }
  table.begin = begin;
  table.extent = end - begin;
  table.taps = static_cast<int>(taps);
  table.first.reserve(rows.size());
  table.weights.assign(rows.size() * taps, 0.0F);
  for (std::size_t x = 0; x < rows.size(); ++x) {
    // A row with fewer taps than others moves down where it would reach past the end.
    const std::int64_t first = std::min(rows[x].first, end - static_cast<std::int64_t>(taps));
    table.first.push_back(static_cast<std::int32_t>(first - begin));
    float* const to = &table.weights[x * taps + static_cast<std::size_t>(rows[x].first - first)];
    std::transform(rows[x].weights.begin(), rows[x].weights.end(), to,
                   [](double w) { return static_cast<float>(w); });
  }
  return table;
}

AxisTable mirrored(const AxisTable& table) {
  AxisTable m = table;
  m.backwards = !table.backwards;
  for (std::size_t x = 0; x < table.first.size(); ++x)
    m.first[x] = static_cast<std::int32_t>(table.extent - table.taps - table.first[x]);
  return m;
}

}  // namespace varo
