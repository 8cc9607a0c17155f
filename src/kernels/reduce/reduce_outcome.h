// SPDX-License-Identifier: Apache-2.0
/// How accumulators become outputs, for every element type and operation.
#pragma once

#include <cstddef>

#include "kernels/reduce/reduce_plan.h"

namespace varo::reduction {

/// What is left to do with accumulators, once per output and not per element.
struct Outcome {
  void (*start)(std::int64_t n, void* acc);
  void (*fold)(const void* from, std::int64_t n, void* acc);  ///< acc[i] with from[i]
  /// n of them, to positions first, first + 1, ... of the axes.
  void (*write)(const Plan&, const void* acc, std::int64_t n, const Walk<3>& axes,
                std::int64_t first, std::int64_t base, void* out);
  std::int64_t size;  ///< bytes of an accumulator

  /// Those of all lanes into those of the first, as reduction::folded() does.
  void fold_lanes(std::int64_t lanes, std::int64_t width, std::byte* acc) const {
    for (std::int64_t half = lanes / 2; half > 0; half /= 2)
      fold(acc + half * width * size, half * width, acc);
  }
};

Outcome outcome_of(const Plan& p);

/// Folds the chunks of every output in order, into the first of them, and writes the outputs.
void add_chunks(const Plan& p, const Outcome& outcome, std::byte* partials, void* out);

}  // namespace varo::reduction
