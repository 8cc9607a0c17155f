// SPDX-License-Identifier: Apache-2.0
/// The oracle: what a batch is, computed the slow and obvious way.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pipeline/plan.h"

namespace varo {

/// The outputs of one iteration. One operator after another, on one thread; every value in memory,
/// dense, in a buffer of its own; views are copied out; nothing is fused, placed, or read by region.
/// Only inputs that an operator reads are computed. Elements, types, shapes and layouts must be those
/// of every other schedule; metadata is left out.
///
/// tickets  of each sample, indexed as plan.sources
/// errors   as in a run, with operator, sample number and line
std::vector<Batch> reference_batches(const Plan& plan, std::int64_t first_sample,
                                     std::span<const std::vector<Ticket>> tickets);

}  // namespace varo
