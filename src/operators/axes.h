// SPDX-License-Identifier: Apache-2.0
/// The arguments `axes` and `axis_names` of operators that act along chosen axes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "operators/operator.h"
#include "operators/views.h"

namespace varo {

/// The axes that the constant arguments `axes` or `axis_names` choose, as bits; nothing when
/// neither was given. Negative numbers count from the last axis. errors  ParamError: both given, a
/// number out of range, an axis twice; LayoutError: an unknown letter
inline std::optional<std::uint32_t> chosen_axes(const Args& args, const Spec& spec) {
  const int rank = spec.shape.rank();
  std::uint32_t mask = 0;
  const auto choose = [&](int axis) {
    const std::uint32_t bit = std::uint32_t{1} << axis;
    if ((mask & bit) != 0) {
      throw Error(ErrorKind::param, "an axis is chosen twice")
          .got(axis_name(spec.layout, axis) + " more than once")
          .allowed("every axis once");
    }
    mask |= bit;
  };
  const bool by_name = args.given("axis_names"), by_number = args.given("axes");
  if (by_name && by_number)
    throw Error(ErrorKind::param, "axes are given twice")
        .got("axes and axis_names")
        .allowed("one of the two");
  if (by_number) {
    for (const std::int64_t axis : args.integers("axes")) {
      if (axis < -rank || axis >= rank) {
        throw Error(ErrorKind::param, "axes has a number that is no axis of the input")
            .got(std::to_string(axis))
            .allowed(std::to_string(-rank) + " to " + std::to_string(rank - 1) +
                     ", for the shape " + to_string(spec.shape));
      }
      choose(static_cast<int>(axis < 0 ? axis + rank : axis));
    }
    return mask;
  }
  if (!by_name) return std::nullopt;
  for (const char letter : args.text("axis_names")) {
    const int axis = spec.layout.find(letter);
    if (axis < 0) {
      throw Error(ErrorKind::layout, "axis_names has a letter that is no axis of the input")
          .got(std::string(1, letter))
          .allowed(spec.layout.empty() ? "no letter: the input has no layout"
                                       : "letters of \"" + std::string(spec.layout.str()) + '"')
          .hint(spec.layout.empty() ? "fn.reshape(x, layout=...) to name the axes" : "");
    }
    choose(axis);
  }
  return mask;
}

/// The two arguments; `otherwise` says what giving neither means.
inline ArgDef axes_arg(const std::string& otherwise) {
  return {.name = "axes",
          .type = ArgType::integers,
          .doc = "Numbers of the axes; negative ones count from the last. " + otherwise,
          .constant = true};
}
inline ArgDef axis_names_arg() {
  return {.name = "axis_names",
          .type = ArgType::layout,
          .doc = "Letters of the axes, instead of their numbers.",
          .constant = true};
}

/// A view of `reduced` elements with an axis of extent 1 put back for every bit of `mask`.
/// \pre view has one axis less for each bit, or all of them
template <class AnyView>
AnyView with_kept_axes(AnyView view, int rank, std::uint32_t mask) {
  if (view.rank() == rank) return view;
  for (int i = 0; i < rank; ++i) {
    if ((mask >> i & 1U) == 0) continue;
    view.shape.insert(i, 1);
    view.strides.insert(i, 0);
  }
  return view;
}

}  // namespace varo
