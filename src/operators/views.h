// SPDX-License-Identifier: Apache-2.0
/// What operators that only move elements share: which axes they work on, and the one copy.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "operators/operator.h"

namespace varo {

/// Throws ParamError if more than one of the arguments is given. Returns whether one is.
bool exclusive(const Args& args, std::initializer_list<const char*> names);

/// Given, and for this sample not an empty tensor.
bool given_here(Sample& sample, const char* arg);

/// `axis` counted from 0, negative ones from the end. Throws ParamError outside of [-rank, rank).
int checked_axis(std::int64_t axis, int rank);

/// What an empty list of axes, or none, stands for.
enum class NoAxes : std::uint8_t { none, all };

/// The axes of axes or axis_names, each once. Throws ParamError or LayoutError.
std::vector<int> listed_axes(Sample& sample, int rank, const Layout& layout, NoAxes empty);

/// The letters as axes of `layout`. Throws LayoutError.
std::vector<int> named_axes(const std::string& letters, const Layout& layout);

/// Throws ParamError if an axis is listed twice.
void check_distinct(const std::vector<int>& axes);

/// "W" where the axes have letters, else "axis 2".
std::string axis_name(const Layout& layout, int axis);

/// Copies the elements of a tensor made from an input by view operations into dst, which has its
/// shape and element size. Padded or deferred as it may be, in one pass.
void copy_elements(Sample& sample, const Tensor& tensor, const View& dst);

}  // namespace varo
