// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <fmt/format.h>

#include "operators/geometry/resize_extents.h"
#include "operators/geometry/resizing.h"

namespace varo {

namespace {

class Resize final : public ResizeOperator {
 public:
  explicit Resize(const Args& args) {
    for (const char* name : {"size", "resize_shorter", "resize_longer"})
      if (args.given(name)) size_from_ = name;
    mode_ = size_from_ == "resize_shorter"  ? ResizeMode::not_smaller
            : size_from_ == "resize_longer" ? ResizeMode::not_larger
                                            : args.choice<ResizeMode>("mode");
  }

  void infer(Inference& s) const override {
    Spec spec = s.spec(0);
    const Layout& layout = s.layout(0);
    spec.layout = layout;
    Resizing resizing;
    ResizeRequest request{.mode = mode_,
                          .subpixel = s.args().flag("subpixel_scale"),
                          .empty = volume(spec.shape) == 0};
    for (int i = 0; i < layout.rank(); ++i)
      if (const char letter = layout[i]; letter == 'D' || letter == 'H' || letter == 'W') {
        resizing.axes.push_back({i, letter, {}});
        request.axes.push_back({.letter = letter, .in = spec.shape[i]});
      }
    ask(s, request.axes);
    const auto extents = resized_extents(request);
    for (std::size_t i = 0; i < extents.size(); ++i) {
      auto& [axis, letter, map] = resizing.axes[i];
      map = {
          .in = spec.shape[axis], .out = extents[i].out, .lo = extents[i].lo, .hi = extents[i].hi};
      spec.shape[axis] = map.out;
    }
    const DType dtype = s.has("dtype") ? s.dtype("dtype") : spec.dtype;
    if (dtype != spec.dtype && (dtype != DType::f32 || !interpolates(spec.dtype)))
      throw Error(ErrorKind::param, "the result cannot have this element type")
          .got(std::string(name_of(dtype)))
          .allowed(fmt::format("{} (the input's){}", name_of(spec.dtype),
                               interpolates(spec.dtype) ? " or float32" : ""))
          .hint("fn.cast of the result");
    spec.dtype = dtype;
    s.set_output(0, spec);
    if (s.output_count() > 1)
      s.set_output(1, {DType::i32, {static_cast<std::int64_t>(extents.size())}, {}});
    s.state() = std::move(resizing);
  }

  void prepare(Inference& s) const override {
    if (volume(s.output_spec(0).shape) == 0) return;
    for (auto& [axis, letter, map] : s.kept<Resizing>().axes) {
      const char* const own = reduces(map) ? "min_filter" : "mag_filter";
      set_filter(map, s.integer(s.args().given(own) ? own : "interp_type"),
                 s.args().flag("antialias"));
      if (map.filter != ResampleFilter::nearest && !interpolates(s.spec(0).dtype))
        throw Error(ErrorKind::type, "no interpolation for this element type")
            .got(std::string(name_of(s.spec(0).dtype)))
            .allowed("uint8, int16, uint16 or float32")
            .hint(
                "interp_type=types.INTERP_NN picks voxels of every type, labels say; or cast first");
    }
    tabulate(s);
  }

  bool resolve(Views& views) const override {
    if (!ResizeOperator::resolve(views)) return false;
    if (views.out.size() > 1) {
      views.out[1] = Tensor::own(views.facts.output_spec(1));
      write_attributes(views.facts.kept<Resizing>(), views.out[1].mutable_view());
    }
    return true;
  }

  void run(const HostRun& r) const noexcept override {
    if (r.out.size() > 1) write_attributes(r.state<Resizing>(), r.out[1]);
    ResizeOperator::run(r);
  }

 private:
  static bool interpolates(DType t) {
    return t == DType::u8 || t == DType::i16 || t == DType::u16 || t == DType::f32;
  }

  // Sizes, limits and region, as the user gave them.
  void ask(const Inference& s, std::vector<ResizeAxis>& axes) const {
    const auto for_axes = [&](std::string_view arg, const auto& set) {
      const std::vector<double> values = s.reals(arg, static_cast<int>(axes.size()));
      for (std::size_t i = 0; i < axes.size(); ++i) set(axes[i], values[i]);
    };
    if (size_from_ == "size")
      for_axes("size", [](ResizeAxis& a, double v) { a.size = v; });
    else
      for (ResizeAxis& a : axes) {
        const char* const own = a.letter == 'W'   ? "resize_x"
                                : a.letter == 'H' ? "resize_y"
                                                  : "resize_z";
        a.size = s.real(size_from_.empty() ? own : size_from_);
      }
    for (const ResizeAxis& a : axes)
      if (!std::isfinite(a.size))
        throw Error(ErrorKind::param,
                    fmt::format("the new size is not a number along {}", a.letter))
            .got(fmt::format("{}", a.size))
            .allowed("a finite number");
    if (s.args().given("max_size"))
      for_axes("max_size", [](ResizeAxis& a, double v) {
        if (v > 0) a.most = v;
      });
    if (!s.args().given("roi_start")) return;
    const bool relative = s.args().flag("roi_relative");
    const auto voxels = [&](const ResizeAxis& a, double v) {
      return relative ? v * static_cast<double>(a.in) : v;
    };
    for_axes("roi_start", [&](ResizeAxis& a, double v) { a.roi_start = voxels(a, v); });
    for_axes("roi_end", [&](ResizeAxis& a, double v) { a.roi_end = voxels(a, v); });
  }

  static void write_attributes(const Resizing& resizing, const View& out) {
    for (std::size_t i = 0; i < resizing.axes.size(); ++i)
      out.ptr<std::int32_t>()[static_cast<std::int64_t>(i) * out.strides[0]] =
          static_cast<std::int32_t>(resizing.axes[i].map.in);
  }

  std::string size_from_;  // empty: resize_x, resize_y, resize_z
  ResizeMode mode_ = ResizeMode::independent;
};

ArgDef filter(const char* name, const char* doc) {
  return {.name = name,
          .type = ArgType::interp,
          .default_value = std::int64_t{kInterpLinear},
          .doc = doc,
          .late = true,
          .least = kInterpNearest,
          .most = kInterpBspline};
}

ArgDef flag(const char* name, bool value, const char* doc) {
  return {
      .name = name, .type = ArgType::boolean, .default_value = value, .doc = doc, .constant = true};
}

ArgDef extent(const char* name, const char* doc) {
  return {.name = name, .default_value = 0.0, .doc = doc};
}

}  // namespace

VARO_OPERATORS(geometry, resize) {
  return {
      OperatorDef("resize", "Resamples volumes and images to another size.")
          .doc("Voxel i covers [i, i + 1): output voxel x is centred at lo + (x + 0.5) * (hi - lo) "
               "/ size of the "
               "source, where lo and hi are the ends of the region of interest, or of the input. "
               "Outside of the "
               "input its edge repeats. Resampling to the same size without a region is free.")
          .doc("Sizes come from exactly one of size, resize_shorter, resize_longer, or any of "
               "resize_x, resize_y, "
               "resize_z. They may be fractions: the result has the rounded size, with the exact "
               "scale.")
          .doc("INTERP_BSPLINE is cubic spline interpolation, what SciPy and ITK call order 3: "
               "scipy.ndimage.zoom(order=3, mode=\"nearest\", grid_mode=True) with its prefilter, "
               "where antialias is False. INTERP_CUBIC is Catmull-Rom, which needs fewer voxels.")
          .input({.name = "data",
                  .doc = "Volume, image, or a sequence of them: uint8, int16, uint16 or float32, "
                         "or every element type where interp_type is INTERP_NN.",
                  .layouts = layouts_of({"HWC", "CHW", "FHWC", "FCHW", "CFHW", "DHWC", "CDHW",
                                         "FDHWC", "FCDHW", "CFDHW", "HW", "DHW", "FHW", "FDHW"})})
          .output("resized", "Same layout as the input.")
          .output(
              "attributes",
              "With save_attrs: the input's spatial extents as int32, in the order of the axes.")
          .outputs_by([](const Args& args) { return args.flag("save_attrs") ? 2 : 1; })
          .arg({.name = "size",
                .type = ArgType::reals,
                .doc = "New extents in the order of the axes (D, H, W), or one for all. 0: not "
                       "given, see mode. "
                       "Negative: mirrored."})
          .arg(extent("resize_x", "New extent along W; 0: not given, see mode."))
          .arg(extent("resize_y", "New extent along H; 0: not given, see mode."))
          .arg(
              extent("resize_z", "New extent along D; 0: not given, see mode. Ignored for images."))
          .arg(extent("resize_shorter",
                      "New extent of the shortest spatial axis; the others keep the proportions."))
          .arg(extent("resize_longer",
                      "New extent of the longest spatial axis; the others keep the proportions."))
          .arg({.name = "mode",
                .type = ArgType::text,
                .default_value = std::string("default"),
                .doc = "\"default\": axes without a size are scaled by the geometric mean of the "
                       "others; \"stretch\": "
                       "they stay; \"not_larger\", \"not_smaller\": all axes are scaled alike, so "
                       "that no axis is "
                       "larger (smaller) than asked for.",
                .constant = true,
                .choices = {"default", "stretch", "not_larger", "not_smaller"}})
          .arg({.name = "max_size",
                .type = ArgType::reals,
                .doc = "Largest extent, for all or for each spatial axis. It wins over the mode.",
                .constant = true,
                .least = 0})
          .arg(flag("subpixel_scale", true, "Keep the exact scale when the size is not whole."))
          .arg({.name = "roi_start",
                .type = ArgType::reals,
                .doc = "Where the source region starts, in voxels, in the order of the axes. A "
                       "region that ends before "
                       "it starts is mirrored."})
          .arg({.name = "roi_end", .type = ArgType::reals, .doc = "Where the source region ends."})
          .arg(flag("roi_relative", false,
                    "The region is given in fractions of the input's extents."))
          .arg(filter("interp_type", "The filter, for enlarging and reducing."))
          .arg(filter("mag_filter",
                      "The filter along axes that become larger, instead of interp_type."))
          .arg(filter("min_filter",
                      "The filter along axes that become smaller, instead of interp_type."))
          .arg(flag("antialias", true, "Widen the filter along axes that become smaller."))
          .arg({.name = "dtype",
                .type = ArgType::dtype,
                .doc = "Element type of the result: the input's (default) or FLOAT.",
                .constant = true})
          .arg(flag("save_attrs", false, "Return the input's spatial extents as well."))
          .ignored({{"minibatch_size", 32, "Samples are resized one by one."},
                    {"temp_buffer_hint", 0, "Memory is reused between samples."}})
          .just_one_of(
              {"size", "resize_shorter", "resize_longer", {"resize_x", "resize_y", "resize_z"}})
          .one_of({"resize_shorter", "resize_longer", "mode"})
          .together({"roi_start", "roi_end"})
          .make<Resize>()};
}

}  // namespace varo
