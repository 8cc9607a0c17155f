// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "kernels/pointwise/loops.h"
#include "kernels/pointwise/pointwise_point.h"

#ifndef HWY_DISABLED_TARGETS  // a build may leave out more
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
#endif
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pointwise/functions.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
#undef VARO_FORMULAS
#define VARO_FORMULAS HWY_NAMESPACE
#undef VARO_FORMULA
#define VARO_FORMULA HWY_INLINE
#include "kernels/four-inl.h"
// After what it uses.
#include "kernels/pointwise/four_doubles-inl.h"
// After what it uses.
#include "kernels/pointwise/arithmetic-inl.h"
// After what it uses.
#include "kernels/pointwise/circular-inl.h"
// After what it uses.
#include "kernels/pointwise/functions-inl.h"
// After what it uses.
#include "kernels/pointwise/power_vectors-inl.h"
// After what it uses.
#include "kernels/pointwise/powers-inl.h"
// After what it uses.
#include "kernels/pointwise/power_loops-inl.h"

namespace varo {
namespace HWY_NAMESPACE {

// to[i] = op(from[i]...). The last elements pass through buffers, and through here again: they are
// computed as all others are.
template <Op op, class... From>
HWY_NOINLINE void map(std::int64_t count, float* HWY_RESTRICT to,
                      const From* HWY_RESTRICT... from) {
  constexpr auto kStep = static_cast<std::int64_t>(op == Op::pow ? kPowers : kLanes);
  std::int64_t i = 0;
  for (; i + kStep <= count; i += kStep) {
    if constexpr (op == Op::pow)
      powers(from + i..., to + i);
    else
      store(function_of<op>(load(from + i)...), to + i);
  }
  if (i == count) return;
  const std::size_t rest = static_cast<std::size_t>(count - i) * sizeof(float);
  struct Buffer {
    float values[kStep];
  };
  const auto padded = [rest](const float* at) {
    Buffer buffer;
    std::fill_n(buffer.values, kStep, 1.0F);  // for every function an ordinary argument
    std::memcpy(buffer.values, at, rest);
    return buffer;
  };
  Buffer results;
  map<op>(kStep, results.values, padded(from + i).values...);
  std::memcpy(to + i, results.values, rest);
}

template <Op op>
void unary_function(const Operands& o, std::int64_t count) {
  map<op>(count, static_cast<float*>(o.to), static_cast<const float*>(o.from[0]));
}

template <Op op>
void binary_function(const Operands& o, std::int64_t count) {
  map<op>(count, static_cast<float*>(o.to), static_cast<const float*>(o.from[0]),
          static_cast<const float*>(o.from[1]));
}

Loop FindFunction(Op op) {
  switch (op) {
#define VARO_FUNCTION(name) \
  case Op::name:            \
    return unary_function<Op::name>;
    VARO_FUNCTION(cbrt)
    VARO_FUNCTION(exp)
    VARO_FUNCTION(log)
    VARO_FUNCTION(log2)
    VARO_FUNCTION(log10)
    VARO_FUNCTION(sin)
    VARO_FUNCTION(cos)
    VARO_FUNCTION(tan)
    VARO_FUNCTION(asin)
    VARO_FUNCTION(acos)
    VARO_FUNCTION(atan)
    VARO_FUNCTION(sinh)
    VARO_FUNCTION(cosh)
    VARO_FUNCTION(tanh)
    VARO_FUNCTION(asinh)
    VARO_FUNCTION(acosh)
    VARO_FUNCTION(atanh)
#undef VARO_FUNCTION
    case Op::pow:
      return binary_function<Op::pow>;
    case Op::atan2:
      return binary_function<Op::atan2>;
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
HWY_EXPORT(FindFunction);
}

Loop find_function_loop(Op op, DType dtype) {
  return dtype == DType::f32 ? HWY_DYNAMIC_DISPATCH(FindFunction)(op) : nullptr;
}

}  // namespace varo
#endif
