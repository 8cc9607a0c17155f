// SPDX-License-Identifier: Apache-2.0
/// What crop, slice and pad have in common: a box of the input, which may reach outside of it.
#pragma once

#include <string>
#include <vector>

#include "operators/api/operator.h"
#include "operators/geometry/window_border.h"
#include "operators/shared/out_of_bounds.h"

namespace varo {

/// start and extent of each axis of the input, in elements.
struct Window {
  Dims start;
  Shape shape;
  /// The whole of `in`.
  static Window whole(const Shape& in) { return {Dims::filled(in.rank(), 0), in}; }
};

/// Throws ShapeError unless window.start and .shape of this axis lie inside of `in`.
void check_inside(const Window& window, int axis, const Shape& in, const Layout& layout);

/// The window as the policy wants it: checked, as it is, or cut to `in`.
Window bounded(Window window, const Shape& in, const Layout& layout, OutOfBounds policy);

/// The fill value of each channel, or one for all. Throws ParamError on another number of values
/// than 1 or the output's extent of C.
std::vector<double> fill_values_of(const Inference& sample, const Layout& layout, const Shape& out);

/// The state of a WindowOperator.
struct PlacedWindow {
  Window window;
  Box read;   ///< of the input: what is read of it
  Box shown;  ///< of the output: where that lies
  /// What is outside, as bytes of the output's type: one value, or one for each channel.
  std::vector<std::uint64_t> fills;
  int channel = -1;  ///< axis of C
  /// Of each axis, where the window reaches outside and the input is repeated; `in` counts in `read`.
  std::vector<std::vector<AxisPiece>> pieces = {};
};

/// A window of input 0: a view, or one pass, converting, that reads only what the window shows.
class WindowOperator : public HostOperator {
 public:
  Need need(const Inference& s, int input) const override;
  std::optional<int> view_of(const Inference& s) const override;
  bool resolve(Views& views) const override;
  std::optional<Affine> moved(const Inference& s, const Affine& input) const override;
  void run(const HostRun& r) const noexcept override;

 protected:
  /// In prepare(): leaves the state. `layout` is the one to work by.
  static void place(Inference& s, const Window& window, const Layout& layout,
                    const std::vector<double>& fills, OutOfBounds policy = OutOfBounds::pad);
};

/// Adds the arguments out_of_bounds_policy, fill_values and dtype.
OperatorDef with_window_args(OperatorDef def);

}  // namespace varo
