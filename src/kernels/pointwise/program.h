// SPDX-License-Identifier: Apache-2.0
/// Programs of pointwise instructions: what a chain of pointwise operators does to one element.
///
///     inputs --load--> r0 r1 ... --instructions--> rk --store--> output
///
/// Every instruction computes in its declared type and rounds there, so a chain run as one program
/// and the same operators run one after the other give the same bits. run_program() streams tiles
/// through registers that stay in the first-level cache; instructions on one running f32 value, say
/// (x - mean) * gain + mean, share one loop and leave the processor's registers only at its end.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/parallel.h"
#include "core/philox.h"
#include "core/pooled.h"
#include "kernels/pointwise/op.h"
#include "varo/view.h"

namespace varo {

/// The result of one instruction.
struct Register {
  int number = -1;  ///< of the instruction
  DType dtype = DType::u8;
};

/// The number of an element, by which random instructions address their stream: the sum of the
/// element's position times `strides`, over the axes of the program's output.
struct Index {
  Strides strides;
};

struct Instruction {
  Op op = Op::input;
  DType dtype = DType::u8;                 ///< of the result
  std::array<int, 3> from = {-1, -1, -1};  ///< operands: numbers of earlier instructions
  std::uint64_t value = 0;  ///< constant: the bytes; input, index and table: which of them
  RandomKey key;
};

/// Instructions in order; the last one's result is the program's.
struct Program {
  PooledVector<Instruction> code;
  std::vector<DType> inputs;
  std::vector<Index> indices;
  std::vector<std::vector<double>> tables;
};

/// Writes programs. Operand types are the caller's duty; each function says what it takes.
class ProgramBuilder {
 public:
  /// The next input of the program.
  Register input(DType dtype);
  /// `value` converted to `dtype`, saturating.
  Register constant(DType dtype, double value);
  Register constant(DType dtype, std::int64_t value);
  /// The value whose bytes are `bits`.
  Register constant_bits(DType dtype, std::uint64_t bits);
  /// Itself where the type is the same.
  Register convert(Register a, DType dtype);
  Register unary(Op op, Register a);
  /// Both of one type.
  Register binary(Op op, Register a, Register b);
  /// All of one type, f32 or f64.
  Register fma(Register a, Register b, Register c);
  /// `condition` bool, the others of one type.
  Register select(Register condition, Register yes, Register no);
  /// `at`: i32, inside the table.
  Register lookup(Register at, std::vector<double> table);
  /// u32: word number `index` of the stream. u64: words 2 index (high) and 2 index + 1 (low).
  Register bits(DType dtype, const RandomKey& key, const Index& index);
  /// f32.
  Register normal(const RandomKey& key, const Index& index);
  /// f64, of the means `mean`.
  Register poisson(Register mean, const RandomKey& key, const Index& index);

  /// The program that ends in `result`; the builder is empty afterwards. Instructions that
  /// `result` does not need are left out.
  Program finish(Register result);

 private:
  Register append(Instruction instruction);
  std::uint64_t index_of(const Index& index);
  Program program_;
};

/// Runs a program over every element of `out`.
///
/// program  its last result has out.dtype
/// inputs   one view for each of program.inputs, of that type and out's shape (broadcast axes have
///          stride 0); any strides. Inputs that are the same everywhere are loaded once
/// out      any strides, not overlapping any input
/// after    called with the number of every piece of kProgramPiece elements (the last may be short)
///          when it has been written, from any thread. \pre out is row-major
/// past_caches  nobody reads out soon: rows that are whole cache lines go past the caches
/// memory   registers on the stack, 16 KiB; more only for programs of over 32 results
/// errors   none
void run_program(const Program& program, std::span<const ConstView> inputs, const View& out,
                 Parallel& parallel, const FunctionRef<void(std::int64_t)>* after = nullptr,
                 bool past_caches = false);

inline constexpr std::int64_t kProgramPiece = std::int64_t{1} << 16;

}  // namespace varo
