// SPDX-License-Identifier: Apache-2.0
#include "operators/transforms/transform.h"

namespace varo {

namespace {

constexpr const char* kEnds[] = {"from_start", "from_end", "to_start", "to_end"};

class CropTransform final : public transforms::Transform {
 public:
  explicit CropTransform(const Args&) {}

 protected:
  int axes(const Inference&, const Arguments& given, int input_axes) const override {
    int n = 1;
    for (const char* end : kEnds) n = std::max(n, given.count(end));
    return checked_axes(n == 1 && input_axes > 0 ? input_axes : n, 1, transforms::kMostAxes);
  }

  transforms::Matrix matrix(const Inference& s, const Arguments& given, int n,
                            std::int64_t f) const override {
    std::vector<double> ends[4];
    for (int i = 0; i < 4; ++i) ends[i] = given.of(kEnds[i], f, n);
    transforms::Matrix m{.n = n};
    for (int i = 0; i < n; ++i) {
      const auto at = static_cast<std::size_t>(i);
      double from = ends[0][at], from_end = ends[1][at], to = ends[2][at], to_end = ends[3][at];
      if (s.flag("absolute")) {
        if (from > from_end) std::swap(from, from_end);
        if (to > to_end) std::swap(to, to_end);
      }
      // An empty box tells no scale.
      m(i, i) = from == from_end ? 1 : (to_end - to) / (from_end - from);
      m(i, n) = to - m(i, i) * from;
    }
    return m;
  }
};

}  // namespace

VARO_OPERATORS(transforms, crop) {
  auto end = [](int i, double value, const char* doc) {
    return ArgDef{.name = kEnds[i],
                  .type = ArgType::reals,
                  .default_value = std::vector<double>{value},
                  .doc = doc};
  };
  return {
      transforms::definition("transforms.crop", "The matrix that takes one box to another.")
          .doc("A box without extent along an axis says nothing of the scale there, which is 1.")
          .arg(end(0, 0, "Lower corner of the box in the input's coordinates, x, y, z."))
          .arg(end(1, 1, "Upper corner of the box in the input's coordinates."))
          .arg(end(2, 0, "Lower corner of the box that it becomes."))
          .arg(end(3, 1, "Upper corner of the box that it becomes."))
          .arg({.name = "absolute",
                .type = ArgType::boolean,
                .default_value = false,
                .doc = "Swaps a start that lies above its end."})
          .make<CropTransform>()};
}

}  // namespace varo
