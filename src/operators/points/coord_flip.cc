// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "kernels/warp/points.h"
#include "operators/api/operator.h"

namespace varo {

namespace {

class CoordFlip final : public HostOperator {
 public:
  explicit CoordFlip(const Args&) {}

  void infer(Inference& s) const override {
    const Spec spec = s.spec(0);
    const std::int64_t n = spec.shape.back();
    std::string order(s.args().given("layout") ? s.args().text("layout") : "");
    if (order.empty() && n <= 3) order = std::string("xyz").substr(0, static_cast<std::size_t>(n));
    if (static_cast<std::int64_t>(order.size()) != n ||
        order.find_first_not_of("xyz") != std::string::npos)
      throw Error(ErrorKind::shape, "the coordinates do not fit their layout")
          .got(fmt::format("{} coordinates, layout \"{}\"", n, order))
          .allowed("a letter x, y or z for every coordinate; 1 to 3 without a layout");
    s.set_output(0, spec);
    s.state() = order;
  }

  void prepare(Inference& s) const override {
    const std::string order = s.kept<std::string>();
    Plan plan;
    plan.matrix.assign(order.size() * order.size(), 0);
    for (std::size_t i = 0; i < order.size(); ++i) {
      const char letter = order[i];
      const bool flip = s.integer(std::string("flip_") + letter) != 0;
      plan.matrix[i * (order.size() + 1)] = flip ? -1 : 1;
      plan.shift.push_back(flip ? static_cast<float>(2 * s.real(std::string("center_") + letter))
                                : 0);
    }
    s.state() = std::move(plan);
  }

  void run(const HostRun& r) const noexcept override {
    const auto& plan = r.state<Plan>();
    transform_points(r.view(0), r.out[0], plan.matrix, plan.shift, r.parallel);
  }

 private:
  struct Plan {
    std::vector<float> matrix, shift;
  };
};

OperatorDef with_axis(OperatorDef def, const std::string& letter, std::int64_t flip) {
  return std::move(def)
      .arg({.name = "flip_" + letter,
            .type = ArgType::integer,
            .default_value = flip,
            .doc = "Mirror " + letter + " when not 0.",
            .late = true})
      .arg({.name = "center_" + letter,
            .type = ArgType::real,
            .default_value = 0.5,
            .doc = "Where the mirror stands along " + letter + ".",
            .late = true});
}

}  // namespace

VARO_OPERATORS(points, coord_flip) {
  OperatorDef def = OperatorDef("coord_flip", "Mirrors points: 2 center - p.")
                        .input({.name = "points",
                                .doc = "Coordinates of a point along the last axis.",
                                .dtypes = {DType::f32},
                                .least_rank = 1})
                        .output("flipped", "Same shape as the input.");
  def = with_axis(std::move(def), "x", 1);
  def = with_axis(std::move(def), "y", 0);
  def = with_axis(std::move(def), "z", 0);
  return {std::move(def)
              .arg({.name = "layout",
                    .type = ArgType::text,
                    .doc = "Which coordinate is which, such as \"yx\"; default x, xy or xyz.",
                    .constant = true})
              .make<CoordFlip>()};
}

}  // namespace varo
