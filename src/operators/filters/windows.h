// SPDX-License-Identifier: Apache-2.0
/// What the filters share: which axes they act on, arguments per axis, windows for the kernel.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/filter/convolve.h"
#include "operators/api/operator.h"

namespace varo::filters {

/// Positions of the axes that a filter acts on: all but C and F, one to three of them, side by
/// side; C and F may come before them in any order, a single C after them. An unlabelled input of
/// up to three axes is filtered along all of them. errors  LayoutError
std::vector<int> data_axes(const Spec& spec);

/// The argument's values, one for each of the axes; a single value counts for all. T is double or
/// int64. errors  ShapeError
template <class T>
std::vector<T> per_axis(std::string_view arg, std::vector<T> values, std::size_t axes);

/// per_axis() for every frame: a per-sample argument whose layout begins with F holds a value, or
/// one for each axis, for every frame in turn. One row of values where frames do not differ. errors
/// ShapeError
template <class T>
std::vector<std::vector<T>> per_frame(const Inference& s, std::string_view arg,
                                      std::vector<T> values, std::size_t axes);

/// Windows as convolve() takes them, along one to three axes.
class Windows {
 public:
  /// `weights` stays alive: from the centre outwards, for each of the axes.
  Windows(const std::vector<int>& axes, const std::vector<std::vector<float>>& weights);
  Convolution convolution(WriteMode mode = WriteMode::replace) const {
    return {{windows_.data(), count_}, mode};
  }

 private:
  std::array<AxisWindow, 3> windows_;
  std::size_t count_;
};

/// The input and the argument `dtype` that filters have in common, and what the latter comes to.
InputDef data_input();
ArgDef dtype_arg();
DType output_dtype(const Inference& s);

}  // namespace varo::filters
