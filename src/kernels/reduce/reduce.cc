// SPDX-License-Identifier: Apache-2.0
#include "kernels/reduce/reduce.h"

#include "kernels/reduce/reduce_item.h"

namespace varo {

std::size_t reduce_scratch_bytes(const ConstView& in, const ReduceSpec& spec) {
  const reduction::Sharing p = reduction::sharing_of(in.shape, spec);
  return p.chunks > 1 ? static_cast<std::size_t>(p.outers * p.chunks * p.inners) * 8 : 0;
}

void reduce(const ConstView& in, const View& out, const ReduceSpec& spec, Parallel& parallel,
            std::span<std::byte> scratch) {
  const reduction::Plan p = reduction::make_plan(in, out, spec);
  if (p.items == 0) return;
  const reduction::Outcome outcome = reduction::outcome_of(p);
  parallel_for(parallel, p.items, 1, [&](std::int64_t begin, std::int64_t end) {
    reduction::Item item(p, outcome, in.data, out.data, scratch.data());
    for (std::int64_t i = begin; i < end; ++i) item.run(i);
  });
  if (p.chunks > 1) reduction::add_chunks(p, outcome, scratch.data(), out.data);
}

}  // namespace varo
