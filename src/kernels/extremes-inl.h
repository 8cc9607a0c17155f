// SPDX-License-Identifier: Apache-2.0
// The lesser and the greater of two, for whichever instruction set includes this. No include guard:
// a file that is compiled for every instruction set includes it once for each.

namespace varo {
namespace HWY_NAMESPACE {

// a < b ? a : b and a > b ? a : b, whatever is no number or a zero.
template <class V>
HWY_INLINE V smaller(V a, V b) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
  return hwy::HWY_NAMESPACE::Min(a, b);  // what the instruction does
#else
  return hwy::HWY_NAMESPACE::IfThenElse(hwy::HWY_NAMESPACE::Lt(a, b), a, b);
#endif
}
template <class V>
HWY_INLINE V larger(V a, V b) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
  return hwy::HWY_NAMESPACE::Max(a, b);
#else
  return hwy::HWY_NAMESPACE::IfThenElse(hwy::HWY_NAMESPACE::Gt(a, b), a, b);
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace varo
