// SPDX-License-Identifier: Apache-2.0
#include "kernels/resample/resample.h"

#include <algorithm>
#include <atomic>

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

// One tile, through at most one more stage than there are axes:
//   in -> [packed] -> pass -> ... -> pass -> [packed] -> out
void resample_tile(const ResamplePlan& p, const void* in, void* to, std::int64_t index,
                   float* scratch) {
  const int rank = p.out.rank();
  Dims begin = Dims::filled(rank, 0), source = begin;
  Shape target = p.tile, extents = p.tile;
  for (int i = rank - 1; i >= 0; --i) {
    const std::int64_t pieces = (p.out.shape[i] + p.tile[i] - 1) / p.tile[i];
    begin[i] = index % pieces * p.tile[i];
    index /= pieces;
    target[i] = extents[i] = std::min(p.tile[i], p.out.shape[i] - begin[i]);
    source[i] = begin[i];
    if (const auto& table = p.tables[static_cast<std::size_t>(i)]) {
      const Range range = source_range(*table, {begin[i], begin[i] + target[i]});
      source[i] = range.begin;
      extents[i] = range.size();
    }
  }
  float* const columns = scratch;
  float* buffers[] = {scratch + p.column_floats, scratch + p.column_floats + p.stage_floats[0]};
  const auto stage = [&](const Shape& shape) {
    std::swap(buffers[0], buffers[1]);
    return ResampledBox{buffers[1], DType::f32, dense_strides(shape)};
  };

  const ResampledBox out{moved(to, p.out.strides, begin, p.out.dtype), p.out.dtype, p.out.strides};
  ResampledBox src{moved(const_cast<void*>(in), p.in.strides, source, p.in.dtype), p.in.dtype,
                   p.in.strides};
  if (packs(p)) {
    const ResampledBox packed = stage(extents);
    convert({src.data, src.dtype, extents, src.strides},
            {packed.data, packed.dtype, extents, packed.strides}, Parallel::serial());
    src = packed;
  }
  for (const int axis : p.order) {
    const AxisTable& table = *p.tables[static_cast<std::size_t>(axis)];
    ResamplePass pass{.axis = axis, .src = src, .src_shape = extents, .dst_shape = extents};
    pass.dst_shape[axis] = target[axis];
    pass.dst = axis == p.order.back() && !unpacks(p) ? out : stage(pass.dst_shape);
    pass.first = table.first.data() + begin[axis];
    pass.weights = table.weights.data() + begin[axis] * table.taps;
    pass.taps = table.taps;
    pass.offset = source[axis];
    if (by_columns(p.in, p.out, axis))
      resample_columns(pass, columns);
    else
      resample_rows(pass);
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
    return convert(from, to, parallel);
  }
  // A worker is a piece of scratch; each takes the next tile until none is left.
  const std::int64_t workers = std::clamp<std::int64_t>(parallel.width(), 1, plan.tiles);
  const std::int64_t floats = plan.stage_floats[0] + plan.stage_floats[1] + plan.column_floats;
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
