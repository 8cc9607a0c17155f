// SPDX-License-Identifier: Apache-2.0
/// The argument out_of_bounds_policy of windows and regions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "operators/api/operator.h"

namespace varo {

/// What happens where a window or region reaches outside of the input.
enum class OutOfBounds : std::uint8_t {
  error,  ///< a ShapeError
  pad,    ///< outside reads as the fill values
  trim,   ///< the window becomes smaller
  // Outside reads as elements of the input, of abcd for example:
  clamp,         ///< aaa|abcd|ddd
  reflect_1001,  ///< cba|abcd|dcb
  reflect_101,   ///< dcb|abcd|cba
  wrap,          ///< bcd|abcd|abc
};
inline bool repeats_input(OutOfBounds policy) { return policy >= OutOfBounds::clamp; }

inline OutOfBounds out_of_bounds_of(const Args& args) {
  constexpr std::pair<std::string_view, OutOfBounds> kNames[] = {
      {"error", OutOfBounds::error},
      {"pad", OutOfBounds::pad},
      {"constant", OutOfBounds::pad},
      {"trim_to_shape", OutOfBounds::trim},
      {"clamp", OutOfBounds::clamp},
      {"edge", OutOfBounds::clamp},
      {"reflect", OutOfBounds::reflect_1001},
      {"reflect_1001", OutOfBounds::reflect_1001},
      {"reflect_101", OutOfBounds::reflect_101},
      {"wrap", OutOfBounds::wrap}};
  const std::string& text = args.text("out_of_bounds_policy");
  for (const auto& [name, policy] : kNames)
    if (name == text) return policy;
  throw Error(ErrorKind::internal, "an out_of_bounds_policy without a meaning").got(text);
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
/// As out_of_bounds_arg(), with policies by which outside reads as elements of the input.
inline ArgDef window_policy_arg(const std::string& fill) {
  ArgDef arg = out_of_bounds_arg("window", fill);
  arg.doc = "Where the window reaches outside: \"error\"; \"pad\" (or \"constant\") with " + fill +
            "; \"trim_to_shape\"; or elements of the input: of abcd, \"clamp\" (or \"edge\") reads "
            "aa|abcd|dd, \"reflect\" (or \"reflect_1001\") ba|abcd|dc, \"reflect_101\" cb|abcd|cb, "
            "\"wrap\" cd|abcd|ab, along each axis, as often as needed.";
  for (const char* more :
       {"constant", "clamp", "edge", "reflect", "reflect_1001", "reflect_101", "wrap"})
    arg.choices.emplace_back(more);
  return arg;
}

}  // namespace varo
