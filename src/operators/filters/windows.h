// SPDX-License-Identifier: Apache-2.0
/// What the filters share: which axes they act on, and arguments per axis.
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include "kernels/filter/convolve.h"
#include "operators/operator.h"

namespace varo::filters {

/// Positions of the axes that a filter acts on: all but C and F, one to three of them, side by
/// side; C and F may come before them in any order, a single C after them. An unlabelled input of
/// up to three axes is filtered along all of them. errors  LayoutError
inline std::vector<int> data_axes(const Spec& spec) {
  const Layout& layout = spec.layout;
  const int rank = spec.shape.rank();
  if (layout.empty() && rank > 3) {
    throw Error(ErrorKind::layout,
                "the axes to filter along are not known: the input has no axis letters")
        .got(std::to_string(rank) + " unlabelled axes, shape " + to_string(spec.shape))
        .allowed(
            "a layout such as \"DHWC\" or \"CDHW\", or at most 3 axes, all of which are filtered "
            "along")
        .hint(rank == 4 ? "fn.reshape(x, layout=\"DHWC\") or \"CDHW\" before it"
                        : "fn.reshape(x, layout=\"FDHWC\") before it");
  }
  std::vector<int> axes;
  for (int i = 0; i < rank; ++i)
    if (layout.empty() || (layout[i] != 'C' && layout[i] != 'F')) axes.push_back(i);
  const auto n = static_cast<int>(axes.size());
  const bool together = n > 0 && axes.back() - axes.front() == n - 1;
  const bool tail =
      n > 0 && (axes.back() == rank - 1 || (axes.back() == rank - 2 && layout[rank - 1] == 'C'));
  if (n < 1 || n > 3 || !together || !tail) {
    throw Error(ErrorKind::layout, "the layout does not say which axes to filter along")
        .got('"' + std::string(layout.str()) + "\" with " + std::to_string(n) +
             " axes besides C and F")
        .allowed(
            "1 to 3 axes side by side, C and F before them or C after them, such as \"DHWC\", "
            "\"CDHW\", \"FHWC\"");
  }
  return axes;
}

/// The argument's values, one for each of the axes; a single value counts for all.
/// errors  ShapeError
template <class T>
std::vector<T> per_axis(std::string_view arg, std::vector<T> values, std::size_t axes) {
  if (values.size() == 1) values.resize(axes, values[0]);
  if (values.size() != axes) {
    throw Error(ErrorKind::shape, std::string(arg) + " does not have a value for each axis")
        .got(std::to_string(values.size()) + " values")
        .allowed("1 value, or " + std::to_string(axes) + ", one for each axis filtered along");
  }
  return values;
}

/// per_axis() for every frame: a per-sample argument whose layout begins with F holds a value, or
/// one for each axis, for every frame in turn. One row of values where frames do not differ. errors
/// ShapeError
template <class T>
std::vector<std::vector<T>> per_frame(Sample& s, std::string_view arg, std::vector<T> values,
                                      std::size_t axes) {
  const bool by_frame = s.args().per_sample(arg) && s.argument(arg).layout().find('F') == 0;
  if (!by_frame) return {per_axis(arg, std::move(values), axes)};
  const int f = s.spec(0).layout.find('F');
  const auto given = static_cast<std::size_t>(s.argument(arg).shape()[0]);
  const auto frames = f < 0 ? 0 : static_cast<std::size_t>(s.spec(0).shape[f]);
  if (given != frames) {
    throw Error(ErrorKind::shape, std::string(arg) + " is given for each frame of another number")
        .got(std::to_string(given) + " frames")
        .allowed(f < 0 ? "one value for all: the input has no axis F"
                       : std::to_string(frames) + ", as the input has");
  }
  std::vector<std::vector<T>> rows;
  const std::size_t each = frames > 0 ? values.size() / frames : 0;
  for (auto at = values.begin(); rows.size() < frames; at += static_cast<std::ptrdiff_t>(each))
    rows.push_back(per_axis(arg, std::vector<T>(at, at + static_cast<std::ptrdiff_t>(each)), axes));
  return rows;
}

/// For kernels that go by rows: the input as it lies where its last axis is contiguous, else a
/// copy.
inline ConstView by_rows(Sample& s, int input) {
  const ConstView view = s.view(input);
  const int last = view.rank() - 1;
  return last < 0 || view.shape[last] == 1 || std::abs(view.strides[last]) == 1 ? view
                                                                                : s.dense(input);
}

/// convolve() with its scratch taken from the sample.
inline void convolve_with_scratch(Sample& s, const ConstView& in, const View& out,
                                  const Convolution& what) {
  const std::size_t bytes = convolve_scratch_bytes(in, out, what, s.parallel().width());
  convolve(in, out, what, s.parallel(), s.scratch_of<std::byte>(static_cast<std::int64_t>(bytes)));
}

/// The input and the argument `dtype` that filters have in common, and what the latter comes to.
inline InputDef data_input() {
  return {.name = "data",
          .doc =
              "1 to 3 axes to filter along; C and F may come before them, C also after them. "
              "Without a layout every axis is filtered along.",
          .dtypes = dtypes_except({DType::boolean}),
          .least_rank = 1};
}
inline ArgDef dtype_arg() {
  return {.name = "dtype",
          .type = ArgType::dtype,
          .doc = "float32 or the input's dtype, which is the default.",
          .constant = true};
}
inline DType output_dtype(Sample& s) {
  const DType in = s.spec(0).dtype, wanted = s.has("dtype") ? s.dtype("dtype") : in;
  if (wanted == in || wanted == DType::f32) return wanted;
  throw Error(ErrorKind::param, "the output cannot have this dtype")
      .got(std::string(name_of(wanted)))
      .allowed("float32, or the input's " + std::string(name_of(in)));
}

}  // namespace varo::filters
