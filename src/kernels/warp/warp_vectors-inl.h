// SPDX-License-Identifier: Apache-2.0
// What the vector loops over warps share, for one instruction set after another.
// The includer has included kernels/warp/warp_row.h and hwy/highway.h.

#if defined(VARO_WARP_VECTORS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef VARO_WARP_VECTORS_INL_H
#undef VARO_WARP_VECTORS_INL_H
#else
#define VARO_WARP_VECTORS_INL_H
#endif

// For lambdas whose vectors should stay in registers.
#undef VARO_INLINE_LAMBDA
#define VARO_INLINE_LAMBDA HWY_ATTR __attribute__((always_inline))

// Whether pairs of neighbours may be loaded into vectors.
#undef VARO_WARP_DIRECT
#if HWY_TARGET == HWY_SCALAR || HWY_HAVE_SCALABLE
#define VARO_WARP_DIRECT 0
#else
#define VARO_WARP_DIRECT 1
#endif

HWY_BEFORE_NAMESPACE();
namespace varo::warp {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Eight lanes at most: putting pairs together costs as much again for sixteen, and the addresses of
// eight fit the registers.
using DF = hn::CappedTag<float, 8>;
using DI = hn::RebindToSigned<DF>;
// Positions are plain arithmetic: as many as the run's buffers have slack for.
using WideDF = hn::CappedTag<float, kSlack>;
using WideDI = hn::RebindToSigned<WideDF>;

// Positions of voxels k, k + 1, ... along one axis, less the whole part.
template <class D>
HWY_INLINE hn::Vec<D> PositionsFrom(D df, hn::Vec<D> k, const Start& start, int axis) {
  return hn::Add(hn::Set(df, start.first[axis]), hn::Mul(k, hn::Set(df, start.step[axis])));
}

// Whole numbers below 2^22 as integers, plus kWholeBits: cheaper than a conversion, which would
// have to look after overflow.
constexpr float kWholeShift = 12582912;  // 1.5 * 2^23
constexpr std::int32_t kWholeBits = 0x4B400000;
template <class DI>
HWY_INLINE hn::Vec<DI> Shifted(DI di, hn::Vec<hn::RebindToFloat<DI>> whole) {
  const hn::RebindToFloat<DI> df;
  return hn::BitCast(di, hn::Add(whole, hn::Set(df, kWholeShift)));
}

// index * stride along one axis, the index first pinned to the grid.
template <class D>
HWY_INLINE hn::Vec<D> Pinned(D di, hn::Vec<D> index, const Grid& grid, int axis) {
  const auto last = hn::Set(di, static_cast<std::int32_t>(grid.extent[axis]) - 1);
  return hn::Mul(hn::Min(hn::Max(index, hn::Zero(di)), last),
                 hn::Set(di, static_cast<std::int32_t>(grid.stride[axis])));
}

template <class V>
HWY_INLINE V Mix(V low, V high, V weight) {
  return hn::Add(low, hn::Mul(weight, hn::Sub(high, low)));
}

template <class T>
HWY_INLINE hn::Vec<DF> LoadFloat(const T* from) {
  const DF df;
  if constexpr (std::is_same_v<T, float>) {
    return hn::LoadU(df, from);
  } else if constexpr (std::is_same_v<T, std::int32_t>) {
    return hn::ConvertTo(df, hn::LoadU(DI(), from));
  } else {
    return hn::ConvertTo(df, hn::PromoteTo(DI(), hn::LoadU(hn::Rebind<T, DF>(), from)));
  }
}

// Where pairs stand: even voxels' and odd voxels' vectors. One lane holds one voxel, and its two
// vectors are the lower and the upper tap.
#if HWY_TARGET == HWY_SCALAR
template <class V>
HWY_INLINE V OfEven(V v) {
  return v;
}
template <class V>
HWY_INLINE V OfOdd(V v) {
  return v;
}
#else
template <class V>
HWY_INLINE V OfEven(V v) {
  return hn::DupEven(v);
}
template <class V>
HWY_INLINE V OfOdd(V v) {
  return hn::DupOdd(v);
}
#endif

// Lower and upper taps in the order of voxels. kBack: pairs are (upper, lower).
template <bool kBack, class V>
HWY_INLINE void Unpair(V even, V odd, V& lower, V& upper) {
#if HWY_TARGET == HWY_SCALAR
  lower = even;
  upper = odd;
#else
  const V first = hn::OddEven(hn::DupEven(odd), even);
  const V second = hn::OddEven(odd, hn::DupOdd(even));
  lower = kBack ? second : first;
  upper = kBack ? first : second;
#endif
}

#if VARO_WARP_DIRECT
// Pairs of neighbours at from + offset[0], from + offset[2], ...: one 64-bit load a pair. Gather
// instructions fetch each float by itself and cost several times as much.
template <class D>
HWY_INLINE hn::Vec<D> LoadPairs(D d, const float* from, const std::int32_t* offset) {
  const hn::Half<D> dh;
  constexpr std::size_t kLanes = hn::MaxLanes(dh);
  if constexpr (kLanes == 2) {
    const auto low = hn::LoadU(dh, from + offset[0]);
#if HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128
    // One instruction, where Combine would load and then shuffle.
    const auto* high = reinterpret_cast<const __m64*>(from + offset[2]);
    return hn::Vec<D>{_mm_loadh_pi(low.raw, high)};
#else
    return hn::Combine(d, hn::LoadU(dh, from + offset[2]), low);
#endif
  } else {
    return hn::Combine(d, LoadPairs(dh, from, offset + kLanes), LoadPairs(dh, from, offset));
  }
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace varo::warp
HWY_AFTER_NAMESPACE();

#endif
