// SPDX-License-Identifier: Apache-2.0
#include "operators/transforms/transform.h"

namespace varo {

namespace {

class Scale final : public transforms::Transform {
 public:
  explicit Scale(const Args&) {}

 protected:
  int axes(const Inference& s, const Arguments& given, int input_axes) const override {
    int n = std::max(given.count("scale"), given.count("center"));
    if (n == 1 && input_axes > 0) n = input_axes;
    if (s.args().given("ndim")) {
      const auto asked = static_cast<int>(s.integer("ndim"));
      if (n != 1 && n != asked)
        throw Error(ErrorKind::param, "ndim does not fit the other arguments")
            .got(fmt::format("ndim {}", asked))
            .allowed(fmt::format("{}, as scale, center or the input has it", n));
      n = asked;
    }
    return checked_axes(n, 1, transforms::kMostAxes);
  }

  transforms::Matrix matrix(const Inference&, const Arguments& given, int n,
                            std::int64_t f) const override {
    transforms::Matrix m{.n = n};
    const auto scale = given.of("scale", f, n);
    for (int i = 0; i < n; ++i) m(i, i) = scale[static_cast<unsigned>(i)];
    return m;
  }
};

}  // namespace

VARO_OPERATORS(transforms, scale) {
  return {transforms::definition("transforms.scale", "The matrix of a stretch along each axis.")
              .arg({.name = "scale",
                    .type = ArgType::reals,
                    .doc = "Factor along x, y, z; a single one counts for every axis.",
                    .required = true})
              .arg(transforms::centre_argument())
              .arg({.name = "ndim",
                    .type = ArgType::integer,
                    .doc = "Number of axes where scale is a single value and there is no input; "
                           "default 1.",
                    .constant = true,
                    .least = 1,
                    .most = transforms::kMostAxes})
              .make<Scale>()};
}

}  // namespace varo
