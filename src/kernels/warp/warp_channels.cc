// SPDX-License-Identifier: Apache-2.0
// Voxels whose channels lie side by side: each tap is a vector of channels.
#include <algorithm>

#include "kernels/warp/warp_row.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/warp/warp_channels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
//
#include "kernels/warp/warp_vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace varo::warp {
namespace HWY_NAMESPACE {

#if VARO_WARP_DIRECT
// The channels of a tap as one vector.
using DC = hn::CappedTag<float, kChannels>;
template <class T>
HWY_INLINE hn::Vec<DC> LoadChannels(const T* from) {
  const DC d;
  if constexpr (std::is_same_v<T, float>) {
    return hn::LoadU(d, from);
  } else if constexpr (std::is_same_v<T, std::int32_t>) {
    return hn::ConvertTo(d, hn::LoadU(hn::RebindToSigned<DC>(), from));
  } else {
    return hn::ConvertTo(
        d, hn::PromoteTo(hn::RebindToSigned<DC>(), hn::LoadU(hn::Rebind<T, DC>(), from)));
  }
}

// Taps of a volume whose last voxel may be followed by nothing that can be read.
template <class T>
struct ChannelTaps {
  const T* data;
  int channels;
  std::int64_t last;  // the offset from which on a vector would read beyond the volume

  ChannelTaps(const T* from, const Grid& grid, int n)
      : data(from), channels(n), last(n - kChannels) {
    for (int axis = 0; axis < grid.axes; ++axis)
      last += std::max<std::int64_t>(grid.stride[axis], 0) * (grid.extent[axis] - 1);
  }
  HWY_INLINE hn::Vec<DC> at(std::int64_t offset) const {
    if (HWY_LIKELY(offset <= last)) return LoadChannels(data + offset);
    T copied[kChannels] = {};
    std::copy_n(data + offset, channels, copied);
    return LoadChannels(copied);
  }
};

// tap(r): of row r. As for every other voxel: across rows first.
template <int kAxes, class Tap>
HWY_INLINE hn::Vec<DC> AcrossChannels(const Tap& tap, hn::Vec<DC> y, hn::Vec<DC> z) {
  const auto near = Mix(tap(0), tap(1), y);
  if constexpr (kAxes == 2) {
    return near;
  } else {
    return Mix(near, Mix(tap(2), tap(3), y), z);
  }
}

template <class T, int kAxes>
void BlendChannels(const void* elements, const Grid& grid, const Positions& run, int begin, int end,
                   int channels, std::int64_t ahead, float* out) {
  const DC d;
  const T* data = static_cast<const T*>(elements);
  const ChannelTaps<T> taps(data, grid, channels);
  const std::int64_t along = grid.stride[0], y = grid.stride[1],
                     z = kAxes == 3 ? grid.stride[2] : 0;
  const std::int64_t row[4] = {0, y, z, y + z};
  std::int64_t farthest = 0;  // of a voxel's taps
  for (int axis = 0; axis < kAxes; ++axis) farthest += std::max<std::int64_t>(grid.stride[axis], 0);
  // Need not lie within the volume.
  const auto there =
      reinterpret_cast<std::uintptr_t>(data) + static_cast<std::uintptr_t>(ahead) * sizeof(T);
  for (int k = begin; k < end; ++k) {
    const std::int64_t offset = run.offset[k];
    if ((k & 1) == 0) __builtin_prefetch(reinterpret_cast<const T*>(there) + offset, 0, 2);
    const auto vy = hn::Set(d, run.weight[1][k]);
    const auto vz = kAxes == 3 ? hn::Set(d, run.weight[2][k]) : vy;
    hn::Vec<DC> lower, upper;
    if (HWY_LIKELY(offset + farthest <= taps.last)) {
      const auto across = [&](const T* from) VARO_INLINE_LAMBDA {
        const auto tap = [&](int r) VARO_INLINE_LAMBDA { return LoadChannels(from + row[r]); };
        return AcrossChannels<kAxes>(tap, vy, vz);
      };
      lower = across(data + offset);
      upper = across(data + offset + along);
    } else {
      const auto across = [&](std::int64_t at) VARO_INLINE_LAMBDA {
        const auto tap = [&](int r) VARO_INLINE_LAMBDA { return taps.at(at + row[r]); };
        return AcrossChannels<kAxes>(tap, vy, vz);
      };
      lower = across(offset);
      upper = across(offset + along);
    }
    hn::StoreU(Mix(lower, upper, hn::Set(d, run.weight[0][k])), d, out + k * channels);
  }
}

template <class T, int kAxes>
void BlendChannelsEdge(const void* elements, const Grid& grid, const Positions& run,
                       const PinnedTaps& pins, float fill, int begin, int end, int channels,
                       float* out) {
  const DC d;
  const ChannelTaps<T> taps(static_cast<const T*>(elements), grid, channels);
  const auto filled = hn::Set(d, fill);
  for (int k = begin; k < end; ++k) {
    // Whether the lower (upper: the upper) tap along `axis` is not fill.
    const auto within = [&](int axis, int upper) VARO_INLINE_LAMBDA {
      const std::int32_t index = run.index[axis][k];
      return index > grid.low[axis] - 1 - upper && index < grid.high[axis] - upper;
    };
    const auto row_in = [&](int r) VARO_INLINE_LAMBDA {
      return within(1, r & 1) && (kAxes == 2 || within(2, r >> 1));
    };
    const auto vy = hn::Set(d, run.weight[1][k]);
    const auto vz = kAxes == 3 ? hn::Set(d, run.weight[2][k]) : vy;
    const auto across = [&](int upper) VARO_INLINE_LAMBDA {
      const auto tap = [&](int r) VARO_INLINE_LAMBDA {
        return row_in(r) ? taps.at(std::int64_t{pins.row[r][k]} + pins.x[upper][k]) : filled;
      };
      return within(0, upper) ? AcrossChannels<kAxes>(tap, vy, vz) : filled;
    };
    const bool some_row = row_in(0) || row_in(1) || (kAxes == 3 && (row_in(2) || row_in(3)));
    const bool some = some_row && (within(0, 0) || within(0, 1));
    hn::StoreU(some ? Mix(across(0), across(1), hn::Set(d, run.weight[0][k])) : filled, d,
               out + k * channels);
  }
}

template <int kAxes>
void SetAxes(DType in, RowLoops& loops) {
  const auto set = [&](auto element) {
    using T = decltype(element);
    loops.blend_channels = BlendChannels<T, kAxes>;
    loops.blend_channels_edge = BlendChannelsEdge<T, kAxes>;
  };
  switch (in) {
    case DType::u8:
      return set(std::uint8_t());
    case DType::i8:
      return set(std::int8_t());
    case DType::u16:
      return set(std::uint16_t());
    case DType::i16:
      return set(std::int16_t());
    case DType::i32:
      return set(std::int32_t());
    default:
      return set(float());
  }
}

void SetChannels(DType in, int axes, RowLoops& loops) {
  axes == 2 ? SetAxes<2>(in, loops) : SetAxes<3>(in, loops);
}
#else
void SetChannels(DType, int, RowLoops& loops) {
  loops.blend_channels = nullptr;
  loops.blend_channels_edge = nullptr;
}
#endif

}  // namespace HWY_NAMESPACE
}  // namespace varo::warp
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace varo::warp {
HWY_EXPORT(SetChannels);
void set_channels(DType in, int axes, RowLoops& loops) {
  HWY_DYNAMIC_DISPATCH(SetChannels)(in, axes, loops);
}
}  // namespace varo::warp
#endif
