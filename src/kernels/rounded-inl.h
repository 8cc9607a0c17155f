// SPDX-License-Identifier: Apache-2.0
// The rounding of core/convert.h for vectors of floats, for whichever instruction set includes this.
// No include guard: a file that is compiled for every instruction set includes it once for each.

HWY_BEFORE_NAMESPACE();
namespace varo {
namespace HWY_NAMESPACE {

// The nearest whole number, halves away from zero.
template <class D>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> rounded(D d, hwy::HWY_NAMESPACE::Vec<D> v) {
  namespace hn = hwy::HWY_NAMESPACE;
  const auto whole = hn::Trunc(v);
  const auto up = hn::Ge(hn::Abs(hn::Sub(v, whole)), hn::Set(d, 0.5F));
  return hn::Add(whole, hn::IfThenElseZero(up, hn::CopySign(hn::Set(d, 1.0F), v)));
}

}  // namespace HWY_NAMESPACE
}  // namespace varo
HWY_AFTER_NAMESPACE();
