// SPDX-License-Identifier: Apache-2.0
/// The inner loop of reduce(), for every element type, operation and instruction set.
#pragma once

#include "core/dispatch.h"
#include "kernels/reduce/reduce_plan.h"

namespace varo::reduction {

/// The type whose elements accumulate() reads: bool as bytes, half precision widened.
constexpr DType element_type(DType t) {
  return t == DType::boolean ? DType::u8 : t == DType::f16 ? DType::f32 : t;
}

/// body(TypeTag<T>{}) for an element type.
template <class Body>
void dispatch_element(DType t, Body&& body) {
  dispatch<std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t, std::int8_t, std::int16_t,
           std::int32_t, std::int64_t, float, double>(t, std::forward<Body>(body));
}

/// Takes `rows` rows of `width` elements in, `stride` apart, element i of each into accumulator i,
/// then the first `rest` elements of one more row. mean[i] is what deviations of element i are
/// from.
using Accumulate = void (*)(const void* x, std::int64_t rows, std::int64_t width,
                            std::int64_t stride, std::int64_t rest, const double* mean, void* acc);
/// For the best instruction set of this machine.
Accumulate accumulator(DType element, Reduction what);

/// Accumulators of several reductions of the same f32 elements, as accumulate() would fill each for
/// rows of kLanes; nullptr for those that are not wanted.
struct Together {
  double* sums = nullptr;
  double* deviations = nullptr;
  float* least = nullptr;
  float* most = nullptr;
  const double* mean = nullptr;  ///< of deviations; kLanes of them
};
/// Takes `count` elements that lie side by side in, in one loop.
void accumulate_together(const float* x, std::int64_t count, const Together& to);

}  // namespace varo::reduction
