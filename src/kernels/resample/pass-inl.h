// SPDX-License-Identifier: Apache-2.0
// What passes along rows and along columns share, for the instruction set that includes this.
#if defined(VARO_RESAMPLE_PASS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef VARO_RESAMPLE_PASS_INL_H_
#undef VARO_RESAMPLE_PASS_INL_H_
#else
#define VARO_RESAMPLE_PASS_INL_H_
#endif

#include <hwy/highway.h>
#include <limits>
#include <type_traits>

#include "core/walk.h"
#include "kernels/resample/pass.h"
#include "kernels/rounded-inl.h"

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
    const auto wide = hn::ConvertTo(hn::Rebind<std::int32_t, D>(), rounded(d, v));
    const hn::Rebind<T, D> narrow;
    hn::StoreU(hn::DemoteTo(narrow, wide), narrow, to);
  }
}

// Calls body(src offset, dst offset) for every index of the axes [0, rank) but `skip`.
template <class Body>
HWY_INLINE void for_each_index(const ResamplePass& p, int rank, int skip, const Body& body) {
  Walk<2> walk;
  for (int i = 0; i < rank; ++i)
    if (i != skip) walk.axis[walk.rank++] = {p.dst.shape[i], {p.src.strides[i], p.dst.strides[i]}};
  Odometer<2> at(walk);
  for (std::int64_t n = walk.count(); n > 0; --n, at.next()) body(at.offset[0], at.offset[1]);
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

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace varo
HWY_AFTER_NAMESPACE();

#endif
