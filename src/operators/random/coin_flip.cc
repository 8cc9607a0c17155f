// SPDX-License-Identifier: Apache-2.0
#include "operators/api/pointwise.h"
#include "operators/shared/draw.h"

namespace varo {

namespace {

class CoinFlip final : public Pointwise {
 public:
  explicit CoinFlip(const Args& args)
      : probability_(args, "probability"), dtype_(args.dtype("dtype")) {}

  void infer(Inference& s) const override { s.set_output(0, {dtype_, drawn_shape(s), {}}); }
  Need need(const Inference&, int) const override { return {Access::spec}; }

  Register emit(const Inference& s, ProgramBuilder& to, std::span<const Register>) const override {
    const Register word =
        to.convert(to.bits(DType::u32, s.random(), row_major(s.output_spec(0).shape)), DType::f64);
    const Register limit = to.constant(DType::f64, probability_(s) * 0x1p32);
    return to.convert(to.binary(Op::lt, word, limit), dtype_);
  }

 private:
  Arg<double> probability_;
  DType dtype_;
};

}  // namespace

VARO_OPERATORS(random, coin_flip) {
  return {
      drawing(OperatorDef("random.coin_flip", "1 with a given probability, else 0."), DType::i32)
          .output("flips", "Of the type and shape asked for; a scalar by default. No layout.")
          .arg({.name = "probability",
                .default_value = 0.5,
                .doc = "Probability of 1.",
                .late = true,
                .least = 0.0,
                .most = 1.0})
          .traits({.random = true})
          .make<CoinFlip>()};
}

}  // namespace varo
