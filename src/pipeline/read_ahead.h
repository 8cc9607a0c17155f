// SPDX-License-Identifier: Apache-2.0
/// What a sample will read, asked for before a worker needs it.
#pragma once

#include <cstdint>

#include "pipeline/sample/evaluation.h"

namespace varo {

/// Bytes of files asked for ahead by a sample. What is fetched beyond free memory drives out what
/// was fetched for the samples before, and each 128 KiB are a system call.
constexpr std::int64_t kMostAhead = std::int64_t{1} << 30;

/// Tells the system which regions of files the outputs of `sample` will read, as far as that is
/// known without computing voxels; what is in the page cache is left alone, and so is a region with
/// which the sample would ask for more than kMostAhead bytes. The outputs' specs are
/// inferred. Draws that say where a region lies, or which branch is taken, are evaluated, as they
/// would be later. Changes no result. Throws nothing: what fails will fail again when it is needed.
void read_ahead(SamplePlan& sample);

}  // namespace varo
