// SPDX-License-Identifier: Apache-2.0
/// The instructions of pointwise programs (program.h).
#pragma once

#include <cstdint>

namespace varo {

enum class Op : std::uint8_t {
  // Beginnings.
  input,     ///< the element of one of the program's inputs
  constant,  ///< the same value everywhere
  bits,      ///< a random word (u32) or two (u64), addressed by an index
  normal,    ///< a standard normal number (f32), addressed by an index
  // One operand, in any type but f16.
  convert,  ///< saturating (core/convert.h); the only instruction that takes or makes f16
  negate,
  abs,  ///< integers wrap
  // One operand, f32 or f64.
  sqrt,
  rsqrt,
  cbrt,
  exp,
  log,
  log2,
  log10,
  floor,
  ceil,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  sinh,
  cosh,
  tanh,
  asinh,
  acosh,
  atanh,
  // Two operands of one type. Integers wrap.
  add,
  sub,
  mul,
  div,  ///< integers: towards zero; by zero gives 0
  pow,  ///< integers: exactly, modulo the type's range; negative exponents give 0
  min,
  max,    ///< the first where neither is smaller (larger)
  atan2,  ///< f32 or f64
  bit_and,
  bit_or,
  bit_xor,  ///< integers and bool
  eq,
  ne,
  lt,
  le,
  gt,
  ge,  ///< result bool
  // Other.
  fma,      ///< a * b + c, rounded once; f32 or f64
  select,   ///< operand 0 (bool) ? operand 1 : operand 2, of any one type
  lookup,   ///< element of a table (f64) at an i32 index
  poisson,  ///< a Poisson number with the operand (f64) as mean, addressed by an index
};

/// Comparisons, whose result is bool.
constexpr bool compares(Op op) { return op >= Op::eq && op <= Op::ge; }

}  // namespace varo
