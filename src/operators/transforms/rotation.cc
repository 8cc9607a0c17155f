// SPDX-License-Identifier: Apache-2.0
#include "operators/shared/rotation.h"

#include "operators/transforms/transform.h"

namespace varo {

namespace {

class Rotation final : public transforms::Transform {
 public:
  explicit Rotation(const Args&) {}

 protected:
  int axes(const Inference&, const Arguments& given, int) const override {
    return given.has("axis") ? 3 : 2;
  }

  transforms::Matrix matrix(const Inference&, const Arguments& given, int n,
                            std::int64_t f) const override {
    if (given.count("angle") != 1 || (n == 3 && given.count("axis") != 3))
      throw Error(ErrorKind::shape, "a rotation takes one angle, and in space one axis (x, y, z)")
          .got(fmt::format("{} angles, {} values of axis", given.count("angle"),
                           given.count("axis")))
          .allowed("1 angle, 3 values of axis");
    transforms::Matrix m{.n = n};
    const double angle = given.find("angle")->at(f)[0];
    if (n == 2) {
      const auto r = rotation_2d(angle);
      for (int i = 0; i < 4; ++i) m(i / 2, i % 2) = r[static_cast<unsigned>(i)];
    } else {
      const auto r = rotation_3d(angle, given.find("axis")->at(f));
      for (int i = 0; i < 9; ++i) m(i / 3, i % 3) = r[static_cast<unsigned>(i)];
    }
    return m;
  }
};

}  // namespace

VARO_OPERATORS(transforms, rotation) {
  return {
      transforms::definition("transforms.rotation", "The matrix of a turn in the plane or space.")
          .arg({.name = "angle",
                .type = ArgType::reals,
                .doc = "Degrees. In the plane [[cos, -sin], [sin, cos]]; in space right-handed "
                       "about `axis`.",
                .required = true})
          .arg({.name = "axis",
                .type = ArgType::reals,
                .doc = "(x, y, z), of any length but 0. Given: a turn in space."})
          .arg(transforms::centre_argument())
          .make<Rotation>()};
}

}  // namespace varo
