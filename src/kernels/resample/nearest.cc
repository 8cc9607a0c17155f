// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "core/convert.h"
#include "core/dispatch.h"
#include "kernels/copy/copy.h"
#include "kernels/resample/pick.h"
#include "kernels/resample/resample.h"

namespace varo {

namespace {

constexpr std::int64_t kGrainElements = std::int64_t{1} << 15;
// Longer runs inside a resampled axis are copied rather than picked element by element.
constexpr std::int64_t kLongestPickedRun = 16;

// The output as rows: the axes from first_axis on are one row, which is a run of elements that
// stay together, or a resampled axis with a short run inside it.
struct Rows {
  const ResampleViews& c;
  int first_axis;
  std::int64_t length = 1;

  explicit Rows(const ResampleViews& views) : c(views), first_axis(c.out.rank()) {
    const auto joins = [&](int i) {
      return !picks(i) && c.in.strides[i] == length && c.out.strides[i] == length;
    };
    while (first_axis > 0 && joins(first_axis - 1)) length *= c.out.shape[--first_axis];
    const int next = first_axis - 1;
    const bool run = first_axis < c.out.rank();
    if (next >= 0 &&
        (!run || (picks(next) && c.out.strides[next] == length && length <= kLongestPickedRun)))
      length *= c.out.shape[first_axis = next];
  }

  bool picks(int axis) const { return c.tables[static_cast<std::size_t>(axis)].has_value(); }
  std::int64_t inside() const { return length / c.out.shape[first_axis]; }
  std::int64_t source(int axis, std::int64_t x) const {
    const auto& table = c.tables[static_cast<std::size_t>(axis)];
    return (table ? table->first[static_cast<std::size_t>(x)] : x) * c.in.strides[axis];
  }

  // body(source offset, target offset) for rows [begin, end).
  template <class Body>
  void for_each(std::int64_t begin, std::int64_t end, const Body& body) const {
    std::int64_t at[kMaxRank] = {}, rest = begin;
    for (int i = first_axis - 1; i >= 0; --i) {
      at[i] = rest % c.out.shape[i];
      rest /= c.out.shape[i];
    }
    for (std::int64_t row = begin; row < end; ++row) {
      std::int64_t from = 0, to = 0;
      for (int i = 0; i < first_axis; ++i) {
        from += source(i, at[i]);
        to += at[i] * c.out.strides[i];
      }
      body(from, to);
      for (int i = first_axis - 1; i >= 0 && ++at[i] == c.out.shape[i]; --i) at[i] = 0;
    }
  }
};

PickPattern pattern_of(const Rows& rows) {
  const ResampleViews& c = rows.c;
  const int axis = rows.first_axis;
  const std::int64_t inside = rows.inside(), extent = c.out.shape[axis];
  PooledVector<std::int64_t> offsets;
  for (std::int64_t x = 0; x < extent; ++x)
    for (std::int64_t k = 0; k < inside; ++k) offsets.push_back(rows.source(axis, x) + k);
  const std::int64_t readable = c.in.strides[axis] == inside ? c.in.shape[axis] * inside : 0;
  return make_pick_pattern(std::move(offsets), static_cast<int>(c.in.element_size()), readable);
}

template <class T>
void run_rows(const NearestPlan& plan, Parallel& parallel) {
  const T fill = from_bits<T>(plan.fill);
  const ResampleViews& c = plan.views;
  const Rows rows(c);
  const int axis = rows.first_axis;
  const std::int64_t extent = c.out.shape[axis], length = rows.length;
  const std::int64_t step_in = c.in.strides[axis], step_out = c.out.strides[axis];
  const bool picks = rows.picks(axis), gapless_out = step_out == rows.inside();
  const PickPattern& pattern = plan.pattern;
  parallel_for(parallel, volume(c.out.shape) / length, kGrainElements / length,
               [&](std::int64_t begin, std::int64_t end) {
                 rows.for_each(begin, end, [&](std::int64_t from, std::int64_t to) {
                   const T* src = c.in.ptr<T>() + from;
                   T* dst = c.out.ptr<T>() + to;
                   std::fill_n(dst - plan.before, plan.before, fill);
                   if (picks && gapless_out)
                     pick_row(pattern, src, dst);
                   else if (picks)
                     for (std::int64_t x = 0; x < extent; ++x)
                       dst[x * step_out] = src[pattern.offsets[static_cast<std::size_t>(x)]];
                   else if (length != extent || (step_in == 1 && step_out == 1))
                     std::memcpy(dst, src, static_cast<std::size_t>(length) * sizeof(T));
                   else
                     for (std::int64_t x = 0; x < extent; ++x) dst[x * step_out] = src[x * step_in];
                   std::fill_n(dst + length, plan.after, fill);
                 });
               });
}

// Output voxels [begin, begin + table.out) of another table: those that read source voxels
// [lo, hi), which are all that the new one knows.
struct Cut {
  std::int64_t begin;
  AxisTable table;
};

Cut cut(const AxisTable& whole, std::int64_t lo, std::int64_t hi) {
  const auto there = [&](std::int32_t first) { return first >= lo && first < hi; };
  // Voxels are picked in order, so that these are side by side.
  const auto begin = std::find_if(whole.first.begin(), whole.first.end(), there);
  const auto end = std::find_if_not(begin, whole.first.end(), there);
  Cut c{begin - whole.first.begin(), {.extent = hi - lo, .out = end - begin}};
  for (auto at = begin; at != end; ++at)
    c.table.first.push_back(static_cast<std::int32_t>(*at - lo));
  c.table.weights.assign(c.table.first.size(), 1.0F);
  return c;
}

void plan_rows(NearestPlan& plan) {
  const Rows rows(plan.views);
  if (rows.picks(rows.first_axis)) plan.pattern = pattern_of(rows);
}

}  // namespace

NearestPlan plan_nearest(const PaddedView& in, const View& out, std::vector<ResampledAxis> axes) {
  NearestPlan plan;
  const ConstView& from = in.inside;
  if (!in.padded()) {
    plan.views = resample_views(from, out, std::move(axes));
    plan.picks_nothing = volume(plan.views.out.shape) == 0;
    if (!plan.picks_nothing) plan_rows(plan);
    return plan;
  }
  plan.padded = true;
  plan.out = out;
  plan.fill = in.fill;
  Box shown = in.box;
  for (auto& [axis, table] : axes) {
    auto [begin, part] = cut(table, in.box.lo[axis], in.box.hi[axis]);
    shown.lo[axis] = begin;
    shown.hi[axis] = begin + part.out;
    table = std::move(part);
  }
  const View to = out.part(shown);
  plan.covered = shown;
  plan.picks_nothing = to.volume() == 0;
  if (plan.picks_nothing) return plan;
  plan.views = resample_views(from, to, std::move(axes));
  plan_rows(plan);
  const AxisList axes_of_rows = resample_axes(from.shape, to);
  if (axes_of_rows.rank > 0) {
    // Rows that lie in rows of all of `out`: what is beside them is written along with them.
    const Rows rows(plan.views);
    const int axis = axes_of_rows.axis[rows.first_axis];
    if (out.strides[axis] == rows.inside()) {
      plan.before = shown.lo[axis] * rows.inside();
      plan.after = (out.shape[axis] - shown.hi[axis]) * rows.inside();
      plan.covered.lo[axis] = 0;
      plan.covered.hi[axis] = out.shape[axis];
    }
  }
  return plan;
}

void resample_nearest(const NearestPlan& plan, Parallel& parallel) {
  if (plan.padded && plan.picks_nothing) return fill(plan.out, plan.fill, parallel);
  if (plan.picks_nothing) return;
  if (plan.padded) fill_outside(plan.covered, plan.out, plan.fill, parallel);
  dispatch_width(plan.views.in.dtype,
                 [&](auto tag) { run_rows<typename decltype(tag)::type>(plan, parallel); });
}

}  // namespace varo
