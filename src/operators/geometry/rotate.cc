// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "operators/geometry/affine_warp.h"
#include "operators/shared/rotation.h"

namespace varo {

namespace {

using affine_warp::Map;
using affine_warp::Plan;

using Matrix = std::array<double, 9>;

// Input to output as the user sees it, 3 x 3 over (x, y, z). A picture turns counter-clockwise with
// y down: the transpose of [[c, -s], [s, c]].
Matrix forward(double angle_deg, const double* axis_xyz) {
  if (axis_xyz != nullptr) return rotation_3d(angle_deg, {axis_xyz, 3});
  const auto r = rotation_2d(angle_deg);
  return {r[0], r[2], 0, r[1], r[3], 0, 0, 0, 1};
}

// The smallest extents that hold every rotated frame, each of the parity that most frames want:
// that of the input axis which lies closest, so that the centre stays on the same place of a voxel.
void set_canvas(Plan& p, std::span<const Matrix> turns) {
  for (int i = 0; i < p.axes; ++i)
    if (p.in[i] == 0) return;
  for (int i = 0; i < p.axes; ++i) {
    std::int64_t most = 0, odd = 0;
    for (const Matrix& turn : turns) {
      float sum = 0;
      int closest = i;
      for (int j = 0; j < p.axes; ++j) {
        const auto share = static_cast<float>(std::abs(turn[i * 3 + j]));
        sum += share * static_cast<float>(p.in[j]);
        if (share > static_cast<float>(std::abs(turn[i * 3 + closest]))) closest = j;
      }
      most = std::max(most, static_cast<std::int64_t>(std::ceil(sum - 0.01F)));
      odd += p.in[closest] & 1;
    }
    const bool want_odd = 2 * odd > static_cast<std::int64_t>(turns.size());
    p.out[i] = most + (((most & 1) != 0) != want_odd ? 1 : 0);
  }
}

class Rotate final : public affine_warp::WarpOperator {
 public:
  explicit Rotate(const Args&) {}

  void infer(Inference& s) const override {
    const bool has_axis = s.args().given("axis");
    Plan p = affine_warp::plan(s, affine_warp::layout_of(s, has_axis));
    if (has_axis != (p.axes == 3))
      throw Error(ErrorKind::param, has_axis ? "a picture turns in its plane, it takes no axis"
                                             : "a volume needs an axis to turn about")
          .got(fmt::format("layout {}{}", p.layout.str(), has_axis ? " and an axis" : ""))
          .allowed(has_axis ? "an axis with D in the layout" : "axis=(x, y, z)");
    const std::int64_t frames = p.frame < 0 ? 1 : s.spec(0).shape[p.frame];
    const std::vector<double> angles = per_frame(s, "angle", 1, frames);
    const std::vector<double> axes =
        has_axis ? per_frame(s, "axis", 3, frames) : std::vector<double>();
    std::vector<Matrix> turns;
    const std::size_t count = std::max(angles.size(), axes.size() / 3);
    for (std::size_t f = 0; f < count; ++f) {
      const double angle = angles[angles.size() == 1 ? 0 : f];
      if (!std::isfinite(angle))
        throw Error(ErrorKind::param, "the angle is not finite")
            .got(fmt::format("{} degrees", angle))
            .allowed("a finite number of degrees");
      turns.push_back(forward(angle, has_axis ? &axes[axes.size() == 3 ? 0 : 3 * f] : nullptr));
    }
    if (!affine_warp::take_size(s, p) && !s.flag("keep_size")) set_canvas(p, turns);
    for (const Matrix& turn : turns) p.maps.push_back(about_centre(turn, p));
    affine_warp::set_output(s, std::move(p));
  }

 private:
  // `each` values, or that many for every frame.
  static std::vector<double> per_frame(const Inference& s, const char* arg, std::size_t each,
                                       std::int64_t frames) {
    std::vector<double> values = s.reals(arg);
    const auto all = each * static_cast<std::size_t>(frames);
    if (values.size() != each && values.size() != all)
      throw Error(ErrorKind::shape, fmt::format("argument {} has the wrong length", arg))
          .got(fmt::format("{} values", values.size()))
          .allowed(frames == 1 ? fmt::format("{}", each)
                               : fmt::format("{}, or {} for {} frames", each, all, frames));
    return values;
  }

  // source = in / 2 + turn^-1 * (position - out / 2)
  static Map about_centre(const Matrix& turn, const Plan& p) {
    Map map{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
    for (int i = 0; i < p.axes; ++i) {
      double shift = 0;
      for (int j = 0; j < p.axes; ++j) {
        map[i * 4 + j] = turn[j * 3 + i];
        shift += map[i * 4 + j] * static_cast<double>(p.out[j]) / 2;
      }
      map[i * 4 + 3] = static_cast<double>(p.in[i]) / 2 - shift;
    }
    return map;
  }
};

}  // namespace

VARO_OPERATORS(geometry, rotate) {
  return {
      affine_warp::with_arguments(
          OperatorDef("rotate", "Turns a picture in its plane, or a volume about an axis.")
              .doc("A picture turns counter-clockwise as displayed. A volume turns right-handed "
                   "about `axis` with x right, y down and z along the depth, so that a turn "
                   "about (0, 0, 1) looks clockwise on a slice. The canvas grows to hold the "
                   "result unless `keep_size` or `size` says otherwise. Quarter turns about an "
                   "axis of the grid cost nothing.")
              .input({.name = "data",
                      .doc = "Volume or picture; an unlabelled 3-D input with an axis is DHW.",
                      .layouts = affine_warp::layouts()})
              .output("rotated", "The input's layout.")
              .arg({.name = "angle",
                    .type = ArgType::reals,
                    .doc = "Degrees; one value, or one a frame.",
                    .required = true})
              .arg({.name = "axis",
                    .type = ArgType::reals,
                    .doc = "(x, y, z), of any length but 0; for volumes."})
              .arg({.name = "keep_size",
                    .type = ArgType::boolean,
                    .default_value = false,
                    .doc = "The output has the input's size."}))
          .make<Rotate>()};
}

}  // namespace varo
