// SPDX-License-Identifier: Apache-2.0
#include <numbers>

#include "operators/transforms/transform.h"

namespace varo {

namespace {

class Shear final : public transforms::Transform {
 public:
  explicit Shear(const Args&) {}

 protected:
  int axes(const Inference&, const Arguments& given, int input_axes) const override {
    if (given.has("shear") == given.has("angles"))
      throw Error(ErrorKind::type, "a shear takes either factors or angles")
          .got(given.has("shear") ? "shear and angles" : "neither shear nor angles")
          .allowed("one of shear, angles");
    const int count = given.count(name(given));
    if (count == 1) return checked_axes(input_axes > 0 ? input_axes : 2, 2, 3);
    if (count != 2 && count != 6)
      throw Error(ErrorKind::shape, fmt::format("argument {} has the wrong length", name(given)))
          .got(fmt::format("{} values", count))
          .allowed("2 values (xy, yx), or 6 (xy, xz, yx, yz, zx, zy)");
    return count == 2 ? 2 : 3;
  }

  transforms::Matrix matrix(const Inference&, const Arguments& given, int n,
                            std::int64_t f) const override {
    auto m = transforms::Matrix::identity(n);
    const auto values = given.of(name(given), f, n * (n - 1));
    std::size_t next = 0;
    for (int i = 0; i < n; ++i)
      for (int j = 0; j < n; ++j)
        if (i != j) m(i, j) = given.has("shear") ? values[next++] : tangent(values[next++]);
    return m;
  }

 private:
  static const char* name(const Arguments& given) {
    return given.has("shear") ? "shear" : "angles";
  }

  static double tangent(double angle_deg) {
    if (!(std::abs(angle_deg) < 90))
      throw Error(ErrorKind::param, "an angle of shear is out of range")
          .got(fmt::format("{} degrees", angle_deg))
          .allowed("above -90 and below 90 degrees");
    return std::tan(angle_deg * (std::numbers::pi / 180));
  }
};

}  // namespace

VARO_OPERATORS(transforms, shear) {
  return {
      transforms::definition("transforms.shear", "The matrix of a shear in the plane or space.")
          .arg({.name = "shear",
                .type = ArgType::reals,
                .doc = "Factors xy, yx, or xy, xz, yx, yz, zx, zy: ab is how much b adds to a."})
          .arg({.name = "angles",
                .type = ArgType::reals,
                .doc = "Instead of factors: their arc tangents, degrees between -90 and 90."})
          .arg(transforms::centre_argument())
          .make<Shear>()};
}

}  // namespace varo
