// SPDX-License-Identifier: Apache-2.0
/// Windows that reach outside of the input, where the input is repeated: one copy, in pieces.
#pragma once

#include <vector>

#include "core/parallel.h"
#include "operators/shared/out_of_bounds.h"
#include "varo/view.h"

namespace varo {

/// Elements out, out + 1, ... (count of them) of an axis of a window are elements in, in + step, ...
/// of the input.
struct AxisPiece {
  std::int64_t out, count, in, step;
};
/// The window's elements along an axis of `extent`, by a policy that repeats the input.
/// \pre extent > 0, or count == 0
std::vector<AxisPiece> pieces_of(std::int64_t start, std::int64_t count, std::int64_t extent,
                                 OutOfBounds policy);

/// The pieces of a window along each axis. `read` becomes the box of the input that they lie in, and
/// AxisPiece::in counts in it. Throws ShapeError where an axis has no element to repeat.
std::vector<std::vector<AxisPiece>> repeated_pieces(const Dims& start, const Shape& shape,
                                                    const Shape& in, const Layout& layout,
                                                    OutOfBounds policy, Box& read);

/// Writes the window, converting; `in` holds the box.
void copy_pieces(const std::vector<std::vector<AxisPiece>>& pieces, const ConstView& in,
                 const View& out, Parallel& parallel);

}  // namespace varo
