// SPDX-License-Identifier: Apache-2.0
#include "kernels/resample/resample_views.h"

#include <algorithm>
#include <cstdlib>

namespace varo {

std::vector<int> resample_axes(const Shape& in, const View& out) {
  std::vector<int> kept;
  for (int i = 0; i < out.rank(); ++i)
    if (in[i] != 1 || out.shape[i] != 1) kept.push_back(i);
  std::stable_sort(kept.begin(), kept.end(), [&](int a, int b) {
    return std::abs(out.strides[a]) > std::abs(out.strides[b]);
  });
  return kept;
}

ResampleViews resample_views(const ConstView& in, const View& out,
                             std::vector<ResampledAxis> axes) {
  std::array<std::optional<AxisTable>, kMaxRank> tables;
  for (ResampledAxis& a : axes)
    if (!a.table.identity()) tables[static_cast<std::size_t>(a.axis)] = std::move(a.table);

  const std::vector<int> kept = resample_axes(in.shape, out);
  ResampleViews c{{in.data, in.dtype, {}, {}}, {out.data, out.dtype, {}, {}}, {}};
  for (const int i : kept) {
    auto& table = tables[static_cast<std::size_t>(i)];
    std::int64_t stride = in.strides[i];
    if (table && stride < 0) {
      c.in.data = advanced(c.in.data, (in.shape[i] - 1) * stride, in.dtype);
      stride = -stride;
      table = mirrored(*table);
    }
    c.tables[static_cast<std::size_t>(c.out.rank())] = std::move(table);
    c.in.shape.push_back(in.shape[i]);
    c.in.strides.push_back(stride);
    c.out.shape.push_back(out.shape[i]);
    c.out.strides.push_back(out.strides[i]);
  }
  if (kept.empty()) {
    for (Dims* one : {&c.in.shape, &c.in.strides, &c.out.shape, &c.out.strides}) one->push_back(1);
  }
  return c;
}

}  // namespace varo
