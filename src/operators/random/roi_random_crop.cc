// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <fmt/format.h>

#include "operators/shared/axes.h"

namespace varo {

namespace {

class RoiRandomCrop final : public HostOperator {
 public:
  explicit RoiRandomCrop(const Args& args)
      : crop_shape_(args, "crop_shape"),
        roi_start_(args, "roi_start"),
        roi_shape_(args, "roi_shape"),
        roi_end_(args, "roi_end"),
        in_shape_(args, "in_shape") {}

  void infer(Inference& s) const override {
    if (s.input_count() == 1 && in_shape_.given())
      throw Error(ErrorKind::param, "the input's shape is given twice")
          .got("data and in_shape")
          .allowed("one of the two");
    const auto axes = static_cast<std::int64_t>(crop_shape_(s).size());
    if (axes == 0)
      throw Error(ErrorKind::param, "argument crop_shape is empty")
          .got("0 values")
          .allowed("one an axis");
    s.set_output(0, {DType::i64, {axes}, {}});
  }

  Need need(const Inference&, int) const override { return {Access::spec}; }

  void prepare(Inference& s) const override {
    const std::vector<std::int64_t> crop = crop_shape_(s);
    const auto axes = static_cast<int>(crop.size());
    const std::vector<std::int64_t> roi_start = roi_start_(s, axes);
    std::vector<std::int64_t> roi = roi_shape_.given() ? roi_shape_(s, axes) : roi_end_(s, axes);
    if (roi_end_.given())
      for (int i = 0; i < axes; ++i) roi[at(i)] -= roi_start[at(i)];
    std::vector<std::int64_t> in;
    Layout layout;
    if (s.input_count() == 1) {
      const Spec& spec = s.spec(0);
      if (spec.shape.rank() < axes)
        throw Error(ErrorKind::shape, "the data has fewer axes than crop_shape has values")
            .got(to_string(spec.shape))
            .allowed(fmt::format("at least {} axes", axes));
      in.assign(spec.shape.begin(), spec.shape.begin() + axes);
      layout = spec.layout;
    } else if (in_shape_.given()) {
      in = in_shape_(s, axes);
    }

    Start start;
    Rng rng(s.random());
    for (int i = 0; i < axes; ++i) {
      if (!in.empty()) check(i, layout, in[at(i)], crop[at(i)], roi_start[at(i)], roi[at(i)]);
      // A smaller window lies inside of the region, a larger one around it.
      const std::int64_t other = roi_start[at(i)] + roi[at(i)] - crop[at(i)];
      std::int64_t lo = std::min(roi_start[at(i)], other), hi = std::max(roi_start[at(i)], other);
      if (!in.empty() && crop[at(i)] > in[at(i)]) {
        lo = hi = -((crop[at(i)] - in[at(i)]) / 2);
      } else if (!in.empty()) {
        lo = std::max<std::int64_t>(lo, 0);
        hi = std::min(hi, in[at(i)] - crop[at(i)]);
      }
      const auto choices = static_cast<std::uint64_t>(std::max<std::int64_t>(hi - lo, 0)) + 1;
      start.push_back(lo + static_cast<std::int64_t>(rng.below(choices)));
    }
    s.state() = std::move(start);
  }

  void run(const HostRun& r) const noexcept override {
    const View& out = r.out[0];
    std::int64_t* to = out.ptr<std::int64_t>();
    for (const std::int64_t first : r.state<Start>()) {
      *to = first;
      to += out.strides[0];
    }
  }

 private:
  using Start = std::vector<std::int64_t>;

  static std::size_t at(int i) { return static_cast<std::size_t>(i); }

  static void check(int axis, const Layout& layout, std::int64_t in, std::int64_t crop,
                    std::int64_t roi_start, std::int64_t roi) {
    const std::string name = axis_name(layout, axis);
    if (in < 0)
      throw Error(ErrorKind::shape, fmt::format("the input's extent is negative along {}", name))
          .got(fmt::format("{}", in))
          .allowed("at least 0");
    if (crop < 0)
      throw Error(ErrorKind::shape, fmt::format("the window's extent is negative along {}", name))
          .got(fmt::format("crop_shape {}", crop))
          .allowed("at least 0");
    if (roi_start < 0 || roi_start + roi > in)
      throw Error(
          ErrorKind::shape,
          fmt::format("the region of interest does not lie inside of the input along {}", name))
          .got(fmt::format("start {}, end {}", roi_start, roi_start + roi))
          .allowed(fmt::format("start >= 0 and end <= {}", in));
  }

  Arg<std::vector<std::int64_t>> crop_shape_, roi_start_, roi_shape_, roi_end_, in_shape_;
};

}  // namespace

VARO_OPERATORS(random, roi_random_crop) {
  const auto extents = [](const char* name, const char* doc, bool required, bool late = true) {
    return ArgDef{
        .name = name, .type = ArgType::integers, .doc = doc, .required = required, .late = late};
  };
  return {
      OperatorDef("roi_random_crop",
                  "Draws the start of a window that covers, or lies in, a region of interest.")
          .doc("Along each axis the start is drawn evenly from all positions for which the "
               "window lies inside of the "
               "region, or around it where the window is larger; and inside of the input, if "
               "its shape is known. A window larger than the input lies around all of it, with "
               "the input in its middle, half an element earlier where there is none: the start "
               "is negative. Pass the result to fn.slice, with an out_of_bounds_policy where "
               "windows may be larger.")
          .input({.name = "data",
                  .doc = "Only its shape is used; its first extents count.",
                  .optional = true})
          .output("start", "First element of the window for each axis, int64.")
          .arg(extents("crop_shape", "Extents of the window.", true, false))
          .arg(extents("roi_start", "First element of the region.", true))
          .arg(extents("roi_shape", "Extents of the region. Excludes roi_end.", false))
          .arg(extents("roi_end", "One past the last element of the region. Excludes roi_shape.",
                       false))
          .arg(extents("in_shape", "Extents of the input, if it is not given as data.", false))
          .traits({.random = true})
          .just_one_of({"roi_shape", "roi_end"})
          .make<RoiRandomCrop>()};
}

}  // namespace varo
