// SPDX-License-Identifier: Apache-2.0
#include "operators/api/pointwise.h"

namespace varo {

namespace {

class ShotNoise final : public Pointwise {
 public:
  explicit ShotNoise(const Args& args) : factor_(args, "factor") {}

  void infer(Inference& s) const override { s.set_output(0, s.spec(0)); }

  std::optional<int> view_of(const Inference& s) const override {
    if (factor_(s) != 0) return std::nullopt;
    return 0;
  }
  bool resolve(Views& v) const override {
    v.out[0] = v.in;
    return true;
  }

  Register emit(const Inference& s, ProgramBuilder& to,
                std::span<const Register> in) const override {
    const Register factor = to.constant(DType::f64, factor_(s));
    const Register mean = to.binary(Op::div, to.convert(in[0], DType::f64), factor);
    const Register count = to.poisson(mean, s.random(), row_major(s.spec(0).shape));
    return to.convert(to.binary(Op::mul, count, factor), in[0].dtype);
  }

 private:
  Arg<double> factor_;
};

}  // namespace

VARO_OPERATORS(noise, shot) {
  return {
      OperatorDef("noise.shot",
                  "Replaces every element by a Poisson number with its value as mean.")
          .doc("out = factor * Poisson(max(0, in / factor)), converted back with saturation: the "
               "noise of counting\n"
               "photons, each of which adds `factor` to the intensity. (DALI 2.4 computes with 12 "
               "where factor is not given, and a factor of 0 gives zeros there.)")
          .input({.name = "data", .doc = "Any shape.", .dtypes = dtypes_except({DType::boolean})})
          .output("noisy", "Same shape, dtype and layout as the input.")
          .arg({.name = "factor",
                .default_value = 20.0,
                .doc = "Intensity of one count; 0 changes nothing.",
                .late = true,
                .least = 0.0})
          .traits({.random = true, .keeps_grid = true})
          .make<ShotNoise>()};
}

}  // namespace varo
