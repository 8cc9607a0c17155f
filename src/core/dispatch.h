// SPDX-License-Identifier: Apache-2.0
/// From a run-time DType to a compile-time type, once per call of a kernel.
#pragma once

#include <cstdlib>
#include <utility>

#include "varo/dtype.h"

namespace varo {

template <class T>
struct TypeTag {
  using type = T;
};

/// Calls body(TypeTag<T>{}) with T one of Types whose dtype is `t`; returns false if none is.
template <class... Types, class Body>
constexpr bool dispatch(DType t, Body&& body) {
  return ((t == dtype_of<Types> ? (body(TypeTag<Types>{}), true) : false) || ...);
}

/// dispatch over every element type.
template <class Body>
constexpr void dispatch_all(DType t, Body&& body) {
  dispatch<std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t, std::int8_t, std::int16_t,
           std::int32_t, std::int64_t, Half, float, double, bool>(t, std::forward<Body>(body));
}

/// dispatch by width for code that only moves elements: uint8/16/32/64.
template <class Body>
constexpr void dispatch_width(DType t, Body&& body) {
  switch (size_of(t)) {
    case 1:
      body(TypeTag<std::uint8_t>{});
      break;
    case 2:
      body(TypeTag<std::uint16_t>{});
      break;
    case 4:
      body(TypeTag<std::uint32_t>{});
      break;
    default:
      body(TypeTag<std::uint64_t>{});
      break;
  }
}

}  // namespace varo
