// SPDX-License-Identifier: Apache-2.0
#include "operators/shared/promotion.h"

#include <algorithm>
#include <fmt/format.h>

#include "core/convert.h"
#include "core/dispatch.h"
#include "varo/error.h"

namespace varo {

DType promoted(DType a, DType b) {
  if (a == b) return a;
  if (is_bool(a)) return b;
  if (is_bool(b)) return a;
  if (is_float(a) || is_float(b)) {
    if (!is_float(a)) return b;
    if (!is_float(b)) return a;
    return size_of(a) > size_of(b) ? a : b;
  }
  if (is_signed(a) == is_signed(b)) return size_of(a) > size_of(b) ? a : b;
  const DType with_sign = is_signed(a) ? a : b, without = is_signed(a) ? b : a;
  const std::size_t bytes =
      std::min<std::size_t>(std::max(size_of(with_sign), 2 * size_of(without)), 8);
  return bytes == 2 ? DType::i16 : bytes == 4 ? DType::i32 : DType::i64;
}

DType real_type(DType t) { return t == DType::f64 ? DType::f64 : DType::f32; }

namespace {

bool ends_with(const Layout& whole, const Layout& part) {
  return whole.str().ends_with(part.str());
}

std::string axis_name(const Layout& layout, int axis) {
  return layout.empty() ? fmt::format("axis {}", axis) : std::string(1, layout[axis]);
}

}  // namespace

Broadcast broadcast(std::span<const Spec> operands, std::span<const std::string_view> names) {
  Broadcast result;
  for (const Spec& operand : operands) {
    const Layout& longer =
        operand.layout.rank() > result.layout.rank() ? operand.layout : result.layout;
    const Layout& shorter =
        operand.layout.rank() > result.layout.rank() ? result.layout : operand.layout;
    if (!ends_with(longer, shorter))
      throw Error(ErrorKind::layout, "the operands' axes do not match")
          .got(fmt::format("\"{}\" and \"{}\"", result.layout.str(), operand.layout.str()))
          .allowed("equal layouts, or one that is the end of the other");
    result.layout = Layout(longer);
  }
  int rank = 0;
  for (const Spec& operand : operands) rank = std::max(rank, operand.shape.rank());
  if (result.layout.rank() != rank) result.layout = {};
  result.shape = Dims::filled(rank, 1);
  std::array<int, kMaxRank> owner{};
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const Shape& shape = operands[i].shape;
    const int skipped = rank - shape.rank();
    for (int axis = 0; axis < shape.rank(); ++axis) {
      std::int64_t& extent = result.shape[axis + skipped];
      if (shape[axis] == 1 || shape[axis] == extent) continue;
      const auto at = static_cast<std::size_t>(axis) + static_cast<std::size_t>(skipped);
      const auto other = static_cast<std::size_t>(owner[at]);
      if (extent != 1)
        throw Error(ErrorKind::shape, fmt::format("the operands' extents differ along {}",
                                                  axis_name(result.layout, axis + skipped)))
            .got(fmt::format("{} in {} {} and {} in {} {}", extent, names[other],
                             to_string(operands[other].shape), shape[axis], names[i],
                             to_string(shape)))
            .allowed("equal extents, or 1");
      extent = shape[axis];
      owner[at] = static_cast<int>(i);
    }
  }
  return result;
}

ConstView broadcast_to(const ConstView& view, const Shape& shape) {
  ConstView result{view.data, view.dtype, shape, Dims::filled(shape.rank(), 0), view.device};
  const int skipped = shape.rank() - view.rank();
  for (int axis = 0; axis < view.rank(); ++axis)
    if (view.shape[axis] != 1) result.strides[axis + skipped] = view.strides[axis];
  return result;
}

double number_in(const ConstView& scalar) {
  double value = 0;
  dispatch_all(scalar.dtype, [&](auto tag) {
    value = saturate<double>(*scalar.ptr<typename decltype(tag)::type>());
  });
  return value;
}

}  // namespace varo
