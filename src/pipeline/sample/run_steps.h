// SPDX-License-Identifier: Apache-2.0
/// Runs the steps of a sample on the host.
#pragma once

#include <atomic>
#include <cstdint>

#include "pipeline/sample/sample_plan.h"

namespace varo {

/// Runs the steps of `plan` that have not run, in order. False where `cancelled` became true in
/// between, or, with `without_files`, before the first step that would read a file.
///
/// memory  buffers from the pool, from the first step that writes one to the last that needs it
/// errors  of reads and calls, with the context of their nodes; "out of memory"
/// nodes_run  counts the operators whose outputs came about
bool run_steps(SamplePlan& plan, Parallel& parallel, const std::atomic<bool>& cancelled,
               std::atomic<std::int64_t>& nodes_run, bool without_files);

}  // namespace varo
