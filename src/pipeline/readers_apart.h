// SPDX-License-Identifier: Apache-2.0
/// Readers of one pipeline whose samples look like pairs and are none.
#pragma once

#include <string>
#include <vector>

#include "pipeline/plan.h"

namespace varo {

/// A warning for each reader that will not step like the first one of the pipeline: other settings of
/// order, another seed of a shuffle, another number of samples. Touches no file.
std::vector<std::string> readers_apart(const Plan& plan);

}  // namespace varo
