// SPDX-License-Identifier: Apache-2.0
#include "operators/transforms/transform.h"

namespace varo {

namespace {

class Translation final : public transforms::Transform {
 public:
  explicit Translation(const Args&) {}

 protected:
  int axes(const Inference&, const Arguments& given, int input_axes) const override {
    const int count = given.count("offset");
    return checked_axes(count == 1 && input_axes > 0 ? input_axes : count, 1,
                        transforms::kMostAxes);
  }

  transforms::Matrix matrix(const Inference&, const Arguments& given, int n,
                            std::int64_t f) const override {
    auto m = transforms::Matrix::identity(n);
    const auto offset = given.of("offset", f, n);
    for (int i = 0; i < n; ++i) m(i, n) = offset[static_cast<unsigned>(i)];
    return m;
  }
};

}  // namespace

VARO_OPERATORS(transforms, translation) {
  return {transforms::definition("transforms.translation", "The matrix of a shift.")
              .arg({.name = "offset",
                    .type = ArgType::reals,
                    .doc = "Shift along x, y, z.",
                    .required = true})
              .make<Translation>()};
}

}  // namespace varo
