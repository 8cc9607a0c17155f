// SPDX-License-Identifier: Apache-2.0
#include "kernels/resample/resample.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "kernels/copy/copy.h"
#include "kernels/resample/pass.h"
#include "kernels/resample/resample_plan.h"

namespace varo {

namespace {

using namespace resampling;

void* moved(void* data, const Strides& strides, const Dims& at, DType dtype) {
  std::int64_t offset = 0;
  for (int i = 0; i < at.rank(); ++i) offset += at[i] * strides[i];
  return static_cast<std::byte*>(data) + offset * static_cast<std::int64_t>(size_of(dtype));
}

// A box of a plan's input.
struct Part {
  Dims begin;
  Shape extents;
};

std::uint64_t converted(std::uint64_t bits, DType from, DType to) {
  std::uint64_t result = 0;
  convert({&bits, from, {1}, {1}}, {&result, to, {1}, {1}}, Parallel::serial());
  return result;
}

// Where the elements of a padded input are in memory, counted from `part`.
Box inside_of(const ResamplePadding& padding, const Part& part) {
  Box box = padding.box;
  for (int i = 0; i < box.lo.rank(); ++i) {
    box.lo[i] = std::clamp<std::int64_t>(box.lo[i] - part.begin[i], 0, part.extents[i]);
    box.hi[i] = std::clamp(box.hi[i] - part.begin[i], box.lo[i], part.extents[i]);
  }
  return box;
}

const void* element_at(const ResamplePadding& padding, const Dims& at) {
  Dims from = at;
  for (int i = 0; i < at.rank(); ++i) from[i] -= padding.box.lo[i];
  return moved(const_cast<void*>(padding.inside.data), padding.inside.strides, from,
               padding.inside.dtype);
}

// Part of the input, made dense, in elements of `dtype`.
ResampledBox packed(const ResamplePlan& p, const void* in, const Part& part, DType dtype,
                    float* to) {
  const View dense{to, dtype, part.extents, dense_strides(part.extents)};
  Parallel& serial = Parallel::serial();
  if (!p.padding) {
    convert({moved(const_cast<void*>(in), p.in.strides, part.begin, p.in.dtype), p.in.dtype,
             part.extents, p.in.strides},
            dense, serial);
  } else {
    const ResamplePadding& padding = *p.padding;
    const Box box = inside_of(padding, part);
    Dims first = part.begin;
    for (int i = 0; i < first.rank(); ++i) first[i] += box.lo[i];
    const ConstView inside{element_at(padding, first), p.in.dtype, box.extents(),
                           padding.inside.strides};
    const std::uint64_t bits = converted(padding.fill_bits, p.in.dtype, dtype);
    if (dtype == p.in.dtype)
      copy_padded(inside, box, dense, bits, serial);
    else
      convert(inside, fill_outside(box, dense, bits, serial), serial);
  }
  return {to, dtype, dense.strides};
}

void run_pass(const ResamplePlan& p, const ResamplePass& pass, float* columns) {
  if (by_columns(p.in, p.out, pass.axis))
    resample_columns(pass, columns);
  else
    resample_rows(pass);
}

// What the pass makes of lines that are nothing but fill, outside of `box`, which is all of
// pass.axis.
void run_fill(const ResamplePlan& p, const ResamplePass& pass, Box box) {
  float fill = 0;
  const std::uint64_t bits = converted(p.padding->fill_bits, p.in.dtype, DType::f32);
  std::memcpy(&fill, &bits, sizeof fill);
  View line{pass.dst.data, pass.dst.dtype, pass.dst_shape, pass.dst.strides};
  line.shape[pass.axis] = 1;
  box.hi[pass.axis] = box.hi[pass.axis] > box.lo[pass.axis] ? 1 : 0;
  box.lo[pass.axis] = 0;
  if (box.extents() == line.shape) return;
  Dims to = Dims::filled(line.rank(), 0);
  for (; to[pass.axis] < pass.dst_shape[pass.axis]; ++to[pass.axis]) {
    const float* weights = pass.weights + to[pass.axis] * pass.taps;
    const float sum = tap_sum([&](int) { return fill; }, weights, pass.taps);
    std::uint64_t sum_bits = 0;
    std::memcpy(&sum_bits, &sum, sizeof sum);
    line.data = moved(pass.dst.data, pass.dst.strides, to, pass.dst.dtype);
    fill_outside(box, line, converted(sum_bits, DType::f32, pass.dst.dtype), Parallel::serial());
  }
}

// The first pass over a part of a padded input; pass.src is for this to find.
void run_padded_pass(const ResamplePlan& p, ResamplePass pass, Part part, float* columns,
                     float* scratch) {
  const ResamplePadding& padding = *p.padding;
  const bool transposes = by_columns(p.in, p.out, pass.axis);
  Box box = inside_of(padding, part);
  // Lines of the pass with an element in memory; those that are transposed lie side by side.
  bool whole = reads_inside(p), lines = true;
  for (int i = 0; i < box.lo.rank(); ++i) {
    const bool along = i == pass.axis || (transposes && i > pass.axis);
    if (along) whole = whole && box.lo[i] == 0 && box.hi[i] == part.extents[i];
    if (box.hi[i] == box.lo[i])
      lines = false;
    else if (along)
      box.lo[i] = 0, box.hi[i] = part.extents[i];
  }
  run_fill(p, pass, box);
  if (!lines) return;
  pass.dst.data = moved(pass.dst.data, pass.dst.strides, box.lo, pass.dst.dtype);
  for (int i = 0; i < box.lo.rank(); ++i) {
    part.begin[i] += box.lo[i];
    part.extents[i] = box.hi[i] - box.lo[i];
    pass.src_shape[i] = part.extents[i];
    if (i != pass.axis) pass.dst_shape[i] = part.extents[i];
  }
  if (whole) {
    pass.src = {const_cast<void*>(element_at(padding, part.begin)), p.in.dtype,
                padding.inside.strides};
    return run_pass(p, pass, columns);
  }
  const int axis = padding.pack_axis;
  const std::int64_t extent = axis < 0 ? 1 : part.extents[axis];
  for (std::int64_t at = 0; at < extent; at += padding.pack_count) {
    Part piece = part;
    ResamplePass piece_pass = pass;
    if (axis >= 0) {
      piece.begin[axis] += at;
      piece.extents[axis] = std::min(padding.pack_count, extent - at);
      piece_pass.src_shape[axis] = piece_pass.dst_shape[axis] = piece.extents[axis];
      Dims to = Dims::filled(part.begin.rank(), 0);
      to[axis] = at;
      piece_pass.dst.data = moved(pass.dst.data, pass.dst.strides, to, pass.dst.dtype);
    }
    piece_pass.src = packed(p, nullptr, piece, p.in.dtype, scratch);
    run_pass(p, piece_pass, columns);
  }
}

// One tile, through at most one more stage than there are axes:
//   in -> [packed] -> pass -> ... -> pass -> [packed] -> out
void resample_tile(const ResamplePlan& p, const void* in, void* to, std::int64_t index,
                   float* scratch) {
  const int rank = p.out.rank();
  Dims begin = Dims::filled(rank, 0);
  Shape target = p.tile;
  Part part{begin, p.tile};
  for (int i = rank - 1; i >= 0; --i) {
    const std::int64_t pieces = (p.out.shape[i] + p.tile[i] - 1) / p.tile[i];
    begin[i] = index % pieces * p.tile[i];
    index /= pieces;
    target[i] = part.extents[i] = std::min(p.tile[i], p.out.shape[i] - begin[i]);
    part.begin[i] = begin[i];
    if (const auto& table = p.tables[static_cast<std::size_t>(i)]) {
      const Range range = source_range(*table, {begin[i], begin[i] + target[i]});
      part.begin[i] = range.begin;
      part.extents[i] = range.size();
    }
  }
  float* const columns = scratch;
  float* buffers[] = {scratch + p.column_floats, scratch + p.column_floats + p.stage_floats[0]};
  float* const packing = buffers[1] + p.stage_floats[1];
  const auto stage = [&](const Shape& shape) {
    std::swap(buffers[0], buffers[1]);
    return ResampledBox{buffers[1], DType::f32, dense_strides(shape)};
  };

  const ResampledBox out{moved(to, p.out.strides, begin, p.out.dtype), p.out.dtype, p.out.strides};
  Shape extents = part.extents;
  ResampledBox src{nullptr, p.in.dtype, p.in.strides};
  if (packs(p))
    src = packed(p, in, part, DType::f32, static_cast<float*>(stage(extents).data));
  else if (!p.padding)
    src.data = moved(const_cast<void*>(in), p.in.strides, part.begin, p.in.dtype);
  for (const int axis : p.order) {
    const AxisTable& table = *p.tables[static_cast<std::size_t>(axis)];
    ResamplePass pass{.axis = axis, .src = src, .src_shape = extents, .dst_shape = extents};
    pass.dst_shape[axis] = target[axis];
    pass.dst = axis == p.order.back() && !unpacks(p) ? out : stage(pass.dst_shape);
    pass.first = table.first.data() + begin[axis];
    pass.weights = table.weights.data() + begin[axis] * table.taps;
    pass.taps = table.taps;
    pass.backwards = table.backwards;
    pass.offset = part.begin[axis];
    if (src.data != nullptr)
      run_pass(p, pass, columns);
    else
      run_padded_pass(p, pass, part, columns, packing);
    src = pass.dst;
    extents = pass.dst_shape;
  }
  if (unpacks(p))
    convert({src.data, src.dtype, target, src.strides}, {out.data, out.dtype, target, out.strides},
            Parallel::serial());
}

// in, out: the plan's views, with their data.
void run_tiles(const ResamplePlan& plan, const void* in, void* out, float* scratch,
               Parallel& parallel) {
  if (plan.tiles == 0) return;
  if (plan.order.empty()) {
    ConstView from = plan.in;
    View to = plan.out;
    from.data = in;
    to.data = out;
    if (plan.padding) {
      from = plan.padding->inside;
      to = fill_outside(plan.padding->box, to,
                        converted(plan.padding->fill_bits, from.dtype, to.dtype), parallel);
      if (to.volume() == 0) return;
    }
    return convert(from, to, parallel);
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
  if (plan.before.empty())
    return run_tiles(plan, plan.in.data, plan.out.data, scratch.data(), parallel);
  float* const between = scratch.data();
  float* const rest = between + plan.between_floats();
  const ResamplePlan& before = plan.before.front();
  run_tiles(before, before.in.data, between, rest, parallel);
  run_tiles(plan, between, plan.out.data, rest, parallel);
}

}  // namespace varo
