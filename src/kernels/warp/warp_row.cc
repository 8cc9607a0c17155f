// SPDX-License-Identifier: Apache-2.0
#include "kernels/warp/warp_row.h"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/warp/warp_row.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
//
#include "kernels/rounded-inl.h"
#include "kernels/warp/warp_vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace varo::warp {
namespace HWY_NAMESPACE {

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

// Voxels whose lower taps have these indices; taps beyond the grid's low and high are `fill`.
// `index(axis)`, `rows` as for Across, settle(lower, upper) mends what `rows` could not load.
template <int kAxes, bool kBack, class Index, class Rows, class Settle>
HWY_INLINE hn::Vec<DF> BlendFilledVector(const Grid& grid, const Index& index, hn::Vec<DF> x,
                                         hn::Vec<DF> y, hn::Vec<DF> z, float fill, const Rows& rows,
                                         const Settle& settle) {
  const DF df;
  const DI di;
  // All bits where the lower (upper: where the upper) tap along `axis` is not fill.
  const auto within = [&](int axis, int upper) VARO_INLINE_LAMBDA {
    const auto in = hn::And(hn::Gt(index(axis), hn::Set(di, grid.low[axis] - 1 - upper)),
                            hn::Lt(index(axis), hn::Set(di, grid.high[axis] - upper)));
    return hn::VecFromMask(df, hn::RebindMask(df, in));
  };
  const auto row_in = [&](int r) VARO_INLINE_LAMBDA {
    if constexpr (kAxes == 2) {
      return within(1, r);
    } else {
      return hn::And(within(1, r & 1), within(2, r >> 1));
    }
  };
  const auto choose = [&](hn::Vec<DF> in, hn::Vec<DF> v) VARO_INLINE_LAMBDA {
    return hn::IfThenElse(hn::MaskFromVec(in), v, hn::Set(df, fill));
  };
  const auto filled = [&](int r, int odd) VARO_INLINE_LAMBDA {
#if HWY_TARGET == HWY_SCALAR
    return choose(row_in(r), rows(r, odd));
#else
    return choose(odd != 0 ? hn::DupOdd(row_in(r)) : hn::DupEven(row_in(r)), rows(r, odd));
#endif
  };
  hn::Vec<DF> lower, upper;
  BlendRows<kAxes, kBack>(y, z, filled, lower, upper);
  settle(lower, upper);
  const auto lower_in = within(0, 0), upper_in = within(0, 1);
  const auto mixed = Mix(choose(lower_in, lower), choose(upper_in, upper), x);
  // Far from the grid there is nothing but fill, whether or not that can be mixed with itself.
  auto some_row = hn::Or(row_in(0), row_in(1));
  if constexpr (kAxes == 3) some_row = hn::Or(some_row, hn::Or(row_in(2), row_in(3)));
  return choose(hn::And(some_row, hn::Or(lower_in, upper_in)), mixed);
}

template <class T, int kAxes>
void BlendFilled(const void* taps, const Grid& grid, const Positions& run, float fill, int begin,
                 int end, float* out) {
  const DF df;
  const auto& staged = *static_cast<const Taps<T>*>(taps);
  const int lanes = static_cast<int>(hn::Lanes(df));
  for (int k = begin & ~1; k < end; k += lanes) {
    const auto index = [&](int axis)
                           VARO_INLINE_LAMBDA { return hn::LoadU(DI(), run.index[axis] + k); };
    const auto y = hn::LoadU(df, run.weight[1] + k);
    const auto z = kAxes == 3 ? hn::LoadU(df, run.weight[2] + k) : y;
    hn::StoreU(BlendFilledVector<kAxes, false>(grid, index, hn::LoadU(df, run.weight[0] + k), y, z,
                                               fill, StagedRows(staged, k),
                                               [](hn::Vec<DF>, hn::Vec<DF>) VARO_INLINE_LAMBDA {}),
               df, out + k);
  }
}

#if VARO_WARP_DIRECT
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
    const auto rows = [&](int r, int odd)
                          VARO_INLINE_LAMBDA { return LoadPairs(df, from[r], offset + odd); };
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

// Positions along one axis, taken apart.
struct Apart {
  hn::Vec<DI> index;
  hn::Vec<DF> weight;
};
HWY_INLINE Apart TakeApart(int k, const Start& start, int axis) {
  const DF df;
  const DI di;
  const auto p = PositionsFrom(df, hn::Iota(df, static_cast<float>(k)), start, axis);
  const auto floor = hn::Floor(p);
  return {hn::Add(Shifted(di, floor), hn::Set(di, start.whole[axis] - kWholeBits)),
          hn::Sub(p, floor)};
}

// All offsets before all voxels: what waits for taps would hold up the arithmetic behind it.
template <int kAxes, bool kBack>
HWY_INLINE void PlaceEdgePairs(const Grid& grid, const Start& start, int count, int begin, int end,
                               EdgePlaces& places) {
  const DF df;
  const DI di;
  constexpr int kLanes = static_cast<int>(hn::MaxLanes(df));
  const auto one = hn::Set(di, 1);
  // The last pair's lower tap.
  const auto last = hn::Set(di, static_cast<std::int32_t>(grid.extent[0]) - 2);
  for (int k = begin; k < end; k += kLanes) {
    const int at = std::min(k, count - kLanes);
    const auto apart = [&](int axis) VARO_INLINE_LAMBDA {
      const Apart p = TakeApart(at, start, axis);
      hn::StoreU(p.index, di, places.index[axis] + at);
      hn::StoreU(p.weight, df, places.weight[axis] + at);
      return p.index;
    };
    const auto pair = hn::Min(hn::Max(apart(0), hn::Zero(di)), last), y = apart(1);
    const auto along = kBack ? hn::Sub(hn::Set(di, -1), pair) : pair;
    const auto near = hn::Add(along, Pinned(di, y, grid, 1));
    const auto far = hn::Add(along, Pinned(di, hn::Add(y, one), grid, 1));
    if constexpr (kAxes == 2) {
      hn::StoreU(near, di, places.offset[0] + at);
      hn::StoreU(far, di, places.offset[1] + at);
    } else {
      const auto z = apart(2);
      const auto below = Pinned(di, z, grid, 2);
      const auto above = Pinned(di, hn::Add(z, one), grid, 2);
      hn::StoreU(hn::Add(near, below), di, places.offset[0] + at);
      hn::StoreU(hn::Add(far, below), di, places.offset[1] + at);
      hn::StoreU(hn::Add(near, above), di, places.offset[2] + at);
      hn::StoreU(hn::Add(far, above), di, places.offset[3] + at);
    }
  }
}

template <int kAxes>
void PlaceEdge(const Grid& grid, const Start& start, int count, int begin, int end,
               EdgePlaces& places) {
  grid.stride[0] < 0 ? PlaceEdgePairs<kAxes, true>(grid, start, count, begin, end, places)
                     : PlaceEdgePairs<kAxes, false>(grid, start, count, begin, end, places);
}

template <int kAxes, bool kBack, bool kConstant>
HWY_INLINE void BlendEdgePairs(const float* data, const Grid& grid, const EdgePlaces& places,
                               int count, float fill, int begin, int end, float* out) {
  const DF df;
  const DI di;
  constexpr int kLanes = static_cast<int>(hn::MaxLanes(df));
  const auto last = hn::Set(di, static_cast<std::int32_t>(grid.extent[0]) - 2);
  for (int k = begin; k < end; k += kLanes) {
    const int at = std::min(k, count - kLanes);
    const auto index = [&](int axis)
                           VARO_INLINE_LAMBDA { return hn::LoadU(di, places.index[axis] + at); };
    const auto weight = [&](int axis)
                            VARO_INLINE_LAMBDA { return hn::LoadU(df, places.weight[axis] + at); };
    const auto y = weight(1), z = kAxes == 3 ? weight(2) : y;
    const auto rows = [&](int r, int odd) VARO_INLINE_LAMBDA {
      return LoadPairs(df, data, places.offset[r] + at + odd);
    };
    // Pairs beyond either end have been moved inside.
    const auto settle = [&](hn::Vec<DF>& lower, hn::Vec<DF>& upper) VARO_INLINE_LAMBDA {
      const auto past = hn::RebindMask(df, hn::Gt(index(0), last));
      const auto before = hn::RebindMask(df, hn::Lt(index(0), hn::Zero(di)));
      const auto moved = hn::IfThenElse(past, upper, lower);
      upper = hn::IfThenElse(before, lower, upper);
      lower = moved;
    };
    hn::Vec<DF> blended;
    if constexpr (kConstant) {
      blended = BlendFilledVector<kAxes, kBack>(grid, index, weight(0), y, z, fill, rows, settle);
    } else {
      hn::Vec<DF> lower, upper;
      BlendRows<kAxes, kBack>(y, z, rows, lower, upper);
      settle(lower, upper);
      blended = Mix(lower, upper, weight(0));
    }
    hn::StoreU(blended, df, out + at);
  }
}

template <int kAxes>
void BlendEdge(const float* data, const Grid& grid, const EdgePlaces& places, int count, float fill,
               int begin, int end, float* out) {
  const bool back = grid.stride[0] < 0;
  if (grid.constant) {
    back ? BlendEdgePairs<kAxes, true, true>(data, grid, places, count, fill, begin, end, out)
         : BlendEdgePairs<kAxes, false, true>(data, grid, places, count, fill, begin, end, out);
  } else {
    back ? BlendEdgePairs<kAxes, true, false>(data, grid, places, count, fill, begin, end, out)
         : BlendEdgePairs<kAxes, false, false>(data, grid, places, count, fill, begin, end, out);
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
      // Conversions saturate.
      const auto whole = varo::HWY_NAMESPACE::rounded(df, v);
      const auto integer = hn::ConvertTo(di, hn::IfThenZeroElse(hn::IsNaN(v), whole));
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
  loops.place_edge = nullptr;
  loops.blend_edge = nullptr;
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
  loops.place_edge = PlaceEdge<kAxes>;
  loops.blend_edge = BlendEdge<kAxes>;
  loops.direct_least = static_cast<int>(hn::Lanes(DF()));
#endif
}

RowLoops Loops(DType in, DType out, int axes) {
  RowLoops loops;
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

}  // namespace HWY_NAMESPACE
}  // namespace varo::warp
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace varo::warp {
HWY_EXPORT(Loops);
RowLoops row_loops(DType in, DType out, int axes) {
  RowLoops loops = HWY_DYNAMIC_DISPATCH(Loops)(in, out, axes);
  set_places(loops);
  set_channels(in, axes, loops);
  return loops;
}
}  // namespace varo::warp
#endif
