// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <fmt/format.h>

#include "operators/geometry/window.h"
#include "operators/shared/axes.h"

namespace varo {

namespace {

class Crop final : public WindowOperator {
 public:
  explicit Crop(const Args& args)
      : policy_(out_of_bounds_of(args)),
        truncate_(args.text("rounding") == "truncate"),
        crop_(args, "crop"),
        crop_w_(args, "crop_w"),
        crop_h_(args, "crop_h"),
        crop_d_(args, "crop_d"),
        x_(args, "crop_pos_x"),
        y_(args, "crop_pos_y"),
        z_(args, "crop_pos_z"),
        dtype_(args, "dtype") {
    if (crop_d_.given() && !crop_w_.given())
      throw Error(ErrorKind::param, "crop_d needs crop_w and crop_h")
          .got("crop_d alone")
          .allowed("all three");
  }

  // The window's size never depends on where it is: a crop that fits lies inside wherever it is
  // put, one that does not covers the whole axis.
  void infer(Inference& s) const override {
    const Spec& in = s.spec(0);
    const Layout layout = s.layout(0);
    Spec spec{in.dtype, sizes(s), layout};
    for (int i = 0; i < in.shape.rank(); ++i) {
      if (spec.shape[i] > in.shape[i] && policy_ == OutOfBounds::error)
        throw Error(ErrorKind::shape, fmt::format("the window is larger than the input along {}",
                                                  axis_name(layout, i)))
            .got(fmt::format("{} elements", spec.shape[i]))
            .allowed(fmt::format("at most {} (input {} {})", in.shape[i], layout.str(),
                                 to_string(in.shape)))
            .hint(R"(out_of_bounds_policy="pad", "trim_to_shape" or another)");
      if (policy_ == OutOfBounds::trim) spec.shape[i] = std::min(spec.shape[i], in.shape[i]);
    }
    if (dtype_.given()) spec.dtype = dtype_(s);
    s.set_output(0, spec);
  }

  void prepare(Inference& s) const override {
    place(s, window(s), s.layout(0), fill_values_of(s, s.layout(0), s.output_spec(0).shape),
          policy_);
  }

 private:
  // Axis of D; of frames where there is no depth.
  static int depth_axis(const Layout& layout) {
    const int d = layout.find('D');
    return d >= 0 ? d : layout.find('F');
  }

  Shape sizes(const Inference& s) const {
    const Layout layout = s.layout(0);
    Shape size = s.spec(0).shape;
    // Every layout has H and W; the depth of a picture is of no consequence, as in DALI.
    const auto set = [&](int axis, double extent) {
      if (std::isnan(extent))
        throw Error(ErrorKind::param, "an extent of the window is not a number")
            .got("nan")
            .allowed("a number of elements, 0 for all");
      if (extent >= 1 && axis >= 0)
        size[axis] = static_cast<std::int64_t>(std::min(extent, 0x1p62));
    };
    if (crop_.has()) {
      const std::vector<double> crop = crop_(s);
      if (crop.size() != 2 && crop.size() != 3)
        throw Error(ErrorKind::param, "argument crop has the wrong length")
            .got(fmt::format("{} values", crop.size()))
            .allowed("2 (H, W) or 3 (D, H, W)");
      if (crop.size() == 3) set(depth_axis(layout), crop[0]);
      set(layout.find('H'), crop[crop.size() - 2]);
      set(layout.find('W'), crop[crop.size() - 1]);
    } else {
      set(depth_axis(layout), crop_d_(s));
      set(layout.find('H'), crop_h_(s));
      set(layout.find('W'), crop_w_(s));
    }
    return size;
  }

  Window window(const Inference& s) const {
    const Layout layout = s.layout(0);
    const Shape in = s.spec(0).shape;
    Window w = Window::whole(in);
    w.shape = sizes(s);
    const auto put = [&](int axis, const Arg<double>& position) {
      if (axis < 0 || w.shape[axis] == in[axis]) return;
      // In float32, as in DALI: 0.29 of 50 is 14.5 there, which rounds to 15.
      const float at =
          static_cast<float>(position(s)) * static_cast<float>(in[axis] - w.shape[axis]);
      w.start[axis] = static_cast<std::int64_t>(truncate_ ? std::trunc(at) : std::round(at));
    };
    put(layout.find('W'), x_);
    put(layout.find('H'), y_);
    put(depth_axis(layout), z_);
    return bounded(w, in, layout, policy_);
  }

  OutOfBounds policy_;
  bool truncate_;
  Arg<std::vector<double>> crop_;
  Arg<double> crop_w_, crop_h_, crop_d_;
  Arg<double> x_, y_, z_;  ///< of crop_pos
  Arg<DType> dtype_;
};

ArgDef position(const char* name, const char* axis) {
  return {.name = name,
          .default_value = 0.5,
          .doc = fmt::format(
              "Where the window lies along {}: 0 at the beginning, 1 at the end, as a fraction "
              "of the input's extent minus the window's.",
              axis),
          .late = true,
          .least = 0,
          .most = 1};
}

ArgDef extent(const char* name, const char* axis, const char* more = "") {
  return {.name = name,
          .default_value = 0.0,
          .doc = fmt::format("Extent along {}; 0 keeps it whole.{}", axis, more)};
}

}  // namespace

VARO_OPERATORS(geometry, crop) {
  return {
      with_window_args(
          OperatorDef("crop", "Cuts a window of a given size out of the input.")
              .doc("The window is placed by fractions: crop_pos_x = 0.5 centres it along W. Inside "
                   "of the input the "
                   "result is a view, and a file behind it is read only where the window lies.")
              .input(
                  {.name = "data",
                   .doc = "Volume, image or sequence; every element type.",
                   .layouts = layouts_of({"HWC", "DHWC", "FDHWC", "CHW", "CDHW", "FHWC", "FCHW",
                                          "CFHW", "FCDHW", "CFDHW", "DHW", "HW", "FHW", "FDHW"})})
              .output("window",
                      "The window, in the layout of the input, or in the one that was assumed.")
              .arg({.name = "crop",
                    .type = ArgType::reals,
                    .doc = "(H, W) or (D, H, W) in elements; fractions are cut off, 0 keeps an "
                           "axis whole. "
                           "Excludes crop_w, crop_h and crop_d."})
              .arg(extent("crop_w", "W"))
              .arg(extent("crop_h", "H"))
              .arg(extent(
                  "crop_d", "D",
                  " Frames, where the layout has F and no D; nothing, where it has neither."))
              .arg(position("crop_pos_x", "W"))
              .arg(position("crop_pos_y", "H"))
              .arg(position("crop_pos_z", "D"))
              .arg(
                  {.name = "rounding",
                   .type = ArgType::text,
                   .default_value = std::string("round"),
                   .doc =
                       R"(How the window's start becomes whole: "round" (halves away from zero) or "truncate".)",
                   .constant = true,
                   .choices = {"round", "truncate"}}))
          .one_of({"crop", {"crop_w", "crop_h", "crop_d"}})
          .together({"crop_w", "crop_h"})
          .make<Crop>()};
}

}  // namespace varo
