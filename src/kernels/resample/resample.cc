// SPDX-License-Identifier: Apache-2.0
#include "kernels/resample/resample.h"

#include <algorithm>
#include <atomic>
#include <numeric>

#include "kernels/copy/copy.h"
#include "kernels/resample/pass.h"
#include "kernels/resample/resample_views.h"

namespace varo {

namespace {

// Two neighbouring intermediate results of a tile share the second-level cache with the input
// that streams through it.
constexpr std::int64_t kTileFloats = 96 * 1024;
// Tiles without intermediate results only need to be worth a task.
constexpr std::int64_t kTileVoxels = 64 * 1024;
// Shorter runs along the innermost axis are not worth a tile of their own.
constexpr std::int64_t kLeastRun = 64;

using Tables = std::array<std::optional<AxisTable>, kMaxRank>;

struct Range {
  std::int64_t begin = 0, end = 0;
  std::int64_t size() const { return end - begin; }
};

// What output voxels [begin, end) read.
Range source_range(const AxisTable& table, const Range& out) {
  Range in{table.extent, 0};
  for (std::int64_t x = out.begin; x < out.end; ++x) {
    const std::int64_t first = table.first[static_cast<std::size_t>(x)];
    in.begin = std::min(in.begin, first);
    in.end = std::max(in.end, first + table.taps);
  }
  return in;
}

// The longest source range of any tile of `length` output voxels.
std::int64_t longest_source(const AxisTable& table, std::int64_t length) {
  std::int64_t longest = 0;
  for (std::int64_t begin = 0; begin < table.out; begin += length)
    longest =
        std::max(longest, source_range(table, {begin, std::min(begin + length, table.out)}).size());
  return longest;
}

Shape source_extents(const Tables& tables, const Shape& tile) {
  Shape extents = tile;
  for (int i = 0; i < tile.rank(); ++i) {
    const auto& table = tables[static_cast<std::size_t>(i)];
    if (table) extents[i] = longest_source(*table, tile[i]);
  }
  return extents;
}

// Passes along the innermost axis, or with few voxels inside, transpose (pass.h).
bool by_columns(const ConstView& in, const View& out, int axis) {
  std::int64_t inner = 1;
  for (int i = in.rank() - 1; i > axis; --i) {
    if (in.strides[i] != inner || out.strides[i] != inner || in.shape[i] != out.shape[i])
      return false;
    inner *= in.shape[i];
  }
  return inner < kColumnLines;
}

// Operations, roughly: a product and a sum per tap, one load and store per voxel, and twice
// as much again for the two transposes. Where the first pass is not along the outermost resampled
// axis, tiles read short runs from all over the input: measured to cost about two more a voxel.
double cost_of(const ConstView& in, const View& out, const Tables& tables,
               const std::vector<int>& order) {
  Shape extents = in.shape;
  const bool scattered = order.front() != *std::min_element(order.begin(), order.end());
  double cost = scattered ? 2.0 * static_cast<double>(volume(in.shape)) : 0.0;
  for (const int axis : order) {
    const auto before = static_cast<double>(volume(extents));
    extents[axis] = out.shape[axis];
    const auto after = static_cast<double>(volume(extents));
    cost += after * (tables[static_cast<std::size_t>(axis)]->taps + 1);
    if (by_columns(in, out, axis)) cost += 2 * (before + after);
  }
  return cost;
}

std::vector<int> cheapest_order(const ConstView& in, const View& out, const Tables& tables) {
  std::vector<int> order;
  for (int i = 0; i < in.rank(); ++i)
    if (tables[static_cast<std::size_t>(i)]) order.push_back(i);
  if (order.size() > 4) {
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
      return out.shape[a] * in.shape[b] < out.shape[b] * in.shape[a];
    });
    return order;
  }
  if (order.size() < 2) return order;
  std::vector<int> best = order;
  double least = cost_of(in, out, tables, order);
  while (std::next_permutation(order.begin(), order.end())) {
    const double cost = cost_of(in, out, tables, order);
    if (cost < least) {
      least = cost;
      best = order;
    }
  }
  return best;
}

// Passes along the last axis take any stride; others want runs.
bool packs(const ResamplePlan& p) {
  return p.in.strides.back() != 1 && p.order.front() != p.in.rank() - 1;
}
bool unpacks(const ResamplePlan& p) {
  return p.out.strides.back() != 1 && p.order.back() != p.out.rank() - 1;
}

// Largest result in either of the two buffers that the stages write in turn.
std::array<std::int64_t, 2> stage_floats(const ResamplePlan& p, const Shape& tile) {
  std::array<std::int64_t, 2> floats{};
  Shape extents = source_extents(p.tables, tile);
  std::size_t buffer = 0;
  const auto stage = [&] {
    floats[buffer] = std::max(floats[buffer], volume(extents));
    buffer ^= 1;
  };
  if (packs(p)) stage();
  for (std::size_t k = 0; k < p.order.size(); ++k) {
    extents[p.order[k]] = tile[p.order[k]];
    if (k + 1 < p.order.size() || unpacks(p)) stage();
  }
  return floats;
}

bool fits(const ResamplePlan& p, const Shape& tile) {
  const auto floats = stage_floats(p, tile);
  const std::int64_t sum = floats[0] + floats[1];
  return sum > 0 ? sum <= kTileFloats : volume(tile) <= kTileVoxels;
}

// Splits first where no intermediate result is computed twice: along axes that are not resampled
// and the axis of the first pass.
Shape choose_tile(const ResamplePlan& p) {
  std::vector<int> splits;
  const int last = p.out.rank() - 1;
  const auto resampled = [&](int i) { return p.tables[static_cast<std::size_t>(i)].has_value(); };
  for (int i = 0; i < last; ++i)
    if (!resampled(i)) splits.push_back(i);
  for (const int i : p.order)
    if (i != last) splits.push_back(i);
  splits.push_back(last);

  Shape tile = p.out.shape;
  for (const int i : splits) {
    const bool recomputes = resampled(i) && i != p.order.front();
    const std::int64_t least = i == last ? kLeastRun : recomputes ? 4 : 1;
    while (!fits(p, tile) && tile[i] > least) tile[i] = std::max(least, (tile[i] + 1) / 2);
  }
  return tile;
}

std::int64_t column_floats(const ResamplePlan& p) {
  std::int64_t floats = 0;
  const Shape in = source_extents(p.tables, p.tile);
  for (const int axis : p.order) {
    if (!by_columns(p.in, p.out, axis)) continue;
    std::int64_t inner = 1;
    for (int i = axis + 1; i < p.out.rank(); ++i) inner *= p.out.shape[i];
    floats = std::max(floats, column_scratch_floats(in[axis] * inner, p.tile[axis] * inner));
  }
  return floats;
}

void* moved(void* data, const Strides& strides, const Dims& at, DType dtype) {
  std::int64_t offset = 0;
  for (int i = 0; i < at.rank(); ++i) offset += at[i] * strides[i];
  return static_cast<std::byte*>(data) + offset * static_cast<std::int64_t>(size_of(dtype));
}

// One tile, through at most one more stage than there are axes:
//   in -> [packed] -> pass -> ... -> pass -> [packed] -> out
void resample_tile(const ResamplePlan& p, std::int64_t index, float* scratch) {
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

  const ResampledBox out{moved(p.out.data, p.out.strides, begin, p.out.dtype), p.out.dtype,
                         p.out.strides};
  ResampledBox src{moved(const_cast<void*>(p.in.data), p.in.strides, source, p.in.dtype),
                   p.in.dtype, p.in.strides};
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

}  // namespace

std::int64_t ResamplePlan::scratch_floats(int width) const {
  const std::int64_t workers = std::clamp<std::int64_t>(width, 1, std::max<std::int64_t>(tiles, 1));
  return workers * (stage_floats[0] + stage_floats[1] + column_floats);
}

ResamplePlan plan_resample(const ConstView& in, const View& out, std::vector<ResampledAxis> axes) {
  ResamplePlan plan;
  static_cast<ResampleViews&>(plan) = resample_views(in, out, std::move(axes));
  if (volume(plan.out.shape) == 0) return plan;
  plan.order = cheapest_order(plan.in, plan.out, plan.tables);
  if (plan.order.empty()) {
    plan.tiles = 1;
    return plan;
  }
  plan.tile = choose_tile(plan);
  plan.stage_floats = stage_floats(plan, plan.tile);
  plan.column_floats = column_floats(plan);
  plan.tiles = 1;
  for (int i = 0; i < plan.tile.rank(); ++i)
    plan.tiles *= (plan.out.shape[i] + plan.tile[i] - 1) / plan.tile[i];
  return plan;
}

void resample(const ResamplePlan& plan, std::span<float> scratch, Parallel& parallel) {
  if (plan.tiles == 0) return;
  if (plan.order.empty()) return convert(plan.in, plan.out, parallel);
  // A worker is a piece of scratch; each takes the next tile until none is left.
  const std::int64_t workers = std::clamp<std::int64_t>(parallel.width(), 1, plan.tiles);
  const std::int64_t floats = plan.scratch_floats(1);
  std::atomic<std::int64_t> next{0};
  parallel.run(workers, [&](std::int64_t worker) {
    float* const own = scratch.data() + worker * floats;
    for (std::int64_t tile; (tile = next.fetch_add(1, std::memory_order_relaxed)) < plan.tiles;)
      resample_tile(plan, tile, own);
  });
}

}  // namespace varo
