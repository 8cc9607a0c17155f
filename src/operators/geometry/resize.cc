// SPDX-License-Identifier: Apache-2.0
#include <fmt/ranges.h>

#include "kernels/resample/resample.h"
#include "operators/geometry/resize_extents.h"
#include "operators/operator.h"

namespace varo {

namespace {

enum Interp : std::int64_t {
  kNearest = 0,
  kLinear = 1,
  kCubic = 2,
  kLanczos3 = 3,
  kTriangular = 4,
  kGaussian = 5
};

struct SpatialAxis {
  int axis = 0;  // of the tensor
  AxisMap map;
};

// From infer to run.
struct Resizing {
  std::vector<SpatialAxis> spatial;
  std::vector<ResampledAxis> resampled;  // with tables, from resolve on
};

class Resize final : public Operator {
 public:
  explicit Resize(const Args& args)
      : relative_roi_(args.flag("roi_relative")),
        subpixel_(args.flag("subpixel_scale")),
        antialias_(args.flag("antialias")),
        save_attrs_(args.flag("save_attrs")) {
    const auto given = [&](std::initializer_list<const char*> names) {
      std::vector<std::string> found;
      for (const char* name : names)
        if (args.given(name)) found.emplace_back(name);
      return found;
    };
    std::vector<std::string> wanted = given({"size", "resize_shorter", "resize_longer"});
    const auto by_axis = given({"resize_x", "resize_y", "resize_z"});
    if (wanted.size() + (by_axis.empty() ? 0 : 1) != 1) {
      wanted.insert(wanted.end(), by_axis.begin(), by_axis.end());
      throw Error(ErrorKind::param,
                  wanted.empty() ? "no size is given" : "the size is given in more than one way")
          .got(wanted.empty() ? "none" : fmt::format("{}", fmt::join(wanted, ", ")))
          .allowed(
              "exactly 1 of size, resize_shorter, resize_longer, or any of resize_x, resize_y, "
              "resize_z");
    }
    if (const auto modes = given({"resize_shorter", "resize_longer", "mode"}); modes.size() > 1)
      throw Error(ErrorKind::param, "the mode is given in more than one way")
          .got(fmt::format("{}", fmt::join(modes, ", ")))
          .allowed("at most 1 of resize_shorter, resize_longer, mode");
    if (args.given("roi_start") != args.given("roi_end"))
      throw Error(ErrorKind::param, "the region of interest has one end only")
          .got(args.given("roi_start") ? "roi_start" : "roi_end")
          .allowed("both roi_start and roi_end, or none");
    shape_by_ = wanted.empty() ? "" : wanted.front();
    if (shape_by_ == "resize_shorter")
      mode_ = ResizeMode::not_smaller;
    else if (shape_by_ == "resize_longer")
      mode_ = ResizeMode::not_larger;
    else
      mode_ = mode_named(args.text("mode"));
  }

  void infer(Sample& s) const override {
    Spec spec = s.spec(0);
    const Layout layout = s.layout(0);
    Resizing plan;
    std::vector<ResizeAxis> axes;
    for (int i = 0; i < layout.rank(); ++i)
      if (const char letter = layout[i]; letter == 'D' || letter == 'H' || letter == 'W') {
        plan.spatial.push_back({i, {}});
        axes.push_back({.letter = letter, .in = spec.shape[i]});
      }
    ask(s, axes);
    const auto extents = resized_extents(axes, mode_, subpixel_, volume(spec.shape) == 0);

    for (std::size_t i = 0; i < axes.size(); ++i) {
      const auto& [out, lo, hi] = extents[i];
      plan.spatial[i].map = {.in = axes[i].in, .out = out, .lo = lo, .hi = hi};
      spec.shape[plan.spatial[i].axis] = out;
    }
    const DType dtype = s.has("dtype") ? s.dtype("dtype") : spec.dtype;
    if (dtype != spec.dtype && dtype != DType::f32)
      throw Error(ErrorKind::param, "the result cannot have this element type")
          .got(std::string(name_of(dtype)))
          .allowed(fmt::format("{} (the input's) or float32", name_of(spec.dtype)))
          .hint("fn.cast of the result");
    spec.dtype = dtype;
    s.set_output(0, spec);
    if (save_attrs_) s.set_output(1, {DType::i32, {static_cast<std::int64_t>(axes.size())}, {}});
    s.state() = std::move(plan);
  }

  bool resolve(Sample& s) const override {
    if (volume(s.output_spec(0).shape) == 0) return false;
    auto& plan = s.kept<Resizing>();
    bool view = s.output_spec(0).dtype == s.spec(0).dtype;
    for (auto& [axis, map] : plan.spatial) {
      choose_filter(s, map);
      plan.resampled.push_back({axis, make_axis_table(map)});
      view = view && step_of(plan.resampled.back().table).has_value();
    }
    if (!view) return false;
    Tensor t = s.tensor(0);
    const auto affine = moved_affine(s, plan);
    for (const auto& [axis, table] : plan.resampled)
      t = t.sliced(axis, table.begin + table.first[0], table.out, *step_of(table));
    if (affine) {
      Meta meta = t.meta();
      meta.affine = affine;
      t = t.with_meta(std::move(meta));
    }
    s.set_result(0, std::move(t));
    if (save_attrs_)
      s.set_result(1, Tensor::of<std::int32_t>(attributes(s),
                                               {static_cast<std::int64_t>(plan.spatial.size())}));
    return true;
  }

  void run(Sample& s) const override {
    auto& plan = s.kept<Resizing>();
    if (save_attrs_) {
      const View out = s.output(1);
      const auto values = attributes(s);
      for (std::size_t i = 0; i < values.size(); ++i)
        out.ptr<std::int32_t>()[static_cast<std::int64_t>(i) * out.strides[0]] = values[i];
    }
    const View out = s.output(0);
    if (out.volume() == 0) return;
    if (const auto affine = moved_affine(s, plan)) s.set_affine(0, *affine);
    const ConstView in = source(s, plan);
    const bool moves = std::all_of(plan.resampled.begin(), plan.resampled.end(),
                                   [](const ResampledAxis& a) { return a.table.moves(); });
    if (moves && out.dtype == in.dtype)
      return resample_nearest(in, out, plan.resampled, s.parallel());
    const ResamplePlan passes = plan_resample(in, out, std::move(plan.resampled));
    resample(passes, s.scratch_of<float>(passes.scratch_floats(s.parallel().width())),
             s.parallel());
  }

 private:
  static ResizeMode mode_named(const std::string& name) {
    if (name == "default") return ResizeMode::independent;
    if (name == "stretch") return ResizeMode::stretch;
    if (name == "not_larger") return ResizeMode::not_larger;
    if (name == "not_smaller") return ResizeMode::not_smaller;
    throw Error(ErrorKind::param, "there is no such mode")
        .got(fmt::format("\"{}\"", name))
        .allowed("\"default\", \"stretch\", \"not_larger\", \"not_smaller\"");
  }

  // Sizes, limits and region, as the user gave them.
  void ask(Sample& s, std::vector<ResizeAxis>& axes) const {
    const auto n = static_cast<int>(axes.size());
    const auto for_axes = [&](const char* arg, const auto& set) {
      const std::vector<double> values = s.reals(arg, n);
      for (std::size_t i = 0; i < axes.size(); ++i) set(axes[i], values[i]);
    };
    if (shape_by_ == "size") {
      for_axes("size", [](ResizeAxis& a, double v) { a.size = v; });
    } else if (shape_by_.empty()) {
      for (ResizeAxis& a : axes)
        a.size = s.real(a.letter == 'W' ? "resize_x" : a.letter == 'H' ? "resize_y" : "resize_z");
    } else {
      for (ResizeAxis& a : axes) a.size = s.real(shape_by_);
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
    const auto voxels = [&](const ResizeAxis& a, double v) {
      return relative_roi_ ? v * static_cast<double>(a.in) : v;
    };
    for_axes("roi_start", [&](ResizeAxis& a, double v) { a.roi_start = voxels(a, v); });
    for_axes("roi_end", [&](ResizeAxis& a, double v) { a.roi_end = voxels(a, v); });
  }

  void choose_filter(Sample& s, AxisMap& map) const {
    const double ratio = map.out > 0 ? std::abs(map.hi - map.lo) / static_cast<double>(map.out) : 1;
    const bool smaller = ratio > 1;
    const char* const own = smaller ? "min_filter" : "mag_filter";
    switch (s.integer(s.args().given(own) ? own : "interp_type")) {
      case kNearest:
        map.filter = Filter::nearest;
        break;
      case kCubic:
        map.filter = Filter::cubic;
        break;
      case kLanczos3:
        map.filter = Filter::lanczos3;
        break;
      case kGaussian:
        map.filter = Filter::gaussian;
        break;
      default:
        map.filter = Filter::triangular;
        break;
    }
    map.radius = least_radius(map.filter) * (smaller && antialias_ ? ratio : 1);
  }

  // The distance between neighbours where the axis is a slice of the input.
  static std::optional<std::int64_t> step_of(const AxisTable& table) {
    if (!table.moves()) return std::nullopt;
    if (table.out == 1) return 1;
    const std::int64_t step = table.first[1] - table.first[0];
    for (std::size_t x = 1; x < table.first.size(); ++x)
      if (table.first[x] - table.first[x - 1] != step) return std::nullopt;
    return step != 0 ? std::optional(step) : std::nullopt;
  }

  // What the tables use of the input. A part is cut out before it is read; nearly all of it is
  // read as a whole, which other readers of the input then share.
  static ConstView source(Sample& s, const Resizing& plan) {
    Tensor t = s.tensor(0);
    const auto all = static_cast<double>(volume(t.shape()));
    for (const auto& [axis, table] : plan.resampled) t = t.sliced(axis, table.begin, table.extent);
    if (static_cast<double>(volume(t.shape())) < 0.75 * all) return s.fetch(t);
    ConstView view = s.view(0);
    for (const auto& [axis, table] : plan.resampled) {
      view.data = static_cast<const std::byte*>(view.data) +
                  table.begin * view.strides[axis] * static_cast<std::int64_t>(view.element_size());
      view.shape[axis] = table.extent;
    }
    return view;
  }

  // Input index = scale * output index + shift along each axis, voxel centres to voxel centres.
  static std::optional<Affine> moved_affine(Sample& s, const Resizing& plan) {
    std::optional<Affine> affine = s.tensor(0).meta().affine;
    if (!affine) return affine;
    for (const auto& [axis, map] : plan.spatial) {
      const double scale = (map.hi - map.lo) / static_cast<double>(map.out),
                   shift = map.lo + 0.5 * scale - 0.5;
      const char letter = s.layout(0)[axis];
      const std::size_t column = letter == 'W' ? 0 : letter == 'H' ? 1 : 2;
      for (std::size_t row = 0; row < 3; ++row) {
        double& direction = (*affine)[row * 4 + column];
        (*affine)[row * 4 + 3] += direction * shift;
        direction *= scale;
      }
    }
    return affine;
  }

  static std::vector<std::int32_t> attributes(Sample& s) {
    std::vector<std::int32_t> extents;
    for (const auto& a : s.kept<Resizing>().spatial)
      extents.push_back(static_cast<std::int32_t>(a.map.in));
    return extents;
  }

  bool relative_roi_, subpixel_, antialias_, save_attrs_;
  std::string shape_by_;  // the argument with the size; empty: resize_x, resize_y, resize_z
  ResizeMode mode_ = ResizeMode::independent;
};

}  // namespace

VARO_OPERATORS(geometry, resize) {
  const double none = 0.0;
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
          .input({.name = "data",
                  .doc = "Volume, image, or a sequence of them.",
                  .dtypes = {DType::u8, DType::i16, DType::u16, DType::f32},
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
          .arg({.name = "resize_x",
                .default_value = none,
                .doc = "New extent along W; 0: not given, see mode."})
          .arg({.name = "resize_y",
                .default_value = none,
                .doc = "New extent along H; 0: not given, see mode."})
          .arg({.name = "resize_z",
                .default_value = none,
                .doc = "New extent along D; 0: not given, see mode. Ignored for images."})
          .arg({.name = "resize_shorter",
                .default_value = none,
                .doc = "New extent of the shortest spatial axis; the others keep the proportions."})
          .arg({.name = "resize_longer",
                .default_value = none,
                .doc = "New extent of the longest spatial axis; the others keep the proportions."})
          .arg({.name = "mode",
                .type = ArgType::text,
                .default_value = std::string("default"),
                .doc = "\"default\": axes without a size are scaled by the geometric mean of the "
                       "others; "
                       "\"stretch\": they stay; \"not_larger\", \"not_smaller\": all axes are "
                       "scaled alike, so that "
                       "no axis is larger (smaller) than asked for.",
                .constant = true})
          .arg({.name = "max_size",
                .type = ArgType::reals,
                .doc = "Largest extent, for all or for each spatial axis. It wins over the mode.",
                .constant = true,
                .least = 0})
          .arg({.name = "subpixel_scale",
                .type = ArgType::boolean,
                .default_value = true,
                .doc = "Keep the exact scale when the size is not whole.",
                .constant = true})
          .arg({.name = "roi_start",
                .type = ArgType::reals,
                .doc = "Where the source region starts, in voxels, in the order of the axes. A "
                       "region that ends "
                       "before it starts is mirrored."})
          .arg({.name = "roi_end", .type = ArgType::reals, .doc = "Where the source region ends."})
          .arg({.name = "roi_relative",
                .type = ArgType::boolean,
                .default_value = false,
                .doc = "The region is given in fractions of the input's extents.",
                .constant = true})
          .arg({.name = "interp_type",
                .type = ArgType::interp,
                .default_value = std::int64_t{kLinear},
                .doc = "The filter, for enlarging and reducing.",
                .least = kNearest,
                .most = kGaussian})
          .arg({.name = "mag_filter",
                .type = ArgType::interp,
                .default_value = std::int64_t{kLinear},
                .doc = "The filter along axes that become larger, instead of interp_type.",
                .least = kNearest,
                .most = kGaussian})
          .arg({.name = "min_filter",
                .type = ArgType::interp,
                .default_value = std::int64_t{kLinear},
                .doc = "The filter along axes that become smaller, instead of interp_type.",
                .least = kNearest,
                .most = kGaussian})
          .arg({.name = "antialias",
                .type = ArgType::boolean,
                .default_value = true,
                .doc = "Widen the filter along axes that become smaller.",
                .constant = true})
          .arg({.name = "dtype",
                .type = ArgType::dtype,
                .doc = "Element type of the result: the input's (default) or FLOAT.",
                .constant = true})
          .arg({.name = "save_attrs",
                .type = ArgType::boolean,
                .default_value = false,
                .doc = "Return the input's spatial extents as well.",
                .constant = true})
          .arg({.name = "minibatch_size",
                .type = ArgType::integer,
                .default_value = std::int64_t{32},
                .doc = "Has no effect.",
                .constant = true})
          .arg({.name = "temp_buffer_hint",
                .type = ArgType::integer,
                .default_value = std::int64_t{0},
                .doc = "Has no effect.",
                .constant = true})
          .make<Resize>()};
}

}  // namespace varo
