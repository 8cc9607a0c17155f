// SPDX-License-Identifier: Apache-2.0
/// What functions of one element need of <cmath>, for the host and for devices: every result is the
/// one correctly rounded number, so that its bits are the same everywhere.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "core/hd.h"

namespace varo::scalar {

template <class F>
using BitsOf = std::conditional_t<sizeof(F) == 4, std::uint32_t, std::uint64_t>;
template <class F>
inline constexpr BitsOf<F> kSign = BitsOf<F>{1} << (8 * sizeof(F) - 1);

template <class F>
VARO_HD constexpr F abs(F x) {
#if defined(__CUDA_ARCH__)
  return std::bit_cast<F>(std::bit_cast<BitsOf<F>>(x) & ~kSign<F>);
#else
  if constexpr (sizeof(F) == 4)
    return __builtin_fabsf(x);
  else
    return __builtin_fabs(x);
#endif
}
/// The size of `size` with the sign of `of`; both may be zeros and NaN.
template <class F>
VARO_HD constexpr F with_sign(F size, F of) {
#if defined(__CUDA_ARCH__)
  return std::bit_cast<F>((std::bit_cast<BitsOf<F>>(size) & ~kSign<F>) |
                          (std::bit_cast<BitsOf<F>>(of) & kSign<F>));
#else  // as one operation, which vectors have
  if constexpr (sizeof(F) == 4)
    return __builtin_copysignf(size, of);
  else
    return __builtin_copysign(size, of);
#endif
}

// Names of the compiler's, which become single instructions; those of a device are CUDA's.
#if defined(__CUDA_ARCH__)
#define VARO_SCALAR(name, ...) ::name(__VA_ARGS__)
#else
#define VARO_SCALAR(name, ...) __builtin_##name(__VA_ARGS__)
#endif
VARO_HD inline float floor(float x) { return VARO_SCALAR(floorf, x); }
VARO_HD inline double floor(double x) { return VARO_SCALAR(floor, x); }
VARO_HD inline float ceil(float x) { return VARO_SCALAR(ceilf, x); }
VARO_HD inline double ceil(double x) { return VARO_SCALAR(ceil, x); }
VARO_HD inline float root(float x) { return VARO_SCALAR(sqrtf, x); }
VARO_HD inline double root(double x) { return VARO_SCALAR(sqrt, x); }
/// a * b + c, rounded once.
VARO_HD inline float fused(float a, float b, float c) { return VARO_SCALAR(fmaf, a, b, c); }
VARO_HD inline double fused(double a, double b, double c) { return VARO_SCALAR(fma, a, b, c); }
#undef VARO_SCALAR

}  // namespace varo::scalar
