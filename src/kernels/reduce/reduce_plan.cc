// SPDX-License-Identifier: Apache-2.0
#include "kernels/reduce/reduce_plan.h"

#include <algorithm>

namespace varo::reduction {

namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// The axes before the last one that is reduced; those of extent 1 do not count.
AxisSet axes_before(const Shape& in, const ReduceSpec& spec) {
  int last = in.rank() - 1;
  while (last >= 0 && (!has(spec.axes, last) || in[last] == 1)) --last;
  return last < 0 ? 0 : (AxisSet{1} << last) - 1;
}

}  // namespace

Sharing sharing_of(const Shape& in, const ReduceSpec& spec) {
  const AxisSet before = axes_before(in, spec);
  Sharing p;
  for (int i = 0; i < in.rank(); ++i)
    (has(spec.axes, i) ? p.reduces : has(before, i) ? p.outers : p.inners) *= in[i];
  if (p.outers == 0 || p.inners == 0) return p;
  const Partition partition = partition_of(p.outers, p.reduces, p.inners);
  p.lanes = partition.lanes;
  p.chunk = partition.chunk;
  p.tile_inner = std::min(p.inners, kMaxInner);
  if (p.chunk == std::max<std::int64_t>(p.reduces, 1) && p.tile_inner == p.inners)
    p.tile_outer = std::clamp<std::int64_t>(kItemElements / (p.chunk * p.inners), 1, p.outers);
  p.chunks = std::max<std::int64_t>(ceil_div(p.reduces, p.chunk), 1);
  p.items = ceil_div(p.outers, p.tile_outer) * ceil_div(p.inners, p.tile_inner) * p.chunks;
  return p;
}

Plan make_plan(const ConstView& in, const View& out, const ReduceSpec& spec) {
  static const Strides kNone = Dims::filled(kMaxRank, 0);
  static const Walk<3> kOne = walk_along(AxisSet{0}, Shape{}, Order::logical, kNone, kNone, kNone);
  const int rank = in.rank();
  const AxisSet all = (AxisSet{1} << rank) - 1, before = axes_before(in.shape, spec);
  const Strides& mean = spec.mean.rank() == rank ? spec.mean.strides : kNone;
  const auto along = [&](AxisSet axes) {
    if ((axes & all) == 0) return kOne;
    return walk_along(axes, in.shape, Order::logical, in.strides, out.strides, mean);
  };
  return {sharing_of(in.shape, spec),
          along(before & ~spec.axes),
          along(spec.axes),
          along(~(before | spec.axes)),
          spec,
          in.dtype,
          out.dtype};
}

}  // namespace varo::reduction
