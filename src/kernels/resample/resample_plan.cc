// SPDX-License-Identifier: Apache-2.0
#include "kernels/resample/resample_plan.h"

#include <algorithm>

#include "kernels/resample/pass.h"

namespace varo {

namespace resampling {

Range source_range(const AxisTable& table, const Range& out) {
  Range in{table.extent, 0};
  for (std::int64_t x = out.begin; x < out.end; ++x) {
    const std::int64_t first = table.first[static_cast<std::size_t>(x)];
    in.begin = std::min(in.begin, first);
    in.end = std::max(in.end, first + table.taps);
  }
  return in;
}

bool by_columns(const ConstView& in, const View& out, int axis) {
  std::int64_t inner = 1;
  for (int i = in.rank() - 1; i > axis; --i) {
    if (in.strides[i] != inner || out.strides[i] != inner || in.shape[i] != out.shape[i])
      return false;
    inner *= in.shape[i];
  }
  return inner < kColumnLines;
}

bool reads_inside(const ResamplePlan& p) {
  const Strides& strides = p.padded->inside.strides;
  const int last = p.in.rank() - 1, along = p.order.front();
  if (!by_columns(p.in, p.out, along)) return strides[last] == 1;
  std::int64_t inner = 1;
  for (int i = last; i > along; --i) {
    if (strides[i] != inner) return false;
    inner *= p.in.shape[i];
  }
  return true;
}

}  // namespace resampling

namespace {

using namespace resampling;

// Two neighbouring intermediate results of a tile share the second-level cache with the input
// that streams through it.
constexpr std::int64_t kTileFloats = 96 * 1024;
// Tiles without intermediate results only need to be worth a task.
constexpr std::int64_t kTileVoxels = 64 * 1024;
// What is put together of a padded input at a time stays in the second-level cache besides.
constexpr std::int64_t kPackFloats = 16 * 1024;
// Shorter runs along the innermost axis are not worth a tile of their own.
constexpr std::int64_t kLeastRun = 64;
// What a voxel costs in operations (as cost_of() of resample_point.h counts), fitted to measured
// plans: read by a tile, in short runs from all over the input, and passed on through a volume in
// between.
constexpr double kReadCost = 0.5, kScatteredReadCost = 1.5, kMoveCost = 12;
// A volume in between of so many times the larger operand is not worth its memory.
constexpr std::int64_t kMostBetween = 4;

using Tables = std::array<std::optional<AxisTable>, kMaxRank>;

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

// What a plan costs as it stands, with all that its tiles compute twice.
double cost_of(const ResamplePlan& p) {
  if (p.order.empty() || p.tiles == 0) return 0;
  Shape extents = source_extents(p.tables, p.tile);
  const bool scattered = p.order.front() != *std::min_element(p.order.begin(), p.order.end());
  double cost = (scattered ? kScatteredReadCost : kReadCost) * static_cast<double>(volume(extents));
  for (const int axis : p.order) {
    const auto before = static_cast<double>(volume(extents));
    extents[axis] = p.tile[axis];
    const auto after = static_cast<double>(volume(extents));
    cost += after * (p.tables[static_cast<std::size_t>(axis)]->taps + 1);
    if (by_columns(p.in, p.out, axis)) cost += 2 * (before + after);
  }
  return cost * static_cast<double>(p.tiles);
}

// All passes in tiles.
ResamplePlan plan_tiles(ResampleViews views, std::vector<int> order) {
  ResamplePlan plan;
  static_cast<ResampleViews&>(plan) = std::move(views);
  if (volume(plan.out.shape) == 0) return plan;
  plan.order = std::move(order);
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

// How the first pass puts elements and padding together.
void choose_packing(ResamplePlan& plan) {
  if (plan.order.empty() || plan.tiles == 0 || packs(plan)) return;
  const Shape most = source_extents(plan.tables, plan.tile);
  const int along = plan.order.front();
  // Passes that transpose want all of what lies inside their axis.
  const int end = by_columns(plan.in, plan.out, along) ? along : plan.in.rank();
  for (int i = 0; i < end && plan.pack_axis < 0; ++i)
    if (i != along && most[i] > 1) plan.pack_axis = i;
  plan.pack_floats = volume(most);
  if (plan.pack_axis < 0) return;
  const std::int64_t extent = most[plan.pack_axis], each = plan.pack_floats / extent;
  plan.pack_count = std::clamp<std::int64_t>(kPackFloats / each, 1, extent);
  plan.pack_floats = each * plan.pack_count;
}

// The strides of a volume in between. Planes a multiple of 2 KiB apart would meet in few sets of
// the caches, and a window reads more of them than a set has ways.
Strides between_strides(const Shape& shape, int last) {
  Strides strides = dense_strides(shape);
  if (strides[last] % 512 == 0)
    for (int i = 0; i <= last; ++i) strides[i] += strides[i] / strides[last] * 80;
  return strides;
}

// The last pass apart from the others, with all of their result in between: its tiles need not
// compute anything twice, however far the windows reach.
ResamplePlan plan_apart(const ResamplePlan& together) {
  std::vector<int> others = together.order;
  const int last = others.back();
  others.pop_back();
  Shape shape = together.out.shape;
  shape[last] = together.in.shape[last];
  const View between{nullptr, DType::f32, shape, between_strides(shape, last)};
  ResampleViews first{together.in, between, together.tables};
  ResampleViews second{between, together.out, {}};
  std::swap(first.tables[static_cast<std::size_t>(last)],
            second.tables[static_cast<std::size_t>(last)]);
  ResamplePlan plan = plan_tiles(std::move(second), {last});
  plan.before.push_back(plan_tiles(std::move(first), std::move(others)));
  return plan;
}

// pass_order() of the axes as the caller numbers them, in the numbers of resample_views().
std::vector<int> order_of_passes(const ConstView& in, const View& out,
                                 const std::vector<ResampledAxis>& axes) {
  const AxisList kept = resample_axes(in.shape, out);
  PassExtents extents{.rank = in.rank()};
  for (int i = 0; i < in.rank(); ++i) {
    extents.in[i] = in.shape[i];
    extents.out[i] = out.shape[i];
  }
  for (const auto& [axis, table] : axes)
    if (!table.identity() && std::find(kept.begin(), kept.end(), axis) != kept.end())
      extents.taps[axis] = table.taps;
  const PassOrder order = pass_order(extents);
  std::vector<int> renumbered;
  for (int k = 0; k < order.count; ++k)
    renumbered.push_back(
        static_cast<int>(std::find(kept.begin(), kept.end(), order.axis[k]) - kept.begin()));
  return renumbered;
}

}  // namespace

std::int64_t ResamplePlan::between_floats() const {
  return before.empty() ? 0 : in.shape[0] * in.strides[0];
}

std::int64_t ResamplePlan::worker_floats() const {
  return stage_floats[0] + stage_floats[1] + column_floats + pack_floats;
}

std::int64_t ResamplePlan::scratch_floats(int width) const {
  const std::int64_t workers = std::clamp<std::int64_t>(width, 1, std::max<std::int64_t>(tiles, 1));
  const std::int64_t own = workers * worker_floats();
  if (before.empty()) return own;
  return between_floats() + std::max(own, before.front().scratch_floats(width));
}

ResamplePlan plan_resample(const ConstView& in, const View& out, std::vector<ResampledAxis> axes) {
  std::vector<int> order = order_of_passes(in, out, axes);
  ResamplePlan together = plan_tiles(resample_views(in, out, std::move(axes)), std::move(order));
  if (together.order.size() < 2) return together;
  ResamplePlan apart = plan_apart(together);
  const auto between = volume(apart.in.shape);
  const std::int64_t most =
      kMostBetween * std::max(volume(together.in.shape), volume(together.out.shape));
  const double cost =
      cost_of(apart.before.front()) + cost_of(apart) + kMoveCost * static_cast<double>(between);
  return between <= most && cost < cost_of(together) ? apart : together;
}

ResamplePlan plan_resample(const PaddedView& in, const View& out, std::vector<ResampledAxis> axes) {
  if (!in.padded()) return plan_resample(in.inside, out, std::move(axes));
  // As if all of it were in memory.
  const ConstView whole{nullptr, in.dtype(), in.shape, dense_strides(in.shape)};
  ResamplePlan plan = plan_resample(whole, out, std::move(axes));
  ResamplePlan& first = plan.before.empty() ? plan : plan.before.front();
  PaddedView padded{{in.inside.data, in.dtype(), {}, {}}, first.in.shape, {}, in.fill};
  const bool empty = in.box.empty();
  for (const int i : resample_axes(in.shape, out)) {
    padded.box.lo.push_back(empty ? 0 : in.box.lo[i]);
    padded.box.hi.push_back(empty ? 0 : in.box.hi[i]);
    padded.inside.strides.push_back(in.inside.strides[i]);
  }
  if (padded.box.lo.rank() == 0) {
    padded.box = {{0}, {empty ? 0 : 1}};
    padded.inside.strides.push_back(1);
  }
  padded.inside.shape = padded.box.extents();
  first.padded = padded;
  choose_packing(first);
  return plan;
}

}  // namespace varo
