// SPDX-License-Identifier: Apache-2.0
// Four vectors of doubles as V of arithmetic-inl.h, for whichever instruction set includes this. No
// include guard: functions.cc includes it once an instruction set, after kernels/four-inl.h.

namespace varo {
namespace HWY_NAMESPACE {

using F64 = hn::ScalableTag<double>;
using U64 = hn::RebindToUnsigned<F64>;
using F32 = hn::Rebind<float, F64>;  // as many

using V = Four<hn::Vec<F64>>;
using Mask = Four<hn::Mask<F64>>;

HWY_INLINE V value(double x) { return same<hn::Vec<F64>>(x); }

// What `function` makes of the bits of x...
template <class Function, class... X>
HWY_INLINE V on_bits(const Function& function, X... x) {
  return each([&](auto... vector)
                  HWY_ATTR { return hn::BitCast(F64(), function(hn::BitCast(U64(), vector)...)); },
              x...);
}
HWY_INLINE V plus_bits(V x, std::uint64_t by) {
  return on_bits([by](auto bits) HWY_ATTR { return hn::Add(bits, hn::Set(U64(), by)); }, x);
}
HWY_INLINE V plus_bits(V x, V y) {
  return on_bits([](auto a, auto b) HWY_ATTR { return hn::Add(a, b); }, x, y);
}
HWY_INLINE V and_bits(V x, std::uint64_t mask) {
  return on_bits([mask](auto bits) HWY_ATTR { return hn::And(bits, hn::Set(U64(), mask)); }, x);
}
HWY_INLINE V or_bits(V x, std::uint64_t more) {
  return on_bits([more](auto bits) HWY_ATTR { return hn::Or(bits, hn::Set(U64(), more)); }, x);
}
HWY_INLINE V xor_bits(V x, V y) { return VARO_EACH(hn::Xor, x, y); }
template <int n>
HWY_INLINE V bits_left(V x) {
  return on_bits([](auto bits) HWY_ATTR { return hn::ShiftLeft<n>(bits); }, x);
}
template <int n>
HWY_INLINE V bits_right(V x) {
  return on_bits([](auto bits) HWY_ATTR { return hn::ShiftRight<n>(bits); }, x);
}

HWY_INLINE bool all(Mask x) {
  return hn::AllTrue(F64(), hn::And(hn::And(x.a, x.b), hn::And(x.c, x.d)));
}

HWY_INLINE V least(V x, V y) { return VARO_EACH(hn::Min, x, y); }
HWY_INLINE V most(V x, V y) { return VARO_EACH(hn::Max, x, y); }
HWY_INLINE V size_of(V x) { return VARO_EACH(hn::Abs, x); }
HWY_INLINE V floor(V x) { return VARO_EACH(hn::Floor, x); }
HWY_INLINE V with_sign(V size, V of) { return VARO_EACH(hn::CopySign, size, of); }

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

// Sets both right where x is far from 0: those that are, one by one.
HWY_INLINE void turn(V x, V& rest, V& quarters) {
  if (HWY_LIKELY(all(size_of(x) < 0x1p20))) return;
  double xs[kLanes], rs[kLanes], qs[kLanes];
  store_doubles(x, xs);
  store_doubles(rest, rs);
  store_doubles(quarters, qs);
  for (std::size_t i = 0; i < kLanes; ++i) element::turn(xs[i], rs[i], qs[i]);
  rest = load_doubles(rs);
  quarters = load_doubles(qs);
}

}  // namespace HWY_NAMESPACE
}  // namespace varo
