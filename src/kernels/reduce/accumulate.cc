// SPDX-License-Identifier: Apache-2.0
#include "kernels/reduce/accumulate.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/reduce/accumulate.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
#include "kernels/extremes-inl.h"

namespace varo::reduction {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using varo::HWY_NAMESPACE::larger;
using varo::HWY_NAMESPACE::smaller;

// Elements l of `rows` rows, one into accumulator l after the other, whatever the compiler makes of
// it.
template <class Op, class T>
void step_rows(const T* HWY_RESTRICT x, std::int64_t rows, std::int64_t stride, const double* mean,
               typename Op::Acc* HWY_RESTRICT acc) {
  typename Op::Acc local[kLanes];
  double about[kLanes];
  for (int l = 0; l < kLanes; ++l) {
    local[l] = acc[l];
    about[l] = mean[l];
  }
  for (std::int64_t r = 0; r < rows; ++r, x += stride)
#pragma GCC unroll 1  // unrolled, the comparisons of min and max stay scalar: 4 times slower
    for (int l = 0; l < kLanes; ++l) local[l] = Op::step(local[l], x[l], about[l]);
  for (int l = 0; l < kLanes; ++l) acc[l] = local[l];
}

// The same for f32 and any of the four accumulators. Loops over vectors are unrolled, so that the
// accumulators stay in registers; each waits for its own last addition only.
template <bool kSum, bool kDeviations, bool kLeast, bool kMost>
void rows_together(const float* HWY_RESTRICT x, std::int64_t rows, std::int64_t stride,
                   const Together& to) {
  const hn::CappedTag<float, kLanes> f;
  const hn::CappedTag<double, kLanes> d;
  const hn::Rebind<float, decltype(d)> narrow;
  constexpr auto kWide = static_cast<std::size_t>(hn::MaxLanes(d)),
                 kNarrow = static_cast<std::size_t>(hn::MaxLanes(f));
  constexpr std::size_t kDoubles = kLanes / kWide, kFloats = kLanes / kNarrow;
  hn::Vec<decltype(d)> sums[kDoubles], deviations[kDoubles], mean[kDoubles];
  hn::Vec<decltype(f)> least[kFloats], most[kFloats];
  for (std::size_t k = 0; k < kDoubles; ++k) {
    if constexpr (kSum) sums[k] = hn::LoadU(d, to.sums + k * kWide);
    if constexpr (kDeviations) {
      deviations[k] = hn::LoadU(d, to.deviations + k * kWide);
      mean[k] = hn::LoadU(d, to.mean + k * kWide);
    }
  }
  for (std::size_t k = 0; k < kFloats; ++k) {
    if constexpr (kLeast) least[k] = hn::LoadU(f, to.least + k * kNarrow);
    if constexpr (kMost) most[k] = hn::LoadU(f, to.most + k * kNarrow);
  }
  auto strange = hn::IsNaN(hn::Zero(f));  // NaN was met
  const float* at = x;
  for (std::int64_t r = 0; r < rows; ++r, at += stride) {
    if constexpr (kSum || kDeviations) {
#pragma GCC unroll 16
      for (std::size_t k = 0; k < kDoubles; ++k) {
        const auto v = hn::PromoteTo(d, hn::LoadU(narrow, at + k * kWide));
        if constexpr (kSum) sums[k] = hn::Add(sums[k], v);
        if constexpr (kDeviations) {
          const auto off = hn::Sub(v, mean[k]);
          deviations[k] = hn::Add(deviations[k], hn::Mul(off, off));
        }
      }
    }
    if constexpr (kLeast || kMost) {
#pragma GCC unroll 16
      for (std::size_t k = 0; k < kFloats; ++k) {
        const auto v = hn::LoadU(f, at + k * kNarrow);
        if constexpr (kLeast) least[k] = smaller(v, least[k]);
        if constexpr (kMost) most[k] = larger(v, most[k]);
        strange = hn::Or(strange, hn::IsNaN(v));
      }
    }
  }
  for (std::size_t k = 0; k < kDoubles; ++k) {
    if constexpr (kSum) hn::StoreU(sums[k], d, to.sums + k * kWide);
    if constexpr (kDeviations) hn::StoreU(deviations[k], d, to.deviations + k * kWide);
  }
  if ((kLeast || kMost) && !hn::AllFalse(f, strange)) {
    constexpr double kUnused[kLanes] = {};
    if constexpr (kLeast) step_rows<Smallest<float>>(x, rows, stride, kUnused, to.least);
    if constexpr (kMost) step_rows<Largest<float>>(x, rows, stride, kUnused, to.most);
    return;
  }
  for (std::size_t k = 0; k < kFloats; ++k) {
    if constexpr (kLeast) hn::StoreU(least[k], f, to.least + k * kNarrow);
    if constexpr (kMost) hn::StoreU(most[k], f, to.most + k * kNarrow);
  }
}

#if HWY_TARGET != HWY_SCALAR
// Sums of bytes: as many rows as fit are added in 16 bits first.
void sum_bytes(const std::uint8_t* x, std::int64_t rows, std::int64_t stride, std::uint64_t* acc) {
  const hn::CappedTag<std::uint16_t, kLanes> d;
  const hn::Rebind<std::uint8_t, decltype(d)> narrow;
  constexpr auto kVector = static_cast<std::size_t>(hn::MaxLanes(d));
  constexpr std::size_t kVectors = kLanes / kVector;
  constexpr std::int64_t kMost = 256;
  for (std::int64_t at = 0; at < rows; at += kMost) {
    const std::int64_t end = std::min(rows, at + kMost);
    hn::Vec<decltype(d)> sums[kVectors];
    for (auto& sum : sums) sum = hn::Zero(d);
    for (std::int64_t r = at; r < end; ++r)
#pragma GCC unroll 16
      for (std::size_t k = 0; k < kVectors; ++k)
        sums[k] =
            hn::Add(sums[k], hn::PromoteTo(d, hn::LoadU(narrow, x + r * stride + k * kVector)));
    std::uint16_t flat[kLanes];
    for (std::size_t k = 0; k < kVectors; ++k) hn::StoreU(sums[k], d, flat + k * kVector);
    for (int l = 0; l < kLanes; ++l) acc[l] += flat[l];
  }
}
#endif

template <class Op, class T>
void full_rows(const T* x, std::int64_t rows, std::int64_t stride, const double* mean,
               typename Op::Acc* acc) {
#if HWY_TARGET != HWY_SCALAR
  if constexpr (std::is_same_v<T, std::uint8_t> && std::is_same_v<Op, Sum<std::uint64_t>>)
    return sum_bytes(x, rows, stride, acc);
#endif
  if constexpr (!std::is_same_v<T, float>)
    step_rows<Op>(x, rows, stride, mean, acc);
  else if constexpr (std::is_same_v<Op, Sum<double>>)
    rows_together<true, false, false, false>(x, rows, stride, {.sums = acc});
  else if constexpr (std::is_same_v<Op, Deviations>)
    rows_together<false, true, false, false>(x, rows, stride, {.deviations = acc, .mean = mean});
  else if constexpr (std::is_same_v<Op, Smallest<float>>)
    rows_together<false, false, true, false>(x, rows, stride, {.least = acc});
  else if constexpr (std::is_same_v<Op, Largest<float>>)
    rows_together<false, false, false, true>(x, rows, stride, {.most = acc});
  else
    step_rows<Op>(x, rows, stride, mean, acc);
}

// No vector type is named here: with this many element types and operations the compiler's own
// vectors do, made anew for every instruction set.
template <class Op, class T>
void accumulate(const void* elements, std::int64_t rows, std::int64_t width, std::int64_t stride,
                std::int64_t rest, const double* HWY_RESTRICT mean, void* accumulators) {
  using Acc = typename Op::Acc;
  const T* HWY_RESTRICT x = static_cast<const T*>(elements);
  Acc* HWY_RESTRICT acc = static_cast<Acc*>(accumulators);
  if (width == kLanes) {
    full_rows<Op>(x, rows, stride, mean, acc);
    x += rows * stride;
  } else {
    for (std::int64_t r = 0; r < rows; ++r, x += stride)
      for (std::int64_t i = 0; i < width; ++i) acc[i] = Op::step(acc[i], x[i], mean[i]);
  }
  for (std::int64_t i = 0; i < rest; ++i) acc[i] = Op::step(acc[i], x[i], mean[i]);
}

Accumulate choose(DType element, Reduction what) {
  Accumulate chosen = nullptr;
  dispatch_element(element, [&](auto type) {
    using T = typename decltype(type)::type;
    chosen = with_operation<T>(
        what, [](auto op) -> Accumulate { return &accumulate<typename decltype(op)::type, T>; });
  });
  return chosen;
}

template <class Op>
void rest_of(const float* x, std::int64_t count, const double* mean, typename Op::Acc* acc) {
  for (std::int64_t i = 0; i < count; ++i)
    acc[i] = Op::step(acc[i], x[i], mean != nullptr ? mean[i] : 0);
}

using RowsTogether = void (*)(const float*, std::int64_t, std::int64_t, const Together&);
template <int... wanted>
RowsTogether choose_together(int which, std::integer_sequence<int, wanted...>) {
  constexpr RowsTogether kAll[] = {&rows_together<(wanted & 1) != 0, (wanted & 2) != 0,
                                                  (wanted & 4) != 0, (wanted & 8) != 0>...};
  return kAll[which];
}

void AccumulateTogether(const float* x, std::int64_t count, const Together& to) {
  const int which = (to.sums != nullptr ? 1 : 0) + (to.deviations != nullptr ? 2 : 0) +
                    (to.least != nullptr ? 4 : 0) + (to.most != nullptr ? 8 : 0);
  const std::int64_t rows = count / kLanes, rest = count % kLanes;
  choose_together(which, std::make_integer_sequence<int, 16>())(x, rows, kLanes, to);
  x += rows * kLanes;
  if (to.sums != nullptr) rest_of<Sum<double>>(x, rest, nullptr, to.sums);
  if (to.deviations != nullptr) rest_of<Deviations>(x, rest, to.mean, to.deviations);
  if (to.least != nullptr) rest_of<Smallest<float>>(x, rest, nullptr, to.least);
  if (to.most != nullptr) rest_of<Largest<float>>(x, rest, nullptr, to.most);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace varo::reduction
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace varo::reduction {
namespace {
HWY_EXPORT(choose);
HWY_EXPORT(AccumulateTogether);
}  // namespace

Accumulate accumulator(DType element, Reduction what) {
  return HWY_DYNAMIC_DISPATCH(choose)(element, what);
}

void accumulate_together(const float* x, std::int64_t count, const Together& to) {
  HWY_DYNAMIC_DISPATCH(AccumulateTogether)(x, count, to);
}

}  // namespace varo::reduction
#endif
