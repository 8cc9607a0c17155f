// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <fmt/format.h>

#include "core/convert.h"
#include "core/dispatch.h"
#include "operators/geometry/window.h"
#include "operators/shared/axes.h"

namespace varo {

namespace {

// One bound of the window along one axis: a number of elements, or a fraction of the extent in the
// precision it came in.
struct Bound {
  bool given = false, relative = false;
  double value = 0;
};

class Slice final : public WindowOperator {
 public:
  explicit Slice(const Args& args) : policy_(out_of_bounds_of(args)) {
    for (const char* name : {"start", "rel_start", "end", "rel_end", "shape", "rel_shape"})
      named_ = named_ || args.given(name);
    late_start_ =
        policy_ != OutOfBounds::trim && args.constant("shape") && !args.given("rel_start");
  }

  // infer() has no use for the start where it does not decide the shape: see shape_alone().
  bool infers_from(const Inference& s, int input) const override {
    if (input == 0 || s.input_count() != 3 || named_) return false;
    const bool anchor = is_float(s.spec(1).dtype), shape = is_float(s.spec(2).dtype);
    if (anchor != shape) return false;
    return input == 2 || shape || policy_ == OutOfBounds::trim;
  }
  bool late(const ArgDef& arg) const override {
    return arg.late || (late_start_ && arg.name == "start");
  }
  Need need(const Inference& s, int input) const override {
    return input == 0 ? WindowOperator::need(s, input) : Need{Access::number};
  }

  void infer(Inference& s) const override {
    if (s.input_count() == 2)
      throw Error(ErrorKind::param, "anchor comes with shape")
          .got("an anchor alone")
          .allowed("anchor and shape");
    if (s.input_count() == 3 && named_)
      throw Error(ErrorKind::param,
                  "positional anchor and shape exclude start, end, shape and their rel_ forms")
          .got("both")
          .allowed("one of the two");
    if (s.input_count() == 1 && !named_)
      throw Error(ErrorKind::param, "nothing says where to slice")
          .got("data alone")
          .allowed(
              "anchor and shape as inputs, or start, rel_start, end, rel_end, shape, rel_shape");
    Spec spec = s.spec(0);
    const std::vector<int> axes = axes_of(s);
    if (const std::optional<Shape> known = shape_alone(s, axes)) {
      spec.shape = *known;
    } else {
      spec.shape = bounded(window(s, axes), spec.shape, layout_of(s), policy_).shape;
    }
    if (s.args().given("dtype")) spec.dtype = s.dtype("dtype");
    s.set_output(0, spec);
  }

  void prepare(Inference& s) const override {
    const std::vector<int> axes = axes_of(s);
    Window w = window(s, axes);
    // Starts that a double does not hold exactly must not change the size.
    if (const std::optional<Shape> known = shape_alone(s, axes)) w.shape = *known;
    const Layout layout = layout_of(s);
    place(s, bounded(w, s.spec(0).shape, layout, policy_), layout,
          fill_values_of(s, layout, s.output_spec(0).shape), policy_);
  }

 private:
  static Layout layout_of(const Inference& s) {
    const Spec& spec = s.spec(0);
    if (!spec.layout.empty()) return spec.layout;
    constexpr const char* assumed[] = {"", "", "HW", "HWC", "DHWC"};
    const int rank = spec.shape.rank();
    return rank <= 4 ? assumed[rank] : "";
  }

  static std::vector<int> axes_of(const Inference& s) {
    if (s.args().given("axes") || s.args().given("axis_names"))
      return listed_axes(s, s.spec(0).shape.rank(), layout_of(s), NoAxes::all);
    return named_axes(s.text("axis_names"), layout_of(s));
  }

  // The output's shape where it does not depend on the start: whole numbers, and no trimming.
  std::optional<Shape> shape_alone(const Inference& s, const std::vector<int>& axes) const {
    if (policy_ == OutOfBounds::trim) return std::nullopt;
    std::vector<std::int64_t> extents;
    const auto n = static_cast<int>(axes.size());
    if (s.input_count() == 3) {
      if (is_float(positional_type(s))) return std::nullopt;
      for (const double v : positional(s, 2, n)) extents.push_back(static_cast<std::int64_t>(v));
    } else {
      if (s.args().given("rel_start") || !given_here(s, "shape")) return std::nullopt;
      extents = s.integers("shape", n);
    }
    Shape shape = s.spec(0).shape;
    for (std::size_t k = 0; k < axes.size(); ++k) {
      check_order(s, axes[k], 0, extents[k]);
      shape[axes[k]] = extents[k];
    }
    return shape;
  }

  static DType positional_type(const Inference& s) {
    const DType anchor = s.spec(1).dtype, shape = s.spec(2).dtype;
    if (is_float(anchor) != is_float(shape))
      throw Error(ErrorKind::type, "anchor and shape are not of one kind")
          .got(fmt::format("{} and {}", varo::name_of(anchor), varo::name_of(shape)))
          .allowed("whole numbers for both, or floats for both");
    return anchor;
  }

  static std::vector<double> positional(const Inference& s, int input, int n) {
    const ConstView view = s.number(input);
    if (view.volume() != n || view.rank() > 1)
      throw Error(ErrorKind::shape, fmt::format("the window's {} does not have one value for each "
                                                "axis that is sliced",
                                                input == 1 ? "anchor" : "shape"))
          .got(fmt::format("shape {}", to_string(view.shape)))
          .allowed(fmt::format("[{}]", n))
          .hint(given_here(s, "axes") || s.args().given("axis_names")
                    ? ""
                    : "axes=... or axis_names=...; the default slices W and H");
    std::vector<double> values;
    dispatch_all(view.dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      for (int i = 0; i < n; ++i) values.push_back(saturate<double>(view.ptr<T>()[i]));
    });
    return values;
  }

  static void check_order(const Inference& s, int axis, std::int64_t start, std::int64_t end) {
    if (end >= start) return;
    throw Error(ErrorKind::shape, fmt::format("the window ends before it starts along {}",
                                              axis_name(layout_of(s), axis)))
        .got(fmt::format("start {}, end {}", start, end))
        .allowed(fmt::format("an end of at least {}", start));
  }

  Window window(const Inference& s, const std::vector<int>& axes) const {
    const auto n = static_cast<int>(axes.size());
    const Shape in = s.spec(0).shape;
    std::vector<Bound> start(axes.size()), end(axes.size());
    bool sizes = true;  // `end` holds sizes
    bool single = true;
    if (s.input_count() == 3) {
      const bool real = is_float(positional_type(s));
      single = false;
      set(start, positional(s, 1, n), real && s.flag("normalized_anchor"));
      set(end, positional(s, 2, n), real && s.flag("normalized_shape"));
    } else {
      if (given_here(s, "start")) set(start, doubles(s.integers("start", n)), false);
      if (given_here(s, "rel_start")) set(start, s.reals("rel_start", n), true);
      if (given_here(s, "shape")) set(end, doubles(s.integers("shape", n)), false);
      if (given_here(s, "rel_shape")) set(end, s.reals("rel_shape", n), true);
      sizes = given_here(s, "shape") || given_here(s, "rel_shape");
      if (given_here(s, "end")) set(end, doubles(s.integers("end", n)), false);
      if (given_here(s, "rel_end")) set(end, s.reals("rel_end", n), true);
    }
    Window w = Window::whole(in);
    for (std::size_t k = 0; k < axes.size(); ++k) {
      const int axis = axes[k];
      const auto [from, to] = single ? ends<float>(start[k], end[k], sizes, in[axis])
                                     : ends<double>(start[k], end[k], sizes, in[axis]);
      check_order(s, axis, from, to);
      w.start[axis] = from;
      w.shape[axis] = to - from;
    }
    return w;
  }

  static void set(std::vector<Bound>& bounds, const std::vector<double>& values, bool relative) {
    for (std::size_t i = 0; i < bounds.size(); ++i) {
      if (std::isnan(values[i]))
        throw Error(ErrorKind::param, "a bound of the window is not a number")
            .got("nan")
            .allowed("a number of elements, or a fraction of the extent");
      bounds[i] = {true, relative, values[i]};
    }
  }
  static std::vector<double> doubles(const std::vector<std::int64_t>& list) {
    return {list.begin(), list.end()};
  }

  // Both ends are rounded by themselves, halves away from zero. Relative start and size are added
  // before they are multiplied by the extent, once. T: float for named arguments, double for
  // inputs.
  template <class T>
  static std::pair<std::int64_t, std::int64_t> ends(const Bound& start, const Bound& end,
                                                    bool sizes, std::int64_t extent) {
    const auto rounded = [](double v) {
      return static_cast<std::int64_t>(std::llround(std::clamp(v, -0x1p61, 0x1p61)));
    };
    const auto at = [&](const Bound& b) {
      return b.relative ? static_cast<double>(static_cast<T>(b.value) * static_cast<T>(extent))
                        : b.value;
    };
    const std::int64_t from = rounded(at(start));
    if (!end.given) return {from, extent};
    if (!sizes) return {from, rounded(at(end))};
    if (start.relative && end.relative) {
      const T sum = static_cast<T>(start.value) + static_cast<T>(end.value);
      return {from, rounded(static_cast<double>(sum * static_cast<T>(extent)))};
    }
    return {from, rounded(at(start) + at(end))};
  }

  OutOfBounds policy_;
  bool named_ = false;
  bool late_start_ = false;
};

}  // namespace

VARO_OPERATORS(geometry, slice) {
  const auto bound = [](const char* name, const char* doc, ArgType type) {
    return ArgDef{.name = name, .type = type, .doc = doc};
  };
  const std::vector<DType> positions = dtypes_except({DType::boolean});
  return {
      with_window_args(
          OperatorDef("slice", "Cuts out a window given by its bounds.")
              .doc("Two forms. As inputs: slice(data, anchor, shape), whole numbers in "
                   "elements, floats as fractions "
                   "of the extent unless normalized_anchor or normalized_shape says otherwise. "
                   "As named arguments: "
                   "start or rel_start, and one of end, rel_end, shape, rel_shape. There is "
                   "one value for each axis "
                   "listed in axes or axis_names; the others stay whole. The default lists W, "
                   "then H. Start and end "
                   "are rounded by themselves, halves away from zero. Inside of the input the "
                   "result is a view.")
              .input({.name = "data", .doc = "Array of any layout and element type."})
              .input({.name = "window_anchor",
                      .doc = "Start for each axis listed.",
                      .dtypes = positions,
                      .optional = true})
              .input({.name = "window_shape",
                      .doc = "Size for each axis listed, whole numbers or floats as the anchor.",
                      .dtypes = positions,
                      .optional = true})
              .output("window", "The window, in the layout of the input.")
              .arg(bound("start", "First element of each axis listed; 0 if not given.",
                         ArgType::integers))
              .arg(bound("rel_start", "The same as a fraction of the extent.", ArgType::reals))
              .arg(bound("end", "One past the last element; the extent if not given.",
                         ArgType::integers))
              .arg(bound("rel_end", "The same as a fraction of the extent.", ArgType::reals))
              .arg(bound("shape", "Number of elements of each axis listed.", ArgType::integers))
              .arg(bound("rel_shape", "The same as a fraction of the extent.", ArgType::reals))
              .arg({.name = "axes",
                    .type = ArgType::integers,
                    .doc = "Axes that are sliced, negative from the end; an empty list means "
                           "all. (1, 0) if neither "
                           "axes nor axis_names is given and the input is a picture."})
              .arg({.name = "axis_names",
                    .type = ArgType::text,
                    .default_value = std::string("WH"),
                    .doc = "Axes that are sliced, by letter; \"\" means all. Excludes axes.",
                    .constant = true})
              .arg({.name = "normalized_anchor",
                    .type = ArgType::boolean,
                    .default_value = true,
                    .doc = "A float anchor is a fraction of the extent.",
                    .constant = true})
              .arg({.name = "normalized_shape",
                    .type = ArgType::boolean,
                    .default_value = true,
                    .doc = "A float shape is a fraction of the extent.",
                    .constant = true}))
          .one_of({"start", "rel_start"})
          .one_of({"end", "rel_end", "shape", "rel_shape"})
          .one_of({"axes", "axis_names"})
          .make<Slice>()};
}

}  // namespace varo
