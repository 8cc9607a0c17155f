// SPDX-License-Identifier: Apache-2.0
#include "kernels/copy/walk.h"

namespace varo {

Walk walk_of(const ConstView& src, const Strides& to) {
  Walk w;
  WalkAxis axes[kMaxRank];
  int n = 0;
  for (int i = 0; i < src.rank(); ++i) {
    const std::int64_t extent = src.shape[i];
    if (extent == 0) w.empty = true;
    if (extent <= 1) continue;
    WalkAxis a{extent, src.strides[i], to[i]};
    if (a.to < 0) {
      w.from += (extent - 1) * a.from;
      w.to += (extent - 1) * a.to;
      a.from = -a.from;
      a.to = -a.to;
    }
    axes[n++] = a;
  }
  for (int i = 1; i < n; ++i)
    for (int k = i; k > 0 && axes[k - 1].to < axes[k].to; --k) std::swap(axes[k - 1], axes[k]);
  for (int i = 0; i < n; ++i) {
    const WalkAxis& a = axes[i];
    WalkAxis* outer = w.rank > 0 ? &w.axis[w.rank - 1] : nullptr;
    if (outer != nullptr && outer->to == a.to * a.extent && outer->from == a.from * a.extent) {
      *outer = {outer->extent * a.extent, a.from, a.to};
    } else {
      w.axis[w.rank++] = a;
    }
  }
  if (w.rank == 0) w.rank = 1;
  return w;
}

}  // namespace varo
