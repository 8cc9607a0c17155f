// SPDX-License-Identifier: Apache-2.0
#include "operators/api/in_memory.h"

#include <cstdlib>

#include "kernels/copy/copy.h"

namespace varo {

Tensor loaded(const Tensor& tensor, Parallel& parallel) {
  if (!tensor.deferred()) return tensor;
  const auto [source, box] = tensor.fetch();
  const View nowhere{nullptr, tensor.dtype(), tensor.shape(), dense_strides(tensor.shape())};
  if (tensor.landing(nowhere)) {
    // Every element is one of the box: read straight into a dense tensor.
    const Tensor landed = Tensor::own(tensor.spec());
    source->read(box, *tensor.landing(landed.mutable_view()), parallel);
    return landed.with_meta(tensor.meta());
  }
  const Tensor whole = Tensor::own({source->dtype(), box.extents(), {}});
  source->read(box, whole.mutable_view(), parallel);
  return tensor.fetched(whole);
}

Tensor in_memory(const Tensor& tensor, bool dense, Parallel& parallel) {
  const Tensor t = loaded(tensor, parallel);
  if (!t.padded() && !(dense && !is_dense(t.view()))) return t;
  const Tensor copied = Tensor::own(t.spec());
  copy_padded(t.padded_view(), copied.mutable_view(), parallel);
  return copied.with_meta(t.meta());
}

Tensor part_of(Tensor t, const Box& region) {
  for (int i = 0; i < t.rank(); ++i) t = t.sliced(i, region.lo[i], region.hi[i] - region.lo[i]);
  return t;
}

bool worth_cutting(const Tensor& piece, const Tensor& all) {
  constexpr double kMost = 0.75;
  const auto in_file = [](const Tensor& t) {
    return static_cast<double>(volume(t.valid().extents()));
  };
  return in_file(piece) < kMost * in_file(all);
}

bool by_rows(const ConstView& view) {
  const int last = view.rank() - 1;
  return last < 0 || view.shape[last] == 1 || std::abs(view.strides[last]) == 1;
}

}  // namespace varo
