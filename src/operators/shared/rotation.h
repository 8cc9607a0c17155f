// SPDX-License-Identifier: Apache-2.0
/// Rotation matrices over (x, y[, z]).
#pragma once

#include <array>
#include <cmath>
#include <numbers>
#include <span>

#include "varo/error.h"

namespace varo {

struct SineCosine {
  double sine, cosine;
};

/// Exact at multiples of 90 degrees, so that quarter turns stay moves of whole voxels.
inline SineCosine sine_cosine_deg(double angle_deg) {
  const double turn = std::fmod(angle_deg, 360);
  const double quarters = turn / 90;
  if (quarters == std::floor(quarters)) {
    constexpr double kSine[] = {0, 1, 0, -1};
    const int q = static_cast<int>(quarters) & 3;
    return {kSine[q], kSine[(q + 1) & 3]};
  }
  const double rad = turn * (std::numbers::pi / 180);
  return {std::sin(rad), std::cos(rad)};
}

/// [[c, -s], [s, c]], row-major.
inline std::array<double, 4> rotation_2d(double angle_deg) {
  const auto [s, c] = sine_cosine_deg(angle_deg);
  return {c, -s, s, c};
}

/// Right-handed about `axis_xyz` (any length but 0), row-major. Throws Error for a zero axis.
/// source  Rodrigues' formula: c I + (1 - c) u u^T + s [u]x
inline std::array<double, 9> rotation_3d(double angle_deg, std::span<const double> axis_xyz) {
  const double length = std::hypot(axis_xyz[0], axis_xyz[1], axis_xyz[2]);
  if (!(length > 0) || !std::isfinite(length))
    throw Error(ErrorKind::param, "the axis of rotation has no direction")
        .got("a vector of length " + std::to_string(length))
        .allowed("(x, y, z) of finite length above 0");
  const auto [s, c] = sine_cosine_deg(angle_deg);
  const double x = axis_xyz[0] / length, y = axis_xyz[1] / length, z = axis_xyz[2] / length;
  const double v = 1 - c;
  return {c + v * x * x,     v * x * y - s * z, v * x * z + s * y, v * x * y + s * z, c + v * y * y,
          v * y * z - s * x, v * x * z - s * y, v * y * z + s * x, c + v * z * z};
}

}  // namespace varo
