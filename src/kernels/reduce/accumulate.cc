// SPDX-License-Identifier: Apache-2.0
#include "kernels/reduce/accumulate.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/reduce/accumulate.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace varo::reduction {
namespace HWY_NAMESPACE {
namespace {

// No vector type is named: with this many element types and operations the compiler's own vectors
// do, made anew for every instruction set.
template <class Op, class T>
void accumulate(const void* elements, std::int64_t rows, std::int64_t width, std::int64_t stride,
                std::int64_t rest, const double* HWY_RESTRICT mean, void* accumulators) {
  using Acc = typename Op::Acc;
  const T* HWY_RESTRICT x = static_cast<const T*>(elements);
  Acc* HWY_RESTRICT acc = static_cast<Acc*>(accumulators);
  if (width == kLanes) {
    Acc local[kLanes];
    double about[kLanes];
    for (int l = 0; l < kLanes; ++l) {
      local[l] = acc[l];
      about[l] = mean[l];
    }
    for (std::int64_t r = 0; r < rows; ++r, x += stride)
#pragma GCC unroll 1  // unrolled, the comparisons of min and max stay scalar: 4 times slower
      for (int l = 0; l < kLanes; ++l) local[l] = Op::step(local[l], x[l], about[l]);
    for (int l = 0; l < kLanes; ++l) acc[l] = local[l];
  } else {
    for (std::int64_t r = 0; r < rows; ++r, x += stride)
      for (std::int64_t i = 0; i < width; ++i) acc[i] = Op::step(acc[i], x[i], mean[i]);
  }
  for (std::int64_t i = 0; i < rest; ++i) acc[i] = Op::step(acc[i], x[i], mean[i]);
}

Accumulate choose(DType element, Reduction what) {
  Accumulate chosen = nullptr;
  dispatch_element(element, [&](auto type) {
    using T = typename decltype(type)::type;
    chosen = with_operation<T>(
        what, [](auto op) -> Accumulate { return &accumulate<typename decltype(op)::type, T>; });
  });
  return chosen;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace varo::reduction
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace varo::reduction {
namespace {
HWY_EXPORT(choose);
}
Accumulate accumulator(DType element, Reduction what) {
  return HWY_DYNAMIC_DISPATCH(choose)(element, what);
}
}  // namespace varo::reduction
#endif
