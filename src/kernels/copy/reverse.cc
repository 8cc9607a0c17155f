// SPDX-License-Identifier: Apache-2.0
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/copy/reverse.cc"
#include "kernels/copy/reverse.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace varo {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
HWY_INLINE void reverse_lanes(const void* last, void* dst, std::int64_t count) {
  const T* in = static_cast<const T*>(last);
  T* out = static_cast<T*>(dst);
  const hn::ScalableTag<T> d;
  const auto n = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + n <= count; i += n)
    hn::StoreU(hn::Reverse(d, hn::LoadU(d, in - i - (n - 1))), d, out + i);
  for (; i < count; ++i) out[i] = in[-i];
}

// Bytes have no Reverse of their own everywhere: pairs are reversed, then the bytes of each pair.
HWY_INLINE void reverse_bytes(const void* last, void* dst, std::int64_t count) {
  const auto* in = static_cast<const std::uint8_t*>(last);
  auto* out = static_cast<std::uint8_t*>(dst);
  std::int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<std::uint16_t> d16;
  const hn::Repartition<std::uint8_t, decltype(d16)> d;
  const auto n = static_cast<std::int64_t>(hn::Lanes(d));
  for (; i + n <= count; i += n) {
    const auto pairs = hn::Reverse(d16, hn::BitCast(d16, hn::LoadU(d, in - i - (n - 1))));
    const auto bytes = hn::Or(hn::ShiftLeft<8>(pairs), hn::ShiftRight<8>(pairs));
    hn::StoreU(hn::BitCast(d, bytes), d, out + i);
  }
#endif
  for (; i < count; ++i) out[i] = in[-i];
}

void ReverseRow(const void* last, void* dst, std::int64_t count, int size) {
  switch (size) {
    case 1:
      return reverse_bytes(last, dst, count);
    case 2:
      return reverse_lanes<std::uint16_t>(last, dst, count);
    case 4:
      return reverse_lanes<std::uint32_t>(last, dst, count);
    default:
      return reverse_lanes<std::uint64_t>(last, dst, count);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace varo
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace varo {
HWY_EXPORT(ReverseRow);
void reverse_row(const void* last, void* dst, std::int64_t count, int size) {
  HWY_DYNAMIC_DISPATCH(ReverseRow)(last, dst, count, size);
}
}  // namespace varo
#endif
