// SPDX-License-Identifier: Apache-2.0
#include "kernels/reduce/reduce_outcome.h"

#include <algorithm>

#include "core/convert.h"
#include "kernels/reduce/accumulate.h"

namespace varo::reduction {
namespace {

template <class Acc>
void write(const Plan& p, const void* accumulators, std::int64_t n, const Walk<3>& axes,
           std::int64_t first, std::int64_t base, void* out) {
  const Acc* acc = static_cast<const Acc*>(accumulators);
  const bool plain = p.spec.what == Reduction::sum || p.spec.what == Reduction::min ||
                     p.spec.what == Reduction::max;
  const Walk<3>::Run run = axes.run(kOut);
  const bool even = run.length == axes.count();
  dispatch_all(p.out_type, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* to = static_cast<T*>(out) + base;
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t at = even ? (first + i) * run.step : axes.offset(first + i, kOut);
      to[at] = plain ? saturate<T>(acc[i])
                     : saturate<T>(finished(p.spec.what, static_cast<double>(acc[i]), p.reduces,
                                            p.spec.ddof));
    }
  });
}

template <class Op>
Outcome outcome() {
  using Acc = typename Op::Acc;
  return {[](std::int64_t n, void* acc) { std::fill_n(static_cast<Acc*>(acc), n, Op::start()); },
          [](const void* from, std::int64_t n, void* acc) {
            Acc* a = static_cast<Acc*>(acc);
            for (std::int64_t i = 0; i < n; ++i)
              a[i] = Op::fold(a[i], static_cast<const Acc*>(from)[i]);
          },
          &write<Acc>, sizeof(Acc)};
}

}  // namespace

Outcome outcome_of(const Plan& p) {
  Outcome chosen{};
  dispatch_element(element_type(p.in_type), [&](auto type) {
    using T = typename decltype(type)::type;
    chosen = with_operation<T>(p.spec.what,
                               [](auto op) { return outcome<typename decltype(op)::type>(); });
  });
  return chosen;
}

void add_chunks(const Plan& p, const Outcome& outcome, std::byte* partials, void* out) {
  for (std::int64_t o = 0; o < p.outers; ++o) {
    std::byte* sums = partials + o * p.chunks * p.inners * outcome.size;
    for (std::int64_t c = 1; c < p.chunks; ++c)
      outcome.fold(sums + c * p.inners * outcome.size, p.inners, sums);
    outcome.write(p, sums, p.inners, p.inner, 0, p.outer.offset(o, kOut), out);
  }
}

}  // namespace varo::reduction
