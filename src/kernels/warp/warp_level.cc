// SPDX-License-Identifier: Apache-2.0
#include "kernels/warp/warp_level.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/warp/warp_level.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
//
#include "kernels/warp/warp_vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace varo::warp {
namespace HWY_NAMESPACE {

// load(r): row r.
template <int kAxes, class V, class Load>
HWY_INLINE V MixRows(const Load& load, V y, V z) {
  const V near = Mix(load(0), load(1), y);
  if constexpr (kAxes == 2) {
    return near;
  } else {
    return Mix(near, Mix(load(2), load(3), y), z);
  }
}

template <class T, int kAxes>
void MixLevel(const void* const* rows, const std::int64_t* strides, int count, float y, float z,
              float* columns) {
  const DF df;
  const int lanes = static_cast<int>(hn::Lanes(df));
  const auto* const* from = reinterpret_cast<const T* const*>(rows);
  const auto vy = hn::Set(df, y), vz = hn::Set(df, z);
  const std::int64_t stride = strides[0];
  bool alike = stride == 1 || stride == -1;
  for (int r = 1; r < (kAxes == 2 ? 2 : 4); ++r) alike = alike && strides[r] == stride;
  if (alike && count >= lanes) {
    for (int i = 0; i < count; i += lanes) {
      const int at = std::min(i, count - lanes);
      const auto load = [&](int r) HWY_ATTR {
        return stride == 1 ? LoadFloat(from[r] + at)
                           : hn::Reverse(df, LoadFloat(from[r] - at - (lanes - 1)));
      };
      hn::StoreU(MixRows<kAxes>(load, vy, vz), df, columns + at);
    }
    return;
  }
  for (int i = 0; i < count; ++i) {
    const auto load = [&](int r) { return static_cast<float>(from[r][i * strides[r]]); };
    const float near = mix(load(0), load(1), y);
    columns[i] = kAxes == 2 ? near : mix(near, mix(load(2), load(3), y), z);
  }
}

void ShiftLevel(const float* columns, const Start& start, int count, float* out) {
  const DF df;
  const int lanes = static_cast<int>(hn::Lanes(df));
  int k = 0;
  for (; k + lanes <= count; k += lanes) {
    const auto p = PositionsFrom(df, hn::Iota(df, static_cast<float>(k)), start, 0);
    hn::StoreU(
        Mix(hn::LoadU(df, columns + k), hn::LoadU(df, columns + k + 1), hn::Sub(p, hn::Floor(p))),
        df, out + k);
  }
  for (; k < count; ++k) {
    out[k] = mix(columns[k], columns[k + 1], place_of(start, 0, k).weight);
  }
}

void AcrossLevel(const float* columns, int low, const Start& start, int extent, int count,
                 float* out) {
#if VARO_WARP_DIRECT
  const DF df;
  constexpr int kLanes = static_cast<int>(hn::MaxLanes(df));
  if (count >= kLanes) {
    // All offsets before all voxels: what waits for taps would hold up the arithmetic behind it.
    const WideDF wide;
    const WideDI wide_i;
    const int lanes = static_cast<int>(hn::Lanes(wide));
    alignas(64) std::int32_t offset[kRun + kSlack];
    alignas(64) float weight[kRun + kSlack];
    const auto whole = hn::Set(wide_i, start.whole[0] - kWholeBits - low);
    const auto least = hn::Set(wide_i, -2 - low), most = hn::Set(wide_i, extent - low);
    for (int k = 0; k < count; k += lanes) {
      const auto p = PositionsFrom(wide, hn::Iota(wide, static_cast<float>(k)), start, 0);
      const auto floor = hn::Floor(p);
      const auto index = hn::Add(Shifted(wide_i, floor), whole);
      hn::Store(hn::Min(hn::Max(index, least), most), wide_i, offset + k);
      hn::Store(hn::Sub(p, floor), wide, weight + k);
    }
    for (int k = 0; k < count; k += kLanes) {
      const int at = std::min(k, count - kLanes);
      hn::Vec<DF> lower, upper;
      Unpair<false>(LoadPairs(df, columns, offset + at), LoadPairs(df, columns, offset + at + 1),
                    lower, upper);
      hn::StoreU(Mix(lower, upper, hn::LoadU(df, weight + at)), df, out + at);
    }
    return;
  }
#endif
  for (int k = 0; k < count; ++k) {
    const Place place = place_of(start, 0, k);
    const float* pair = columns + (std::clamp(place.index, -2, extent) - low);
    out[k] = mix(pair[0], pair[1], place.weight);
  }
}

template <int kAxes>
LevelLoops LoopsOf(DType in) {
  switch (in) {
    case DType::u8:
      return {MixLevel<std::uint8_t, kAxes>, AcrossLevel, ShiftLevel};
    case DType::i8:
      return {MixLevel<std::int8_t, kAxes>, AcrossLevel, ShiftLevel};
    case DType::u16:
      return {MixLevel<std::uint16_t, kAxes>, AcrossLevel, ShiftLevel};
    case DType::i16:
      return {MixLevel<std::int16_t, kAxes>, AcrossLevel, ShiftLevel};
    case DType::i32:
      return {MixLevel<std::int32_t, kAxes>, AcrossLevel, ShiftLevel};
    default:
      return {MixLevel<float, kAxes>, AcrossLevel, ShiftLevel};
  }
}

LevelLoops Loops(DType in, int axes) { return axes == 2 ? LoopsOf<2>(in) : LoopsOf<3>(in); }

}  // namespace HWY_NAMESPACE
}  // namespace varo::warp
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace varo::warp {
HWY_EXPORT(Loops);
LevelLoops level_loops(DType in, int axes) { return HWY_DYNAMIC_DISPATCH(Loops)(in, axes); }
}  // namespace varo::warp
#endif
