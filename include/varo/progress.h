// SPDX-License-Identifier: Apache-2.0
/// How far a pipeline has come, as plain numbers.
#pragma once

#include <cstdint>
#include <vector>

namespace varo {

/// Where a source stands, in numbers of its own.
struct SourceState {
  std::vector<std::int64_t> words;
};

/// How far a consumer has come.
struct Progress {
  std::int64_t iteration = 0;        ///< the number of the next one
  std::int64_t sample = 0;           ///< the running number of the next one
  std::vector<SourceState> sources;  ///< as declared; with PipelineOptions::enable_checkpointing
};

}  // namespace varo
