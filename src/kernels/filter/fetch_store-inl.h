// SPDX-License-Identifier: Apache-2.0
// From elements of any type and stride to rows of floats and back, for the instruction set that
// includes this.
#if defined(VARO_FILTER_FETCH_STORE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef VARO_FILTER_FETCH_STORE_INL_H_
#undef VARO_FILTER_FETCH_STORE_INL_H_
#else
#define VARO_FILTER_FETCH_STORE_INL_H_
#endif

#include <cstdint>
#include <hwy/highway.h>
#include <limits>
#include <type_traits>

#include "core/convert.h"
#include "kernels/filter/convolve_plan.h"

HWY_BEFORE_NAMESPACE();
namespace varo::filter {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// n * channels elements with these strides, as contiguous floats.
template <class T>
void fetch(const void* from, const Axis& x, const Axis& channel, std::int64_t n,
           float* HWY_RESTRICT to) {
  const T* HWY_RESTRICT in = static_cast<const T*>(from);
  const std::int64_t channels = channel.extent;
  if ((channels == 1 || channel.in == 1) && x.in == channels) {
    for (std::int64_t i = 0; i < n * channels; ++i) to[i] = saturate<float>(in[i]);
  } else if (channels == 1) {
    for (std::int64_t i = 0; i < n; ++i) to[i] = saturate<float>(in[i * x.in]);
  } else {
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t c = 0; c < channels; ++c)
        *to++ = saturate<float>(in[i * x.in + c * channel.in]);
  }
}

// Types of up to 16 bits: round half away from zero, clamp in float, where every bound is exact.
template <class T>
HWY_INLINE void store_small(const float* HWY_RESTRICT from, std::int64_t n, T* HWY_RESTRICT out) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<std::int32_t, decltype(d)> di;
  const hn::Rebind<T, decltype(d)> dt;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto low = hn::Set(d, static_cast<float>(std::numeric_limits<T>::min()));
  const auto high = hn::Set(d, static_cast<float>(std::numeric_limits<T>::max()));
  const auto half = hn::Set(d, 0.5F), one = hn::Set(d, 1.0F);
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    auto v = hn::LoadU(d, from + i);
    v = hn::IfThenElseZero(hn::Eq(v, v), v);
    v = hn::Min(hn::Max(v, low), high);
    const auto whole = hn::Trunc(v);
    const auto away =
        hn::IfThenElseZero(hn::Ge(hn::Abs(hn::Sub(v, whole)), half), hn::CopySign(one, v));
    hn::StoreU(hn::DemoteTo(dt, hn::ConvertTo(di, hn::Add(whole, away))), dt, out + i);
  }
  for (; i < n; ++i) out[i] = saturate<T>(from[i]);
}

template <class T>
void store(const float* HWY_RESTRICT from, const Axis& x, const Axis& channel, std::int64_t n,
           bool dense, void* to) {
  T* HWY_RESTRICT out = static_cast<T*>(to);
  const std::int64_t channels = channel.extent;
  if (!dense) {
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t c = 0; c < channels; ++c)
        out[i * x.out + c * channel.out] = saturate<T>(*from++);
  } else if constexpr (std::is_integral_v<T> && sizeof(T) <= 2 && !std::is_same_v<T, bool>) {
    store_small(from, n * channels, out);
  } else {
    for (std::int64_t i = 0; i < n * channels; ++i) out[i] = saturate<T>(from[i]);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace varo::filter
HWY_AFTER_NAMESPACE();

#endif
