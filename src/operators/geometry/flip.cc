// SPDX-License-Identifier: Apache-2.0
#include "operators/api/operator.h"

namespace varo {

namespace {

class Flip final : public Operator {
 public:
  explicit Flip(const Args&) {}

  void infer(Inference& s) const override {
    s.set_output(0, {s.spec(0).dtype, s.spec(0).shape, s.layout(0)});
  }

  void prepare(Inference& s) const override {
    const Layout& layout = s.layout(0);
    struct {
      char axis;
      const char* arg;
    } const flips[] = {{'W', "horizontal"}, {'H', "vertical"}, {'D', "depthwise"}};
    std::uint32_t mirrored = 0;  // bit i: axis i
    for (const auto& [axis, arg] : flips) {
      const int at = layout.find(axis);
      if (at >= 0 && s.integer(arg) != 0) mirrored |= std::uint32_t{1} << at;
    }
    s.state() = mirrored;
  }

  std::optional<int> view_of(const Inference&) const override { return 0; }
  bool resolve(Views& views) const override {
    Tensor t = views.in;
    const auto mirrored = views.facts.kept<std::uint32_t>();
    for (int axis = 0; axis < t.rank(); ++axis)
      if ((mirrored >> axis & 1U) != 0) t = t.flipped(axis);
    views.out[0] = std::move(t);
    return true;
  }
};

}  // namespace

VARO_OPERATORS(geometry, flip) {
  return {
      OperatorDef("flip", "Mirrors along width, height and depth.")
          .doc("Costs nothing by itself: the result is a view, and whatever reads it walks "
               "backwards.")
          .input({.name = "data",
                  .doc = "Volume or image; every element type.",
                  .layouts = layouts_of({"HWC", "CHW", "DHWC", "CDHW", "FHWC", "FCHW", "FDHWC",
                                         "FCDHW", "DHW", "HW"})})
          .output(
              "flipped",
              "Same shape, dtype and layout as the input, the layout that was assumed where it had none.")
          .arg({.name = "horizontal",
                .type = ArgType::integer,
                .default_value = 1,
                .doc = "Mirror W when not 0.",
                .late = true})
          .arg({.name = "vertical",
                .type = ArgType::integer,
                .default_value = 0,
                .doc = "Mirror H when not 0.",
                .late = true})
          .arg({.name = "depthwise",
                .type = ArgType::integer,
                .default_value = 0,
                .doc = "Mirror D when not 0.",
                .late = true})
          .traits({.moves_only = true})
          .make<Flip>()};
}

}  // namespace varo
