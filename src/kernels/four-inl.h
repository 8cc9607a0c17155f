// SPDX-License-Identifier: Apache-2.0
// Four vectors as one value, with operators, for whichever instruction set includes this. No
// include guard: a file that is compiled for every instruction set includes it once for each.
//
// A chain of dependent operations leaves most of a core idle, and its scheduler does not look far
// enough to find the next one: whatever is written with these values is four chains, interleaved.

namespace varo {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
struct Four {
  T a, b, c, d;
};

// The function of each vector.
template <class Function, class... T>
HWY_INLINE auto each(const Function& function, const Four<T>&... x)
    -> Four<decltype(function(x.a...))> {
  return {function(x.a...), function(x.b...), function(x.c...), function(x.d...)};
}
#define VARO_EACH(expression, ...) \
  each([](auto... x) HWY_ATTR { return expression(x...); }, __VA_ARGS__)

// Four vectors of one number.
template <class T>
HWY_INLINE Four<T> same(hn::TFromV<T> x) {
  const T v = hn::Set(hn::DFromV<T>(), x);
  return {v, v, v, v};
}

#define VARO_OPERATOR(symbol, function)                         \
  template <class T>                                            \
  HWY_INLINE auto operator symbol(Four<T> x, Four<T> y) {       \
    return VARO_EACH(function, x, y);                           \
  }                                                             \
  template <class T>                                            \
  HWY_INLINE auto operator symbol(Four<T> x, hn::TFromV<T> y) { \
    return x symbol same<T>(y);                                 \
  }                                                             \
  template <class T>                                            \
  HWY_INLINE auto operator symbol(hn::TFromV<T> x, Four<T> y) { \
    return same<T>(x) symbol y;                                 \
  }
VARO_OPERATOR(+, hn::Add)
VARO_OPERATOR(-, hn::Sub)
VARO_OPERATOR(*, hn::Mul)
VARO_OPERATOR(/, hn::Div)
VARO_OPERATOR(^, hn::Xor)
VARO_OPERATOR(<, hn::Lt)
VARO_OPERATOR(>, hn::Gt)
VARO_OPERATOR(==, hn::Eq)
#undef VARO_OPERATOR

// Of masks or whole numbers.
template <class T>
HWY_INLINE Four<T> operator&(Four<T> x, Four<T> y) {
  return VARO_EACH(hn::And, x, y);
}
template <class T>
HWY_INLINE Four<T> operator|(Four<T> x, Four<T> y) {
  return VARO_EACH(hn::Or, x, y);
}
template <class T>
HWY_INLINE Four<T> operator!(Four<T> mask) {
  return VARO_EACH(hn::Not, mask);
}

template <class M, class T>
HWY_INLINE Four<T> select(Four<M> mask, Four<T> yes, Four<T> no) {
  return VARO_EACH(hn::IfThenElse, mask, yes, no);
}
template <class M, class T>
HWY_INLINE Four<T> select(Four<M> mask, hn::TFromV<T> yes, Four<T> no) {
  return select(mask, same<T>(yes), no);
}
template <class T>
HWY_INLINE Four<T> root(Four<T> x) {
  return VARO_EACH(hn::Sqrt, x);
}

}  // namespace HWY_NAMESPACE
}  // namespace varo
