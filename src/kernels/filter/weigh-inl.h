// SPDX-License-Identifier: Apache-2.0
// The sums of convolve.cc, for the instruction set that includes this. Whichever of these functions
// makes a sum, it has the bits of weigh() (filter_point.h). What is left of less than a vector is
// written out here: a call in its place kept the compiler from the best vectors, a tenth slower.
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
using Floats = hn::CappedTag<float, kLineFloats>;

// Outputs made at once from rows that they share, which are loaded once.
constexpr int kGroup = kGroupRows;
// Windows of up to this radius have loops of their own, unrolled, with the weights in registers.
constexpr std::int64_t kUnrolledRadius = 6;

// Calls body(i) so that n elements from `begin` on are covered by whole vectors, some a second
// time, and scalar(i) for those of less than one vector. All but the first and the last of many
// vectors lie at multiples of vectors from begin + aligned.
template <class Body, class Scalar>
HWY_INLINE void for_vectors(std::int64_t begin, std::int64_t n, std::int64_t lanes,
                            std::int64_t aligned, const Body& body, const Scalar& scalar) {
  std::int64_t i = begin;
  const std::int64_t end = begin + n;
  if (aligned > 0 && n >= 2 * lanes) {
    body(i);
    i += aligned;
  }
  for (; i + lanes <= end; i += lanes) body(i);
  if (i == end) return;
  if (n >= lanes) return body(end - lanes);
  for (; i < end; ++i) scalar(i);
}

// The element where vectors of two rows begin to lie at multiples of their size, less than one
// vector from the start; 0 where they never do at once.
HWY_INLINE std::int64_t to_aligned(const float* a, const float* b) {
  const std::size_t bytes = 4 * hn::Lanes(Floats());
  const auto at = reinterpret_cast<std::uintptr_t>(a), and_at = reinterpret_cast<std::uintptr_t>(b);
  if (((at ^ and_at) & (bytes - 1)) != 0 || at % 4 != 0) return 0;
  return static_cast<std::int64_t>((-at & (bytes - 1)) / 4);
}

// to[j][i] = the sum over rows[j] ... rows[j + 2 * radius] at i, for j < kOutputs and i < n, and
// `times` times in all, every time by `apart` floats further on both sides.
using WeighRows = void (*)(const float* const* rows, std::int64_t radius, const float* half,
                           std::int64_t n, float* const* to, std::int64_t times,
                           std::int64_t apart);

template <int kRadius, int kOutputs>
void weigh_rows(const float* const* rows, std::int64_t, const float* half, std::int64_t n,
                float* const* to, std::int64_t times, std::int64_t apart) {
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
  const auto vector = [&](std::int64_t i) HWY_ATTR {
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
  };
  const auto scalar = [&](std::int64_t i) {
    for (int j = 0; j < kOutputs; ++j) {
      float sum = half[0] * from[j + kRadius][i];
      for (int k = 1; k <= kRadius; ++k)
        sum += half[k] * (from[j + kRadius - k][i] + from[j + kRadius + k][i]);
      out[j][i] = sum;
    }
  };
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t aligned = to_aligned(rows[0], rows[kRows - 1]);
  for (std::int64_t begin = 0; times > 0; --times, begin += apart)
    for_vectors(begin, n, lanes, aligned, vector, scalar);
}

// to[i] = the sum over row(-radius) ... row(radius) at i.
template <class D, class Row>
HWY_INLINE void weigh_any(D d, const Row& row, std::int64_t radius, const float* half,
                          std::int64_t n, float* to) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    auto weight = hn::Set(d, half[0]);
    const float* const at = row(0) + i;
    auto sum0 = hn::Mul(weight, hn::LoadU(d, at));
    auto sum1 = hn::Mul(weight, hn::LoadU(d, at + lanes));
    auto sum2 = hn::Mul(weight, hn::LoadU(d, at + 2 * lanes));
    auto sum3 = hn::Mul(weight, hn::LoadU(d, at + 3 * lanes));
    for (std::int64_t k = 1; k <= radius; ++k) {
      const float* const a = row(-k) + i;
      const float* const b = row(k) + i;
      const auto pair = [&](std::int64_t by) HWY_ATTR {
        return hn::Add(hn::LoadU(d, a + by), hn::LoadU(d, b + by));
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
  const auto one = [&](std::int64_t at) HWY_ATTR {
    auto sum = hn::Mul(hn::Set(d, half[0]), hn::LoadU(d, row(0) + at));
    for (std::int64_t k = 1; k <= radius; ++k) {
      const auto pair = hn::Add(hn::LoadU(d, row(-k) + at), hn::LoadU(d, row(k) + at));
      sum = hn::Add(sum, hn::Mul(hn::Set(d, half[k]), pair));
    }
    hn::StoreU(sum, d, to + at);
  };
  for (; i + lanes <= n; i += lanes) one(i);
  if (i < n && n >= lanes) return one(n - lanes);
  for (; i < n; ++i) {
    float sum = half[0] * row(0)[i];
    for (std::int64_t k = 1; k <= radius; ++k) sum += half[k] * (row(-k)[i] + row(k)[i]);
    to[i] = sum;
  }
}

template <int kOutputs>
void weigh_many_rows(const float* const* rows, std::int64_t radius, const float* half,
                     std::int64_t n, float* const* to, std::int64_t times, std::int64_t apart) {
  for (std::int64_t begin = 0; times > 0; --times, begin += apart)
    for (int j = 0; j < kOutputs; ++j) {
      const auto row = [=, centre = rows + j + radius](std::int64_t k) {
        return centre[k] + begin;
      };
      weigh_any(Floats(), row, radius, half, n, to[j] + begin);
    }
}

// The loops for an axis across rows: kGroup rows, one row.
struct AcrossRows {
  WeighRows group, row;
};

template <int kRadius = 0>
AcrossRows across_rows(std::int64_t radius) {
  if constexpr (kRadius <= kUnrolledRadius) {
    if (radius == kRadius) return {weigh_rows<kRadius, kGroup>, weigh_rows<kRadius, 1>};
    return across_rows<kRadius + 1>(radius);
  } else {
    return {weigh_many_rows<kGroup>, weigh_many_rows<1>};
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace varo::filter
HWY_AFTER_NAMESPACE();

#endif
