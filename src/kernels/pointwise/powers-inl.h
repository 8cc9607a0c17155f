// SPDX-License-Identifier: Apache-2.0
// Powers of floats, for whichever instruction set includes this. No include guard: functions.cc
// includes it once an instruction set, after functions-inl.h.
//
// A logarithm that is multiplied by any exponent needs more bits than a float has. Powers are
// computed with in floats nevertheless, twice as many a vector as doubles: where one is not enough,
// a second holds what the first lost. Two kinds of operation make it, and both have the same bits
// with and without a fused instruction: a remainder, c - a b rounded once, whose exact value is a
// double's; and c - a b where a b is a float.
//
// Results are within 0.9 ulp; within 0.7 while they are between 2^-32 and 2^32. Polynomials are
// minimax (Remez exchange at 60 digits, coefficients rounded to float afterwards).
//
// Logarithms are in units of 2^-23: the bits of a float's exponent are then its whole part.

namespace varo {
namespace HWY_NAMESPACE {

using F = hn::ScalableTag<float>;
using I = hn::RebindToSigned<F>;
using U = hn::RebindToUnsigned<F>;
using Floats = hn::Vec<F>;
using Words = hn::Vec<I>;

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

// Eight numbers, and again, for vectors of sixteen.
template <class T>
struct Table {
  alignas(64) T values[16] = {};
  constexpr explicit Table(const T (&of)[8]) {
    for (std::size_t i = 0; i < 16; ++i) values[i] = of[i % 8];
  }
};

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

// x^y where x is in [2^-125, 2^125) and |y log2(x)| below 118, roughly; `whole` tells: it is the
// latter in eighths.
//
// x = m 2^e, and m is in one of eight cells, 2^20 floats each, that begin at kCells. log2 m is that
// of the cell's middle, c, and that of m / c: s P(s^2) with s = (m - c) / (m + c). The middles are
// chosen such that their logarithms are multiples of 2^-17, to 2^-36: together with e a float.
// P: minimax in the relative error, 2^-36; 2^f below: 2^-32.
HWY_INLINE Floats ordinary_power(Floats x, Floats y, Floats& whole) {
  constexpr std::int32_t kCells = 0x3f78a000;
  static constexpr Table<float> kMiddle({0x1p+0F, 0x1.246a8ap+0F, 0x1.3d0852p+0F, 0x1.608076p+0F,
                                         0x1.86390ap+0F, 0x1.94c47cp+0F, 0x1.c40ab6p+0F,
                                         0x1.e1f9fap+0F});
  static constexpr Table<std::int32_t> kLogarithm(
      {0, 0x188f80, 0x277c80, 0x3b1200, 0x4dd800, 0x549a00, 0x690000, 0x74d740});
  static constexpr Table<float> kSlope(  // log2(e) / c
      {0x1.715476p+23F, 0x1.4355d4p+23F, 0x1.2a3ac4p+23F, 0x1.0c38a2p+23F, 0x1.e4964ap+22F,
       0x1.d32c96p+22F, 0x1.a2513ap+22F, 0x1.88562p+22F});
  constexpr float kFirst = 0x1.715476p+24F, kFirstLow = 0x1.4ae0cp-2F, kThird = 0x1.ec7096p+22F,
                  kFifth = 0x1.27ce14p+22F;

  const Words bits = hn::BitCast(I(), x), moved = hn::Sub(bits, integer(kCells));
  const Words exponent = hn::And(moved, integer(-0x800000));
  const Words cell = hn::ShiftRight<20>(moved);
  const Floats m = hn::BitCast(F(), hn::Sub(bits, exponent)), c = entries(kMiddle, cell);
  const Floats base = hn::ConvertTo(F(), hn::Add(exponent, entries(kLogarithm, cell)));

  // What the sum loses is its last bit, a power of 2. `left` / (m + c) is what s loses, and
  // 1 / (m + c) = (1 - s) / 2c.
  const Floats difference = hn::Sub(m, c), sum = hn::Add(m, c);
  const Floats lost = hn::Sub(m, hn::Sub(sum, c)), s = hn::Div(difference, sum);
  const Floats left = hn::NegMulAdd(s, lost, remainder(difference, s, sum));
  const Floats more = hn::Mul(entries(kSlope, cell), left);
  const Floats square = hn::Mul(s, s);
  const Floats series = hn::Add(
      hn::Mul(hn::Add(hn::Mul(square, real(kFifth)), real(kThird)), square), real(kFirstLow));
  const Floats small = hn::Add(more, hn::Mul(s, hn::Sub(series, more)));

  const Floats logarithm = hn::Add(base, hn::Mul(s, real(kFirst)));
  const Floats low = hn::Sub(small, remainder(hn::Sub(logarithm, base), s, real(kFirst)));

  // y log2(x) = n + f, n in eighths, whose last bits are those of `rounded`.
  constexpr float kEighths = 0x1.8p43F;
  const Floats rounded = hn::Add(hn::Mul(y, logarithm), real(kEighths));
  whole = hn::Sub(rounded, real(kEighths));
  const Floats f = hn::Sub(hn::Mul(y, low), remainder(whole, y, logarithm));

  // 2^f - 1, and 2^n: that of its fraction from tables, without the eighths that the addition to
  // the exponent brings, and what a float lacks of it, relatively.
  static constexpr Table<std::int32_t> kPower({0x3f800000, 0x3f7b95c2, 0x3f7837f0, 0x3f75fed7,
                                               0x3f7504f3, 0x3f75672a, 0x3f7744fd, 0x3f7ac0c7});
  static constexpr Table<float> kLacks({0, -0x1.9c0c22p-27F, 0x1.125002p-25F, -0x1.0a355p-25F,
                                        0x1.26055cp-26F, 0x1.67a1cap-28F, -0x1.f9c304p-27F,
                                        -0x1.a5217cp-28F});
  const Words last = hn::BitCast(I(), rounded);
  const Floats power = hn::BitCast(F(), hn::Add(entries(kPower, last), hn::ShiftLeft<20>(last)));
  Floats less_1 = hn::Mul(f, real(0x1.3b324ep-99F));
  less_1 = hn::Mul(f, hn::Add(less_1, real(0x1.c6c0f8p-74F)));
  less_1 = hn::Mul(f, hn::Add(less_1, real(0x1.ebfbep-49F)));
  less_1 = hn::Mul(f, hn::Add(less_1, real(0x1.62e43p-24F)));
  return hn::Add(power, hn::Mul(power, hn::Add(less_1, entries(kLacks, last))));
}

// x^y by the rules of C, for any x and y.
HWY_INLINE V power_of_any(V x, V y) {
  const V size = size_of(x);
  const Mask endless = size_of(y) == kInfinity;
  const Mask grows = ((size > 1) & (y > 0)) | ((size < 1) & (y < 0));
  V r = select(endless | (size == 0) | (size == kInfinity), select(grows, kInfinity, value(0)),
               float_exp2_of(y * log2_of(size)));
  r = select(endless & (size == 1), 1, r);
  const V half = y * 0.5;
  const Mask whole = floor(y) == y, odd = whole & !(floor(half) == half);
  r = select(negative(x) & odd, r ^ value(-0.0), r);
  r = select((x < 0) & (x > -kInfinity) & !whole, kNan, r);
  r = select((x == x) & (y == y), r, x + y);
  return select((y == 0) | (x == 1), 1, r);
}

// Whether ordinary_power() is right, from the bits of x less kLeast and those of |whole|.
constexpr std::uint32_t kLeast = 0x01000000, kSpan = 0x7d000000;  // 2^-125, and up to 2^125
constexpr std::int32_t kLargest = 0x4e6c0000;                     // 118
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
