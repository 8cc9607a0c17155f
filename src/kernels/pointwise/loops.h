// SPDX-License-Identifier: Apache-2.0
/// The loop over a tile for each instruction and type.
#pragma once

#include "kernels/pointwise/program.h"

namespace varo {

/// Registers as memory: dense, not overlapping.
struct Operands {
  void* to;
  const void* from[3];
};

/// Does one instruction for `count` elements.
using Loop = void (*)(const Operands& operands, std::int64_t count);

/// The loop for an instruction whose first operand (select: second) has type `from` and whose
/// result has type `to`. Null if there is none, and for the beginnings, lookup and poisson.
Loop find_loop(Op op, DType from, DType to);

/// The part of find_loop() for functions of f32 beyond a square root: every value within 0.51 ulp
/// of the true one, powers within 0.9, the same bits on every instruction set.
Loop find_function_loop(Op op, DType dtype);
/// The part of find_loop() that is compiled for every instruction set: what is used most.
Loop find_vector_loop(Op op, DType from, DType to);
/// The part of find_loop() that covers every type. Functions of f64 are the C library's, whose last
/// bits differ from machine to machine.
Loop find_plain_loop(Op op, DType from, DType to);

}  // namespace varo
