// SPDX-License-Identifier: Apache-2.0
#include "operators/geometry/window_border.h"

#include <algorithm>
#include <fmt/format.h>

#include "kernels/copy/copy.h"
#include "operators/shared/axes.h"

namespace varo {

std::vector<AxisPiece> pieces_of(std::int64_t start, std::int64_t count, std::int64_t extent,
                                 OutOfBounds policy) {
  std::vector<AxisPiece> pieces;
  const auto modulo = [](std::int64_t a, std::int64_t n) { return (a % n + n) % n; };
  const std::int64_t n = extent;
  for (std::int64_t out = 0; out < count; out += pieces.back().count) {
    const std::int64_t at = start + out;
    AxisPiece piece{out, count - out, at, 1};  // beyond the end of the piece, perhaps
    if (n == 1 || policy == OutOfBounds::clamp) {
      if (n == 1 || at < 0 || at >= n) {
        piece.in = at < 0 ? 0 : n - 1;
        piece.step = 0;
        if (at < 0 && n > 1) piece.count = std::min(piece.count, -at);
      } else {
        piece.count = std::min(piece.count, n - at);
      }
    } else if (policy == OutOfBounds::wrap) {
      piece.in = modulo(at, n);
      piece.count = std::min(piece.count, n - piece.in);
    } else {
      // The second half of a period runs backwards: over all elements, or all but the ends.
      const std::int64_t period = policy == OutOfBounds::reflect_1001 ? 2 * n : 2 * n - 2;
      const std::int64_t m = modulo(at, period);
      const bool back = m >= n;
      piece.in = back ? (policy == OutOfBounds::reflect_1001 ? period - 1 - m : period - m) : m;
      piece.step = back ? -1 : 1;
      piece.count = std::min(piece.count, (back ? period : n) - m);
    }
    pieces.push_back(piece);
  }
  return pieces;
}

std::vector<std::vector<AxisPiece>> repeated_pieces(const Dims& start, const Shape& shape,
                                                    const Shape& in, const Layout& layout,
                                                    OutOfBounds policy, Box& read) {
  std::vector<std::vector<AxisPiece>> all;
  for (int i = 0; i < in.rank(); ++i) {
    if (in[i] == 0 && shape[i] > 0)
      throw Error(ErrorKind::shape, fmt::format("an empty input has nothing to repeat along {}",
                                                axis_name(layout, i)))
          .got(fmt::format("a window of {} elements", shape[i]))
          .allowed("0 elements")
          .hint(R"(out_of_bounds_policy="pad")");
    auto pieces = pieces_of(start[i], shape[i], in[i], policy);
    std::int64_t lo = pieces.empty() ? 0 : in[i], hi = 0;
    for (const AxisPiece& p : pieces) {
      const std::int64_t last = p.in + (p.count - 1) * p.step;
      lo = std::min({lo, p.in, last});
      hi = std::max({hi, p.in + 1, last + 1});
    }
    read.lo[i] = lo;
    read.hi[i] = hi;
    for (AxisPiece& p : pieces) p.in -= lo;
    all.push_back(std::move(pieces));
  }
  return all;
}

namespace {

// Copies the pieces along `axis` and the axes behind it.
void copy_along(const std::vector<std::vector<AxisPiece>>& pieces, int axis, const ConstView& in,
                const View& out, Parallel& parallel) {
  if (axis == out.rank()) return convert(in, out, parallel);
  for (const auto& [at, count, from, step] : pieces[static_cast<std::size_t>(axis)]) {
    ConstView part = in;
    part.data = in.ptr<std::byte>() +
                from * in.strides[axis] * static_cast<std::int64_t>(in.element_size());
    part.shape[axis] = count;
    part.strides[axis] = in.strides[axis] * step;
    copy_along(pieces, axis + 1, part, out.part(axis, at, count), parallel);
  }
}

}  // namespace

void copy_pieces(const std::vector<std::vector<AxisPiece>>& pieces, const ConstView& in,
                 const View& out, Parallel& parallel) {
  copy_along(pieces, 0, in, out, parallel);
}

}  // namespace varo
