// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <span>
#include <utility>

#include "kernels/label/foreground.h"
#include "operators/api/operator.h"

namespace varo {

namespace {

class RandomMaskPixel final : public HostOperator {
 public:
  explicit RandomMaskPixel(const Args& args)
      : foreground_(args, "foreground"), value_(args, "value"), threshold_(args, "threshold") {}

  void infer(Inference& s) const override {
    const Shape& shape = s.spec(0).shape;
    if (volume(shape) == 0)
      throw Error(ErrorKind::shape, "a mask without voxels has no position to return")
          .got(to_string(shape))
          .allowed("at least 1 voxel along every axis");
    s.set_output(0, {DType::i64, {shape.rank()}, {}});
  }

  Need need(const Inference& s, int) const override {
    if (!s.state().has_value()) return {Access::later};
    if (!s.kept<Draw>().foreground) return {Access::spec};
    // A mask in a file is read for this call alone: what follows mostly wants a part of it.
    const Shape& shape = s.spec(0).shape;
    return {Access::view, Box{Dims::filled(shape.rank(), 0), shape}, true};
  }

  void prepare(Inference& s) const override {
    Draw draw{.rng = Rng(s.random()), .shape = s.spec(0).shape};
    if (foreground_(s) != 0) {
      draw.foreground.emplace();
      if (value_.given())
        draw.foreground->value = value_(s);
      else
        draw.foreground->threshold = threshold_(s);
    }
    s.state() = std::move(draw);
  }

  std::size_t setup(const HostRun& r, std::any&) const override {
    const auto& draw = r.state<Draw>();
    if (!draw.foreground) return 0;
    return static_cast<std::size_t>(foreground_blocks(draw.shape)) * sizeof(std::int64_t);
  }

  void run(const HostRun& r) const noexcept override {
    const auto& draw = r.state<Draw>();
    const Shape& shape = draw.shape;
    Rng rng = draw.rng;
    Dims at;
    if (!draw.foreground || !draw_foreground(r, *draw.foreground, rng, at)) {
      at.clear();
      for (const std::int64_t extent : shape)
        at.push_back(static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(extent))));
    }
    const View& out = r.out[0];
    for (int i = 0; i < shape.rank(); ++i) out.ptr<std::int64_t>()[i * out.strides[0]] = at[i];
  }

 private:
  struct Draw {
    Rng rng;
    Shape shape;
    std::optional<Foreground> foreground;  ///< nothing: among all voxels
  };

  static bool draw_foreground(const HostRun& r, const Foreground& foreground, Rng& rng, Dims& at) {
    const ConstView mask = r.view(0);
    const auto blocks = static_cast<std::size_t>(foreground_blocks(mask.shape));
    const std::span<std::int64_t> counts = r.scratch_of<std::int64_t>().first(blocks);
    const std::int64_t count = count_foreground(mask, foreground, counts, r.parallel);
    if (count == 0) return false;
    const auto n = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(count)));
    at = nth_foreground(mask, foreground, counts, n);
    return true;
  }

  Arg<std::int64_t> foreground_, value_;
  Arg<double> threshold_;
};

}  // namespace

VARO_OPERATORS(labels, random_mask_pixel) {
  return {OperatorDef("segmentation.random_mask_pixel", "Index of a voxel drawn from a mask.")
              .doc("Draws among all voxels, or, with foreground, among those that are foreground; "
                   "if there is none, "
                   "among all.")
              .input({.name = "mask",
                      .doc = "Mask or label map of any rank.",
                      .dtypes = dtypes_except({DType::f16, DType::f64}),
                      .least_rank = 1})
              .output("position", "Index along each axis, int64.")
              .arg({.name = "foreground",
                    .type = ArgType::integer,
                    .default_value = std::int64_t{0},
                    .doc = "Draw among the foreground when not 0. When 0, the mask's values are "
                           "not looked at.",
                    .late = true})
              .arg({.name = "value",
                    .type = ArgType::integer,
                    .doc = "Voxels of this value are foreground. A value that the mask's type "
                           "cannot hold is found "
                           "nowhere.",
                    .late = true})
              .arg({.name = "threshold",
                    .type = ArgType::real,
                    .default_value = 0.0,
                    .doc = "Without value: voxels above it are foreground.",
                    .late = true})
              .traits({.random = true})
              .one_of({"value", "threshold"})
              .make<RandomMaskPixel>()};
}

}  // namespace varo
