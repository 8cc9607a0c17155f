// SPDX-License-Identifier: Apache-2.0
#include "operators/filters/windows.h"

namespace varo::filters {

std::vector<int> data_axes(const Spec& spec) {
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

template <class T>
std::vector<std::vector<T>> per_frame(const Inference& s, std::string_view arg,
                                      std::vector<T> values, std::size_t axes) {
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

template std::vector<double> per_axis(std::string_view, std::vector<double>, std::size_t);
template std::vector<std::int64_t> per_axis(std::string_view, std::vector<std::int64_t>,
                                            std::size_t);
template std::vector<std::vector<double>> per_frame(const Inference&, std::string_view,
                                                    std::vector<double>, std::size_t);
template std::vector<std::vector<std::int64_t>> per_frame(const Inference&, std::string_view,
                                                          std::vector<std::int64_t>, std::size_t);

Windows::Windows(const std::vector<int>& axes, const std::vector<std::vector<float>>& weights)
    : count_(axes.size()) {
  for (std::size_t i = 0; i < count_; ++i) windows_[i] = {axes[i], weights[i]};
}

InputDef data_input() {
  return {.name = "data",
          .doc =
              "1 to 3 axes to filter along; C and F may come before them, C also after them. "
              "Without a layout every axis is filtered along.",
          .dtypes = dtypes_except({DType::boolean}),
          .least_rank = 1};
}

ArgDef dtype_arg() {
  return {.name = "dtype",
          .type = ArgType::dtype,
          .doc = "float32 or the input's dtype, which is the default.",
          .constant = true};
}

DType output_dtype(const Inference& s) {
  const DType in = s.spec(0).dtype, wanted = s.has("dtype") ? s.dtype("dtype") : in;
  if (wanted == in || wanted == DType::f32) return wanted;
  throw Error(ErrorKind::param, "the output cannot have this dtype")
      .got(std::string(name_of(wanted)))
      .allowed("float32, or the input's " + std::string(name_of(in)));
}

}  // namespace varo::filters
