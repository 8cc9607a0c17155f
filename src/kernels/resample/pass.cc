// SPDX-License-Identifier: Apache-2.0
#include "kernels/resample/pass.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/resample/pass.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once a target.
#include <algorithm>
#include <hwy/highway.h>

#include "core/convert.h"

HWY_BEFORE_NAMESPACE();
namespace varo {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// Sums are rounded after every product and every addition, on all targets: no fused operations.

template <class T>
HWY_INLINE V load(D d, const T* from) {
  if constexpr (std::is_same_v<T, float>) {
    return hn::LoadU(d, from);
  } else {
    const hn::Rebind<std::int32_t, D> wide;
    return hn::ConvertTo(d, hn::PromoteTo(wide, hn::LoadU(hn::Rebind<T, D>(), from)));
  }
}

// The rule of core/convert.h: halves away from zero, clamped, NaN gives 0.
template <class T>
HWY_INLINE void store(D d, V v, T* to) {
  if constexpr (std::is_same_v<T, float>) {
    hn::StoreU(v, d, to);
  } else {
    constexpr auto kLeast = static_cast<float>(std::numeric_limits<T>::min());
    constexpr auto kMost = static_cast<float>(std::numeric_limits<T>::max());
    v = hn::IfThenZeroElse(hn::IsNaN(v), v);
    v = hn::Min(hn::Max(v, hn::Set(d, kLeast)), hn::Set(d, kMost));
    const V whole = hn::Trunc(v);
    const auto up = hn::Ge(hn::Abs(hn::Sub(v, whole)), hn::Set(d, 0.5F));
    v = hn::Add(whole, hn::IfThenElseZero(up, hn::CopySign(hn::Set(d, 1.0F), v)));
    const auto wide = hn::ConvertTo(hn::Rebind<std::int32_t, D>(), v);
    const hn::Rebind<T, D> narrow;
    hn::StoreU(hn::DemoteTo(narrow, wide), narrow, to);
  }
}

template <class From, class To>
struct Line {
  const From* src;
  std::int64_t step;  // between taps
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
    float sum = weights[0] * static_cast<float>(src[i]);
    for (int t = 1; t < taps; ++t) sum += weights[t] * static_cast<float>(src[i + t * step]);
    dst[i] = saturate<To>(sum);
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

// Calls body(src offset, dst offset) for every index of the axes [0, rank) but `skip`.
template <class Body>
HWY_INLINE void for_each_index(const ResamplePass& p, int rank, int skip, const Body& body) {
  std::int64_t count = 1;
  for (int i = 0; i < rank; ++i)
    if (i != skip) count *= p.dst_shape[i];
  std::int64_t at[kMaxRank] = {}, from = 0, to = 0;
  for (std::int64_t n = 0; n < count; ++n) {
    body(from, to);
    for (int i = rank - 1; i >= 0; --i) {
      if (i == skip) continue;
      from += p.src.strides[i];
      to += p.dst.strides[i];
      if (++at[i] < p.dst_shape[i]) break;
      from -= at[i] * p.src.strides[i];
      to -= at[i] * p.dst.strides[i];
      at[i] = 0;
    }
  }
}

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
  int rank = p.dst_shape.rank();
  std::int64_t length = 1;
  while (rank - 1 > p.axis && p.src.strides[rank - 1] == length &&
         p.dst.strides[rank - 1] == length)
    length *= p.dst_shape[--rank];

  const std::int64_t step = p.src.strides[p.axis], step_out = p.dst.strides[p.axis];
  // Neighbouring output rows share source rows: parts of rows that stay in L1 meanwhile.
  const std::int64_t shared = std::clamp<std::int64_t>(kPartFloats / p.taps / 64 * 64, 128, 2048);
  const bool ahead = p.taps > 4 && p.dst_shape[p.axis] > 1;
  for_each_index(p, rank, p.axis, [&](std::int64_t from, std::int64_t to) {
    const auto* src = static_cast<const From*>(p.src.data) + from;
    auto* dst = static_cast<To*>(p.dst.data) + to;
    const std::int64_t part = p.dst_shape[p.axis] > 1 ? shared : length;
    for (std::int64_t begin = 0; begin < length; begin += part) {
      const std::int64_t end = std::min(begin + part, length);
      std::int64_t fetched = p.first[0];
      for (std::int64_t x = 0; x < p.dst_shape[p.axis]; ++x) {
        if (ahead) {
          const std::int64_t later = std::min(x + kRowsAhead, p.dst_shape[p.axis] - 1);
          for (const std::int64_t last = p.first[later] + p.taps; fetched < last; ++fetched)
            prefetch(src + (fetched - p.offset) * step + begin, end - begin);
        }
        const Line<From, To> line{src + (p.first[x] - p.offset) * step, step,
                                  p.weights + x * p.taps, p.taps, dst + x * step_out};
        line.run(begin, end);
      }
    }
  });
}

// out_j[i] = in_i[j] for i, j < 4.
HWY_INLINE void transpose4(const float* in0, const float* in1, const float* in2, const float* in3,
                           float* out0, float* out1, float* out2, float* out3) {
#if HWY_TARGET == HWY_SCALAR
  const float* in[] = {in0, in1, in2, in3};
  float* out[] = {out0, out1, out2, out3};
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) out[j][i] = in[i][j];
#else
  const hn::FixedTag<float, 4> d;
  const auto a = hn::LoadU(d, in0), b = hn::LoadU(d, in1), c = hn::LoadU(d, in2),
             e = hn::LoadU(d, in3);
  const auto low_ab = hn::InterleaveLower(d, a, b), low_ce = hn::InterleaveLower(d, c, e);
  const auto high_ab = hn::InterleaveUpper(d, a, b), high_ce = hn::InterleaveUpper(d, c, e);
  hn::StoreU(hn::ConcatLowerLower(d, low_ce, low_ab), d, out0);
  hn::StoreU(hn::ConcatUpperUpper(d, low_ce, low_ab), d, out1);
  hn::StoreU(hn::ConcatLowerLower(d, high_ce, high_ab), d, out2);
  hn::StoreU(hn::ConcatUpperUpper(d, high_ce, high_ab), d, out3);
#endif
}

// columns[i][line] = lines[line][i]
HWY_INLINE void lines_to_columns(const float* const* lines, std::int64_t length, float* columns) {
  constexpr int kLines = kColumnLines;
  const auto block = [&](std::int64_t i) {
    float* to = columns + i * kLines;
    for (int k = 0; k < kLines; k += 4, to += 4)
      transpose4(lines[k] + i, lines[k + 1] + i, lines[k + 2] + i, lines[k + 3] + i, to,
                 to + kLines, to + 2 * kLines, to + 3 * kLines);
  };
  std::int64_t i = 0;
  for (; i + 4 <= length; i += 4) block(i);
  for (; i < length; ++i)
    for (int k = 0; k < kLines; ++k) columns[i * kLines + k] = lines[k][i];
}

HWY_INLINE void columns_to_lines(const float* columns, std::int64_t length, float* const* lines) {
  constexpr int kLines = kColumnLines;
  std::int64_t i = 0;
  for (; i + 4 <= length; i += 4) {
    const float* from = columns + i * kLines;
    for (int k = 0; k < kLines; k += 4, from += 4)
      transpose4(from, from + kLines, from + 2 * kLines, from + 3 * kLines, lines[k] + i,
                 lines[k + 1] + i, lines[k + 2] + i, lines[k + 3] + i);
  }
  for (; i < length; ++i)
    for (int k = 0; k < kLines; ++k) lines[k][i] = columns[i * kLines + k];
}

// One line of `count` voxels, `inner` elements each, into a dense line of floats and back.
template <class From>
void gather_line(const void* src, std::int64_t stride, std::int64_t count, std::int64_t inner,
                 float* to) {
  const auto* from = static_cast<const From*>(src);
  if (stride == inner) {
    for (std::int64_t i = 0; i < count * inner; ++i) to[i] = static_cast<float>(from[i]);
  } else {
    for (std::int64_t x = 0; x < count; ++x)
      for (std::int64_t k = 0; k < inner; ++k)
        to[x * inner + k] = static_cast<float>(from[x * stride + k]);
  }
}

template <class To>
void scatter_line(const float* from, void* dst, std::int64_t stride, std::int64_t count,
                  std::int64_t inner) {
  auto* to = static_cast<To*>(dst);
  if (stride == inner) {
    const D d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const std::int64_t length = count * inner;
    std::int64_t i = 0;
    for (; i + lanes <= length; i += lanes) store(d, hn::LoadU(d, from + i), to + i);
    for (; i < length; ++i) to[i] = saturate<To>(from[i]);
  } else {
    for (std::int64_t x = 0; x < count; ++x)
      for (std::int64_t k = 0; k < inner; ++k)
        to[x * stride + k] = saturate<To>(from[x * inner + k]);
  }
}

// body(T{}) for the element types of ResamplePass.
template <class Body>
HWY_INLINE void for_type(DType dtype, const Body& body) {
  switch (dtype) {
    case DType::u8:
      return body(std::uint8_t{});
    case DType::u16:
      return body(std::uint16_t{});
    case DType::i16:
      return body(std::int16_t{});
    default:
      return body(float{});
  }
}

void ResampleColumns(const ResamplePass& p, float* scratch) {
  constexpr int kLines = kColumnLines;
  std::int64_t inner = 1;
  for (int i = p.axis + 1; i < p.dst_shape.rank(); ++i) inner *= p.dst_shape[i];
  const std::int64_t count = p.src_shape[p.axis], count_out = p.dst_shape[p.axis];
  const std::int64_t length = count * inner, length_out = count_out * inner;
  const std::int64_t stride = p.src.strides[p.axis], stride_out = p.dst.strides[p.axis];
  float* const in_lines = scratch;
  float* const in_columns = in_lines + kLines * length;
  float* const out_columns = in_columns + kLines * length;
  float* const out_lines = out_columns + kLines * length_out;
  const bool in_place = p.src.dtype == DType::f32 && stride == inner;
  const bool out_place = p.dst.dtype == DType::f32 && stride_out == inner;
  decltype(&gather_line<float>) gather{};
  decltype(&scatter_line<float>) scatter{};
  for_type(p.src.dtype, [&](auto zero) { gather = gather_line<decltype(zero)>; });
  for_type(p.dst.dtype, [&](auto zero) { scatter = scatter_line<decltype(zero)>; });

  const void* sources[kLines];
  void* targets[kLines];
  int lines = 0;
  const auto flush = [&] {
    const float* from[kLines];
    float* to[kLines];
    for (int k = 0; k < kLines; ++k) {
      const int line = std::min(k, lines - 1);  // lanes without a line repeat the last one
      if (!in_place && k == line) gather(sources[k], stride, count, inner, in_lines + k * length);
      from[k] = in_place ? static_cast<const float*>(sources[line]) : in_lines + line * length;
      to[k] = out_place && k == line ? static_cast<float*>(targets[k]) : out_lines + k * length_out;
    }
    lines_to_columns(from, length, in_columns);
    const std::int64_t width = inner * kLines;
    for (std::int64_t x = 0; x < count_out; ++x)
      Line<float, float>{in_columns + (p.first[x] - p.offset) * width, width,
                         p.weights + x * p.taps, p.taps, out_columns + x * width}
          .run(0, width);
    columns_to_lines(out_columns, length_out, to);
    if (!out_place)
      for (int k = 0; k < lines; ++k) scatter(to[k], targets[k], stride_out, count_out, inner);
    lines = 0;
  };
  const auto size_in = static_cast<std::int64_t>(size_of(p.src.dtype));
  const auto size_out = static_cast<std::int64_t>(size_of(p.dst.dtype));
  for_each_index(p, p.axis, -1, [&](std::int64_t source, std::int64_t target) {
    sources[lines] = static_cast<const std::byte*>(p.src.data) + source * size_in;
    targets[lines] = static_cast<std::byte*>(p.dst.data) + target * size_out;
    if (++lines == kLines) flush();
  });
  if (lines > 0) flush();
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
HWY_EXPORT(ResampleColumns);

void resample_rows(const ResamplePass& pass) { HWY_DYNAMIC_DISPATCH(ResampleRows)(pass); }
void resample_columns(const ResamplePass& pass, float* scratch) {
  HWY_DYNAMIC_DISPATCH(ResampleColumns)(pass, scratch);
}

}  // namespace varo
#endif
