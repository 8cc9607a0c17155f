// SPDX-License-Identifier: Apache-2.0
#include "operators/api/pointwise.h"

namespace varo {

namespace {

// Conversion of input 0 to the output's type; a second input only names that type.
class Cast final : public Pointwise {
 public:
  explicit Cast(const Args&) {}

  void infer(Inference& s) const override {
    Spec spec = s.spec(0);
    spec.dtype = s.input_count() > 1 ? s.spec(1).dtype : s.dtype("dtype");
    s.set_output(0, spec);
  }
  Need need(const Inference&, int input) const override {
    return {input == 0 ? Access::view : Access::spec};
  }
  std::optional<int> view_of(const Inference& s) const override {
    if (s.spec(0).dtype != s.output_spec(0).dtype) return std::nullopt;
    return 0;
  }
  bool resolve(Views& v) const override {
    v.out[0] = v.in;
    return true;
  }
  Register emit(const Inference& s, ProgramBuilder& to,
                std::span<const Register> in) const override {
    return to.convert(in[0], s.output_spec(0).dtype);
  }
};

constexpr const char* kRules =
    "Floats become integers by rounding to nearest, halves away from zero; what the type cannot "
    "hold\n"
    "becomes its nearest limit, and NaN 0 (in DALI the least value). Numbers become bool by rounding "
    "and comparing with 0; NaN is true.";

}  // namespace

VARO_OPERATORS(arithmetic, cast) {
  return {OperatorDef("cast", "Converts to another element type.")
              .doc(kRules)
              .input({.name = "data", .doc = "Any shape, every element type."})
              .output("converted", "Same shape and layout, of type `dtype`.")
              .arg({.name = "dtype",
                    .type = ArgType::dtype,
                    .doc = "The type to convert to.",
                    .required = true,
                    .constant = true})
              .traits({.keeps_grid = true})
              .make<Cast>(),
          OperatorDef("cast_like", "Converts to the element type of another input.")
              .doc(kRules)
              .input({.name = "data", .doc = "Any shape, every element type."})
              .input({.name = "like", .doc = "Only its element type is looked at."})
              .output("converted", "Same shape and layout as data, of the type of like.")
              .traits({.keeps_grid = true})
              .make<Cast>()};
}

}  // namespace varo
