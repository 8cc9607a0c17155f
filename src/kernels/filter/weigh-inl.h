// SPDX-License-Identifier: Apache-2.0
// The sums of convolve.cc, for the instruction set that includes this. Whichever of these functions
// makes a sum, it has the same bits: half[0] * centre, then + half[k] * (before + after) for k = 1,
// 2, ..., each product and sum rounded.
#if defined(VARO_FILTER_WEIGH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef VARO_FILTER_WEIGH_INL_H_
#undef VARO_FILTER_WEIGH_INL_H_
#else
#define VARO_FILTER_WEIGH_INL_H_
#endif

#include <cstdint>
#include <hwy/highway.h>

#include "kernels/filter/convolve_plan.h"

HWY_BEFORE_NAMESPACE();
namespace varo::filter {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Floats = hn::ScalableTag<float>;

// Outputs made at once from rows that they share, which are loaded once.
constexpr int kGroup = kGroupRows;
// Windows of up to this radius have loops of their own, unrolled, with the weights in registers.
constexpr std::int64_t kUnrolledRadius = 6;

// Calls body(i) so that n elements are covered by whole vectors, the last ones a second time where
// n is no multiple, and scalar(i) for the elements of less than one vector.
template <class Body, class Scalar>
HWY_INLINE void for_vectors(std::int64_t n, std::int64_t lanes, const Body& body,
                            const Scalar& scalar) {
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) body(i);
  if (i == n) return;
  if (n >= lanes) return body(n - lanes);
  for (; i < n; ++i) scalar(i);
}

// to[j][i] = the sum over rows[j] ... rows[j + 2 * radius] at i, for j < kOutputs.
using WeighRows = void (*)(const float* const* rows, std::int64_t radius, const float* half,
                           std::int64_t n, float* const* to);

template <int kRadius, int kOutputs>
void weigh_rows(const float* const* rows, std::int64_t, const float* half, std::int64_t n,
                float* const* to) {
  const Floats d;
  constexpr int kRows = 2 * kRadius + kOutputs;
  const float* from[kRows];
  float* out[kOutputs];
  hn::Vec<Floats> weight[kRadius + 1];
#pragma GCC unroll 32
  for (int k = 0; k < kRows; ++k) from[k] = rows[k];
#pragma GCC unroll 32
  for (int j = 0; j < kOutputs; ++j) out[j] = to[j];
#pragma GCC unroll 32
  for (int k = 0; k <= kRadius; ++k) weight[k] = hn::Set(d, half[k]);
  for_vectors(
      n, static_cast<std::int64_t>(hn::Lanes(d)),
      [&](std::int64_t i) HWY_ATTR {
        hn::Vec<Floats> v[kRows];
#pragma GCC unroll 32
        for (int k = 0; k < kRows; ++k) v[k] = hn::LoadU(d, from[k] + i);
#pragma GCC unroll 32
        for (int j = 0; j < kOutputs; ++j) {
          auto sum = hn::Mul(weight[0], v[j + kRadius]);
#pragma GCC unroll 32
          for (int k = 1; k <= kRadius; ++k)
            sum = hn::Add(sum, hn::Mul(weight[k], hn::Add(v[j + kRadius - k], v[j + kRadius + k])));
          hn::StoreU(sum, d, out[j] + i);
        }
      },
      [&](std::int64_t i) {
        for (int j = 0; j < kOutputs; ++j) {
          float sum = half[0] * from[j + kRadius][i];
          for (int k = 1; k <= kRadius; ++k)
            sum += half[k] * (from[j + kRadius - k][i] + from[j + kRadius + k][i]);
          out[j][i] = sum;
        }
      });
}

template <int kOutputs>
void weigh_many_rows(const float* const* rows, std::int64_t radius, const float* half,
                     std::int64_t n, float* const* to) {
  const Floats d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (int j = 0; j < kOutputs; ++j) {
    const float* const* centre = rows + j + radius;
    float* const out = to[j];
    const auto one = [&](std::int64_t i) HWY_ATTR {
      auto sum = hn::Mul(hn::Set(d, half[0]), hn::LoadU(d, centre[0] + i));
      for (std::int64_t k = 1; k <= radius; ++k) {
        const auto pair = hn::Add(hn::LoadU(d, centre[-k] + i), hn::LoadU(d, centre[k] + i));
        sum = hn::Add(sum, hn::Mul(hn::Set(d, half[k]), pair));
      }
      hn::StoreU(sum, d, out + i);
    };
    std::int64_t i = 0;
    for (; i + 4 * lanes <= n; i += 4 * lanes) {
      auto weight = hn::Set(d, half[0]);
      const float* at = centre[0] + i;
      auto sum0 = hn::Mul(weight, hn::LoadU(d, at));
      auto sum1 = hn::Mul(weight, hn::LoadU(d, at + lanes));
      auto sum2 = hn::Mul(weight, hn::LoadU(d, at + 2 * lanes));
      auto sum3 = hn::Mul(weight, hn::LoadU(d, at + 3 * lanes));
      for (std::int64_t k = 1; k <= radius; ++k) {
        const float* a = centre[-k] + i;
        const float* b = centre[k] + i;
        const auto pair = [&](std::int64_t by) HWY_ATTR {
          return hn::Add(hn::LoadU(d, a + by), hn::LoadU(d, b + by));
        };
        weight = hn::Set(d, half[k]);
        sum0 = hn::Add(sum0, hn::Mul(weight, pair(0)));
        sum1 = hn::Add(sum1, hn::Mul(weight, pair(lanes)));
        sum2 = hn::Add(sum2, hn::Mul(weight, pair(2 * lanes)));
        sum3 = hn::Add(sum3, hn::Mul(weight, pair(3 * lanes)));
      }
      hn::StoreU(sum0, d, out + i);
      hn::StoreU(sum1, d, out + i + lanes);
      hn::StoreU(sum2, d, out + i + 2 * lanes);
      hn::StoreU(sum3, d, out + i + 3 * lanes);
    }
    for (; i + lanes <= n; i += lanes) one(i);
    if (i < n && n >= lanes) {
      one(n - lanes);
      continue;
    }
    for (; i < n; ++i) {
      float sum = half[0] * centre[0][i];
      for (std::int64_t k = 1; k <= radius; ++k) sum += half[k] * (centre[-k][i] + centre[k][i]);
      out[i] = sum;
    }
  }
}

// to[i] = the sum over centre[i - radius * step] ... centre[i + radius * step].
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
      n, static_cast<std::int64_t>(hn::Lanes(d)),
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
  const LineFloats d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    auto weight = hn::Set(d, half[0]);
    const float* const at = centre + i;
    auto sum0 = hn::Mul(weight, hn::LoadU(d, at));
    auto sum1 = hn::Mul(weight, hn::LoadU(d, at + lanes));
    auto sum2 = hn::Mul(weight, hn::LoadU(d, at + 2 * lanes));
    auto sum3 = hn::Mul(weight, hn::LoadU(d, at + 3 * lanes));
    for (std::int64_t k = 1; k <= radius; ++k) {
      const auto pair = [&](std::int64_t by) HWY_ATTR {
        return hn::Add(hn::LoadU(d, at - k * step + by), hn::LoadU(d, at + k * step + by));
      };
      weight = hn::Set(d, half[k]);
      sum0 = hn::Add(sum0, hn::Mul(weight, pair(0)));
      sum1 = hn::Add(sum1, hn::Mul(weight, pair(lanes)));
      sum2 = hn::Add(sum2, hn::Mul(weight, pair(2 * lanes)));
      sum3 = hn::Add(sum3, hn::Mul(weight, pair(3 * lanes)));
    }
    hn::StoreU(sum0, d, to + i);
    hn::StoreU(sum1, d, to + i + lanes);
    hn::StoreU(sum2, d, to + i + 2 * lanes);
    hn::StoreU(sum3, d, to + i + 3 * lanes);
  }
  for (; i < n; ++i) {
    float sum = half[0] * centre[i];
    for (std::int64_t k = 1; k <= radius; ++k)
      sum += half[k] * (centre[i - k * step] + centre[i + k * step]);
    to[i] = sum;
  }
}

// The loops for one axis.
struct Weigh {
  WeighRows group, row;  // kGroup rows, one row
  WeighLine line;
};

template <int kRadius = 1>
Weigh weigh_for(std::int64_t radius) {
  if constexpr (kRadius <= kUnrolledRadius) {
    if (radius == kRadius)
      return {weigh_rows<kRadius, kGroup>, weigh_rows<kRadius, 1>, weigh_line<kRadius>};
    return weigh_for<kRadius + 1>(radius);
  } else {
    return {weigh_many_rows<kGroup>, weigh_many_rows<1>, weigh_long_line};
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace varo::filter
HWY_AFTER_NAMESPACE();

#endif
