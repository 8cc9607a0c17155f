// SPDX-License-Identifier: Apache-2.0
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/copy/stream_row.cc"
#include "kernels/copy/stream_row.h"

#include <algorithm>
#include <cstddef>
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once a target.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "kernels/copy/reverse.h"

HWY_BEFORE_NAMESPACE();
namespace varo {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

void StreamRow(const void* src, void* dst, std::int64_t bytes) {
  const auto* from = static_cast<const std::uint8_t*>(src);
  auto* to = static_cast<std::uint8_t*>(dst);
  const hn::CappedTag<std::uint8_t, 64> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t i = 0; i < bytes; i += lanes) hn::Stream(hn::LoadU(d, from + i), d, to + i);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace varo
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace varo {

namespace {
HWY_EXPORT(StreamRow);
}

void stream_row(const void* src, void* dst, std::int64_t bytes) {
  HWY_DYNAMIC_DISPATCH(StreamRow)(src, dst, bytes);
}

void stream_reversed_row(const void* last, void* dst, std::int64_t count, int size) {
  constexpr std::int64_t kBytes = 4096;
  alignas(64) std::byte turned[kBytes];
  const auto* from = static_cast<const std::byte*>(last);
  auto* to = static_cast<std::byte*>(dst);
  for (std::int64_t left = count, n; left > 0; left -= n) {
    n = std::min(left, kBytes / size);
    reverse_row(from, turned, n, size);
    stream_row(turned, to, n * size);
    from -= n * size;
    to += n * size;
  }
}

}  // namespace varo
#endif
