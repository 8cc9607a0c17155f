// SPDX-License-Identifier: Apache-2.0
#include "operators/sources/roi.h"

#include <cmath>
#include <fmt/format.h>
#include <numeric>

#include "core/convert.h"
#include "core/dispatch.h"
#include "operators/shared/axes.h"
#include "operators/shared/out_of_bounds.h"

namespace varo {

namespace {

constexpr std::initializer_list<const char*> kStarts = {"roi_start", "rel_roi_start"};
constexpr std::initializer_list<const char*> kEnds = {"roi_end", "rel_roi_end", "roi_shape",
                                                      "rel_roi_shape"};

// The argument of a group that is given for this sample. An empty list counts as not given.
const char* given(const Inference& sample, std::initializer_list<const char*> group,
                  std::vector<double>& values) {
  for (const char* name : group) {
    if (!given_here(sample, name)) continue;
    if (std::string_view(name).starts_with("rel_")) {
      values = sample.reals(name);
    } else {
      const std::vector<std::int64_t> list = sample.integers(name);
      values.assign(list.begin(), list.end());
    }
    if (!values.empty()) return name;
  }
  return nullptr;
}

std::vector<double> of_length(std::vector<double> values, std::size_t n, const char* name,
                              const Inference& sample) {
  if (values.size() == 1 && !sample.args().per_sample(name)) values.resize(n, values[0]);
  if (values.size() != n)
    throw Error(ErrorKind::shape, fmt::format("argument {} has the wrong length", name))
        .got(fmt::format("{} values", values.size()))
        .allowed(fmt::format("{} values, one an axis of the region", n));
  return values;
}

std::vector<int> roi_axes(const Inference& sample, int rank) {
  std::vector<int> axes;
  for (const std::int64_t axis : sample.integers("roi_axes"))
    axes.push_back(checked_axis(axis, rank));
  check_distinct(axes);
  if (axes.empty()) {
    axes.resize(static_cast<std::size_t>(rank));
    std::iota(axes.begin(), axes.end(), 0);
  }
  return axes;
}

// Where the region begins and ends along one axis, before rounding.
struct Ends {
  double start, end;
};

Ends ends_of(const char* start_name, double start, const char* end_name, double end,
             std::int64_t extent) {
  const auto whole = static_cast<float>(extent);
  const bool rel_start = start_name != nullptr && std::string_view(start_name).starts_with("rel_");
  const bool rel_end = end_name != nullptr && std::string_view(end_name).starts_with("rel_");
  const bool is_shape = end_name != nullptr && std::string_view(end_name).ends_with("shape");
  const double from = rel_start ? static_cast<double>(static_cast<float>(start) * whole) : start;
  if (end_name == nullptr) return {from, static_cast<double>(extent)};
  if (is_shape && rel_end &&
      (rel_start || start_name == nullptr))  // one multiplication for the sum
    return {from,
            static_cast<double>((static_cast<float>(start) + static_cast<float>(end)) * whole)};
  const double to = rel_end ? static_cast<double>(static_cast<float>(end) * whole) : end;
  return {from, is_shape ? from + to : to};
}

std::int64_t rounded(double value, const std::string& axis) {
  if (!(std::abs(value) < 0x1p62))
    throw Error(ErrorKind::shape, fmt::format("the region's bound along {} is no index", axis))
        .got(fmt::format("{}", value))
        .allowed("a finite number");
  return std::llround(value);
}

}  // namespace

OperatorDef with_roi_args(OperatorDef def) {
  return std::move(def)
      .arg({.name = "roi_start",
            .type = ArgType::integers,
            .doc = "First index of the region along each of roi_axes."})
      .arg({.name = "rel_roi_start",
            .type = ArgType::reals,
            .doc = "As roi_start, as a fraction of the extent."})
      .arg({.name = "roi_end",
            .type = ArgType::integers,
            .doc = "First index after the region along each of roi_axes."})
      .arg({.name = "rel_roi_end",
            .type = ArgType::reals,
            .doc = "As roi_end, as a fraction of the extent."})
      .arg({.name = "roi_shape",
            .type = ArgType::integers,
            .doc = "Extent of the region along each of roi_axes."})
      .arg({.name = "rel_roi_shape",
            .type = ArgType::reals,
            .doc = "As roi_shape, as a fraction of the extent."})
      .arg({.name = "roi_axes",
            .type = ArgType::integers,
            .default_value = std::vector<std::int64_t>{},
            .doc = "The axes that the numbers above are for, in this order; negative ones count "
                   "from the last. "
                   "Default: all axes."})
      .arg(out_of_bounds_arg("region", "fill_value"))
      .arg({.name = "fill_value",
            .type = ArgType::real,
            .default_value = 0.0,
            .doc = "Value of elements outside with out_of_bounds_policy=\"pad\"."})
      .one_of({"roi_start", "rel_roi_start"})
      .one_of({"roi_end", "rel_roi_end", "roi_shape", "rel_roi_shape"});
}

Tensor roi_of(const Tensor& whole, const Inference& sample) {
  std::vector<double> starts, ends;
  const char* start_name = given(sample, kStarts, starts);
  const char* end_name = given(sample, kEnds, ends);
  if (start_name == nullptr && end_name == nullptr) return whole;

  const std::vector<int> axes = roi_axes(sample, whole.rank());
  if (start_name != nullptr)
    starts = of_length(std::move(starts), axes.size(), start_name, sample);
  else
    starts.assign(axes.size(), 0);
  if (end_name != nullptr)
    ends = of_length(std::move(ends), axes.size(), end_name, sample);
  else
    ends.assign(axes.size(), 0);

  const OutOfBounds policy = out_of_bounds_of(sample.args());
  const std::uint64_t fill =
      policy == OutOfBounds::pad ? bits_of(sample.real("fill_value"), whole.dtype()) : 0;
  Tensor region = whole;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const int axis = axes[i];
    const std::int64_t extent = whole.shape()[axis];
    const std::string name = axis_name(whole.layout(), axis);
    const Ends bounds = ends_of(start_name, starts[i], end_name, ends[i], extent);
    std::int64_t lo = rounded(bounds.start, name), hi = rounded(bounds.end, name);
    if (hi < lo)
      throw Error(ErrorKind::shape, fmt::format("the region ends before it begins along {}", name))
          .got(fmt::format("start {}, end {}", lo, hi))
          .allowed("an end that is not below the start");
    if (policy == OutOfBounds::trim) {
      lo = std::clamp<std::int64_t>(lo, 0, extent);
      hi = std::clamp<std::int64_t>(hi, 0, extent);
    } else if (policy == OutOfBounds::error && (lo < 0 || hi > extent)) {
      throw Error(ErrorKind::shape, fmt::format("the region does not fit along {}", name))
          .got(fmt::format("start {}, end {}", lo, hi))
          .allowed(fmt::format("0 <= start <= end <= {}     (array {})", extent,
                               to_string(whole.shape())))
          .hint("out_of_bounds_policy=\"pad\" or \"trim_to_shape\"");
    }
    region = *region.windowed(axis, lo, hi - lo, fill);
  }
  if (checked_bytes(region.shape(), size_of(region.dtype())) < 0)
    throw Error(ErrorKind::shape, "the region is too large")
        .got(to_string(region.shape()))
        .allowed("fewer than 2^63 bytes");
  return region;
}

}  // namespace varo
