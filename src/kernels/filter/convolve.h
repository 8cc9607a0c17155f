// SPDX-License-Identifier: Apache-2.0
/// Separable convolution with symmetric windows: smoothing and derivatives along chosen axes.
#pragma once

#include <cstddef>
#include <span>

#include "core/parallel.h"
#include "kernels/filter/filter_point.h"
#include "varo/view.h"

namespace varo {

/// A window of odd length 2 * half.size() - 1 along one axis: half[0] weighs the element itself,
/// half[k] both elements at distance k.
struct AxisWindow {
  int axis = 0;
  std::span<const float> half;
};

enum class WriteMode : std::uint8_t {
  replace,  ///< out = result
  add,      ///< out += result; float32 output only
};

/// What convolve() does, apart from where the data lies.
struct Convolution {
  /// At most 3, of different axes; other axes are independent.
  std::span<const AxisWindow> windows;
  WriteMode mode = WriteMode::replace;
};

/// Bytes of scratch for convolve() when it runs on `width` threads.
std::size_t convolve_scratch_bytes(const ConstView& in, const View& out, const Convolution& what,
                                   int width);

/// Weighs each element's neighbourhood, one axis after another.
///
/// in       any dtype, any strides
/// out      any dtype, in's shape, any strides, not overlapping in
/// what     at least one window; every `half` holds at least one weight
/// borders  reflect_101, repeated where the window is longer than the axis
/// reach    half.size() - 1 elements on each side along each window's axis
/// values   float32 throughout (inputs of more than 24 bits are rounded on loading), products
///          summed from the centre outwards without contraction, outermost axis first: equal bits
///          for any strides, threads and instruction set; core/convert.h's saturating conversion
///          at the end
/// memory   none; scratch holds convolve_scratch_bytes(in, out, what, parallel.width()) bytes,
///          64-byte aligned
/// errors   none
void convolve(const ConstView& in, const View& out, const Convolution& what, Parallel& parallel,
              std::span<std::byte> scratch);

}  // namespace varo
