// SPDX-License-Identifier: Apache-2.0
#include "operators/api/pointwise.h"
#include "operators/shared/draw.h"

namespace varo {

namespace {

class Normal final : public Pointwise {
 public:
  explicit Normal(const Args& args)
      : mean_(args, "mean"), stddev_(args, "stddev"), dtype_(args.dtype("dtype")) {
    if (is_bool(dtype_))
      throw Error(ErrorKind::param, "normal numbers are not bool")
          .got("bool")
          .allowed("integers and floats");
  }

  void infer(Inference& s) const override { s.set_output(0, {dtype_, drawn_shape(s), {}}); }
  Need need(const Inference&, int) const override { return {Access::spec}; }

  Register emit(const Inference& s, ProgramBuilder& to, std::span<const Register>) const override {
    const DType type =
        real_type(size_of(dtype_) >= 4 && dtype_ != DType::f32 ? DType::f64 : DType::f32);
    const Register normal =
        to.convert(to.normal(s.random(), row_major(s.output_spec(0).shape)), type);
    const double mean = mean_(s), stddev = stddev_(s);
    if (mean == 0 && stddev == 1) return to.convert(normal, dtype_);
    return to.convert(to.fma(normal, to.constant(type, stddev), to.constant(type, mean)), dtype_);
  }

 private:
  Arg<double> mean_, stddev_;
  DType dtype_;
};

}  // namespace

VARO_OPERATORS(random, normal) {
  return {drawing(OperatorDef("random.normal", "Normally distributed numbers."), DType::f32)
              .output("numbers", "Of the type and shape asked for; a scalar by default. No layout.")
              .arg({.name = "mean", .default_value = 0.0, .doc = "Mean.", .late = true})
              .arg({.name = "stddev",
                    .default_value = 1.0,
                    .doc = "Standard deviation.",
                    .late = true,
                    .least = 0.0})
              .traits({.random = true})
              .make<Normal>()};
}

}  // namespace varo
