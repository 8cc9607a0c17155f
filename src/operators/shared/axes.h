// SPDX-License-Identifier: Apache-2.0
/// Which axes an operator works on (the arguments `axes` and `axis_names`), and what operators that
/// only move elements share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "operators/api/operator.h"

namespace varo {

/// Given, and for this sample not an empty tensor.
bool given_here(const Inference& sample, const char* arg);

/// `axis` counted from 0, negative ones from the end. Throws ParamError outside of [-rank, rank).
int checked_axis(std::int64_t axis, int rank);

/// What an empty list of axes, or none, stands for.
enum class NoAxes : std::uint8_t { none, all };

/// The axes of axes or axis_names, each once. Throws ParamError or LayoutError.
std::vector<int> listed_axes(const Inference& sample, int rank, const Layout& layout, NoAxes empty);

/// The letters as axes of `layout`. Throws LayoutError.
std::vector<int> named_axes(const std::string& letters, const Layout& layout);

/// Throws ParamError if an axis is listed twice.
void check_distinct(const std::vector<int>& axes);

/// "W" where the axes have letters, else "axis 2".
std::string axis_name(const Layout& layout, int axis);

/// The axes that the constant arguments `axes` or `axis_names` choose, as bits; nothing when
/// neither was given. Negative numbers count from the last axis. errors  ParamError: a number out of range, an axis twice; LayoutError: an unknown letter
std::optional<std::uint32_t> chosen_axes(const Args& args, const Spec& spec);

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
