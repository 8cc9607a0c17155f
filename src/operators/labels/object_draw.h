// SPDX-License-Identifier: Apache-2.0
/// Which object of a label map random_object_bbox returns.
#pragma once

#include <cstdint>
#include <vector>

#include "core/philox.h"
#include "kernels/label/label.h"

namespace varo {

/// The background that goes with `classes` when none is given.
std::int64_t default_background(const std::vector<std::int64_t>& classes);

/// What is drawn from, and where the stream of random numbers stands.
struct ObjectDraw {
  Rng rng;
  bool foreground = true;
  bool ignore_class = false;
  std::int64_t background = 0;
  bool any_class = true;  ///< each class that occurs, with weight 1; else classes and weights
  std::vector<std::int64_t> classes;
  std::vector<double> weights;
  std::vector<std::int64_t> threshold;  ///< least extent along each axis; empty: none
  std::int64_t k_largest = 0;           ///< 0: all
};

/// The outcome of a draw.
struct ObjectChoice {
  std::int64_t cls;             ///< background where no object qualifies
  std::int64_t component = -1;  ///< -1: the whole input
};

/// Draws a class, then one of its components.
/// \pre draw.foreground
ObjectChoice draw_object(ObjectDraw& draw, const ComponentTable& table);

}  // namespace varo
