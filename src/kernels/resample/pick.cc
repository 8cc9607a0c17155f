// SPDX-License-Identifier: Apache-2.0
#include "kernels/resample/pick.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/resample/pick.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once a target.
#include <algorithm>
#include <cstring>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace varo {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
void pick_each(const PooledVector<std::int64_t>& offsets, const void* src, void* dst) {
  const auto* from = static_cast<const T*>(src);
  auto* to = static_cast<T*>(dst);
  const std::size_t count = offsets.size();
  for (std::size_t j = 0; j < count; ++j) to[j] = from[offsets[j]];
}

#if HWY_TARGET != HWY_SCALAR
template <int kWindows>
void shuffle(const PickPattern& p, const std::uint8_t* src, std::uint8_t* dst) {
  const hn::FixedTag<std::uint8_t, 16> d;
  const std::uint8_t* mask = p.masks.data();
  const std::size_t groups = p.bases.size();
  const std::size_t bytes = p.offsets.size() * static_cast<std::size_t>(p.width);
  for (std::size_t g = 0; g < groups; ++g) {
    const std::uint8_t* from = src + p.bases[g];
    auto out = hn::TableLookupBytesOr0(hn::LoadU(d, from), hn::LoadU(d, mask));
    for (int w = 1; w < kWindows; ++w)
      out = hn::Or(
          out, hn::TableLookupBytesOr0(hn::LoadU(d, from + 16 * w), hn::LoadU(d, mask + 16 * w)));
    mask += 16 * kWindows;
    hn::StoreU(out, d, dst + std::min(16 * g, bytes - 16));
  }
}
#endif

void PickRow(const PickPattern& p, const void* src, void* dst) {
#if HWY_TARGET != HWY_SCALAR
  const auto* from = static_cast<const std::uint8_t*>(src);
  auto* to = static_cast<std::uint8_t*>(dst);
  switch (p.windows) {
    case 1:
      return shuffle<1>(p, from, to);
    case 2:
      return shuffle<2>(p, from, to);
    case 3:
      return shuffle<3>(p, from, to);
    case 4:
      return shuffle<4>(p, from, to);
    default:
      break;
  }
#endif
  switch (p.width) {
    case 1:
      return pick_each<std::uint8_t>(p.offsets, src, dst);
    case 2:
      return pick_each<std::uint16_t>(p.offsets, src, dst);
    case 4:
      return pick_each<std::uint32_t>(p.offsets, src, dst);
    default:
      return pick_each<std::uint64_t>(p.offsets, src, dst);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace varo
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace varo {

HWY_EXPORT(PickRow);
void pick_row(const PickPattern& pattern, const void* src, void* dst) {
  HWY_DYNAMIC_DISPATCH(PickRow)(pattern, src, dst);
}

PickPattern make_pick_pattern(PooledVector<std::int64_t> offsets, int width,
                              std::int64_t readable) {
  PickPattern p{.width = width, .offsets = std::move(offsets)};
  const auto count = static_cast<std::int64_t>(p.offsets.size());
  const std::int64_t per_group = 16 / width;
  if (width > 2 || count < per_group || readable * width < 16) return p;

  const std::int64_t groups = (count + per_group - 1) / per_group;
  const auto start_of = [&](std::int64_t g) { return std::min(g * per_group, count - per_group); };
  std::int64_t windows = 1;
  for (std::int64_t g = 0; g < groups; ++g) {
    const auto from = p.offsets.begin() + start_of(g);
    const auto [least, most] = std::minmax_element(from, from + per_group);
    windows = std::max(windows, ((*most - *least + 1) * width + 15) / 16);
  }
  if (windows > 4 || windows * 16 > readable * width) return p;

  p.windows = static_cast<int>(windows);
  p.masks.assign(static_cast<std::size_t>(groups * windows * 16), 0x80);
  for (std::int64_t g = 0; g < groups; ++g) {
    const auto from = p.offsets.begin() + start_of(g);
    const std::int64_t base = std::min(*std::min_element(from, from + per_group) * width,
                                       readable * width - windows * 16);
    p.bases.push_back(base);
    for (std::int64_t j = 0; j < 16; ++j) {
      const std::int64_t at = from[j / width] * width + j % width - base;
      p.masks[static_cast<std::size_t>((g * windows + at / 16) * 16 + j)] =
          static_cast<std::uint8_t>(at % 16);
    }
  }
  return p;
}

}  // namespace varo
#endif
