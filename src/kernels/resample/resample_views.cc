// SPDX-License-Identifier: Apache-2.0
#include "kernels/resample/resample_views.h"

#include "core/walk.h"

namespace varo {

AxisList resample_axes(const Shape& in, const View& out) {
  Shape larger = out.shape;
  for (int i = 0; i < out.rank(); ++i)
    if (larger[i] == 1) larger[i] = in[i];
  return axes_in_order(larger, Order::memory, out.strides);
}

ResampleViews resample_views(const ConstView& in, const View& out,
                             std::vector<ResampledAxis> axes) {
  std::array<std::optional<AxisTable>, kMaxRank> tables;
  for (ResampledAxis& a : axes)
    if (!a.table.identity()) tables[static_cast<std::size_t>(a.axis)] = std::move(a.table);

  const AxisList kept = resample_axes(in.shape, out);
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
  if (kept.rank == 0) {
    for (Dims* one : {&c.in.shape, &c.in.strides, &c.out.shape, &c.out.strides}) one->push_back(1);
  }
  return c;
}

}  // namespace varo
