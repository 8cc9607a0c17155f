// SPDX-License-Identifier: Apache-2.0
// Positions of a run, and the offsets of what lies there.
#include "kernels/warp/warp_row.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/warp/warp_place.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
//
#include "kernels/warp/warp_vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace varo::warp {
namespace HWY_NAMESPACE {

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

void SetPlaces(RowLoops& loops) {
  loops.locate = Locate;
  loops.place = Place;
  loops.place_nearest = PlaceNearest;
  loops.pin = Pin;
}

}  // namespace HWY_NAMESPACE
}  // namespace varo::warp
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace varo::warp {
HWY_EXPORT(SetPlaces);
void set_places(RowLoops& loops) { HWY_DYNAMIC_DISPATCH(SetPlaces)(loops); }
}  // namespace varo::warp
#endif
