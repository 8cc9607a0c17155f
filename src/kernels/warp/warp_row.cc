// SPDX-License-Identifier: Apache-2.0
#include "kernels/warp/warp_row.h"

#include <algorithm>
#include <cmath>
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

// Beyond this the float32 offsets within a run would be coarser than 3e-5 voxel.
constexpr double kMaxStep = 8;
// Positions are pinned here; far outside of every axis, and sums of two still fit an int32.
constexpr double kFar = 1 << 29;

void LocateExactly(double start, double step, int count, std::int32_t* index, float* weight) {
  for (int k = 0; k < count; ++k) {
    const double at = start + k * step;
    const double pinned = at >= -kFar ? std::min(at, kFar) : -kFar;  // NaN goes to -kFar
    const double floor = std::floor(pinned);
    index[k] = static_cast<std::int32_t>(floor);
    weight[k] = static_cast<float>(pinned - floor);
  }
}

void Locate(const double* start, const double* step, int axes, bool linear, int count,
            Positions& run) {
  const WideDF df;
  const WideDI di;
  const int lanes = static_cast<int>(hn::Lanes(df));
  for (int axis = 0; axis < axes; ++axis) {
    const double at = linear ? start[axis] - 0.5 : start[axis];
    float* to_weight = run.weight[axis];
    std::int32_t* to_index = run.index[axis];
    if (std::abs(at) < kFar && std::abs(step[axis]) <= kMaxStep) {
      const double whole = std::floor(at);
      const auto whole_i = hn::Set(di, static_cast<std::int32_t>(whole));
      const auto first = hn::Set(df, static_cast<float>(at - whole));
      const auto stride = hn::Set(df, static_cast<float>(step[axis]));
      for (int k = 0; k < count; k += lanes) {
        const auto p = hn::Add(first, hn::Mul(hn::Iota(df, static_cast<float>(k)), stride));
        const auto floor = hn::Floor(p);
        hn::StoreU(hn::Add(hn::ConvertTo(di, floor), whole_i), di, to_index + k);
        hn::StoreU(hn::Sub(p, floor), df, to_weight + k);
      }
    } else {
      LocateExactly(at, step[axis], count, to_index, to_weight);
    }
  }
}

void Address(const std::int32_t* strides_xyz, const std::int32_t* last_xyz, int axes, int count,
             Positions& run) {
  const WideDI di;
  const int lanes = static_cast<int>(hn::Lanes(di));
  for (int k = 0; k < count; k += lanes) {
    auto sum = hn::Zero(di);
    for (int axis = 0; axis < axes; ++axis) {
      const auto index = hn::Min(hn::Max(hn::LoadU(di, run.index[axis] + k), hn::Zero(di)),
                                 hn::Set(di, last_xyz[axis]));
      sum = hn::Add(sum, hn::Mul(index, hn::Set(di, strides_xyz[axis])));
    }
    hn::StoreU(sum, di, run.offset + k);
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

// `rows(r, odd)`: taps of row r for voxels k, k + 2, ... (odd: k + 1, k + 3, ...) as pairs. kBack:
// pairs are (upper, lower).
template <int kAxes, bool kBack, class Rows>
HWY_INLINE hn::Vec<DF> BlendVector(const Positions& run, int k, const Rows& rows) {
  const DF df;
  const auto x = hn::LoadU(df, run.weight[0] + k), y = hn::LoadU(df, run.weight[1] + k);
  const auto z = kAxes == 3 ? hn::LoadU(df, run.weight[2] + k) : y;
  const auto across = [&](int odd, auto wy, auto wz) HWY_ATTR {
    const auto near = Mix(rows(0, odd), rows(1, odd), wy);
    if constexpr (kAxes == 2) {
      return near;
    } else {
      return Mix(near, Mix(rows(2, odd), rows(3, odd), wy), wz);
    }
  };
#if HWY_TARGET == HWY_SCALAR
  // One voxel: `rows` gives the lower, then the upper tap.
  return Mix(across(0, y, z), across(1, y, z), x);
#else
  const auto even = across(0, hn::DupEven(y), hn::DupEven(z));
  const auto odd = across(1, hn::DupOdd(y), hn::DupOdd(z));
  const auto first = hn::OddEven(hn::DupEven(odd), even);
  const auto second = hn::OddEven(odd, hn::DupOdd(even));
  return kBack ? Mix(second, first, x) : Mix(first, second, x);
#endif
}

template <class T, int kAxes>
void Blend(const void* taps, const Positions& run, int begin, int end, float* out) {
  const DF df;
  const auto& pair = static_cast<const Taps<T>*>(taps)->pair;
  const int lanes = static_cast<int>(hn::Lanes(df));
  for (int k = begin & ~1; k < end; k += lanes) {
#if HWY_TARGET == HWY_SCALAR
    const auto rows = [&](int r, int upper) {
      return LoadFloat(pair[r][k & 1] + (k & ~1) + upper);
    };
#else
    const auto rows = [&](int r, int odd) HWY_ATTR { return LoadFloat(pair[r][odd] + k); };
#endif
    hn::StoreU(BlendVector<kAxes, false>(run, k, rows), df, out + k);
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
                           float* out) {
  const DF df;
  const int lanes = static_cast<int>(hn::Lanes(df));
  for (int k = begin; k < end; k += lanes) {
    const int at = std::min(k, end - lanes);  // the last step goes over some voxels again
    const auto rows = [&](int r, int odd)
                          HWY_ATTR { return LoadPairs(df, from[r], run.offset + at + odd); };
    hn::StoreU(BlendVector<kAxes, kBack>(run, at, rows), df, out + at);
  }
}

template <int kAxes>
void BlendDirect(const float* data, const std::int64_t* strides_xyz, const Positions& run,
                 int begin, int end, float* out) {
  const bool back = strides_xyz[0] < 0;
  const float* first = back ? data - 1 : data;
  const std::int64_t y = strides_xyz[1], z = kAxes == 3 ? strides_xyz[2] : 0;
  const float* from[4] = {first, first + y, first + z, first + y + z};
  if (back) {
    BlendPairs<kAxes, true>(from, run, begin, end, out);
  } else {
    BlendPairs<kAxes, false>(from, run, begin, end, out);
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

template <int kAxes>
void SetBlend(DType in, RowLoops& loops) {
  loops.direct_least = 0;
  loops.blend_direct = nullptr;
  switch (in) {
    case DType::u8:
      loops.blend = Blend<std::uint8_t, kAxes>;
      break;
    case DType::i8:
      loops.blend = Blend<std::int8_t, kAxes>;
      break;
    case DType::u16:
      loops.blend = Blend<std::uint16_t, kAxes>;
      break;
    case DType::i16:
      loops.blend = Blend<std::int16_t, kAxes>;
      break;
    case DType::i32:
      loops.blend = Blend<std::int32_t, kAxes>;
      break;
    default:
      loops.blend = Blend<float, kAxes>;
#if VARO_WARP_DIRECT
      loops.blend_direct = BlendDirect<kAxes>;
      loops.direct_least = static_cast<int>(hn::Lanes(DF()));
#endif
  }
}

RowLoops Loops(DType in, DType out, int axes) {
  RowLoops loops;
  loops.locate = Locate;
  loops.address = Address;
  axes == 2 ? SetBlend<2>(in, loops) : SetBlend<3>(in, loops);
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
