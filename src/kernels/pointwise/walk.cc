// SPDX-License-Identifier: Apache-2.0
#include "kernels/pointwise/walk.h"

#include <cstdlib>

namespace varo {

Walk walk_of(const View& out, std::span<const ConstView> inputs, std::span<const Index> indices) {
  std::vector<const Strides*> strides = {&out.strides};
  for (const ConstView& input : inputs) strides.push_back(&input.strides);
  for (const Index& index : indices) strides.push_back(&index.strides);
  Walk walk;
  walk.walkers.resize(strides.size());
  walk.walkers[0].data = out.data;
  for (std::size_t i = 0; i < inputs.size(); ++i) walk.walkers[i + 1].data = inputs[i].data;
  int order[kMaxRank];
  int axes = 0;
  for (int i = 0; i < out.rank(); ++i)
    if (out.shape[i] != 1) order[axes++] = i;
  std::stable_sort(order, order + axes, [&](int a, int b) {
    return std::abs(out.strides[a]) > std::abs(out.strides[b]);
  });
  for (int k = 0; k < axes; ++k) {
    const int axis = order[k];
    bool merges = walk.rank > 0;
    for (std::size_t w = 0; merges && w < strides.size(); ++w)
      merges = walk.walkers[w].stride[walk.rank - 1] == (*strides[w])[axis] * out.shape[axis];
    if (!merges) walk.extent[walk.rank++] = 1;
    walk.extent[walk.rank - 1] *= out.shape[axis];
    for (std::size_t w = 0; w < strides.size(); ++w)
      walk.walkers[w].stride[walk.rank - 1] = (*strides[w])[axis];
  }
  if (walk.rank == 0) walk.extent[walk.rank++] = 1;
  for (Walker& walker : walk.walkers) {
    walker.dense = walker.uniform = true;
    std::int64_t expected = 1;
    for (int i = walk.rank - 1; i >= 0; --i) {
      if (walk.extent[i] == 1) continue;
      if (walker.stride[i] != expected) walker.dense = false;
      if (walker.stride[i] != 0) walker.uniform = false;
      expected *= walk.extent[i];
    }
  }
  return walk;
}

}  // namespace varo
