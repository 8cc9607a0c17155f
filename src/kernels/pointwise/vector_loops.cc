// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "core/dispatch.h"
#include "kernels/pointwise/element.h"
#include "kernels/pointwise/loops.h"

#ifndef HWY_DISABLED_TARGETS  // a build may leave out more
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
#endif
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pointwise/vector_loops.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

// The loops are plain: what differs between instruction sets is what the compiler makes of them.
HWY_BEFORE_NAMESPACE();
#undef VARO_LOOP_NAMESPACE
#define VARO_LOOP_NAMESPACE HWY_NAMESPACE
#include "kernels/pointwise/loops-inl.h"

namespace varo {
namespace HWY_NAMESPACE {

Loop FindLoop(Op op, DType from, DType to) {
  switch (op) {
#define VARO_LOOP(name)                                                                      \
  case Op::name:                                                                             \
    return loop_of<Op::name, float, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t, \
                   double, bool>(from);
    VARO_LOOP(add)
    VARO_LOOP(sub)
    VARO_LOOP(mul)
    VARO_LOOP(min)
    VARO_LOOP(max)
    VARO_LOOP(eq)
    VARO_LOOP(ne)
    VARO_LOOP(lt)
    VARO_LOOP(le)
    VARO_LOOP(gt)
    VARO_LOOP(ge)
    VARO_LOOP(bit_and)
    VARO_LOOP(bit_or)
    VARO_LOOP(bit_xor)
    VARO_LOOP(negate)
    VARO_LOOP(abs)
#undef VARO_LOOP
    case Op::div:
      return loop_of<Op::div, float, double>(from);
    case Op::sqrt:
      return loop_of<Op::sqrt, float, double>(from);
    case Op::rsqrt:
      return loop_of<Op::rsqrt, float, double>(from);
    case Op::floor:
      return loop_of<Op::floor, float, double>(from);
    case Op::ceil:
      return loop_of<Op::ceil, float, double>(from);
    case Op::convert:
      if (from == DType::u32 && to == DType::f64)  // random words
        return convert_loop<double, std::uint32_t>;
      // A truth value is a byte of 0 or 1, and a loop over bytes becomes vectors.
      if (from == DType::boolean && (to == DType::f32 || to == DType::f64 || to == DType::i32))
        from = DType::u8;
      return convert_of<float, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t, Half,
                        double, bool>(from, to);
    case Op::select:
      return select_of(from);
    case Op::fma:
      return from == DType::f32 ? fma_loop<float> : from == DType::f64 ? fma_loop<double> : nullptr;
    default:
      return nullptr;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace varo
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace varo {

namespace {
HWY_EXPORT(FindLoop);
}

Loop find_vector_loop(Op op, DType from, DType to) {
  return HWY_DYNAMIC_DISPATCH(FindLoop)(op, from, to);
}

}  // namespace varo
#endif
