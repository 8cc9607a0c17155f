// SPDX-License-Identifier: Apache-2.0
#include "operators/shared/axes.h"

#include <algorithm>
#include <fmt/format.h>

namespace varo {

bool given_here(const Inference& s, const char* arg) {
  if (!s.args().given(arg)) return false;
  return !s.args().per_sample(arg) || volume(s.argument(arg).shape()) != 0;
}

int checked_axis(std::int64_t axis, int rank) {
  if (axis >= -rank && axis < rank) return static_cast<int>(axis < 0 ? axis + rank : axis);
  throw Error(ErrorKind::param, "an axis is out of range")
      .got(fmt::format("axis {}", axis))
      .allowed(rank > 0 ? fmt::format("{} to {}", -rank, rank - 1)
                        : "no axis (the input is a scalar)");
}

void check_distinct(const std::vector<int>& axes) {
  for (std::size_t i = 0; i < axes.size(); ++i)
    if (std::find(axes.begin(), axes.begin() + static_cast<std::ptrdiff_t>(i), axes[i]) !=
        axes.begin() + static_cast<std::ptrdiff_t>(i))
      throw Error(ErrorKind::param, "an axis is listed twice")
          .got(fmt::format("axis {}", axes[i]))
          .allowed("every axis at most once");
}

std::vector<int> named_axes(const std::string& letters, const Layout& layout) {
  std::vector<int> axes;
  for (const char letter : letters) {
    const int axis = layout.find(letter);
    if (axis < 0)
      throw Error(ErrorKind::layout, fmt::format("the input has no axis {}", letter))
          .got(fmt::format("\"{}\" for layout \"{}\"", letters, layout.str()))
          .allowed(layout.empty() ? "a labelled input"
                                  : fmt::format("letters of \"{}\"", layout.str()))
          .hint("axes=... to number the axes, or fn.reshape(x, layout=...) to name them");
    axes.push_back(axis);
  }
  check_distinct(axes);
  return axes;
}

std::vector<int> listed_axes(const Inference& s, int rank, const Layout& layout, NoAxes empty) {
  std::vector<int> axes;
  if (s.args().given("axes")) {
    const std::vector<std::int64_t> list = s.integers("axes");
    for (const std::int64_t axis : list) axes.push_back(checked_axis(axis, rank));
    check_distinct(axes);
  } else if (s.args().given("axis_names")) {
    axes = named_axes(s.text("axis_names"), layout);
  }
  if (empty == NoAxes::all && axes.empty())
    for (int i = 0; i < rank; ++i) axes.push_back(i);
  return axes;
}

std::string axis_name(const Layout& layout, int axis) {
  return layout.empty() ? fmt::format("axis {}", axis) : std::string(1, layout[axis]);
}

std::optional<std::uint32_t> chosen_axes(const Args& args, const Spec& spec) {
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

}  // namespace varo
