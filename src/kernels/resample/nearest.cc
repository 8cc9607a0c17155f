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

// Elements next to each row of the output that are fill, and their bytes.
struct RowEnds {
  std::int64_t before = 0, after = 0;
  std::uint64_t fill = 0;
};

template <class T>
void run_rows(const Rows& rows, const RowEnds& ends, Parallel& parallel) {
  const T fill = from_bits<T>(ends.fill);
  const ResampleViews& c = rows.c;
  const int axis = rows.first_axis;
  const std::int64_t inside = rows.inside(), extent = c.out.shape[axis], length = rows.length;
  const std::int64_t step_in = c.in.strides[axis], step_out = c.out.strides[axis];
  const bool picks = rows.picks(axis), gapless_out = step_out == inside;

  PickPattern pattern;
  if (picks) {
    PooledVector<std::int64_t> offsets;
    for (std::int64_t x = 0; x < extent; ++x)
      for (std::int64_t k = 0; k < inside; ++k) offsets.push_back(rows.source(axis, x) + k);
    const std::int64_t readable = step_in == inside ? c.in.shape[axis] * inside : 0;
    pattern = make_pick_pattern(std::move(offsets), sizeof(T), readable);
  }
  parallel_for(parallel, volume(c.out.shape) / length, kGrainElements / length,
               [&](std::int64_t begin, std::int64_t end) {
                 rows.for_each(begin, end, [&](std::int64_t from, std::int64_t to) {
                   const T* src = c.in.ptr<T>() + from;
                   T* dst = c.out.ptr<T>() + to;
                   std::fill_n(dst - ends.before, ends.before, fill);
                   if (picks && gapless_out)
                     pick_row(pattern, src, dst);
                   else if (picks)
                     for (std::int64_t x = 0; x < extent; ++x)
                       dst[x * step_out] = src[pattern.offsets[static_cast<std::size_t>(x)]];
                   else if (length != extent || (step_in == 1 && step_out == 1))
                     std::memcpy(dst, src, static_cast<std::size_t>(length) * sizeof(T));
                   else
                     for (std::int64_t x = 0; x < extent; ++x) dst[x * step_out] = src[x * step_in];
                   std::fill_n(dst + length, ends.after, fill);
                 });
               });
}

}  // namespace

void resample_nearest(const ConstView& in, const View& out, std::span<const ResampledAxis> axes,
                      Parallel& parallel) {
  const ResampleViews c = resample_views(in, out, {axes.begin(), axes.end()});
  if (volume(c.out.shape) == 0) return;
  const Rows rows(c);
  dispatch_width(c.in.dtype,
                 [&](auto tag) { run_rows<typename decltype(tag)::type>(rows, {}, parallel); });
}

namespace {

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

}  // namespace

void resample_nearest(const PaddedView& in, const View& out, std::span<const ResampledAxis> axes,
                      Parallel& parallel) {
  if (!in.padded()) return resample_nearest(in.inside, out, axes, parallel);
  const ConstView& from = in.inside;
  Box shown = in.box;
  std::vector<ResampledAxis> cuts;
  for (const auto& [axis, table] : axes) {
    auto [begin, part] = cut(table, in.box.lo[axis], in.box.hi[axis]);
    shown.lo[axis] = begin;
    shown.hi[axis] = begin + part.out;
    cuts.push_back({axis, std::move(part)});
  }
  const View to = out.part(shown);
  if (to.volume() == 0) return fill(out, in.fill, parallel);
  const ResampleViews c = resample_views(from, to, std::move(cuts));
  const Rows rows(c);
  RowEnds ends{.fill = in.fill};
  const AxisList axes_of_rows = resample_axes(from.shape, to);
  if (axes_of_rows.rank > 0) {
    // Rows that lie in rows of all of `out`: what is beside them is written along with them.
    const int axis = axes_of_rows.axis[rows.first_axis];
    if (out.strides[axis] == rows.inside()) {
      ends.before = shown.lo[axis] * rows.inside();
      ends.after = (out.shape[axis] - shown.hi[axis]) * rows.inside();
      shown.lo[axis] = 0;
      shown.hi[axis] = out.shape[axis];
    }
  }
  fill_outside(shown, out, in.fill, parallel);
  dispatch_width(from.dtype,
                 [&](auto tag) { run_rows<typename decltype(tag)::type>(rows, ends, parallel); });
}

}  // namespace varo
