// SPDX-License-Identifier: Apache-2.0
/// Rows of elements with any strides, as contiguous floats and back.
#pragma once

#include "core/convert.h"
#include "kernels/filter/convolve_plan.h"

namespace varo::filter {

template <class T>
void fetch(const void* from, const Axis& x, const Axis& channel, std::int64_t n, float* to) {
  const T* const in = static_cast<const T*>(from);
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t c = 0; c < channel.extent; ++c)
      *to++ = saturate<float>(in[i * x.in + c * channel.in]);
}

template <class T>
void store(const float* from, const Axis& x, const Axis& channel, std::int64_t n, void* to) {
  T* const out = static_cast<T*>(to);
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t c = 0; c < channel.extent; ++c)
      out[i * x.out + c * channel.out] = saturate<T>(*from++);
}

}  // namespace varo::filter
