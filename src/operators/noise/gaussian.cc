// SPDX-License-Identifier: Apache-2.0
#include "operators/api/pointwise.h"

namespace varo {

namespace {

class GaussianNoise final : public Pointwise {
 public:
  explicit GaussianNoise(const Args& args) : mean_(args, "mean"), stddev_(args, "stddev") {}

  void infer(Inference& s) const override { s.set_output(0, s.spec(0)); }

  std::optional<int> view_of(const Inference& s) const override {
    if (mean_(s) != 0 || stddev_(s) != 0) return std::nullopt;
    return 0;
  }
  bool resolve(Views& v) const override {
    v.out[0] = v.in;
    return true;
  }

  Register emit(const Inference& s, ProgramBuilder& to,
                std::span<const Register> in) const override {
    // float32 does not hold every 32-bit integer.
    const bool wide = size_of(in[0].dtype) >= 4 && in[0].dtype != DType::f32;
    const DType type = wide ? DType::f64 : DType::f32;
    const Register normal = to.convert(to.normal(s.random(), row_major(s.spec(0).shape)), type);
    const Register noise =
        to.fma(normal, to.constant(type, stddev_(s)), to.constant(type, mean_(s)));
    return to.convert(to.binary(Op::add, to.convert(in[0], type), noise), in[0].dtype);
  }

 private:
  Arg<double> mean_, stddev_;
};

}  // namespace

VARO_OPERATORS(noise, gaussian) {
  return {
      OperatorDef("noise.gaussian", "Adds Gaussian noise.")
          .doc("Every element gets a number of its own, added in float32 (float64 for 32-bit "
               "integers and wider\n"
               "types) and converted back with saturation.")
          .input({.name = "data", .doc = "Any shape.", .dtypes = dtypes_except({DType::boolean})})
          .output("noisy", "Same shape, dtype and layout as the input.")
          .arg({.name = "mean", .default_value = 0.0, .doc = "Mean of the noise.", .late = true})
          .arg({.name = "stddev",
                .default_value = 1.0,
                .doc = "Standard deviation of the noise.",
                .late = true,
                .least = 0.0})
          .traits({.random = true, .keeps_grid = true})
          .make<GaussianNoise>()};
}

}  // namespace varo
