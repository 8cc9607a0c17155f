// SPDX-License-Identifier: Apache-2.0
#include "kernels/pointwise/chain.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pointwise/chain.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
#include "kernels/extremes-inl.h"
#include "kernels/four-inl.h"

namespace varo {
namespace HWY_NAMESPACE {
namespace {

// Eight vectors: a choice of what to do is made once for all.
template <class V>
struct Eight {
  Four<V> low, high;
};

template <class D>
HWY_INLINE Eight<hn::Vec<D>> load(D d, const float* from) {
  const auto at = [&](std::size_t i) HWY_ATTR { return hn::LoadU(d, from + i * hn::Lanes(d)); };
  return {{at(0), at(1), at(2), at(3)}, {at(4), at(5), at(6), at(7)}};
}
template <class D>
HWY_INLINE void store(D d, const Eight<hn::Vec<D>>& v, float* to) {
  const auto at = [&](std::size_t i, auto x) HWY_ATTR { hn::StoreU(x, d, to + i * hn::Lanes(d)); };
  at(0, v.low.a), at(1, v.low.b), at(2, v.low.c), at(3, v.low.d);
  at(4, v.high.a), at(5, v.high.b), at(6, v.high.c), at(7, v.high.d);
}
template <class D>
HWY_INLINE hn::Vec<D> load_one(D d, const float* from) {
  return hn::LoadU(d, from);
}

// `function` of the running value and the other operand.
template <class D, class Function>
HWY_INLINE void apply(D d, const Link& link, std::int64_t at, Eight<hn::Vec<D>>& v,
                      const Function& function) {
  if (link.uniform) {
    const auto x = hn::Set(d, link.value);
    const auto with_x = [&](auto part) HWY_ATTR { return function(part, x); };
    v.low = each(with_x, v.low);
    v.high = each(with_x, v.high);
  } else {
    const auto x = load(d, link.elements + at);
    v.low = each(function, v.low, x.low);
    v.high = each(function, v.high, x.high);
  }
}
template <class D, class Function>
HWY_INLINE void apply(D d, const Link& link, std::int64_t at, hn::Vec<D>& v,
                      const Function& function) {
  v = function(v, link.uniform ? hn::Set(d, link.value) : hn::LoadU(d, link.elements + at));
}

template <class D, class Values>
HWY_INLINE void links_of(D d, std::span<const Link> links, std::int64_t at, Values& v) {
#define VARO_LINK(name, expression)                                            \
  case LinkOp::name:                                                           \
    apply(d, link, at, v, [](auto a, auto x) HWY_ATTR { return expression; }); \
    break;
  for (const Link& link : links) {
    switch (link.op) {
      VARO_LINK(add, hn::Add(a, x))
      VARO_LINK(sub, hn::Sub(a, x))
      VARO_LINK(sub_from, hn::Sub(x, a))
      VARO_LINK(mul, hn::Mul(a, x))
      VARO_LINK(div, hn::Div(a, x))
      VARO_LINK(over, hn::Div(x, a))
      VARO_LINK(min, smaller(x, a))
      VARO_LINK(min_of, smaller(a, x))
      VARO_LINK(max, larger(x, a))
      VARO_LINK(max_of, larger(a, x))
      VARO_LINK(negate, (static_cast<void>(x), hn::Neg(a)))
      VARO_LINK(abs, (static_cast<void>(x), hn::Abs(a)))
    }
  }
#undef VARO_LINK
}

// The values from `at` on, as far as whole vectors of D go.
template <class D>
HWY_INLINE std::int64_t by_one(D d, const float* from, float* to, std::int64_t at,
                               std::int64_t count, std::span<const Link> links) {
  const auto step = static_cast<std::int64_t>(hn::Lanes(d));
  for (; at + step <= count; at += step) {
    auto v = hn::LoadU(d, from + at);
    links_of(d, links, at, v);
    hn::StoreU(v, d, to + at);
  }
  return at;
}

void RunChain(const float* HWY_RESTRICT from, float* HWY_RESTRICT to, std::int64_t count,
              std::span<const Link> links) {
  const hn::ScalableTag<float> d;
  const auto step = static_cast<std::int64_t>(8 * hn::Lanes(d));
  std::int64_t at = 0;
  for (; at + step <= count; at += step) {
    auto v = load(d, from + at);
    links_of(d, links, at, v);
    store(d, v, to + at);
  }
  at = by_one(d, from, to, at, count, links);
  by_one(hn::CappedTag<float, 1>(), from, to, at, count, links);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace varo
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace varo {

namespace {
HWY_EXPORT(RunChain);
}

std::optional<LinkOp> link_of(Op op, int running) {
  const bool first = running == 0;
  switch (op) {
    case Op::add:
      return LinkOp::add;
    case Op::sub:
      return first ? LinkOp::sub : LinkOp::sub_from;
    case Op::mul:
      return LinkOp::mul;
    case Op::div:
      return first ? LinkOp::div : LinkOp::over;
    case Op::min:  // b < a ? b : a
      return first ? LinkOp::min : LinkOp::min_of;
    case Op::max:  // a < b ? b : a
      return first ? LinkOp::max : LinkOp::max_of;
    case Op::negate:
      return LinkOp::negate;
    case Op::abs:
      return LinkOp::abs;
    default:
      return std::nullopt;
  }
}

void run_chain(const float* from, float* to, std::int64_t count, std::span<const Link> links) {
  HWY_DYNAMIC_DISPATCH(RunChain)(from, to, count, links);
}

}  // namespace varo
#endif
