// SPDX-License-Identifier: Apache-2.0
#include "kernels/resample/resample.h"

#include <algorithm>
#include <atomic>

#include "core/convert.h"
#include "kernels/copy/copy.h"
#include "kernels/resample/pass.h"
#include "kernels/resample/resample_plan.h"

namespace varo {

namespace {

using namespace resampling;

// Part of the input, made dense, in elements of `dtype`.
ConstView packed(const ResamplePlan& p, const ConstView& in, const Box& part, DType dtype,
                 float* to) {
  const Shape shape = part.extents();
  const View dense{to, dtype, shape, dense_strides(shape)};
  Parallel& serial = Parallel::serial();
  if (!p.padded) {
    convert(in.part(part), dense, serial);
  } else {
    PaddedView from = p.padded->part(part);
    if (dtype == from.dtype()) {
      copy_padded(from, dense, serial);
    } else {
      const std::uint64_t fill = converted_bits(from.fill, from.dtype(), dtype);
      convert(from.inside, fill_outside(from.box, dense, fill, serial), serial);
    }
  }
  return dense;
}

void run_pass(const ResamplePlan& p, const ResamplePass& pass, float* columns) {
  if (by_columns(p.in, p.out, pass.axis))
    resample_columns(pass, columns);
  else
    resample_rows(pass);
}

// What the pass makes of lines that are nothing but padding, outside of `box`, which is all of
// pass.axis.
void run_fill(const ResamplePlan& p, const ResamplePass& pass, Box box) {
  const int axis = pass.axis;
  box.hi[axis] = box.hi[axis] > box.lo[axis] ? 1 : 0;
  box.lo[axis] = 0;
  if (box.extents() == pass.dst.part(axis, 0, 1).shape) return;
  const auto fill = from_bits<float>(converted_bits(p.padded->fill, p.in.dtype, DType::f32));
  for (std::int64_t x = 0; x < pass.dst.shape[axis]; ++x) {
    const float* weights = pass.weights + x * pass.taps;
    const float sum = tap_sum([&](int) { return fill; }, weights, pass.taps);
    fill_outside(box, pass.dst.part(axis, x, 1), bits_of(sum, pass.dst.dtype), Parallel::serial());
  }
}

// The first pass over a part of a padded input; pass.src is for this to find.
void run_padded_pass(const ResamplePlan& p, ResamplePass pass, Box part, float* columns,
                     float* scratch) {
  const bool transposes = by_columns(p.in, p.out, pass.axis);
  const Shape extents = part.extents();
  Box box = p.padded->part(part).box;
  // Lines of the pass with an element in memory; those that are transposed lie side by side.
  bool whole = reads_inside(p), lines = true;
  for (int i = 0; i < box.lo.rank(); ++i) {
    const bool along = i == pass.axis || (transposes && i > pass.axis);
    if (along) whole = whole && box.lo[i] == 0 && box.hi[i] == extents[i];
    if (box.hi[i] == box.lo[i])
      lines = false;
    else if (along)
      box.lo[i] = 0, box.hi[i] = extents[i];
  }
  run_fill(p, pass, box);
  if (!lines) return;
  for (int i = 0; i < box.lo.rank(); ++i) {
    part.hi[i] = part.lo[i] + box.hi[i];
    part.lo[i] += box.lo[i];
  }
  box.hi[pass.axis] = pass.dst.shape[pass.axis];
  pass.dst = pass.dst.part(box);
  if (whole) {
    pass.src = p.padded->part(part).inside;
    return run_pass(p, pass, columns);
  }
  const int axis = p.pack_axis;
  const std::int64_t extent = axis < 0 ? 1 : part.hi[axis] - part.lo[axis];
  for (std::int64_t at = 0; at < extent; at += p.pack_count) {
    Box piece = part;
    ResamplePass piece_pass = pass;
    if (axis >= 0) {
      const std::int64_t count = std::min(p.pack_count, extent - at);
      piece.lo[axis] += at;
      piece.hi[axis] = piece.lo[axis] + count;
      piece_pass.dst = pass.dst.part(axis, at, count);
    }
    piece_pass.src = packed(p, p.in, piece, p.in.dtype, scratch);
    run_pass(p, piece_pass, columns);
  }
}

// One tile, through at most one more stage than there are axes:
//   in -> [packed] -> pass -> ... -> pass -> [packed] -> out
void resample_tile(const ResamplePlan& p, const ConstView& in, const View& out, std::int64_t index,
                   float* scratch) {
  const int rank = out.rank();
  Box tile{Dims::filled(rank, 0), p.tile};  // of the output
  Box part = tile;                          // what it reads of the input
  for (int i = rank - 1; i >= 0; --i) {
    const std::int64_t pieces = (out.shape[i] + p.tile[i] - 1) / p.tile[i];
    tile.lo[i] = part.lo[i] = index % pieces * p.tile[i];
    tile.hi[i] = part.hi[i] = std::min(tile.lo[i] + p.tile[i], out.shape[i]);
    index /= pieces;
    if (const auto& table = p.tables[static_cast<std::size_t>(i)]) {
      const Range range = source_range(*table, {tile.lo[i], tile.hi[i]});
      part.lo[i] = range.begin;
      part.hi[i] = range.end;
    }
  }
  float* const columns = scratch;
  float* buffers[] = {scratch + p.column_floats, scratch + p.column_floats + p.stage_floats[0]};
  float* const packing = buffers[1] + p.stage_floats[1];
  const auto next_buffer = [&] {
    std::swap(buffers[0], buffers[1]);
    return buffers[1];
  };

  const View target = out.part(tile);
  ConstView src{nullptr, in.dtype, part.extents(), in.strides};
  if (packs(p))
    src = packed(p, in, part, DType::f32, next_buffer());
  else if (!p.padded)
    src = in.part(part);
  for (const int axis : p.order) {
    const AxisTable& table = *p.tables[static_cast<std::size_t>(axis)];
    ResamplePass pass{.axis = axis, .src = src, .dst = target};
    if (axis != p.order.back() || unpacks(p)) {
      Shape shape = src.shape;
      shape[axis] = target.shape[axis];
      pass.dst = {next_buffer(), DType::f32, shape, dense_strides(shape)};
    }
    pass.first = table.first.data() + tile.lo[axis];
    pass.weights = table.weights.data() + tile.lo[axis] * table.taps;
    pass.taps = table.taps;
    pass.backwards = table.backwards;
    pass.offset = part.lo[axis];
    if (src.data != nullptr)
      run_pass(p, pass, columns);
    else
      run_padded_pass(p, pass, part, columns, packing);
    src = pass.dst;
  }
  if (unpacks(p)) convert(src, target, Parallel::serial());
}

void run_tiles(const ResamplePlan& plan, const ConstView& in, const View& out, float* scratch,
               Parallel& parallel) {
  if (plan.tiles == 0) return;
  if (plan.order.empty()) {
    if (!plan.padded) return convert(in, out, parallel);
    const auto& [inside, shape, box, fill] = *plan.padded;
    const View to = fill_outside(box, out, converted_bits(fill, in.dtype, out.dtype), parallel);
    if (to.volume() > 0) convert(inside, to, parallel);
    return;
  }
  // A worker is a piece of scratch; each takes the next tile until none is left.
  const std::int64_t workers = std::clamp<std::int64_t>(parallel.width(), 1, plan.tiles);
  const std::int64_t floats = plan.worker_floats();
  std::atomic<std::int64_t> next{0};
  parallel.run(workers, [&](std::int64_t worker) {
    float* const own = scratch + worker * floats;
    for (std::int64_t tile; (tile = next.fetch_add(1, std::memory_order_relaxed)) < plan.tiles;)
      resample_tile(plan, in, out, tile, own);
  });
}

}  // namespace

void resample(const ResamplePlan& plan, std::span<float> scratch, Parallel& parallel) {
  if (plan.before.empty()) return run_tiles(plan, plan.in, plan.out, scratch.data(), parallel);
  float* const between = scratch.data();
  float* const rest = between + plan.between_floats();
  const ResamplePlan& before = plan.before.front();
  View to = before.out;
  ConstView from = plan.in;
  to.data = between;
  from.data = between;
  run_tiles(before, before.in, to, rest, parallel);
  run_tiles(plan, from, plan.out, rest, parallel);
}

}  // namespace varo
