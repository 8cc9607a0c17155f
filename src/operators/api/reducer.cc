// SPDX-License-Identifier: Apache-2.0
#include "operators/api/reducer.h"

#include "operators/shared/axes.h"

namespace varo {

ReduceSpec Reducer::specified(const HostRun& run, int rank) const {
  ReduceSpec spec = reduction(run.kept);
  if (run.in.size() > 1) spec.mean = with_kept_axes(run.view(1), rank, spec.axes);
  return spec;
}

View Reducer::result(const HostRun& run, const ReduceSpec& spec, int rank) {
  return with_kept_axes(run.out[0], rank, spec.axes);
}

std::size_t Reducer::setup(const HostRun& run, std::any&) const {
  const ConstView in = run.view(0);
  return reduce_scratch_bytes(in, specified(run, in.rank()));
}

void Reducer::run(const HostRun& run) const noexcept {
  const ConstView in = run.view(0);
  const ReduceSpec spec = specified(run, in.rank());
  reduce(in, result(run, spec, in.rank()), spec, run.parallel, run.scratch);
}

}  // namespace varo
