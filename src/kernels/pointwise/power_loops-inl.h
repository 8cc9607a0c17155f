// SPDX-License-Identifier: Apache-2.0
// Loops over powers, for whichever instruction set includes this. No include guard: functions.cc
// includes it once an instruction set, after powers-inl.h.

namespace varo {
namespace HWY_NAMESPACE {

// Whether ordinary_power() is right.
HWY_INLINE hn::Vec<U> place_of(Floats x) {
  return hn::Sub(hn::BitCast(U(), x), hn::Set(U(), kLeast));
}
HWY_INLINE Words size_of_whole(Floats whole) { return hn::BitCast(I(), hn::Abs(whole)); }
HWY_INLINE hn::Mask<F> ordinary(hn::Vec<U> place, Words size) {
  return hn::And(hn::RebindMask(F(), hn::Lt(place, hn::Set(U(), kSpan))),
                 hn::RebindMask(F(), hn::Lt(size, integer(kLargest))));
}

// Mends those of kPowers results where ordinary_power() is not right. Which of the two ways an
// element takes is its own affair, not its neighbours'.
HWY_NOINLINE void mend_powers(const float* x, const float* y, const float* wholes, float* to) {
  const F d;
  bool all = true;
  hn::Mask<F> settled[4];
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t at = i * kFloats;
    const Floats base = hn::LoadU(d, x + at), whole = hn::Load(d, wholes + at);
    // Background is often 0.
    const hn::Mask<F> vanishes =
        hn::And(hn::RebindMask(d, hn::Eq(hn::BitCast(I(), base), hn::Zero(I()))),
                hn::Gt(hn::LoadU(d, y + at), hn::Zero(d)));
    hn::StoreU(hn::IfThenZeroElse(vanishes, hn::LoadU(d, to + at)), d, to + at);
    settled[i] = hn::Or(vanishes, ordinary(place_of(base), size_of_whole(whole)));
    all = all && hn::AllTrue(d, settled[i]);
  }
  if (all) return;
  float others[kPowers];
  for (std::size_t i = 0; i < kPowers; i += kLanes)
    store(power_of_any(load(x + i), load(y + i)), others + i);
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t at = i * kFloats;
    hn::StoreU(hn::IfThenElse(settled[i], hn::LoadU(d, to + at), hn::LoadU(d, others + at)), d,
               to + at);
  }
}

// to[i] = x[i]^y[i] for kPowers floats.
HWY_INLINE void powers(const float* HWY_RESTRICT x, const float* HWY_RESTRICT y,
                       float* HWY_RESTRICT to) {
  HWY_ALIGN float wholes[kPowers];
  auto places = hn::Zero(U());
  auto sizes = hn::Zero(I());
  Floats results[4];
  for (std::size_t i = 0; i < 4; ++i) {
    const Floats base = hn::LoadU(F(), x + i * kFloats);
    Floats whole;
    results[i] = ordinary_power(base, hn::LoadU(F(), y + i * kFloats), whole);
    hn::Store(whole, F(), wholes + i * kFloats);
    places = hn::Max(places, place_of(base));
    sizes = hn::Max(sizes, size_of_whole(whole));
  }
  for (std::size_t i = 0; i < 4; ++i) hn::StoreU(results[i], F(), to + i * kFloats);
  if (HWY_UNLIKELY(!hn::AllTrue(F(), ordinary(places, sizes)))) mend_powers(x, y, wholes, to);
}

}  // namespace HWY_NAMESPACE
}  // namespace varo
