// SPDX-License-Identifier: Apache-2.0
#include "operators/sources/same_grid.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <limits>

#include "varo/error.h"

namespace varo {

namespace {

using Extents = std::array<std::int64_t, 3>;  // along x, y, z

Extents extents_of(const Tensor& image) {
  Extents extents{1, 1, 1};
  for (std::size_t i = 0; i < 3; ++i)
    if (const int axis = image.layout().find("WHD"[i]); axis >= 0) extents[i] = image.shape()[axis];
  return extents;
}

double at(const Affine& map, unsigned row, unsigned column) { return map[row * 4 + column]; }

// The largest distance between the places that the maps give to a corner of the volume.
double apart(const Affine& a, const Affine& b, const Extents& extents) {
  double most = 0;
  for (unsigned corner = 0; corner < 8; ++corner) {
    double square = 0;
    for (unsigned row = 0; row < 3; ++row) {
      double difference = at(a, row, 3) - at(b, row, 3);
      for (unsigned column = 0; column < 3; ++column)
        if ((corner >> column & 1U) != 0)
          difference +=
              (at(a, row, column) - at(b, row, column)) * static_cast<double>(extents[column] - 1);
      square += difference * difference;
    }
    most = std::max(most, std::sqrt(square));
  }
  return most;
}

double smallest_edge(const Affine& map) {
  double least = std::numeric_limits<double>::infinity();
  for (unsigned column = 0; column < 3; ++column)
    least = std::min(least, std::hypot(at(map, 0, column), at(map, 1, column), at(map, 2, column)));
  return least;
}

std::string described(const NamedImage& image) {
  const std::string name = image.name.empty() ? "" : image.name + " ";
  std::string text =
      fmt::format("{}{}: {}", name, image.image.meta().source, to_string(image.image.shape()));
  if (const auto& map = image.image.meta().affine)
    for (unsigned row = 0; row < 3; ++row)
      text += fmt::format("{}[{:.6g}, {:.6g}, {:.6g}, {:.6g}]", row == 0 ? ", affine [" : ", ",
                          at(*map, row, 0), at(*map, row, 1), at(*map, row, 2), at(*map, row, 3));
  return image.image.meta().affine ? text + "]" : text;
}

}  // namespace

void check_same_grid(const NamedImage& a, const NamedImage& b) {
  if (!a.image.meta().affine || !b.image.meta().affine) return;
  const Affine &first = *a.image.meta().affine, &second = *b.image.meta().affine;
  const Extents extents = extents_of(a.image);
  const auto refused = [&](const char* problem, const std::string& allowed) {
    return Error(ErrorKind::read, problem)
        .got(fmt::format("{}\n           {}", described(a), described(b)))
        .allowed(allowed)
        .hint(
            "check_affine=False, then fn.resize or fn.warp_affine where they must lie on one grid");
  };
  if (extents != extents_of(b.image))
    throw refused("files of one case differ in extents", "equal extents along D, H and W");
  if (extents[0] == 0 || extents[1] == 0 || extents[2] == 0) return;
  const double distance = apart(first, second, extents), edge = smallest_edge(first);
  if (distance > kGridTolerance * edge)
    throw refused("files of one case differ in their voxel-to-world maps",
                  fmt::format("corners at most {} of a voxel apart (here {:.3g} mm, {:.3g} voxels)",
                              kGridTolerance, distance, distance / edge));
}

}  // namespace varo
