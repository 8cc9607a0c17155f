// SPDX-License-Identifier: Apache-2.0
#include "operators/geometry/resizing.h"

#include <algorithm>
#include <cmath>

namespace varo {

namespace {

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
Affine moved_affine(const Resizing& resizing, Affine affine) {
  for (const auto& [axis, letter, map] : resizing.axes) {
    if (letter != 'W' && letter != 'H' && letter != 'D') continue;
    const double scale = (map.hi - map.lo) / static_cast<double>(map.out);
    const double shift = map.lo + 0.5 * scale - 0.5;
    const std::size_t column = letter == 'W' ? 0 : letter == 'H' ? 1 : 2;
    for (std::size_t row = 0; row < 3; ++row) {
      double& direction = affine[row * 4 + column];
      affine[row * 4 + 3] += direction * shift;
      direction *= scale;
    }
  }
  return affine;
}

bool only_moves(const Resizing& resizing, const HostRun& r) {
  return r.out[0].dtype == r.view(0).dtype &&
         std::all_of(resizing.tables.begin(), resizing.tables.end(),
                     [](const ResampledAxis& a) { return a.table.moves(); });
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

void ResizeOperator::tabulate(Inference& s) {
  auto& resizing = s.kept<Resizing>();
  if (volume(s.output_spec(0).shape) == 0) return;
  resizing.slices = s.output_spec(0).dtype == s.spec(0).dtype;
  for (const auto& [axis, letter, map] : resizing.axes) {
    resizing.tables.push_back({axis, make_axis_table(map)});
    resizing.slices = resizing.slices && step_of(resizing.tables.back().table);
  }
}

Need ResizeOperator::need(const Inference& s, int) const {
  if (volume(s.output_spec(0).shape) == 0) return {Access::spec};
  const auto& tables = s.kept<Resizing>().tables;
  if (tables.empty()) return {Access::padded};
  Box used{Dims::filled(s.spec(0).shape.rank(), 0), s.spec(0).shape};
  for (const auto& [axis, table] : tables) {
    used.lo[axis] = table.begin;
    used.hi[axis] = table.begin + table.extent;
  }
  return {.access = Access::padded, .region = used};
}

std::optional<int> ResizeOperator::view_of(const Inference& s) const {
  return s.kept<Resizing>().slices ? std::optional(0) : std::nullopt;
}

bool ResizeOperator::resolve(Views& views) const {
  const auto& resizing = views.facts.kept<Resizing>();
  Tensor view = views.in;
  for (const auto& [axis, table] : resizing.tables)
    view = view.sliced(axis, table.begin + table.first[0], table.out, *step_of(table));
  // A picked voxel may lie beside its cell's centre: the affine is that of the cells.
  if (const auto& affine = views.in.meta().affine) {
    Meta meta = view.meta();
    meta.affine = moved_affine(resizing, *affine);
    view = view.with_meta(std::move(meta));
  }
  views.out[0] = std::move(view);
  return true;
}

std::optional<Affine> ResizeOperator::moved(const Inference& s, const Affine& input) const {
  const auto& resizing = s.kept<Resizing>();
  if (resizing.tables.empty()) return std::nullopt;
  return moved_affine(resizing, input);
}

std::size_t ResizeOperator::setup(const HostRun& r, std::any& plan) const {
  const auto& resizing = r.state<Resizing>();
  if (resizing.tables.empty()) return 0;
  if (only_moves(resizing, r)) {
    plan = plan_nearest(r.in[0], r.out[0], resizing.tables);
    return 0;
  }
  ResamplePlan made = plan_resample(r.in[0], r.out[0], resizing.tables);
  const auto floats = static_cast<std::size_t>(made.scratch_floats(r.parallel.width()));
  plan = std::move(made);
  return floats * sizeof(float);
}

void ResizeOperator::run(const HostRun& r) const noexcept {
  const auto& resizing = r.state<Resizing>();
  if (resizing.tables.empty()) return;
  if (only_moves(resizing, r)) return resample_nearest(r.plan<NearestPlan>(), r.parallel);
  resample(r.plan<ResamplePlan>(), r.scratch_of<float>(), r.parallel);
}

}  // namespace varo
