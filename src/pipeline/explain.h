// SPDX-License-Identifier: Apache-2.0
/// What can be known of a plan before it runs, and how to tell it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "pipeline/plan.h"

namespace varo {

/// Infers every node of a stand-in for the first sample, as far as headers and parameters go, and
/// reports each node's specs, or nullptr where only a run can tell. Throws what is wrong for sure.
void probe(const Plan& plan,
           const std::function<void(int id, const std::vector<Spec>* specs)>& report);

/// The text of Pipeline::explain().
std::string explain_plan(const Graph& declared, const Plan& plan,
                         const std::vector<std::string>& applied);

}  // namespace varo
