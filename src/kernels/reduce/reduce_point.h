// SPDX-License-Identifier: Apache-2.0
/// One output of a reduction: what is accumulated, and in which order. The loops of this folder make
/// the same operations in the same order, so that their results have these bits.
///
/// needs   nothing of Highway, oneTBB or fmt; compiles for devices
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include "core/dispatch.h"
#include "core/hd.h"
#include "core/scalar.h"
#include "kernels/reduce/reduction.h"

namespace varo {

namespace reduction {

/// What is accumulated: step() takes an element in, fold() joins two accumulators.
template <class A>
struct Sum {
  using Acc = A;
  VARO_HD static constexpr Acc start() { return 0; }
  template <class T>
  VARO_HD static constexpr Acc step(Acc a, T x, double) {
    return a + static_cast<Acc>(x);
  }
  VARO_HD static constexpr Acc fold(Acc a, Acc b) { return a + b; }
};
struct Squares : Sum<double> {
  template <class T>
  VARO_HD static constexpr double step(double a, T x, double) {
    const auto v = static_cast<double>(x);
    return a + v * v;
  }
};
struct Deviations : Sum<double> {
  template <class T>
  VARO_HD static constexpr double step(double a, T x, double mean) {
    const double v = static_cast<double>(x) - mean;
    return a + v * v;
  }
};
/// NaN, once met, stays: nothing compares as smaller or larger.
template <class T>
struct Smallest {
  using Acc = T;
  VARO_HD static constexpr T start() {
    return std::numeric_limits<T>::has_infinity ? std::numeric_limits<T>::infinity()
                                                : std::numeric_limits<T>::max();
  }
  VARO_HD static constexpr T step(T a, T x, double) { return ((x < a) | (x != x)) ? x : a; }
  VARO_HD static constexpr T fold(T a, T b) { return step(a, b, 0); }
};
template <class T>
struct Largest {
  using Acc = T;
  VARO_HD static constexpr T start() {
    return std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                                : std::numeric_limits<T>::lowest();
  }
  VARO_HD static constexpr T step(T a, T x, double) { return ((x > a) | (x != x)) ? x : a; }
  VARO_HD static constexpr T fold(T a, T b) { return step(a, b, 0); }
};

/// Calls body(TypeTag<Op>{}) with the operation that accumulates elements of type T for `what`.
template <class T, class Body>
constexpr auto with_operation(Reduction what, const Body& body) {
  using Exact =
      std::conditional_t<std::is_floating_point_v<T>, double,
                         std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>>;
  // A mean of 64-bit integers may exceed 64 bits on the way.
  using Wide = std::conditional_t<sizeof(T) == 8, double, Exact>;
  switch (what) {
    case Reduction::sum:
      return body(TypeTag<Sum<Exact>>{});
    case Reduction::mean:
      return body(TypeTag<Sum<Wide>>{});
    case Reduction::mean_square:
    case Reduction::rms:
      return body(TypeTag<Squares>{});
    case Reduction::min:
      return body(TypeTag<Smallest<T>>{});
    case Reduction::max:
      return body(TypeTag<Largest<T>>{});
    default:
      return body(TypeTag<Deviations>{});
  }
}

inline constexpr std::int64_t kLanes = 16;
inline constexpr std::int64_t kMaxInner = 1024;  ///< also at least kLanes * (kLanes - 1)
inline constexpr std::int64_t kItemElements = std::int64_t{1} << 16;
/// With this many independent tiles of outputs, reduced indices need not be shared out as well.
inline constexpr std::int64_t kEnoughTiles = 64;

/// How the elements of an output are shared out.
///
///   reduced index     0 ... chunk - 1     chunk ...
///   of a chunk, j     accumulator j % lanes, in the order of j; accumulators then folded in halves
///   of chunks         folded in order into the first
struct Partition {
  int lanes = 1;
  std::int64_t chunk = 1;
};

/// Of outers * inners outputs, each of `reduces` elements: `inners` is the number of outputs along
/// the axes behind the last one that is reduced.
VARO_HD constexpr Partition partition_of(std::int64_t outers, std::int64_t reduces,
                                         std::int64_t inners) {
  const auto pieces = [](std::int64_t n, std::int64_t of) { return (n + of - 1) / of; };
  Partition p;
  if (inners < kLanes && reduces * inners >= 4 * kLanes) p.lanes = static_cast<int>(kLanes);
  p.chunk = reduces > 1 ? reduces : 1;
  const std::int64_t tile = inners < kMaxInner ? inners : kMaxInner;
  if (p.chunk * tile > kItemElements && outers * pieces(inners, tile) < kEnoughTiles) {
    const std::int64_t least = kItemElements / tile;
    p.chunk = pieces(least > 64 ? least : 64, kLanes) * kLanes;
  }
  return p;
}

/// The accumulators of all lanes folded, in halves, into that of the first.
template <class Op>
VARO_HD constexpr typename Op::Acc folded(int lanes, typename Op::Acc* acc) {
  for (int half = lanes / 2; half > 0; half /= 2)
    for (int l = 0; l < half; ++l) acc[l] = Op::fold(acc[l], acc[l + half]);
  return acc[0];
}

/// What `reduces` elements accumulate to; at(j) is element j.
template <class Op, class At>
VARO_HD constexpr typename Op::Acc accumulated(const Partition& p, std::int64_t reduces,
                                               const At& at, double mean) {
  typename Op::Acc total = Op::start();
  for (std::int64_t begin = 0; begin == 0 || begin < reduces; begin += p.chunk) {
    const std::int64_t end = begin + p.chunk < reduces ? begin + p.chunk : reduces;
    typename Op::Acc acc[kLanes];
    for (int l = 0; l < p.lanes; ++l) acc[l] = Op::start();
    for (std::int64_t j = begin; j < end; ++j) {
      typename Op::Acc& own = acc[(j - begin) % p.lanes];
      own = Op::step(own, at(j), mean);
    }
    const typename Op::Acc chunk = folded<Op>(p.lanes, acc);
    total = begin == 0 ? chunk : Op::fold(total, chunk);
  }
  return total;
}

/// The result of what was accumulated of n elements; sums and extremes are results as they are.
VARO_HD inline double finished(Reduction what, double value, std::int64_t n, double ddof) {
  const auto count = static_cast<double>(n);
  switch (what) {
    case Reduction::mean:
    case Reduction::mean_square:
      return value / count;
    case Reduction::rms:
      return scalar::root(value / count);
    case Reduction::variance:
      return count > 0 && count <= ddof ? 0.0 : value / (count - ddof);
    case Reduction::std_dev:
      return count > 0 && count <= ddof ? 0.0 : scalar::root(value / (count - ddof));
    default:
      return value;
  }
}

}  // namespace reduction
}  // namespace varo
