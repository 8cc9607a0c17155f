// SPDX-License-Identifier: Apache-2.0
#include "kernels/resample/pass.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/resample/pass_columns.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once a target.
#include <algorithm>
#include <hwy/highway.h>

#include "core/convert.h"
#include "kernels/resample/pass-inl.h"

HWY_BEFORE_NAMESPACE();
namespace varo {
namespace HWY_NAMESPACE {
namespace {

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

// Outputs x ... x + kOutputs - 1 of columns `width` floats wide, a multiple of every vector's
// length: as many sums at once as keep the adders busy.
template <int kOutputs, bool kBackwards>
HWY_INLINE void column_sums(const ResamplePass& p, std::int64_t x, const float* columns,
                            std::int64_t width, float* to) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t i = 0; i < width; i += lanes) {
    const float* from[kOutputs];
    V sum[kOutputs];
#pragma GCC unroll 8
    for (int k = 0; k < kOutputs; ++k) {
      const std::int64_t first = p.first[x + k] - p.offset;
      from[k] = columns + (kBackwards ? first + p.taps - 1 : first) * width + i;
      sum[k] = hn::Mul(hn::Set(d, p.weights[(x + k) * p.taps]), hn::LoadU(d, from[k]));
    }
    for (int t = 1; t < p.taps; ++t) {
#pragma GCC unroll 8
      for (int k = 0; k < kOutputs; ++k) {
        from[k] += kBackwards ? -width : width;
        const V w = hn::Set(d, p.weights[(x + k) * p.taps + t]);
        sum[k] = hn::Add(sum[k], hn::Mul(w, hn::LoadU(d, from[k])));
      }
    }
#pragma GCC unroll 8
    for (int k = 0; k < kOutputs; ++k) hn::StoreU(sum[k], d, to + (x + k) * width + i);
  }
}

template <bool kBackwards>
void all_column_sums(const ResamplePass& p, const float* columns, std::int64_t width, float* to) {
  const std::int64_t count = p.dst.shape[p.axis];
  std::int64_t x = 0;
  for (; x + 4 <= count; x += 4) column_sums<4, kBackwards>(p, x, columns, width, to);
  for (; x < count; ++x) column_sums<1, kBackwards>(p, x, columns, width, to);
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

void ResampleColumns(const ResamplePass& p, float* scratch) {
  constexpr int kLines = kColumnLines;
  std::int64_t inner = 1;
  for (int i = p.axis + 1; i < p.dst.shape.rank(); ++i) inner *= p.dst.shape[i];
  const std::int64_t count = p.src.shape[p.axis], count_out = p.dst.shape[p.axis];
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
    if (p.backwards)
      all_column_sums<true>(p, in_columns, width, out_columns);
    else
      all_column_sums<false>(p, in_columns, width, out_columns);
    columns_to_lines(out_columns, length_out, to);
    if (!out_place)
      for (int k = 0; k < lines; ++k) scatter(to[k], targets[k], stride_out, count_out, inner);
    lines = 0;
  };
  for_each_index(p, p.axis, -1, [&](std::int64_t source, std::int64_t target) {
    sources[lines] = advanced(p.src.data, source, p.src.dtype);
    targets[lines] = advanced(p.dst.data, target, p.dst.dtype);
    if (++lines == kLines) flush();
  });
  if (lines > 0) flush();
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace varo
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace varo {

HWY_EXPORT(ResampleColumns);

void resample_columns(const ResamplePass& pass, float* scratch) {
  HWY_DYNAMIC_DISPATCH(ResampleColumns)(pass, scratch);
}

}  // namespace varo
#endif
