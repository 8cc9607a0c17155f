// SPDX-License-Identifier: Apache-2.0
// Loops over instructions, for whichever namespace and instruction set includes this. No include
// guard: loops.cc includes it once, vector_loops.cc once an instruction set.
// The includer has included kernels/pointwise/element.h and kernels/pointwise/loops.h, and defines
// VARO_LOOP_NAMESPACE.

namespace varo {
namespace VARO_LOOP_NAMESPACE {

template <class T>
inline const T* from(const Operands& o, int i) {
  return static_cast<const T*>(o.from[i]);
}

template <class To, class From>
void convert_loop(const Operands& o, std::int64_t count) {
  const From* __restrict a = from<From>(o, 0);
  To* __restrict to = static_cast<To*>(o.to);
  for (std::int64_t i = 0; i < count; ++i) to[i] = saturate<To>(a[i]);
}

template <Op op, class T>
void unary_loop(const Operands& o, std::int64_t count) {
  const T* __restrict a = from<T>(o, 0);
  T* __restrict to = static_cast<T*>(o.to);
  for (std::int64_t i = 0; i < count; ++i) to[i] = element::host_unary<op>(a[i]);
}

template <Op op, class T>
void binary_loop(const Operands& o, std::int64_t count) {
  using To = decltype(element::host_binary<op>(T(), T()));
  const T* __restrict a = from<T>(o, 0);
  const T* __restrict b = from<T>(o, 1);
  To* __restrict to = static_cast<To*>(o.to);
  for (std::int64_t i = 0; i < count; ++i) to[i] = element::host_binary<op>(a[i], b[i]);
}

template <class T>
void fma_loop(const Operands& o, std::int64_t count) {
  const T* __restrict a = from<T>(o, 0);
  const T* __restrict b = from<T>(o, 1);
  const T* __restrict c = from<T>(o, 2);
  T* __restrict to = static_cast<T*>(o.to);
  for (std::int64_t i = 0; i < count; ++i) to[i] = scalar::fused(a[i], b[i], c[i]);
}

template <class Bits>
void select_loop(const Operands& o, std::int64_t count) {
  const std::uint8_t* __restrict condition = from<std::uint8_t>(o, 0);
  const Bits* __restrict yes = from<Bits>(o, 1);
  const Bits* __restrict no = from<Bits>(o, 2);
  Bits* __restrict to = static_cast<Bits*>(o.to);
  for (std::int64_t i = 0; i < count; ++i) to[i] = condition[i] != 0 ? yes[i] : no[i];
}

// The loop of one instruction for the first of Types that is `t`.
template <Op op, class... Types>
Loop loop_of(DType t) {
  Loop found = nullptr;
  dispatch<Types...>(t, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (element::exists<op, T>()) {
      if constexpr (op <= Op::atanh)
        found = unary_loop<op, T>;
      else
        found = binary_loop<op, T>;
    }
  });
  return found;
}

template <class... Types>
Loop convert_of(DType t, DType to) {
  Loop found = nullptr;
  dispatch<Types...>(t, [&](auto from_tag) {
    dispatch<Types...>(to, [&](auto to_tag) {
      found = convert_loop<typename decltype(to_tag)::type, typename decltype(from_tag)::type>;
    });
  });
  return found;
}

inline Loop select_of(DType t) {
  Loop found = nullptr;
  dispatch_width(t, [&](auto tag) { found = select_loop<typename decltype(tag)::type>; });
  return found;
}

}  // namespace VARO_LOOP_NAMESPACE
}  // namespace varo
