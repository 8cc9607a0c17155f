// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "kernels/label/foreground.h"
#include "operators/api/operator.h"

namespace varo {

namespace {

class RandomMaskPixel final : public Operator {
 public:
  explicit RandomMaskPixel(const Args& args) {
    if (args.given("value") && args.given("threshold"))
      throw Error(ErrorKind::param, "value and threshold exclude each other")
          .got("both value and threshold")
          .allowed("one of them");
  }

  void infer(Sample& s) const override {
    const Shape& shape = s.spec(0).shape;
    if (volume(shape) == 0)
      throw Error(ErrorKind::shape, "a mask without voxels has no position to return")
          .got(to_string(shape))
          .allowed("at least 1 voxel along every axis");
    s.set_output(0, {DType::i64, {shape.rank()}, {}});
  }

  void run(Sample& s) const override {
    const Shape& shape = s.spec(0).shape;
    Rng rng(s.random());
    Dims at;
    if (s.integer("foreground") == 0 || !draw_foreground(s, rng, at)) {
      at.clear();
      for (const std::int64_t extent : shape)
        at.push_back(static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(extent))));
    }
    const View out = s.output(0);
    for (int i = 0; i < shape.rank(); ++i) out.ptr<std::int64_t>()[i * out.strides[0]] = at[i];
  }

 private:
  static bool draw_foreground(Sample& s, Rng& rng, Dims& at) {
    Foreground foreground;
    if (s.args().given("value"))
      foreground.value = s.integer("value");
    else
      foreground.threshold = s.real("threshold");
    // A mask in a file is read for this call alone: what follows mostly wants a part of it.
    const Tensor& input = s.tensor(0);
    const ConstView mask = input.deferred() ? s.fetch(input) : s.view(0);
    std::vector<std::int64_t> counts(static_cast<std::size_t>(foreground_blocks(mask.shape)));
    const std::int64_t count = count_foreground(mask, foreground, counts, s.parallel());
    if (count == 0) return false;
    const auto n = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(count)));
    at = nth_foreground(mask, foreground, counts, n);
    return true;
  }
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
                           "not looked at."})
              .arg({.name = "value",
                    .type = ArgType::integer,
                    .doc = "Voxels of this value are foreground. A value that the mask's type "
                           "cannot hold is found "
                           "nowhere."})
              .arg({.name = "threshold",
                    .type = ArgType::real,
                    .default_value = 0.0,
                    .doc = "Without value: voxels above it are foreground."})
              .traits({.random = true})
              .make<RandomMaskPixel>()};
}

}  // namespace varo
