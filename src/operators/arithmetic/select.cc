// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "operators/api/pointwise.h"

namespace varo {

namespace {

// condition ? yes : no. With a scalar condition only the chosen input is ever computed.
class Select : public Pointwise {
 public:
  explicit Select(const Args&) {}

  void infer(Inference& s) const override {
    const Spec condition = s.spec(0);
    std::array<Spec, 3> operands = {condition, s.spec(1), s.spec(2)};
    constexpr std::array<std::string_view, 3> kNames = {"condition", "yes", "no"};
    const Broadcast result = broadcast(operands, kNames);
    s.set_output(0, {result_type(s, operands), result.shape, result.layout});
  }

  virtual DType result_type(const Inference& s, std::span<const Spec> operands) const {
    return s.has("dtype") ? s.dtype("dtype") : promoted(operands[1].dtype, operands[2].dtype);
  }

  Need need(const Inference& s, int input) const override {
    if (!scalar(s)) return {Access::view};
    if (input == 0) return {Access::number};
    if (!s.known(0)) return {Access::later};
    return {input == choice(s) ? Access::view : Access::nothing};
  }

  std::optional<int> view_of(const Inference& s) const override {
    if (!scalar(s) || s.spec(choice(s)).dtype != s.output_spec(0).dtype) return std::nullopt;
    return choice(s);
  }
  bool resolve(Views& v) const override {
    const Spec& out = v.facts.output_spec(0);
    const auto view = repeated(v.in, out.shape);
    if (view) v.out[0] = view->relabelled(out.layout);
    return view.has_value();
  }

  Register emit(const Inference& s, ProgramBuilder& to,
                std::span<const Register> in) const override {
    const DType type = s.output_spec(0).dtype;
    if (scalar(s)) return to.convert(in[static_cast<std::size_t>(choice(s))], type);
    Register condition = in[0];
    if (condition.dtype != DType::boolean) {
      if (condition.dtype == DType::f16) condition = to.convert(condition, DType::f32);
      condition = to.binary(Op::ne, condition, to.constant(condition.dtype, std::int64_t{0}));
    }
    return to.select(condition, to.convert(in[1], type), to.convert(in[2], type));
  }

 private:
  static bool scalar(const Inference& s) { return s.spec(0).shape.rank() == 0; }
  static int choice(const Inference& s) { return number_in(s.number(0)) != 0 ? 1 : 2; }

  // `t` broadcast to `shape` as a view, where it can be one.
  static std::optional<Tensor> repeated(Tensor t, const Shape& shape) {
    if (t.shape() == shape) return t;
    if (t.deferred()) return std::nullopt;
    while (t.rank() < shape.rank()) t = t.expanded(0, 0);
    for (int i = 0; i < shape.rank(); ++i) t = t.broadcast(i, shape[i]);
    return t;
  }
};

// What a rewrite makes of condition * yes + inverse * no: the weights' types count as in the sum.
class Blend final : public Select {
 public:
  using Select::Select;

  DType result_type(const Inference& s, std::span<const Spec> operands) const override {
    const DType weight = operands[0].dtype;
    const DType inverse = promoted(s.dtype("inverse"), weight);
    const DType type =
        promoted(promoted(weight, operands[1].dtype), promoted(inverse, operands[2].dtype));
    if (type == DType::boolean)
      throw Error(ErrorKind::type, "bools cannot be added")
          .got("bool and bool")
          .allowed("* & | ^ and comparisons of bools")
          .hint("fn.select(condition, a, b), or fn.cast");
    return type;
  }
};

OperatorDef blend() {
  return OperatorDef("arithmetic.blend", "condition * yes + inverse * no, where one weight is 0.")
      .input({.name = "condition", .doc = "A scalar that is 0 or 1."})
      .input({.name = "yes", .doc = "Not computed where the condition is 0."})
      .input({.name = "no", .doc = "Not computed where the condition is 1."})
      .output("chosen",
              "The value of the weight 1, where the sum adds 0 times the other: 0 * NaN and 0 * "
              "infinity are NaN, -0.0 + 0 is 0.0, and integers of 64 bits that pass through a "
              "type of the weights saturate.")
      .arg({.name = "inverse",
            .type = ArgType::dtype,
            .doc = "Type of the constant that made the inverse weight.",
            .required = true,
            .constant = true})
      .traits({.keeps_grid = true})
      .hidden()
      .make<Blend>();
}

}  // namespace

VARO_OPERATORS(arithmetic, select) {
  return {
      blend(),
      OperatorDef("select", "Chooses between two inputs, per sample or per element.")
          .doc(
              "With a scalar condition only the chosen input is computed for that sample, and the\n"
              "result is a view of it where type and shape agree. The result has the type, shape "
              "and\n"
              "layout that condition * yes + (condition ^ True) * no has for a bool condition; "
              "unlike\n"
              "that sum, it lets nothing of the other input through, be it NaN or infinity, and "
              "leaves\n"
              "-0.0 and integers of 64 bits as they are.")
          .input({.name = "condition",
                  .doc = "A scalar, or any shape that broadcasts; not 0 means yes."})
          .input({.name = "yes", .doc = "Every element type."})
          .input({.name = "no", .doc = "Every element type; shapes are broadcast."})
          .output("chosen",
                  "The promoted type of yes and no, and the shape that all three broadcast to.")
          .arg({.name = "dtype",
                .type = ArgType::dtype,
                .doc = "Type of the result instead of the promoted one.",
                .constant = true})
          .traits({.keeps_grid = true})
          .make<Select>()};
}

}  // namespace varo
