// SPDX-License-Identifier: Apache-2.0
/// The inner loop of reduce(), for every element type, operation and instruction set.
#pragma once

#include <cmath>
#include <limits>
#include <type_traits>

#include "core/dispatch.h"
#include "kernels/reduce/reduce_plan.h"

namespace varo::reduction {

/// What is accumulated: step() takes an element in, fold() joins two accumulators.
template <class A>
struct Sum {
  using Acc = A;
  static constexpr Acc start() { return 0; }
  template <class T>
  static Acc step(Acc a, T x, double) {
    return a + static_cast<Acc>(x);
  }
  static Acc fold(Acc a, Acc b) { return a + b; }
};
struct Squares : Sum<double> {
  template <class T>
  static double step(double a, T x, double) {
    const auto v = static_cast<double>(x);
    return a + v * v;
  }
};
struct Deviations : Sum<double> {
  template <class T>
  static double step(double a, T x, double mean) {
    const double v = static_cast<double>(x) - mean;
    return a + v * v;
  }
};
/// NaN, once met, stays: nothing compares as smaller or larger.
template <class T>
struct Smallest {
  using Acc = T;
  static constexpr T start() {
    return std::numeric_limits<T>::has_infinity ? std::numeric_limits<T>::infinity()
                                                : std::numeric_limits<T>::max();
  }
  static T step(T a, T x, double) { return ((x < a) | (x != x)) ? x : a; }
  static T fold(T a, T b) { return step(a, b, 0); }
};
template <class T>
struct Largest {
  using Acc = T;
  static constexpr T start() {
    return std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                                : std::numeric_limits<T>::lowest();
  }
  static T step(T a, T x, double) { return ((x > a) | (x != x)) ? x : a; }
  static T fold(T a, T b) { return step(a, b, 0); }
};

/// Calls body(TypeTag<Op>{}) with the operation that accumulates elements of type T for `what`.
template <class T, class Body>
auto with_operation(Reduction what, const Body& body) {
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

/// The type whose elements accumulate() reads: bool as bytes, half precision widened.
constexpr DType element_type(DType t) {
  return t == DType::boolean ? DType::u8 : t == DType::f16 ? DType::f32 : t;
}

/// body(TypeTag<T>{}) for an element type.
template <class Body>
void dispatch_element(DType t, Body&& body) {
  dispatch<std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t, std::int8_t, std::int16_t,
           std::int32_t, std::int64_t, float, double>(t, std::forward<Body>(body));
}

/// Takes `rows` rows of `width` elements in, `stride` apart, element i of each into accumulator i,
/// then the first `rest` elements of one more row. mean[i] is what deviations of element i are
/// from.
using Accumulate = void (*)(const void* x, std::int64_t rows, std::int64_t width,
                            std::int64_t stride, std::int64_t rest, const double* mean, void* acc);
/// For the best instruction set of this machine.
Accumulate accumulator(DType element, Reduction what);

/// Accumulators of several reductions of the same f32 elements, as accumulate() would fill each for
/// rows of kLanes; nullptr for those that are not wanted.
struct Together {
  double* sums = nullptr;
  double* deviations = nullptr;
  float* least = nullptr;
  float* most = nullptr;
  const double* mean = nullptr;  ///< of deviations; kLanes of them
};
/// Takes `count` elements that lie side by side in, in one loop.
void accumulate_together(const float* x, std::int64_t count, const Together& to);

}  // namespace varo::reduction
