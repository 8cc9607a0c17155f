// SPDX-License-Identifier: Apache-2.0
// Vectors as Floats and Words of powers-inl.h, for whichever instruction set includes this. No
// include guard: functions.cc includes it once an instruction set, before powers-inl.h.

namespace varo {
namespace HWY_NAMESPACE {

using F = hn::ScalableTag<float>;
using I = hn::RebindToSigned<F>;
using U = hn::RebindToUnsigned<F>;
using Floats = hn::Vec<F>;
using Words = hn::Vec<I>;
using element::Table;

constexpr std::size_t kFloats = hn::MaxLanes(F()), kPowers = 4 * kFloats;

HWY_INLINE Floats real(float x) { return hn::Set(F(), x); }
HWY_INLINE Words integer(std::int32_t x) { return hn::Set(I(), x); }

// c - a b, rounded once. The exact value is a double's.
HWY_INLINE Floats remainder(Floats c, Floats a, Floats b) {
#if HWY_NATIVE_FMA
  return hn::NegMulAdd(a, b, c);
#elif HWY_TARGET == HWY_SCALAR
  const double product = double{hn::GetLane(a)} * double{hn::GetLane(b)};
  return real(static_cast<float>(double{hn::GetLane(c)} - product));
#else
  using Half = hn::Half<F>;
  using Doubles = hn::Rebind<double, Half>;
  const auto of = [](auto c, auto a, auto b) HWY_ATTR {
    const Doubles d;
    return hn::DemoteTo(
        Half(), hn::Sub(hn::PromoteTo(d, c), hn::Mul(hn::PromoteTo(d, a), hn::PromoteTo(d, b))));
  };
  const auto low = [](Floats x) HWY_ATTR { return hn::LowerHalf(Half(), x); };
  const auto high = [](Floats x) HWY_ATTR { return hn::UpperHalf(Half(), x); };
  return hn::Combine(F(), of(high(c), high(a), high(b)), of(low(c), low(a), low(b)));
#endif
}

// The entries that the last three bits of `at` name.
template <class T>
HWY_INLINE hn::Vec<hn::Rebind<T, F>> entries(const Table<T>& table, Words at) {
  const hn::Rebind<T, F> d;
#if HWY_TARGET <= HWY_AVX2 && HWY_ARCH_X86
  // The instruction ignores the other bits.
  using Indices = decltype(hn::IndicesFromVec(d, at));
  return hn::TableLookupLanes(hn::Load(d, table.values), Indices{at.raw});
#else
  return hn::GatherIndex(d, table.values, hn::And(at, integer(7)));
#endif
}

HWY_INLINE Words words_of(Floats x) { return hn::BitCast(I(), x); }
HWY_INLINE Floats floats_of(Words x) { return hn::BitCast(F(), x); }
HWY_INLINE Floats converted(Words x) { return hn::ConvertTo(F(), x); }
HWY_INLINE Words masked(Words x, std::int32_t mask) { return hn::And(x, integer(mask)); }
template <int n>
HWY_INLINE Words words_left(Words x) {
  return hn::ShiftLeft<n>(x);
}
template <int n>
HWY_INLINE Words words_right(Words x) {
  return hn::ShiftRight<n>(x);
}
// Of Floats or Words.
template <class T>
HWY_INLINE T sum_of(T a, T b) {
  return hn::Add(a, b);
}
template <class T>
HWY_INLINE T less(T a, T b) {
  return hn::Sub(a, b);
}
HWY_INLINE Floats product(Floats a, Floats b) { return hn::Mul(a, b); }
HWY_INLINE Floats quotient(Floats a, Floats b) { return hn::Div(a, b); }
// c - a b, where a b is a float.
HWY_INLINE Floats less_product(Floats c, Floats a, Floats b) { return hn::NegMulAdd(a, b, c); }

}  // namespace HWY_NAMESPACE
}  // namespace varo
