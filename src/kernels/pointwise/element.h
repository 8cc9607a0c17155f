// SPDX-License-Identifier: Apache-2.0
/// What the plain loops do to one element (pointwise_point.h), with the C library's functions of f64,
/// whose last bits differ from machine to machine. For the host alone.
#pragma once

#include <cmath>

#include "kernels/pointwise/pointwise_point.h"

namespace varo::element {

template <Op op, class T>
inline T host_unary(T a) {
  if constexpr (!is_function(op)) {
    return unary<op>(a);
  } else if constexpr (op == Op::cbrt) {
    return std::cbrt(a);
  } else if constexpr (op == Op::exp) {
    return std::exp(a);
  } else if constexpr (op == Op::log) {
    return std::log(a);
  } else if constexpr (op == Op::log2) {
    return std::log2(a);
  } else if constexpr (op == Op::log10) {
    return std::log10(a);
  } else if constexpr (op == Op::sin) {
    return std::sin(a);
  } else if constexpr (op == Op::cos) {
    return std::cos(a);
  } else if constexpr (op == Op::tan) {
    return std::tan(a);
  } else if constexpr (op == Op::asin) {
    return std::asin(a);
  } else if constexpr (op == Op::acos) {
    return std::acos(a);
  } else if constexpr (op == Op::atan) {
    return std::atan(a);
  } else if constexpr (op == Op::sinh) {
    return std::sinh(a);
  } else if constexpr (op == Op::cosh) {
    return std::cosh(a);
  } else if constexpr (op == Op::tanh) {
    return std::tanh(a);
  } else if constexpr (op == Op::asinh) {
    return std::asinh(a);
  } else if constexpr (op == Op::acosh) {
    return std::acosh(a);
  } else {
    static_assert(op == Op::atanh);
    return std::atanh(a);
  }
}

template <Op op, class T>
inline auto host_binary(T a, T b) {
  if constexpr (op == Op::pow && std::is_floating_point_v<T>) {
    return std::pow(a, b);
  } else if constexpr (op == Op::atan2) {
    return std::atan2(a, b);
  } else {
    return binary<op>(a, b);
  }
}

/// Which instructions exist for T here.
template <Op op, class T>
constexpr bool exists() {
  if (std::is_same_v<T, Half>) return false;
  if (std::is_same_v<T, float> && is_function(op)) return false;
  if (op >= Op::eq && op <= Op::ge) return true;
  if (op >= Op::bit_and && op <= Op::bit_xor) return std::is_integral_v<T>;
  if (std::is_same_v<T, bool>) return op == Op::mul;
  if (op == Op::atan2 || (op >= Op::sqrt && op <= Op::atanh)) return std::is_floating_point_v<T>;
  return true;
}

}  // namespace varo::element
