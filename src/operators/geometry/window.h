// SPDX-License-Identifier: Apache-2.0
/// What crop and slice have in common: a box of the input, which may reach outside of it.
#pragma once

#include <string>
#include <vector>

#include "operators/api/operator.h"

namespace varo {

/// What happens where a window reaches outside of the input.
enum class OutOfBounds : std::uint8_t {
  error,  ///< a ShapeError
  pad,    ///< outside reads as the fill values
  trim,   ///< the window becomes smaller
};
/// From the argument out_of_bounds_policy. Throws ParamError.
OutOfBounds out_of_bounds_of(const Args& args);

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
std::vector<double> fill_values_of(Sample& sample, const Layout& layout, const Shape& out);

/// Operator::resolve() of a window of input 0: a view, unless the element type changes or channels
/// are filled differently or another fill is in force.
bool resolve_window(Sample& sample, const Window& window, const std::vector<double>& fills);

/// Operator::run() of the same: one pass, converting, that reads only the region inside.
void run_window(Sample& sample, const Window& window, const std::vector<double>& fills);

/// Adds the arguments out_of_bounds_policy, fill_values and dtype.
OperatorDef with_window_args(OperatorDef def);

}  // namespace varo
