// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <optional>

#include "operators/api/pointwise.h"

namespace varo {

namespace {

enum class Result : std::uint8_t {
  real,      ///< float32 for integers, else the operands' float type
  promoted,  ///< the promoted type of all operands
};

struct FunctionDef {
  const char* name;
  Op op;
  Result result;
  const char* summary;
};

// A function of one, two or three numbers.
class Function final : public Pointwise {
 public:
  Function(const FunctionDef& def, bool clamps) : def_(def), clamps_(clamps) {}

  void infer(Inference& s) const override {
    std::vector<Spec> operands;
    constexpr std::string_view kNames[] = {"input 0", "input 1", "input 2"};
    bool numbers = false;
    for (int i = 0; i < s.input_count(); ++i) {
      operands.push_back(s.spec(i));
      numbers = numbers || !is_bool(operands.back().dtype);
    }
    if (!numbers)
      throw Error(ErrorKind::type, "this function takes numbers")
          .got("bool")
          .allowed("integers, float32 and float64");
    const Broadcast result = broadcast(operands, kNames);
    DType type = operands[0].dtype;
    for (const Spec& operand : operands) type = promoted(type, operand.dtype);
    s.set_output(
        0, {def_.result == Result::real ? real_type(type) : type, result.shape, result.layout});
  }

  Register emit(const Inference& s, ProgramBuilder& to,
                std::span<const Register> in) const override {
    const DType type = s.output_spec(0).dtype;
    const Register a = to.convert(in[0], type);
    if (clamps_)
      return to.binary(Op::min, to.binary(Op::max, a, to.convert(in[1], type)),
                       to.convert(in[2], type));
    if (in.size() == 1) return to.unary(def_.op, a);
    return to.binary(def_.op, a, to.convert(in[1], type));
  }

 private:
  FunctionDef def_;
  bool clamps_;
};

const FunctionDef kUnary[] = {
    {"math.abs", Op::abs, Result::promoted, "Absolute value, of the input's type."},
    {"math.fabs", Op::abs, Result::real, "Absolute value, in floats."},
    {"math.sqrt", Op::sqrt, Result::real, "Square root."},
    {"math.rsqrt", Op::rsqrt, Result::real, "1 / square root."},
    {"math.cbrt", Op::cbrt, Result::real, "Cube root."},
    {"math.exp", Op::exp, Result::real, "e to the power of the input."},
    {"math.log", Op::log, Result::real, "Natural logarithm."},
    {"math.log2", Op::log2, Result::real, "Logarithm to base 2."},
    {"math.log10", Op::log10, Result::real, "Logarithm to base 10."},
    {"math.ceil", Op::ceil, Result::real, "Smallest whole number that is not below the input."},
    {"math.floor", Op::floor, Result::real, "Largest whole number that is not above the input."},
    {"math.sin", Op::sin, Result::real, "Sine of an angle in radians."},
    {"math.cos", Op::cos, Result::real, "Cosine of an angle in radians."},
    {"math.tan", Op::tan, Result::real, "Tangent of an angle in radians."},
    {"math.asin", Op::asin, Result::real, "Angle in radians whose sine is the input."},
    {"math.acos", Op::acos, Result::real, "Angle in radians whose cosine is the input."},
    {"math.atan", Op::atan, Result::real, "Angle in radians whose tangent is the input."},
    {"math.sinh", Op::sinh, Result::real, "Hyperbolic sine."},
    {"math.cosh", Op::cosh, Result::real, "Hyperbolic cosine."},
    {"math.tanh", Op::tanh, Result::real, "Hyperbolic tangent."},
    {"math.asinh", Op::asinh, Result::real, "Inverse of the hyperbolic sine."},
    {"math.acosh", Op::acosh, Result::real, "Inverse of the hyperbolic cosine."},
    {"math.atanh", Op::atanh, Result::real, "Inverse of the hyperbolic tangent."},
};
const FunctionDef kBinary[] = {
    {"math.min", Op::min, Result::promoted,
     "The smaller of two numbers, in the promoted type: a Python integer counts as int32."},
    {"math.max", Op::max, Result::promoted,
     "The larger of two numbers, in the promoted type: a Python integer counts as int32, so that "
     "math.max(x, 0) of int16 is int32; fn.cast_like(..., x) makes it int16 again."},
    {"math.pow", Op::pow, Result::promoted,
     "left to the power of right; integer powers wrap, and negative integer exponents give 0."},
    {"math.fpow", Op::pow, Result::real, "left to the power of right, in floats."},
    {"math.atan2", Op::atan2, Result::real, "Angle in radians of the point (right, left)."},
};
const FunctionDef kClamp = {"math.clamp", Op::min, Result::promoted,
                            "The number moved into [low, high]."};

OperatorDef function(const FunctionDef& def, std::initializer_list<const char*> inputs) {
  OperatorDef made(def.name, def.summary);
  for (const char* name : inputs)
    made = std::move(made).input(
        {.name = name, .doc = "Every type but float16.", .dtypes = dtypes_except({DType::f16})});
  const bool clamps = inputs.size() == 3;
  return std::move(made)
      .output("result", def.result == Result::real ? "float32, or float64 where an input is."
                                                   : "The promoted type.")
      .traits({.keeps_grid = true})
      .make([&def, clamps](const Args&) { return std::make_unique<Function>(def, clamps); });
}

}  // namespace

VARO_OPERATORS(math, functions) {
  std::vector<OperatorDef> defs;
  for (const FunctionDef& def : kUnary) defs.push_back(function(def, {"data"}));
  for (const FunctionDef& def : kBinary) defs.push_back(function(def, {"left", "right"}));
  defs.push_back(function(kClamp, {"data", "low", "high"}));
  return defs;
}

}  // namespace varo
