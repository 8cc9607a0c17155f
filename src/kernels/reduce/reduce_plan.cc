// SPDX-License-Identifier: Apache-2.0
#include "kernels/reduce/reduce_plan.h"

#include <algorithm>

namespace varo::reduction {

namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

void add(Axes& axes, const ConstView& in, const ConstView* out, const ConstView& mean, int i) {
  if (in.shape[i] == 1) return;
  const int at = axes.rank++;
  axes.extent[at] = in.shape[i];
  axes.in[at] = in.strides[i];
  axes.out[at] = out != nullptr ? out->strides[i] : 0;
  axes.mean[at] = mean.rank() == in.rank() ? mean.strides[i] : 0;
}

Plan make_plan(const ConstView& in, const ConstView* out, const ReduceSpec& spec) {
  Plan p;
  p.spec = spec;
  p.in_type = in.dtype;
  const auto reduced = [&](int i) { return (spec.axes >> i & 1U) != 0; };
  int last = in.rank() - 1;
  while (last >= 0 && (!reduced(last) || in.shape[last] == 1)) --last;
  for (int i = 0; i < in.rank(); ++i)
    add(reduced(i) ? p.reduced : i < last ? p.outer : p.inner, in, out, spec.mean, i);
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
