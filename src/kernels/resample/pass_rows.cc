// SPDX-License-Identifier: Apache-2.0
#include "kernels/resample/pass.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/resample/pass_rows.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once a target.
#include <algorithm>
#include <hwy/highway.h>

#include "core/convert.h"
#include "kernels/resample/pass-inl.h"
#include "kernels/resample/resample_point.h"

HWY_BEFORE_NAMESPACE();
namespace varo {
namespace HWY_NAMESPACE {
namespace {

template <class From, class To>
struct Line {
  const From* src;    // the tap that is summed first
  std::int64_t step;  // to the next tap
  const float* weights;
  int taps;
  To* dst;

  // The sums at i, i + lanes, ... for kVectors vectors.
  template <int kVectors>
  HWY_INLINE void vectors(D d, std::int64_t i) const {
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const From* s = src + i;
    V sum[kVectors];
    V w = hn::Set(d, weights[0]);
#pragma GCC unroll 8
    for (int k = 0; k < kVectors; ++k) sum[k] = hn::Mul(w, load(d, s + k * lanes));
    for (int t = 1; t < taps; ++t) {
      s += step;
      w = hn::Set(d, weights[t]);
#pragma GCC unroll 8
      for (int k = 0; k < kVectors; ++k)
        sum[k] = hn::Add(sum[k], hn::Mul(w, load(d, s + k * lanes)));
    }
#pragma GCC unroll 8
    for (int k = 0; k < kVectors; ++k) store(d, sum[k], dst + i + k * lanes);
  }

  HWY_INLINE void scalar(std::int64_t i) const {
    const auto at = [&](int t) { return static_cast<float>(src[i + t * step]); };
    dst[i] = saturate<To>(resampling::tap_sum(at, weights, taps));
  }

  HWY_INLINE void run(std::int64_t begin, std::int64_t end) const {
    const D d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    std::int64_t i = begin;
    for (; i + 4 * lanes <= end; i += 4 * lanes) vectors<4>(d, i);
    if (i + 2 * lanes <= end) {
      vectors<2>(d, i);
      i += 2 * lanes;
    }
    for (; i + lanes <= end; i += lanes) vectors<1>(d, i);
    if (i == end) return;
    if (end - begin >= lanes) return vectors<1>(d, end - lanes);  // again, with equal results
    for (; i < end; ++i) scalar(i);
  }
};

// Source rows of as many floats stay in L1.
constexpr std::int64_t kPartFloats = 6144;

// Source rows that hardware does not see coming: it follows each row, but begins a new one late.
constexpr std::int64_t kRowsAhead = 4;

template <class T>
HWY_INLINE void prefetch(const T* row, std::int64_t length) {
  for (std::int64_t i = 0; i < length; i += 64 / static_cast<std::int64_t>(sizeof(T)))
    __builtin_prefetch(row + i, 0, 2);
}

template <class From, class To>
void rows(const ResamplePass& p) {
  // Axes inside `axis` that lie without gaps in both operands make one long row.
  int rank = p.dst.shape.rank();
  std::int64_t length = 1;
  while (rank - 1 > p.axis && p.src.strides[rank - 1] == length &&
         p.dst.strides[rank - 1] == length)
    length *= p.dst.shape[--rank];

  const std::int64_t step = p.src.strides[p.axis], step_out = p.dst.strides[p.axis];
  const std::int64_t first_tap = p.backwards ? p.taps - 1 : 0;
  const std::int64_t to_next = p.backwards ? -step : step;
  // Neighbouring output rows share source rows: parts of rows that stay in L1 meanwhile.
  const std::int64_t shared = std::clamp<std::int64_t>(kPartFloats / p.taps / 64 * 64, 128, 2048);
  const bool ahead = p.taps > 4 && p.dst.shape[p.axis] > 1;
  for_each_index(p, rank, p.axis, [&](std::int64_t from, std::int64_t to) {
    const auto* src = p.src.ptr<From>() + from;
    auto* dst = p.dst.ptr<To>() + to;
    const std::int64_t part = p.dst.shape[p.axis] > 1 ? shared : length;
    for (std::int64_t begin = 0; begin < length; begin += part) {
      const std::int64_t end = std::min(begin + part, length);
      std::int64_t fetched = p.first[0];
      for (std::int64_t x = 0; x < p.dst.shape[p.axis]; ++x) {
        if (ahead) {
          const std::int64_t later = std::min(x + kRowsAhead, p.dst.shape[p.axis] - 1);
          for (const std::int64_t last = p.first[later] + p.taps; fetched < last; ++fetched)
            prefetch(src + (fetched - p.offset) * step + begin, end - begin);
        }
        const Line<From, To> line{src + (p.first[x] - p.offset + first_tap) * step, to_next,
                                  p.weights + x * p.taps, p.taps, dst + x * step_out};
        line.run(begin, end);
      }
    }
  });
}

void ResampleRows(const ResamplePass& p) {
  for_type(p.src.dtype, [&](auto from) {
    using From = decltype(from);
    if (p.dst.dtype == DType::f32) return rows<From, float>(p);
    if constexpr (std::is_same_v<From, float>) {
      for_type(p.dst.dtype, [&](auto to) { rows<float, decltype(to)>(p); });
    } else {
      rows<From, From>(p);
    }
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace varo
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace varo {

HWY_EXPORT(ResampleRows);

void resample_rows(const ResamplePass& pass) { HWY_DYNAMIC_DISPATCH(ResampleRows)(pass); }

}  // namespace varo
#endif
