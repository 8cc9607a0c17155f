// SPDX-License-Identifier: Apache-2.0
/// Types, shapes and layouts of results that come from several operands.
#pragma once

#include <span>

#include "varo/tensor.h"

namespace varo {

/// The type that holds what both operands hold:
///   same kind of number           the larger
///   signed and unsigned integer   signed, of at least the signed one's bits and twice the unsigned
///                                 one's, at most int64 (uint64 values above that saturate)
///   number and float              the float; two floats: the larger
///   bool and anything             the other
DType promoted(DType a, DType b);

/// The type of functions over real numbers: float64 for float64, else float32.
DType real_type(DType t);

/// Shape and layout of operands that are broadcast against each other: aligned at the last axis,
/// extents equal or 1, one layout equal to or a suffix of the other.
///
/// errors  ShapeError, LayoutError; `names` say whose extents do not fit
struct Broadcast {
  Shape shape;
  Layout layout;
};
Broadcast broadcast(std::span<const Spec> operands, std::span<const std::string_view> names);

/// `view` repeated up to `shape`. \pre broadcast() accepts it
ConstView broadcast_to(const ConstView& view, const Shape& shape);

/// The one element as a number. \pre volume 1
double number_in(const ConstView& scalar);

}  // namespace varo
