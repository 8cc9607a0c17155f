// SPDX-License-Identifier: Apache-2.0
#include "kernels/label/visit_order.h"

#include <algorithm>
#include <iterator>

#include "core/walk.h"

namespace varo::label {

namespace {
constexpr std::int64_t kShort = 16;
}

VisitOrder visit_order(const ConstView& labels) {
  VisitOrder w{static_cast<const std::byte*>(labels.data), labels.element_size()};
  const Strides scan = dense_strides(labels.shape);
  for (const int i : axes_in_order(labels.shape, Order::memory, labels.strides)) {
    Axis a{i, labels.shape[i], labels.strides[i], labels.strides[i] < 0, scan[i]};
    if (a.flipped) {
      w.data = advanced(w.data, a.stride * (a.extent - 1), labels.dtype);
      a.stride = -a.stride;
    }
    w.axes[w.rank++] = a;
  }
  if (w.rank == 0) w.rank = 1;
  Axis* const end = w.axes + w.rank;
  const auto longer = [](const Axis& a, const Axis& b) { return a.extent < b.extent; };
  // Rows of a few channels are all overhead: walk along a longer axis.
  if (w.rank > 1 && end[-1].extent < kShort) {
    Axis* const best =
        std::find_if(std::make_reverse_iterator(end), std::make_reverse_iterator(w.axes),
                     [](const Axis& a) { return a.extent >= kShort; })
            .base();
    Axis* const chosen = best == w.axes ? std::max_element(w.axes, end, longer) : best - 1;
    std::rotate(chosen, chosen + 1, end);
  }
  // Parts are cut from the first axis: a few frames or channels there would be too few.
  if (w.rank > 2 && w.axes[0].extent < kShort) {
    Axis* const chosen = std::max_element(w.axes, end - 1, longer);
    std::rotate(w.axes, chosen, chosen + 1);
  }
  return w;
}

}  // namespace varo::label
