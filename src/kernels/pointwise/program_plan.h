// SPDX-License-Identifier: Apache-2.0
/// How run_program() does a program: the loop and the place of every instruction, and which of them
/// are done together.
#pragma once

#include <span>

#include "core/pooled.h"
#include "kernels/pointwise/chain.h"
#include "kernels/pointwise/loops.h"
#include "kernels/pointwise/walker.h"

namespace varo {

// An instruction with its loop and its register's place.
struct Step {
  Instruction instruction;
  Loop loop = nullptr;
  const Walker* walker = nullptr;  // of an input or an index
  bool uniform = false;            // the same everywhere: computed once, before the tiles
  bool wide = false;               // uniform, and somebody reads it element by element
  bool slow = false;               // takes longer than memory
  bool inner = false;              // part of a chain that goes on: its value is never stored
  bool linked = false;             // an input that links of chains alone read
  std::int64_t place = 0;          // bytes before the register, an element of a tile
  // The chain that ends here: its first operand, and links [first_link, last_link).
  int head = -1;
  std::size_t first_link = 0, last_link = 0;
};

struct ProgramPlan {
  const Program* program;
  PooledVector<Walker> walkers;  // see walkers_of()
  PooledVector<Step> steps;
  PooledVector<Link> links;
  PooledVector<int> link_operands;        // of each link: the step whose elements it reads, or -1
  PooledVector<std::uint64_t> constants;  // of each step that is uniform: its value
  std::int64_t lane_bytes = 0;            // all registers, an element of a tile
};

/// All but the values of what is uniform.
ProgramPlan plan_program(const Program& program, std::span<const ConstView> inputs,
                         const View& out);

}  // namespace varo
