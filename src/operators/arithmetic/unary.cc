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
  void infer(Inference& s) const override {
    check_not_bool(s.spec(0).dtype);
    s.set_output(0, s.spec(0));
  }
  std::optional<int> view_of(const Inference&) const override { return 0; }
  bool resolve(Views& v) const override {
    v.out[0] = v.in;
    return true;
  }
  Register emit(const Inference&, ProgramBuilder&, std::span<const Register> in) const override {
    return in[0];
  }
};

template <class T>
OperatorDef sign(const char* name, const char* summary) {
  return OperatorDef(name, summary)
      .input({.name = "data",
              .doc = "Every type but float16 and bool.",
              .dtypes = dtypes_except({DType::f16})})
      .output("result", "Same type as the input; integers wrap.")
      .traits({.keeps_grid = true})
      .hidden()
      .make<T>();
}

}  // namespace

VARO_OPERATORS(arithmetic, unary) {
  return {sign<Minus>("arithmetic.minus", "-data."),
          sign<Plus>("arithmetic.plus", "+data: data itself.")};
}

}  // namespace varo
