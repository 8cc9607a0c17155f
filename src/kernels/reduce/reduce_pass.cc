// SPDX-License-Identifier: Apache-2.0
// Several reductions of one view.
#include <algorithm>

#include "kernels/reduce/reduce.h"
#include "kernels/reduce/reduce_item.h"

namespace varo {

bool ReducePass::takes(const ConstView& in, const ReduceSpec& spec) {
  if (!is_dense(in)) return false;
  const reduction::Sharing p = reduction::sharing_of(in.shape, spec);
  if (p.inners != 1 || p.lanes == 1) return false;
  if (p.outers == 1) return p.chunk == std::min(p.reduces, kPiece);
  // Elements of an output side by side, in whole pieces.
  const auto run = walk_along(spec.axes, in.shape, Order::logical, in.strides).run(0);
  return p.chunk == kPiece && p.reduces % kPiece == 0 && p.tile_outer == 1 &&
         run.length == p.reduces && run.step == 1;
}

struct ReducePass::Part {
  reduction::Plan plan;
  reduction::Outcome outcome;
  const void* in = nullptr;
  void* out = nullptr;
  std::byte* partials = nullptr;
  bool together = false;         // done in one loop with others
  std::size_t accumulators = 0;  // which ones it has there

  double mean_of(std::int64_t number) const {
    return reduction::mean_at(plan.spec.mean,
                              plan.outer.offset(number / plan.chunks, reduction::kMean));
  }
  bool has_means_of(const Part& other) const {
    if (plan.outers != other.plan.outers) return false;
    for (std::int64_t o = 0; o < plan.outers; ++o)  // NaN is no mean of two
      if (mean_of(o * plan.chunks) != other.mean_of(o * plan.chunks)) return false;
    return true;
  }

  // Accumulators of piece `number` are filled.
  void settle(std::int64_t number, std::byte* acc) const {
    outcome.fold_lanes(plan.lanes, 1, acc);
    if (plan.chunks > 1)
      std::copy_n(acc, outcome.size, partials + number * outcome.size);
    else
      outcome.write(plan, acc, 1, plan.inner, 0, plan.outer.offset(number, reduction::kOut), out);
  }
};

namespace {

// What accumulate_together() makes in one go; sums and deviations may be those of several parts.
struct Lanes {
  static constexpr std::size_t kSums = 0, kDeviations = 1, kLeast = 2, kMost = 3, kKinds = 4;
  static constexpr std::size_t kBytes = reduction::kLanes * sizeof(double);
  alignas(64) std::byte of[kKinds][kBytes];
  alignas(64) double mean[reduction::kLanes] = {};
  reduction::Together to;

  void start(std::size_t kind, const reduction::Outcome& outcome) {
    outcome.start(reduction::kLanes, of[kind]);
    if (kind == kSums) to.sums = reinterpret_cast<double*>(of[kind]);
    if (kind == kDeviations) to.deviations = reinterpret_cast<double*>(of[kind]);
    if (kind == kLeast) to.least = reinterpret_cast<float*>(of[kind]);
    if (kind == kMost) to.most = reinterpret_cast<float*>(of[kind]);
    to.mean = mean;
  }
};

// Which of these a reduction needs; kKinds if none.
std::size_t kind_of(Reduction what) {
  switch (what) {
    case Reduction::sum:
    case Reduction::mean:
      return Lanes::kSums;
    case Reduction::variance:
    case Reduction::std_dev:
      return Lanes::kDeviations;
    case Reduction::min:
      return Lanes::kLeast;
    case Reduction::max:
      return Lanes::kMost;
    default:
      return Lanes::kKinds;
  }
}

}  // namespace

ReducePass::ReducePass(const ConstView& in, std::span<const ReduceRequest> requests)
    : parts_(std::make_unique<Part[]>(requests.size())), count_(requests.size()) {
  const Part* about = nullptr;  // the deviations that are done together
  for (std::size_t i = 0; i < count_; ++i) {
    const ReduceRequest& r = requests[i];
    Part& part = parts_[i];
    part.plan = reduction::make_plan(in, r.out, r.spec);
    part.outcome = reduction::outcome_of(part.plan);
    part.in = in.data;
    part.out = r.out.data;
    part.partials = r.scratch.data();
    part.accumulators = kind_of(r.spec.what);
    part.together = in.dtype == DType::f32 && part.accumulators < Lanes::kKinds;
    if (!part.together || part.accumulators != Lanes::kDeviations) continue;
    if (about == nullptr) about = &part;
    part.together = about == &part || part.has_means_of(*about);
  }
}

ReducePass::~ReducePass() = default;

void ReducePass::piece(std::int64_t number) {
  Lanes lanes;
  bool any = false;
  for (std::size_t i = 0; i < count_; ++i) {
    const Part& part = parts_[i];
    if (part.together) {
      if (part.accumulators == Lanes::kDeviations)
        std::fill_n(lanes.mean, reduction::kLanes, part.mean_of(number));
      lanes.start(part.accumulators, part.outcome);
      any = true;
    } else {
      reduction::Item(part.plan, part.outcome, part.in, part.out, part.partials).run(number);
    }
  }
  if (!any) return;
  const reduction::Plan& plan = parts_[0].plan;
  const std::int64_t begin = number * plan.chunk,
                     end = std::min(plan.outers * plan.reduces, begin + plan.chunk);
  reduction::accumulate_together(static_cast<const float*>(parts_[0].in) + begin, end - begin,
                                 lanes.to);
  for (std::size_t i = 0; i < count_; ++i) {
    const Part& part = parts_[i];
    if (!part.together) continue;
    // Another part may want them as they are.
    alignas(64) std::byte acc[Lanes::kBytes];
    std::copy_n(lanes.of[part.accumulators], reduction::kLanes * part.outcome.size, acc);
    part.settle(number, acc);
  }
}

void ReducePass::finish() {
  for (std::size_t i = 0; i < count_; ++i) {
    const Part& part = parts_[i];
    if (part.plan.chunks > 1)
      reduction::add_chunks(part.plan, part.outcome, part.partials, part.out);
  }
}

}  // namespace varo
