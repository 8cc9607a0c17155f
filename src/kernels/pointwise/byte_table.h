// SPDX-License-Identifier: Apache-2.0
/// Programs whose result is a function of one byte: they are run for all 256 of them, and what
/// comes of each element is looked up.
#pragma once

#include <optional>
#include <span>

#include "kernels/pointwise/program_plan.h"

namespace varo {

/// A step that loads the byte which decides about the result, where a table is faster than the
/// program: for large outputs of programs that take long.
std::optional<std::size_t> byte_that_decides(const ProgramPlan& plan, std::int64_t volume);

/// run_program() by a table. \pre `decides` comes from byte_that_decides()
///
/// memory  tables and buffers on the stack, 20 KiB
void run_by_table(const ProgramPlan& plan, std::size_t decides, std::span<const ConstView> inputs,
                  const View& out, Parallel& parallel, const FunctionRef<void(std::int64_t)>* after,
                  bool past_caches);

/// to[i] = table[from[i]].
///
/// from, to  `count` bytes each, apart or the same
/// memory    none
/// errors    none
void look_up_bytes(const std::uint8_t (&table)[256], const std::uint8_t* from, std::int64_t count,
                   std::uint8_t* to);

}  // namespace varo
