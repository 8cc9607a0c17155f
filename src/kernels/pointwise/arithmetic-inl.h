// SPDX-License-Identifier: Apache-2.0
// Floats computed with in doubles, for whichever instruction set includes this. No include guard:
// functions.cc includes it once an instruction set, after kernels/four-inl.h.

namespace varo {
namespace HWY_NAMESPACE {

using F64 = hn::ScalableTag<double>;
using U64 = hn::RebindToUnsigned<F64>;
using F32 = hn::Rebind<float, F64>;  // as many

using V = Four<hn::Vec<F64>>;
using Mask = Four<hn::Mask<F64>>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kLn2 = 0x1.62e42fefa39efp-1, kLog2E = 0x1.71547652b82fep+0;
constexpr double kLog10Of2 = 0x1.34413509f79ffp-2;
constexpr double kPi = 0x1.921fb54442d18p+1;
// t + kRounder is rounded, and holds the whole number in its low bits.
constexpr double kRounder = 0x1.8p52;

HWY_INLINE V value(double x) { return same<hn::Vec<F64>>(x); }

// What `function` makes of the bits of x.
template <class Function>
HWY_INLINE V on_bits(const Function& function, V x) {
  return each([&](auto vector)
                  HWY_ATTR { return hn::BitCast(F64(), function(hn::BitCast(U64(), vector))); },
              x);
}
HWY_INLINE hn::Vec<U64> word(std::uint64_t x) { return hn::Set(U64(), x); }

HWY_INLINE bool all(Mask x) {
  return hn::AllTrue(F64(), hn::And(hn::And(x.a, x.b), hn::And(x.c, x.d)));
}

HWY_INLINE V least(V x, V y) { return VARO_EACH(hn::Min, x, y); }
HWY_INLINE V most(V x, V y) { return VARO_EACH(hn::Max, x, y); }
HWY_INLINE V clamped(V x, double low, double high) {
  return least(most(x, value(low)), value(high));
}
HWY_INLINE V size_of(V x) { return VARO_EACH(hn::Abs, x); }
HWY_INLINE V floor(V x) { return VARO_EACH(hn::Floor, x); }
HWY_INLINE V with_sign(V size, V of) { return VARO_EACH(hn::CopySign, size, of); }
HWY_INLINE Mask negative(V x) { return with_sign(value(1), x) < 0; }  // -0 is
// `result`, or x where x is no number.
HWY_INLINE V unless_nan(V x, V result) { return select(x == x, result, x); }

// c[0] + c[1] x + c[2] x^2 + ...: neighbours first, then a Horner scheme in x^2, which takes half
// the time of one in x.
template <std::size_t n>
HWY_INLINE V polynomial(V x, const double (&c)[n]) {
  const V square = x * x;
  constexpr std::size_t kTop = (n - 1) / 2 * 2;
  V sum = value(c[kTop]);
  if constexpr (kTop + 1 < n) sum = x * c[kTop + 1] + sum;
  for (std::size_t i = kTop; i >= 2; i -= 2) sum = sum * square + (x * c[i - 1] + c[i - 2]);
  return sum;
}

// --- floats to and from

constexpr std::size_t kVector = hn::MaxLanes(F64()), kLanes = 4 * kVector;

HWY_INLINE V load(const float* from) {
  const auto at = [from](std::size_t i) HWY_ATTR {
    return hn::PromoteTo(F64(), hn::LoadU(F32(), from + i * kVector));
  };
  return {at(0), at(1), at(2), at(3)};
}

HWY_INLINE V load_doubles(const double* from) {
  const auto at = [from](std::size_t i) HWY_ATTR { return hn::LoadU(F64(), from + i * kVector); };
  return {at(0), at(1), at(2), at(3)};
}
HWY_INLINE void store_doubles(V x, double* to) {
  hn::StoreU(x.a, F64(), to);
  hn::StoreU(x.b, F64(), to + kVector);
  hn::StoreU(x.c, F64(), to + 2 * kVector);
  hn::StoreU(x.d, F64(), to + 3 * kVector);
}

HWY_INLINE void store(V x, float* to) {
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  // DemoteTo() would make the largest float of what is larger, not infinity.
  double values[kLanes];
  store_doubles(x, values);
  for (std::size_t i = 0; i < kLanes; ++i) to[i] = static_cast<float>(values[i]);
#else
  const auto at = [to](std::size_t i, auto vector) HWY_ATTR {
    hn::StoreU(hn::DemoteTo(F32(), vector), F32(), to + i * kVector);
  };
  at(0, x.a);
  at(1, x.b);
  at(2, x.c);
  at(3, x.d);
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace varo
