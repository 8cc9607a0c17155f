// SPDX-License-Identifier: Apache-2.0
/// The argument out_of_bounds_policy of windows and regions.
#pragma once

#include <cstdint>
#include <string>

#include "operators/api/operator.h"

namespace varo {

/// What happens where a window or region reaches outside of the input.
enum class OutOfBounds : std::uint8_t {
  error,  ///< a ShapeError
  pad,    ///< outside reads as the fill values
  trim,   ///< the window becomes smaller
};
inline OutOfBounds out_of_bounds_of(const Args& args) {
  return args.choice<OutOfBounds>("out_of_bounds_policy");
}

/// `fill` is the argument that holds the fill values.
inline ArgDef out_of_bounds_arg(const std::string& what, const std::string& fill) {
  return {.name = "out_of_bounds_policy",
          .type = ArgType::text,
          .default_value = std::string("error"),
          .doc = "Where the " + what + " reaches outside: \"error\", \"pad\" with " + fill +
                 ", or \"trim_to_shape\".",
          .constant = true,
          .choices = {"error", "pad", "trim_to_shape"}};
}

}  // namespace varo
