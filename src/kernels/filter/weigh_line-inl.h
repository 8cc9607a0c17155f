// SPDX-License-Identifier: Apache-2.0
// The sums of convolve.cc along lines, for the instruction set that includes this; each has the
// bits that weigh-inl.h promises.
#if defined(VARO_FILTER_WEIGH_LINE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef VARO_FILTER_WEIGH_LINE_INL_H_
#undef VARO_FILTER_WEIGH_LINE_INL_H_
#else
#define VARO_FILTER_WEIGH_LINE_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <hwy/highway.h>

#include "kernels/filter/convolve_plan.h"
#include "kernels/filter/weigh-inl.h"

HWY_BEFORE_NAMESPACE();
namespace varo::filter {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// to[i] = the sum over centre[i - radius * step] ... centre[i + radius * step].
// \pre centre lies at a multiple of kLineFloats floats, as many before it can be read, and so can
// all up to the next multiple and as many again behind the last
using WeighLine = void (*)(const float* centre, std::int64_t step, std::int64_t radius,
                           const float* half, std::int64_t n, float* to);

// Neighbours of a line lie at any address, and half of all loads of 32 bytes cross a cache line,
// but each one of 64.
using LineFloats = hn::CappedTag<float, 8>;

template <int kRadius>
void weigh_line(const float* centre, std::int64_t step, std::int64_t, const float* half,
                std::int64_t n, float* to) {
  const LineFloats d;
  hn::Vec<LineFloats> weight[kRadius + 1];
#pragma GCC unroll 32
  for (int k = 0; k <= kRadius; ++k) weight[k] = hn::Set(d, half[k]);
  for_vectors(
      0, n, static_cast<std::int64_t>(hn::Lanes(d)), 0,
      [&](std::int64_t i) HWY_ATTR {
        const float* const at = centre + i;
        auto sum = hn::Mul(weight[0], hn::LoadU(d, at));
#pragma GCC unroll 32
        for (int k = 1; k <= kRadius; ++k) {
          const auto pair = hn::Add(hn::LoadU(d, at - k * step), hn::LoadU(d, at + k * step));
          sum = hn::Add(sum, hn::Mul(weight[k], pair));
        }
        hn::StoreU(sum, d, to + i);
      },
      [&](std::int64_t i) {
        float sum = half[0] * centre[i];
        for (int k = 1; k <= kRadius; ++k)
          sum += half[k] * (centre[i - k * step] + centre[i + k * step]);
        to[i] = sum;
      });
}

void weigh_long_line(const float* centre, std::int64_t step, std::int64_t radius, const float* half,
                     std::int64_t n, float* to) {
  const auto row = [=](std::int64_t k) { return centre + k * step; };
  weigh_any(LineFloats(), row, radius, half, n, to);
}

#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86

// Elements [kBy, kBy + 16) of `low` and the vector behind it.
template <int kBy>
HWY_INLINE hn::Vec<Floats> between(hn::Vec<Floats> low, hn::Vec<Floats> high) {
  if constexpr (kBy == 0) return low;
  if constexpr (kBy == 16) return high;
  const hn::RebindToSigned<Floats> bits;
  const auto moved =
      _mm512_alignr_epi32(hn::BitCast(bits, high).raw, hn::BitCast(bits, low).raw, kBy % 16);
  return hn::BitCast(Floats(), hn::Vec<decltype(bits)>{moved});
}

// sum + the pairs at distances kFrom, kFrom + 1, ... kRadius.
template <int kFrom, int kRadius, int kStep>
HWY_INLINE hn::Vec<Floats> add_pairs(hn::Vec<Floats> sum, const hn::Vec<Floats>* weight,
                                     hn::Vec<Floats> before, hn::Vec<Floats> now,
                                     hn::Vec<Floats> after) {
  if constexpr (kFrom <= kRadius) {
    const auto pair =
        hn::Add(between<16 - kFrom * kStep>(before, now), between<kFrom * kStep>(now, after));
    return add_pairs<kFrom + 1, kRadius, kStep>(hn::Add(sum, hn::Mul(weight[kFrom], pair)), weight,
                                                before, now, after);
  } else {
    return sum;
  }
}

// Reads every element once, and finds neighbours among registers.
template <int kRadius, int kStep>
void weigh_line_once(const float* centre, std::int64_t step, std::int64_t radius, const float* half,
                     std::int64_t n, float* to) {
  const Floats d;
  hn::Vec<Floats> weight[kRadius + 1];
#pragma GCC unroll 32
  for (int k = 0; k <= kRadius; ++k) weight[k] = hn::Set(d, half[k]);
  auto before = hn::Load(d, centre - 16), now = hn::Load(d, centre);
  std::int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const auto after = hn::Load(d, centre + i + 16);
    const auto sum = hn::Mul(weight[0], now);
    hn::StoreU(add_pairs<1, kRadius, kStep>(sum, weight, before, now, after), d, to + i);
    before = now;
    now = after;
  }
  if (i == n) return;
  if (n - i < 8) i = std::max<std::int64_t>(0, n - 8);
  weigh_line<kRadius>(centre + i, step, radius, half, n - i, to + i);
}

template <int kRadius, int kStep = 1>
WeighLine line_of(std::int64_t step) {
  if constexpr (kStep <= 4 && kRadius * kStep <= 16) {
    return step == kStep ? weigh_line_once<kRadius, kStep> : line_of<kRadius, kStep + 1>(step);
  } else {
    return weigh_line<kRadius>;
  }
}

#else

template <int kRadius>
WeighLine line_of(std::int64_t) {
  return weigh_line<kRadius>;
}

#endif

// The loop for the axis along lines.
template <int kRadius = 0>
WeighLine along_lines(std::int64_t radius, std::int64_t step) {
  if constexpr (kRadius <= kUnrolledRadius) {
    return radius == kRadius ? line_of<kRadius>(step) : along_lines<kRadius + 1>(radius, step);
  } else {
    return weigh_long_line;
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace varo::filter
HWY_AFTER_NAMESPACE();

#endif
