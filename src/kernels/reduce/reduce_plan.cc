// SPDX-License-Identifier: Apache-2.0
#include "kernels/reduce/reduce_plan.h"

#include <algorithm>

namespace varo::reduction {

namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

Plan make_plan(const ConstView& in, const ConstView* out, const ReduceSpec& spec) {
  const int rank = in.rank();
  const auto reduced = [&](int i) { return (spec.axes >> i & 1U) != 0; };
  int last = rank - 1;
  while (last >= 0 && (!reduced(last) || in.shape[last] == 1)) --last;
  const AxisSet before = last < 0 ? 0 : (AxisSet{1} << last) - 1;
  static const Strides kNone = Dims::filled(kMaxRank, 0);
  const Strides& to = out != nullptr ? out->strides : kNone;
  const Strides& mean = spec.mean.rank() == rank ? spec.mean.strides : kNone;
  const auto along = [&](AxisSet axes) {
    return walk_along(axes, in.shape, Order::logical, in.strides, to, mean);
  };
  Plan p{.outer = along(before & ~spec.axes),
         .reduced = along(spec.axes),
         .inner = along(~(before | spec.axes))};
  p.spec = spec;
  p.in_type = in.dtype;
  p.outers = p.outer.count();
  p.reduces = p.reduced.count();
  p.inners = p.inner.count();
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

}  // namespace

Plan make_plan(const ConstView& in, const ReduceSpec& spec) { return make_plan(in, nullptr, spec); }

Plan make_plan(const ConstView& in, const View& out, const ReduceSpec& spec) {
  const ConstView view = out;
  Plan p = make_plan(in, &view, spec);
  p.out_type = out.dtype;
  return p;
}

}  // namespace varo::reduction
