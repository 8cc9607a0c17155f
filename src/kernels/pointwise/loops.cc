// SPDX-License-Identifier: Apache-2.0
#include "kernels/pointwise/loops.h"

#include <utility>

#include "core/dispatch.h"
#include "kernels/pointwise/element.h"

#define VARO_LOOP_NAMESPACE plain
#include "kernels/pointwise/loops-inl.h"

namespace varo {

namespace {

template <Op op>
Loop plain_loop(DType t) {
  return plain::loop_of<op, std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t, std::int8_t,
                        std::int16_t, std::int32_t, std::int64_t, float, double, bool>(t);
}

// One entry for each Op from negate to ge, in order.
constexpr int kFirst = static_cast<int>(Op::negate), kLast = static_cast<int>(Op::ge);
template <int... i>
Loop arithmetic_loop(Op op, DType t, std::integer_sequence<int, i...>) {
  constexpr Loop (*kTable[])(DType) = {plain_loop<static_cast<Op>(kFirst + i)>...};
  return kTable[static_cast<int>(op) - kFirst](t);
}

}  // namespace

Loop find_plain_loop(Op op, DType from, DType to) {
  if (op == Op::convert) {
    return plain::convert_of<std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t, std::int8_t,
                             std::int16_t, std::int32_t, std::int64_t, Half, float, double, bool>(
        from, to);
  }
  if (op >= Op::negate && op <= Op::ge)
    return arithmetic_loop(op, from, std::make_integer_sequence<int, kLast - kFirst + 1>());
  if (op == Op::select) return plain::select_of(from);
  if (op == Op::fma && from == DType::f32) return plain::fma_loop<float>;
  if (op == Op::fma && from == DType::f64) return plain::fma_loop<double>;
  return nullptr;
}

Loop find_loop(Op op, DType from, DType to) {
  if (const Loop function = find_function_loop(op, from); function != nullptr) return function;
  const Loop vector = find_vector_loop(op, from, to);
  return vector != nullptr ? vector : find_plain_loop(op, from, to);
}

}  // namespace varo
