// SPDX-License-Identifier: Apache-2.0
#include "operators/api/inherited_grid.h"

#include <cmath>

namespace varo {

namespace {

GridAxes axes_of(const Layout& layout) {
  const auto at = [&](char letter) { return static_cast<std::int8_t>(layout.find(letter)); };
  return {at('W'), at('H'), at('D')};
}

bool has(const GridAxes& axes, int axis) {
  return std::find(axes.begin(), axes.end(), axis) != axes.end();
}

// Equal but for the rounding of a few moves of the origin.
bool agree(const Affine& a, const Affine& b) {
  constexpr double kRounding = 1e-12;
  double most = 0;
  for (const Affine* affine : {&a, &b})
    for (const double v : *affine) most = std::max(most, std::abs(v));
  return std::equal(a.begin(), a.end(), b.begin(),
                    [&](double x, double y) { return std::abs(x - y) <= kRounding * most; });
}

}  // namespace

void InheritedGrid::add(const Spec& operand, const Meta& meta, int added) {
  if (!meta.affine || differ_) return;
  const Shape& out = result_->shape;
  const int rank = operand.shape.rank(), lacking = out.rank() - rank;
  const auto in_result = [&](int axis) {
    return added < 0 ? axis + lacking : axis + (axis >= added ? 1 : 0);
  };
  if (operand.layout.empty() && !meta.axes) return;
  GridAxes axes = operand.layout.empty() ? *meta.axes : axes_of(operand.layout);
  for (std::int8_t& axis : axes)
    if (axis >= 0) axis = static_cast<std::int8_t>(in_result(axis));
  // Where each axis of the result comes from; the operand repeats itself along others.
  Shape shown = Dims::filled(out.rank(), 1);
  for (int i = 0; i < rank; ++i) shown[in_result(i)] = operand.shape[i];
  const bool all_known = !has(axes, -1);
  for (int i = 0; i < out.rank(); ++i) {
    if (shown[i] == out[i]) continue;
    const bool lacks = added < 0 ? i < lacking : i == added;
    // An axis without a letter may be the one of the grid that is missing.
    if (has(axes, i) || (lacks && !all_known && result_->layout.empty())) return;
  }
  if (!result_->layout.empty()) {
    const GridAxes named = axes_of(result_->layout);
    for (std::size_t c = 0; c < axes.size(); ++c)
      if (axes[c] != named[c] && (axes[c] >= 0 || out[named[c]] != 1)) return;
    axes = named;
  }
  if (!affine_) {
    affine_ = meta.affine;
    axes_ = axes;
  } else if (axes != axes_ || !agree(*affine_, *meta.affine)) {
    differ_ = true;
  }
}

void InheritedGrid::give(Meta& meta) const {
  if (!affine_ || differ_) return;
  meta.affine = affine_;
  if (result_->layout.empty()) meta.axes = axes_;
}

void move_grid(const Operator& op, const Inference& facts, const Tensor& input, Meta& meta) {
  if (!input.meta().affine) return;
  const Layout& layout = facts.output_spec(0).layout;
  // Where letters were assumed, the output has them; they may name other axes than the affine's.
  const bool labels = input.layout().empty() && !layout.empty() && layout.rank() == input.rank();
  const Tensor named = labels ? input.relabelled(layout) : input;
  const std::optional<Affine>& affine = named.meta().affine;
  const std::optional<Affine> moved = affine ? op.moved(facts, *affine) : std::nullopt;
  const std::optional<GridAxes> axes = named.grid_axes();
  if (!moved || (layout.empty() && !axes)) return;
  meta.affine = moved;
  if (layout.empty()) meta.axes = axes;
}

}  // namespace varo
