// SPDX-License-Identifier: Apache-2.0
#include "kernels/pointwise/walker.h"

#include <vector>

namespace varo {

PooledVector<Walker> walkers_of(const View& out, std::span<const ConstView> inputs,
                                std::span<const Index> indices) {
  PooledVector<Walker> walkers;
  std::vector<const Strides*> strides;
  const std::size_t count = 1 + inputs.size() + indices.size();
  strides.reserve(count);
  walkers.resize(count);
  walkers[0].data = out.data;
  for (std::size_t i = 0; i < inputs.size(); ++i) walkers[1 + i].data = inputs[i].data;
  strides.push_back(&out.strides);
  for (const ConstView& input : inputs) strides.push_back(&input.strides);
  for (const Index& index : indices) strides.push_back(&index.strides);
  const WalkAxes axes = walk_axes(out.shape, Order::memory, strides);
  for (std::size_t i = 0; i < count; ++i) {
    Walker& walker = walkers[i];
    walker.walk = walk_of(axes, out.shape, *strides[i]);
    const auto [length, step] = walker.walk.run(0);
    const bool even = length == walker.walk.count();
    walker.dense = even && step == 1;
    walker.uniform = length == 1 || (even && step == 0);
  }
  return walkers;
}

}  // namespace varo
