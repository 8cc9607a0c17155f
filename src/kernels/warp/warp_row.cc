// SPDX-License-Identifier: Apache-2.0
#include "kernels/warp/warp_row.h"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/warp/warp_row.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

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

void Locate(const Start& start, int axes, int begin, int end, Positions& run) {
  const WideDF df;
  const WideDI di;
  const int lanes = static_cast<int>(hn::Lanes(df));
  for (int axis = 0; axis < axes; ++axis) {
    const auto whole = hn::Set(di, start.whole[axis] - kWholeBits);
    for (int k = begin; k < end; k += lanes) {
      const auto p = PositionsFrom(df, hn::Iota(df, static_cast<float>(k)), start, axis);
      const auto floor = hn::Floor(p);
      hn::StoreU(hn::Add(Shifted(di, floor), whole), di, run.index[axis] + k);
      hn::StoreU(hn::Sub(p, floor), df, run.weight[axis] + k);
    }
  }
}

// index * stride along one axis, the index first pinned to the grid.
template <class D>
HWY_INLINE hn::Vec<D> Pinned(D di, hn::Vec<D> index, const Grid& grid, int axis) {
  const auto last = hn::Set(di, static_cast<std::int32_t>(grid.extent[axis]) - 1);
  return hn::Mul(hn::Min(hn::Max(index, hn::Zero(di)), last),
                 hn::Set(di, static_cast<std::int32_t>(grid.stride[axis])));
}

// What the whole parts of positions and the bits of Shifted() add to offsets. What overflows on the
// way comes back.
HWY_INLINE std::int32_t WholeOffset(const Grid& grid, const Start& start) {
  std::uint32_t sum = 0;
  for (int axis = 0; axis < grid.axes; ++axis)
    sum += static_cast<std::uint32_t>(start.whole[axis] - kWholeBits) *
           static_cast<std::uint32_t>(grid.stride[axis]);
  return static_cast<std::int32_t>(sum);
}

template <int kAxes>
void PlaceAxes(const Grid& grid, const Start& start, int begin, int end, Positions& run) {
  const WideDF df;
  const WideDI di;
  const int lanes = static_cast<int>(hn::Lanes(df));
  auto number = hn::Iota(df, static_cast<float>(begin));
  const auto step = hn::Set(df, static_cast<float>(lanes));
  const auto whole = hn::Set(di, WholeOffset(grid, start));
  for (int k = begin; k < end; k += lanes) {
    auto sum = whole;
    for (int axis = 0; axis < kAxes; ++axis) {
      const auto p = PositionsFrom(df, number, start, axis);
      const auto floor = hn::Floor(p);
      hn::StoreU(hn::Sub(p, floor), df, run.weight[axis] + k);
      sum = hn::Add(sum, hn::Mul(Shifted(di, floor),
                                 hn::Set(di, static_cast<std::int32_t>(grid.stride[axis]))));
    }
    hn::StoreU(sum, di, run.offset + k);
    number = hn::Add(number, step);
  }
}

void Place(const Grid& grid, const Start& start, int begin, int end, Positions& run) {
  grid.axes == 2 ? PlaceAxes<2>(grid, start, begin, end, run)
                 : PlaceAxes<3>(grid, start, begin, end, run);
}

void PlaceNearest(const Grid& grid, const Start& start, int begin, int end, Positions& run) {
  const WideDF df;
  const WideDI di;
  const int lanes = static_cast<int>(hn::Lanes(di));
  auto number = hn::Iota(df, static_cast<float>(begin));
  const auto step = hn::Set(df, static_cast<float>(lanes));
  for (int k = begin; k < end; k += lanes) {
    auto sum = hn::Zero(di);
    for (int axis = 0; axis < grid.axes; ++axis) {
      const auto p = PositionsFrom(df, number, start, axis);
      const auto index =
          hn::Add(Shifted(di, hn::Floor(p)), hn::Set(di, start.whole[axis] - kWholeBits));
      sum = hn::Add(sum, Pinned(di, index, grid, axis));
    }
    hn::StoreU(sum, di, run.offset + k);
    number = hn::Add(number, step);
  }
}

void Pin(const Grid& grid, const Positions& run, int begin, int end, PinnedTaps& taps) {
  const WideDI di;
  const int lanes = static_cast<int>(hn::Lanes(di));
  const auto one = hn::Set(di, 1);
  for (int k = begin; k < end; k += lanes) {
    const auto lower = [&](int axis) HWY_ATTR {
      return Pinned(di, hn::LoadU(di, run.index[axis] + k), grid, axis);
    };
    const auto upper = [&](int axis) HWY_ATTR {
      return Pinned(di, hn::Add(hn::LoadU(di, run.index[axis] + k), one), grid, axis);
    };
    hn::StoreU(lower(0), di, taps.x[0] + k);
    hn::StoreU(upper(0), di, taps.x[1] + k);
    const auto near = lower(1), far = upper(1);
    const auto below = grid.axes == 3 ? lower(2) : hn::Zero(di);
    hn::StoreU(hn::Add(near, below), di, taps.row[0] + k);
    hn::StoreU(hn::Add(far, below), di, taps.row[1] + k);
    if (grid.axes < 3) continue;
    const auto above = upper(2);
    hn::StoreU(hn::Add(near, above), di, taps.row[2] + k);
    hn::StoreU(hn::Add(far, above), di, taps.row[3] + k);
  }
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

// `rows(r, odd)`: taps of row r for voxels k, k + 2, ... (odd: k + 1, k + 3, ...) as pairs, mixed
// across rows.
template <int kAxes, class V, class Rows>
HWY_INLINE V Across(const Rows& rows, int odd, V y, V z) {
  const V near = Mix(rows(0, odd), rows(1, odd), y);
  if constexpr (kAxes == 2) {
    return near;
  } else {
    return Mix(near, Mix(rows(2, odd), rows(3, odd), y), z);
  }
}

template <int kAxes, bool kBack, class V, class Rows>
HWY_INLINE void BlendRows(V y, V z, const Rows& rows, V& lower, V& upper) {
  const V even = Across<kAxes>(rows, 0, OfEven(y), OfEven(z));
  const V odd = Across<kAxes>(rows, 1, OfOdd(y), OfOdd(z));
  Unpair<kBack>(even, odd, lower, upper);
}

// Taps of row r as Taps holds them, for BlendRows.
template <class T>
HWY_INLINE auto StagedRows(const Taps<T>& taps, int k) {
  return [&taps, k](int r, int odd) HWY_ATTR {
#if HWY_TARGET == HWY_SCALAR
    return LoadFloat(taps.pair[r][k & 1] + (k & ~1) + odd);
#else
    return LoadFloat(taps.pair[r][odd] + k);
#endif
  };
}

template <class T, int kAxes>
void Blend(const void* taps, const Positions& run, int begin, int end, float* out) {
  const DF df;
  const auto& staged = *static_cast<const Taps<T>*>(taps);
  const int lanes = static_cast<int>(hn::Lanes(df));
  for (int k = begin & ~1; k < end; k += lanes) {
    const auto y = hn::LoadU(df, run.weight[1] + k);
    const auto z = kAxes == 3 ? hn::LoadU(df, run.weight[2] + k) : y;
    hn::Vec<DF> lower, upper;
    BlendRows<kAxes, false>(y, z, StagedRows(staged, k), lower, upper);
    hn::StoreU(Mix(lower, upper, hn::LoadU(df, run.weight[0] + k)), df, out + k);
  }
}

// All bits where lower (upper: where upper) taps along `axis` lie within the grid.
HWY_INLINE hn::Vec<DF> Within(const Grid& grid, const Positions& run, int k, int axis, int upper) {
  const DI di;
  const auto index = hn::LoadU(di, run.index[axis] + k);
  const auto extent = static_cast<std::int32_t>(grid.extent[axis]);
  const auto within =
      hn::And(hn::Gt(index, hn::Set(di, -1 - upper)), hn::Lt(index, hn::Set(di, extent - upper)));
  return hn::VecFromMask(DF(), hn::RebindMask(DF(), within));
}

template <class T, int kAxes>
void BlendFilled(const void* taps, const Grid& grid, const Positions& run, float fill, int begin,
                 int end, float* out) {
  const DF df;
  const auto& staged = *static_cast<const Taps<T>*>(taps);
  const auto filling = hn::Set(df, fill);
  const int lanes = static_cast<int>(hn::Lanes(df));
  const auto choose = [&](hn::Vec<DF> within, hn::Vec<DF> v)
                          HWY_ATTR { return hn::IfThenElse(hn::MaskFromVec(within), v, filling); };
  for (int k = begin & ~1; k < end; k += lanes) {
    const hn::Vec<DF> y_in[2] = {Within(grid, run, k, 1, 0), Within(grid, run, k, 1, 1)};
    hn::Vec<DF> row_in[4] = {y_in[0], y_in[1], y_in[0], y_in[1]};
    if constexpr (kAxes == 3)
      for (int r = 0; r < 4; ++r) row_in[r] = hn::And(y_in[r & 1], Within(grid, run, k, 2, r >> 1));
    const auto rows = [&](int r, int odd) HWY_ATTR {
#if HWY_TARGET == HWY_SCALAR
      const auto within = row_in[r];
#else
      const auto within = odd != 0 ? hn::DupOdd(row_in[r]) : hn::DupEven(row_in[r]);
#endif
      return choose(within, StagedRows(staged, k)(r, odd));
    };
    const auto y = hn::LoadU(df, run.weight[1] + k);
    const auto z = kAxes == 3 ? hn::LoadU(df, run.weight[2] + k) : y;
    hn::Vec<DF> lower, upper;
    BlendRows<kAxes, false>(y, z, rows, lower, upper);
    const auto lower_in = Within(grid, run, k, 0, 0), upper_in = Within(grid, run, k, 0, 1);
    const auto mixed =
        Mix(choose(lower_in, lower), choose(upper_in, upper), hn::LoadU(df, run.weight[0] + k));
    // Far from the grid there is nothing but fill, whether or not that can be mixed with itself.
    const auto some_row = kAxes == 2
                              ? hn::Or(row_in[0], row_in[1])
                              : hn::Or(hn::Or(row_in[0], row_in[1]), hn::Or(row_in[2], row_in[3]));
    hn::StoreU(choose(hn::And(some_row, hn::Or(lower_in, upper_in)), mixed), df, out + k);
  }
}

#if HWY_TARGET == HWY_SCALAR || HWY_HAVE_SCALABLE
#define VARO_WARP_DIRECT 0
#else
#define VARO_WARP_DIRECT 1

// Pairs of neighbours at from + offset[0], from + offset[2], ...: one 64-bit load a pair. Gather
// instructions fetch each float by itself and cost several times as much.
template <class D>
HWY_INLINE hn::Vec<D> LoadPairs(D d, const float* from, const std::int32_t* offset) {
  const hn::Half<D> dh;
  constexpr std::size_t kLanes = hn::MaxLanes(dh);
  if constexpr (kLanes == 2) {
    const auto low = hn::LoadU(dh, from + offset[0]);
#if HWY_ARCH_X86
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

// kBack: the input runs backwards along x, so that a pair in memory is (upper, lower).
template <int kAxes, bool kBack>
HWY_INLINE void BlendPairs(const float* const* from, const Positions& run, int begin, int end,
                           std::int64_t ahead, float* out) {
  const DF df;
  const int lanes = static_cast<int>(hn::Lanes(df));
  // Need not lie within the volume.
  const auto there = reinterpret_cast<std::uintptr_t>(from[0]) +
                     static_cast<std::uintptr_t>(ahead) * sizeof(float);
  for (int k = begin; k < end; k += lanes) {
    const int at = std::min(k, end - lanes);  // the last step goes over some voxels again
    const std::int32_t* offset = run.offset + at;
    const auto rows = [&](int r, int odd) HWY_ATTR { return LoadPairs(df, from[r], offset + odd); };
    for (int i = 0; i < lanes; i += 2)
      __builtin_prefetch(reinterpret_cast<const float*>(there) + offset[i], 0, 2);
    const auto y = hn::LoadU(df, run.weight[1] + at);
    const auto z = kAxes == 3 ? hn::LoadU(df, run.weight[2] + at) : y;
    hn::Vec<DF> lower, upper;
    BlendRows<kAxes, kBack>(y, z, rows, lower, upper);
    hn::StoreU(Mix(lower, upper, hn::LoadU(df, run.weight[0] + at)), df, out + at);
  }
}

template <int kAxes>
void BlendDirect(const float* data, const Grid& grid, const Positions& run, int begin, int end,
                 std::int64_t ahead, float* out) {
  const bool back = grid.stride[0] < 0;
  const float* first = back ? data - 1 : data;
  const std::int64_t y = grid.stride[1], z = kAxes == 3 ? grid.stride[2] : 0;
  const float* from[4] = {first, first + y, first + z, first + y + z};
  if (back) {
    BlendPairs<kAxes, true>(from, run, begin, end, ahead, out);
  } else {
    BlendPairs<kAxes, false>(from, run, begin, end, ahead, out);
  }
}
#endif

template <class T>
void Store(const float* from, int count, void* to) {
  const DF df;
  const DI di;
  T* out = static_cast<T*>(to);
  const int lanes = static_cast<int>(hn::Lanes(df));
  for (int k = 0; k < count; k += lanes) {
    const auto v = hn::LoadU(df, from + k);
    if constexpr (std::is_same_v<T, float>) {
      hn::StoreU(v, df, out + k);
    } else {
      // Half away from zero: truncate the magnitude, then step up where half or more was cut off.
      const auto magnitude = hn::Abs(v);
      const auto whole = hn::Trunc(magnitude);
      const auto up = hn::Ge(hn::Sub(magnitude, whole), hn::Set(df, 0.5f));
      const auto rounded =
          hn::CopySign(hn::Add(whole, hn::IfThenElseZero(up, hn::Set(df, 1.0f))), v);
      const auto integer = hn::ConvertTo(di, hn::IfThenZeroElse(hn::IsNaN(v), rounded));
      if constexpr (std::is_same_v<T, std::int32_t>) {
        hn::StoreU(integer, di, out + k);
      } else {
        const hn::Rebind<T, DF> dt;
        hn::StoreU(hn::DemoteTo(dt, integer), dt, out + k);
      }
    }
  }
}

template <class T, int kAxes>
void SetBlend(RowLoops& loops) {
  loops.blend = Blend<T, kAxes>;
  loops.blend_filled = BlendFilled<T, kAxes>;
}

template <int kAxes>
void SetBlends(DType in, RowLoops& loops) {
  loops.direct_least = 0;
  loops.blend_direct = nullptr;
  switch (in) {
    case DType::u8:
      return SetBlend<std::uint8_t, kAxes>(loops);
    case DType::i8:
      return SetBlend<std::int8_t, kAxes>(loops);
    case DType::u16:
      return SetBlend<std::uint16_t, kAxes>(loops);
    case DType::i16:
      return SetBlend<std::int16_t, kAxes>(loops);
    case DType::i32:
      return SetBlend<std::int32_t, kAxes>(loops);
    default:
      SetBlend<float, kAxes>(loops);
  }
#if VARO_WARP_DIRECT
  loops.blend_direct = BlendDirect<kAxes>;
  loops.direct_least = static_cast<int>(hn::Lanes(DF()));
#endif
}

RowLoops Loops(DType in, DType out, int axes) {
  RowLoops loops;
  loops.locate = Locate;
  loops.place = Place;
  loops.place_nearest = PlaceNearest;
  loops.pin = Pin;
  axes == 2 ? SetBlends<2>(in, loops) : SetBlends<3>(in, loops);
  switch (out) {
    case DType::u8:
      loops.store = Store<std::uint8_t>;
      break;
    case DType::i8:
      loops.store = Store<std::int8_t>;
      break;
    case DType::u16:
      loops.store = Store<std::uint16_t>;
      break;
    case DType::i16:
      loops.store = Store<std::int16_t>;
      break;
    case DType::i32:
      loops.store = Store<std::int32_t>;
      break;
    default:
      loops.store = Store<float>;
  }
  return loops;
}

#undef VARO_WARP_DIRECT

}  // namespace HWY_NAMESPACE
}  // namespace varo::warp
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace varo::warp {
HWY_EXPORT(Loops);
RowLoops row_loops(DType in, DType out, int axes) {
  return HWY_DYNAMIC_DISPATCH(Loops)(in, out, axes);
}
}  // namespace varo::warp
#endif
