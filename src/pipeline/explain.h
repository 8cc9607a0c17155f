// SPDX-License-Identifier: Apache-2.0
/// What can be known of a plan before it runs, and how to tell it.
#pragma once

#include <string>
#include <vector>

#include "pipeline/sample/sample_plan.h"

namespace varo {

/// Infers every node of a stand-in for the first sample, as far as headers and parameters go. Throws
/// what is wrong for sure.
void probe(const Plan& plan);

/// The steps of a sample so far, a line each.
std::string describe_steps(const SamplePlan& sample);

/// The text of Pipeline::explain(): the graph as declared and as it runs, and for the first sample
/// what each node writes and which steps run.
std::string explain_plan(const Graph& declared, const Plan& plan,
                         const std::vector<std::string>& applied, const PlanRules& rules);

}  // namespace varo
