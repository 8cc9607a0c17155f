// SPDX-License-Identifier: Apache-2.0
// Copying with conversion. Every pair of types has a plain loop; the pairs that volumes are made of
// have one compiled for each instruction set, equal to saturate() in every bit.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/copy/convert.cc"
// One wide, one middle and the baseline target: the loops below gain nothing from the others.
#ifndef HWY_DISABLED_TARGETS  // a build may leave out more
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#endif
#include "core/convert.h"

#include <cstdint>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <limits>
#include <type_traits>

#include "core/dispatch.h"
#include "kernels/copy/chunks.h"
#include "kernels/copy/convert_row.h"
#include "kernels/copy/copy.h"
#include "kernels/copy/copy_point.h"

HWY_BEFORE_NAMESPACE();
namespace varo {
namespace HWY_NAMESPACE {

template <class From, class To>
HWY_NOINLINE void convert_row(const void* src, void* dst, std::int64_t n) {
  const From* HWY_RESTRICT in = static_cast<const From*>(src);
  To* HWY_RESTRICT out = static_cast<To*>(dst);
  for (std::int64_t i = 0; i < n; ++i) out[i] = convert_element<To>(in[i]);
}

namespace hn = hwy::HWY_NAMESPACE;

// Integers of up to 16 bits: exact.
template <class From>
HWY_NOINLINE void widen_row(const void* src, void* dst, std::int64_t n) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<std::int32_t, decltype(d)> d32;
  const hn::Rebind<From, decltype(d)> narrow;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const From* HWY_RESTRICT in = static_cast<const From*>(src);
  float* HWY_RESTRICT out = static_cast<float*>(dst);
  const auto one = [&](std::int64_t i) HWY_ATTR {
    hn::StoreU(hn::ConvertTo(d, hn::PromoteTo(d32, hn::LoadU(narrow, in + i))), d, out + i);
  };
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) one(i);
  if (i == n) return;
  if (n >= lanes) return one(n - lanes);  // some elements a second time
  for (; i < n; ++i) out[i] = static_cast<float>(in[i]);
}

#if HWY_TARGET <= HWY_AVX2 && HWY_ARCH_X86
#define VARO_HARDWARE_HALF 1

// A pass through a buffer of floats in L1 for what is not float itself.
constexpr std::int64_t kPart = 512;

template <class To>
HWY_NOINLINE void convert_half(const void* src, void* dst, std::int64_t n) {
  const hn::ScalableTag<float> df;
  const hn::Rebind<hwy::float16_t, decltype(df)> dh;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(df));
  const Half* in = static_cast<const Half*>(src);
  To* out = static_cast<To*>(dst);
  float part[kPart];
  for (std::int64_t done = 0; done < n; done += kPart) {
    const std::int64_t count = std::min(kPart, n - done);
    float* to = part;
    if constexpr (std::is_same_v<To, float>) to = out + done;
    std::int64_t i = 0;
    for (; i + lanes <= count; i += lanes) {
      const auto* h = reinterpret_cast<const hwy::float16_t*>(in + done + i);
      hn::StoreU(hn::PromoteTo(df, hn::LoadU(dh, h)), df, to + i);
    }
    for (; i < count; ++i) to[i] = to_float(in[done + i]);
    if constexpr (!std::is_same_v<To, float>) convert_row<float, To>(part, out + done, count);
  }
}

template <class From>
HWY_NOINLINE void convert_to_half(const void* src, void* dst, std::int64_t n) {
  const hn::ScalableTag<float> df;
  const hn::Rebind<hwy::float16_t, decltype(df)> dh;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(df));
  const From* in = static_cast<const From*>(src);
  Half* out = static_cast<Half*>(dst);
  const auto quiet_nan = hn::Set(df, std::numeric_limits<float>::quiet_NaN());
  float part[kPart];
  for (std::int64_t done = 0; done < n; done += kPart) {
    const std::int64_t count = std::min(kPart, n - done);
    const float* from = part;
    if constexpr (std::is_same_v<From, float>) {
      from = in + done;
    } else {
      convert_row<From, float>(in + done, part, count);
    }
    std::int64_t i = 0;
    for (; i + lanes <= count; i += lanes) {
      const auto x = hn::LoadU(df, from + i);
      const auto v = hn::IfThenElse(hn::IsNaN(x), hn::CopySign(quiet_nan, x), x);
      hn::StoreU(hn::DemoteTo(dh, v), dh, reinterpret_cast<hwy::float16_t*>(out + done + i));
    }
    for (; i < count; ++i) out[done + i] = to_half(from[i]);
  }
}
#else
#define VARO_HARDWARE_HALF 0
#endif

template <class From, class To>
constexpr RowConverter converter() {
  if constexpr (std::is_integral_v<From> && sizeof(From) < 4 && std::is_same_v<To, float>)
    return &widen_row<From>;
#if VARO_HARDWARE_HALF
  if constexpr (std::is_same_v<From, Half>)
    return &convert_half<To>;
  else if constexpr (std::is_same_v<To, Half>)
    return &convert_to_half<From>;
  else
    return &convert_row<From, To>;
#else
  return &convert_row<From, To>;
#endif
}
#undef VARO_HARDWARE_HALF

template <class From>
RowConverter converter_from(DType to) {
  RowConverter f = nullptr;
  dispatch<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::int32_t, Half, float>(
      to, [&](auto tag) {
        using To = typename decltype(tag)::type;
        // 32-bit integers do not pass through float on their way to half: that would round twice.
        if constexpr (std::is_same_v<From, std::int32_t> && std::is_same_v<To, Half>)
          return;
        else if constexpr (!std::is_same_v<From, To>)
          f = converter<From, To>();
      });
  return f;
}

// Nothing for a pair that has no loop of its own here.
RowConverter FindConverter(DType from, DType to) {
  RowConverter f = nullptr;
  dispatch<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::int32_t, Half, float>(
      from, [&](auto tag) { f = converter_from<typename decltype(tag)::type>(to); });
  return f;
}

}  // namespace HWY_NAMESPACE
}  // namespace varo
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace varo {

namespace {

HWY_EXPORT(FindConverter);

template <class From, class To>
void convert_plainly(const void* src, void* dst, std::int64_t n) {
  const From* in = static_cast<const From*>(src);
  To* out = static_cast<To*>(dst);
  for (std::int64_t i = 0; i < n; ++i) out[i] = convert_element<To>(in[i]);
}

}  // namespace

RowConverter row_converter(DType from, DType to) {
  if (RowConverter fast = HWY_DYNAMIC_DISPATCH(FindConverter)(from, to)) return fast;
  RowConverter f = nullptr;
  dispatch_all(from, [&](auto from_tag) {
    dispatch_all(to, [&](auto to_tag) {
      f = &convert_plainly<typename decltype(from_tag)::type, typename decltype(to_tag)::type>;
    });
  });
  return f;
}

namespace {

template <class T>
struct ConvertSink {
  RowConverter row;
  std::byte* out;
  std::int64_t size;
  T* place(std::int64_t) const { return nullptr; }
  void operator()(const T* chunk, std::int64_t count, std::int64_t to, std::int64_t step) const {
    if (step == 1) return row(chunk, out + to * size, count);
    constexpr std::int64_t kPart = 512;
    std::uint64_t part[kPart];
    const auto* bytes = reinterpret_cast<const std::byte*>(part);
    for (std::int64_t done = 0; done < count; done += kPart) {
      const std::int64_t n = std::min(kPart, count - done);
      row(chunk + done, part, n);
      for (std::int64_t i = 0; i < n; ++i)
        std::memcpy(out + (to + (done + i) * step) * size, bytes + i * size,
                    static_cast<std::size_t>(size));
    }
  }
};

}  // namespace

void convert(const ConstView& src, const View& dst, Parallel& parallel) {
  if (src.dtype == dst.dtype) return copy(src, dst, parallel);
  const RowConverter row = row_converter(src.dtype, dst.dtype);
  const Walk<2> w = copy_walk(src, dst.strides);
  dispatch_width(src.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    for_chunks(src.ptr<T>(), w, parallel,
               ConvertSink<T>{row, static_cast<std::byte*>(dst.data),
                              static_cast<std::int64_t>(dst.element_size())});
  });
}

}  // namespace varo
#endif
