// SPDX-License-Identifier: Apache-2.0
#include "operators/api/pointwise.h"

namespace varo {

namespace {

void check_not_bool(DType t) {
  if (!is_bool(t)) return;
  throw Error(ErrorKind::type, "a bool has no sign")
      .got("bool")
      .allowed("integers, float32 and float64")
      .hint("cast it to a number, or flip it with ^ True");
}

class Minus final : public Pointwise {
 public:
  explicit Minus(const Args&) {}
  void infer(Inference& s) const override {
    check_not_bool(s.spec(0).dtype);
    s.set_output(0, s.spec(0));
  }
  Register emit(const Inference&, ProgramBuilder& to, std::span<const Register> in) const override {
    return to.unary(Op::negate, in[0]);
  }
};

class Plus final : public Pointwise {
 public:
  explicit Plus(const Args&) {}
  void infer(Inference& s) const override { s.set_output(0, s.spec(0)); }
  std::optional<int> view_of(const Inference&) const override { return 0; }
  bool resolve(Views& v) const override {
    v.out[0] = v.in;
    return true;
  }
  Register emit(const Inference&, ProgramBuilder&, std::span<const Register> in) const override {
    return in[0];
  }
};

class Invert final : public Pointwise {
 public:
  explicit Invert(const Args&) {}
  void infer(Inference& s) const override {
    if (const DType t = s.spec(0).dtype; is_float(t))
      throw Error(ErrorKind::type, "bits of floats cannot be inverted")
          .got(std::string(name_of(t)))
          .allowed("integers and bool");
    s.set_output(0, s.spec(0));
  }
  Register emit(const Inference&, ProgramBuilder& to, std::span<const Register> in) const override {
    const DType t = in[0].dtype;
    const std::uint64_t ones = is_bool(t) ? 1 : ~std::uint64_t{0} >> (64 - 8 * size_of(t));
    return to.binary(Op::bit_xor, in[0], to.constant_bits(t, ones));
  }
};

template <class T>
OperatorDef unary(const char* name, const char* summary, const char* types) {
  return OperatorDef(name, summary)
      .input({.name = "data", .doc = types, .dtypes = dtypes_except({DType::f16})})
      .output("result", "Same type as the input; integers wrap.")
      .traits({.keeps_grid = true})
      .hidden()
      .make<T>();
}

}  // namespace

VARO_OPERATORS(arithmetic, unary) {
  return {unary<Minus>("arithmetic.minus", "-data.", "Every type but float16 and bool."),
          unary<Plus>("arithmetic.plus", "+data: data itself.", "Every type but float16."),
          unary<Invert>("arithmetic.bitnot", "~data: every bit inverted; of bool, not.",
                        "Integers and bool.")};
}

}  // namespace varo
