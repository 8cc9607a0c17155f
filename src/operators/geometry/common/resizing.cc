// SPDX-License-Identifier: Apache-2.0
#include "operators/geometry/common/resizing.h"

#include <cmath>

namespace varo {

namespace {

// A smaller part of a deferred input is read on its own; otherwise the input is read as a whole,
// which its other consumers then share.
constexpr double kWorthCutting = 0.75;

double ratio(const AxisMap& map) {
  return map.out > 0 ? std::abs(map.hi - map.lo) / static_cast<double>(map.out) : 1.0;
}

// The distance between neighbours where the axis is a slice of the input.
std::optional<std::int64_t> step_of(const AxisTable& table) {
  if (!table.moves()) return std::nullopt;
  if (table.out == 1) return 1;
  const std::int64_t step = table.first[1] - table.first[0];
  for (std::size_t x = 1; x < table.first.size(); ++x)
    if (table.first[x] - table.first[x - 1] != step) return std::nullopt;
  return step != 0 ? std::optional(step) : std::nullopt;
}

// Along each axis: input index = scale * output index + shift, from voxel centre to voxel centre.
std::optional<Affine> moved_affine(Sample& sample, const Resizing& resizing) {
  std::optional<Affine> affine = sample.tensor(0).meta().affine;
  if (!affine) return affine;
  for (const auto& [axis, letter, map] : resizing.axes) {
    if (letter != 'W' && letter != 'H' && letter != 'D') continue;
    const double scale = (map.hi - map.lo) / static_cast<double>(map.out);
    const double shift = map.lo + 0.5 * scale - 0.5;
    const std::size_t column = letter == 'W' ? 0 : letter == 'H' ? 1 : 2;
    for (std::size_t row = 0; row < 3; ++row) {
      double& direction = (*affine)[row * 4 + column];
      (*affine)[row * 4 + 3] += direction * shift;
      direction *= scale;
    }
  }
  return affine;
}

// What the tables use of the input, in memory, padded or not.
Tensor used_part(Sample& sample, const Resizing& resizing) {
  const auto used = [&](Tensor t) {
    for (const auto& [axis, table] : resizing.tables) t = t.sliced(axis, table.begin, table.extent);
    return t;
  };
  const Tensor part = used(sample.tensor(0));
  if (!part.deferred()) return part;
  const auto to_read = [](const Tensor& t) {
    return static_cast<double>(volume(t.valid().extents()));
  };
  if (to_read(part) >= kWorthCutting * to_read(sample.tensor(0))) return used(sample.loaded(0));
  const Box inside = part.valid();
  Tensor read = part;
  for (int i = 0; i < read.rank(); ++i) read = read.sliced(i, inside.lo[i], inside.extents()[i]);
  read = Tensor::wrap(sample.fetch(read), nullptr);
  for (int i = 0; i < read.rank(); ++i)
    read = *read.windowed(i, -inside.lo[i], part.shape()[i], part.fill_bits());
  return read;
}

}  // namespace

bool reduces(const AxisMap& map) { return ratio(map) > 1; }

void set_filter(AxisMap& map, std::int64_t interp, bool smooth) {
  switch (interp) {
    case kInterpNearest:
      map.filter = ResampleFilter::nearest;
      break;
    case kInterpCubic:
      map.filter = ResampleFilter::cubic;
      break;
    case kInterpLanczos3:
      map.filter = ResampleFilter::lanczos3;
      break;
    case kInterpGaussian:
      map.filter = ResampleFilter::gaussian;
      break;
    case kInterpBspline:
      map.filter = ResampleFilter::bspline;
      break;
    default:
      map.filter = ResampleFilter::triangular;
      break;
  }
  map.radius = least_radius(map.filter) * (smooth && reduces(map) ? ratio(map) : 1.0);
}

std::optional<Tensor> resized_view(Sample& sample, Resizing& resizing) {
  bool slices = sample.output_spec(0).dtype == sample.spec(0).dtype;
  if (resizing.tables.empty())
    for (const auto& [axis, letter, map] : resizing.axes)
      resizing.tables.push_back({axis, make_axis_table(map)});
  for (const auto& [axis, table] : resizing.tables) slices = slices && step_of(table);
  if (!slices) return std::nullopt;
  Tensor view = sample.tensor(0);
  for (const auto& [axis, table] : resizing.tables)
    view = view.sliced(axis, table.begin + table.first[0], table.out, *step_of(table));
  // A picked voxel may lie beside its cell's centre: the affine is that of the cells.
  if (const auto affine = moved_affine(sample, resizing)) {
    Meta meta = view.meta();
    meta.affine = affine;
    view = view.with_meta(std::move(meta));
  }
  return view;
}

void run_resizing(Sample& sample, Resizing& resizing) {
  const View out = sample.output(0);
  if (out.volume() == 0) return;
  if (const auto affine = moved_affine(sample, resizing)) sample.set_affine(0, *affine);
  const Tensor part = used_part(sample, resizing);
  const PaddedView in = part.padded_view();
  const bool moves = std::all_of(resizing.tables.begin(), resizing.tables.end(),
                                 [](const ResampledAxis& a) { return a.table.moves(); });
  if (moves && out.dtype == in.dtype())
    return resample_nearest(in, out, resizing.tables, sample.parallel());
  const ResamplePlan plan = plan_resample(in, out, std::move(resizing.tables));
  resample(plan, sample.scratch_of<float>(plan.scratch_floats(sample.parallel().width())),
           sample.parallel());
}

}  // namespace varo
