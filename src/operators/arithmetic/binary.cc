// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <fmt/format.h>
#include <optional>

#include "operators/api/pointwise.h"

namespace varo {

namespace {

enum class Kind : std::uint8_t {
  promoted,  ///< computed in the promoted type
  quotient,  ///< as promoted, but float32 for two integers
  compare,   ///< promoted, result bool
  bitwise,   ///< promoted, integers and bool only
  integer,   ///< promoted, integers only
};

struct BinaryDef {
  const char* name;
  Op op = Op::add;
  Kind kind = Kind::promoted;
  const char* summary = "";
  std::optional<double> neutral = {};  ///< x op neutral is x, exactly, for every x
  bool floats = true;                  ///< ... also where x is a float
  bool commutes = false;
  /// In place of `op`, for operands of one type.
  Register (*emit)(ProgramBuilder& to, Register a, Register b) = nullptr;
};

// a - b * (a // b), moved by b where the signs of remainder and b differ.
Register modulo(ProgramBuilder& to, Register a, Register b) {
  const Register zero = to.constant(a.dtype, std::int64_t{0});
  const Register rest = to.binary(Op::sub, a, to.binary(Op::mul, to.binary(Op::div, a, b), b));
  Register result = rest;
  if (is_signed(a.dtype)) {
    const Register other_sign =
        to.binary(Op::ne, to.binary(Op::lt, rest, zero), to.binary(Op::lt, b, zero));
    const Register moves = to.binary(Op::bit_and, to.binary(Op::ne, rest, zero), other_sign);
    result = to.select(moves, to.binary(Op::add, rest, b), rest);
  }
  return to.select(to.binary(Op::eq, b, zero), zero, result);
}

Register power_of_two(ProgramBuilder& to, Register exponent) {
  return to.binary(Op::pow, to.constant(exponent.dtype, std::int64_t{2}), exponent);
}

// Integer powers are 0 where the exponent is negative, and modulo the type's range.
Register shift_left(ProgramBuilder& to, Register a, Register b) {
  return to.binary(Op::mul, a, power_of_two(to, b));
}

// Division rounds towards zero, by 0 it gives 0; of a negative a the inverted bits are divided.
Register shift_right(ProgramBuilder& to, Register a, Register b) {
  const Register divisor = power_of_two(to, b);
  if (!is_signed(a.dtype)) return to.binary(Op::div, a, divisor);
  const Register ones = to.constant(a.dtype, std::int64_t{-1});
  const Register negative = to.binary(Op::lt, a, to.constant(a.dtype, std::int64_t{0}));
  const Register bits = to.select(negative, to.binary(Op::bit_xor, a, ones), a);
  const Register shifted = to.binary(Op::div, bits, divisor);
  return to.select(negative, to.binary(Op::bit_xor, shifted, ones), shifted);
}

class Binary final : public Pointwise {
 public:
  Binary(const BinaryDef& def, const Args& args) : def_(def) {
    if (args.def().find_arg("taken") == nullptr || !args.given("taken")) return;
    taken_.emplace(args, "taken");
    yes_input_ = static_cast<int>(args.integer("yes_input"));
  }

  void infer(Inference& s) const override {
    const std::array<Spec, 2> operands = {s.spec(0), s.spec(1)};
    constexpr std::array<std::string_view, 2> kNames = {"left", "right"};
    const DType type = computed_in(operands[0].dtype, operands[1].dtype);
    check_types(operands[0].dtype, operands[1].dtype, type);
    const Broadcast result = broadcast(operands, kNames);
    s.set_output(0,
                 {def_.kind == Kind::compare ? DType::boolean : type, result.shape, result.layout});
  }

  Need need(const Inference& s, int input) const override {
    return {decides(s, input) && !s.known(input) ? Access::number : Access::view};
  }

  std::optional<int> view_of(const Inference& s) const override {
    for (const int kept : {0, 1}) {
      const int other = 1 - kept;
      if (decides(s, other) && number_in(s.number(other)) == *def_.neutral) return kept;
    }
    return std::nullopt;
  }
  bool resolve(Views& v) const override {
    v.out[0] = v.in;
    return true;
  }

  std::optional<int> grid_input(const Inference& s) const override {
    if (!taken_) return std::nullopt;
    return (*taken_)(s) ? yes_input_ : 1 - yes_input_;
  }

  Register emit(const Inference& s, ProgramBuilder& to,
                std::span<const Register> in) const override {
    const Register a = in[0], b = in[1];
    const DType type = computed_in(a.dtype, b.dtype);
    if (def_.kind == Kind::compare && is_integer(type)) {
      if (a.dtype == DType::u64 && is_signed(b.dtype))
        return compare_signed(to, mirrored(def_.op), b, a);
      if (b.dtype == DType::u64 && is_signed(a.dtype)) return compare_signed(to, def_.op, a, b);
    }
    if (def_.emit != nullptr) return def_.emit(to, to.convert(a, type), to.convert(b, type));
    return to.binary(def_.op, to.convert(a, type), to.convert(b, type));
  }

 private:
  // Whether the result is the other operand where `operand` turns out to be the neutral number.
  bool decides(const Inference& s, int operand) const {
    if (!def_.neutral || (operand == 0 && !def_.commutes)) return false;
    const Spec& kept = s.spec(1 - operand);
    const Spec& out = s.output_spec(0);
    return s.spec(operand).shape.rank() == 0 && kept.dtype == out.dtype &&
           kept.shape == out.shape && (def_.floats || !is_float(kept.dtype));
  }

  DType computed_in(DType a, DType b) const {
    const DType type = promoted(a, b);
    return def_.kind == Kind::quotient ? real_type(type) : type;
  }

  void check_types(DType a, DType b, DType type) const {
    const auto got = [&] { return fmt::format("{} and {}", name_of(a), name_of(b)); };
    if (def_.kind == Kind::bitwise && is_float(type))
      throw Error(ErrorKind::type, "bits of floats cannot be combined")
          .got(got())
          .allowed("integers and bool");
    if (def_.kind == Kind::integer && (is_float(type) || is_bool(type)))
      throw Error(ErrorKind::type, "only integers have a remainder and bits to shift")
          .got(got())
          .allowed("integers, one of them perhaps bool")
          .hint("of floats, x - math.floor(x / y) * y is the remainder; or cast first");
    if (is_bool(a) && is_bool(b) && def_.op != Op::mul &&
        (def_.kind == Kind::promoted || def_.kind == Kind::quotient))
      throw Error(ErrorKind::type, "two bool operands have no such result")
          .got(got())
          .allowed("for bool: *, comparisons, &, | and ^")
          .hint("cast one of them to a number");
  }

  static Op mirrored(Op op) {
    switch (op) {
      case Op::lt:
        return Op::gt;
      case Op::le:
        return Op::ge;
      case Op::gt:
        return Op::lt;
      case Op::ge:
        return Op::le;
      default:
        return op;
    }
  }

  // No integer type holds all of both: a negative `a` is below every `b`, others compare as u64.
  static Register compare_signed(ProgramBuilder& to, Op op, Register a, Register b) {
    a = to.convert(a, DType::i64);
    const Register same_sign = to.binary(op, to.convert(a, DType::u64), b);
    const Register zero = to.constant(DType::i64, std::int64_t{0});
    if (op == Op::lt || op == Op::le || op == Op::ne)
      return to.binary(Op::bit_or, to.binary(Op::lt, a, zero), same_sign);
    return to.binary(Op::bit_and, to.binary(Op::ge, a, zero), same_sign);
  }

  BinaryDef def_;
  std::optional<Arg<bool>> taken_;  // where the sum is a blend of branches
  int yes_input_ = 0;
};

const BinaryDef kBinary[] = {
    {"arithmetic.add", Op::add, Kind::promoted, "left + right.", 0, false, true},
    {"arithmetic.sub", Op::sub, Kind::promoted, "left - right.", 0},
    {"arithmetic.mul", Op::mul, Kind::promoted, "left * right; for two bool operands, and.", 1,
     true, true},
    {"arithmetic.div", Op::div, Kind::quotient, "left / right, in floats.", 1},
    {"arithmetic.fdiv", Op::div, Kind::promoted,
     "left // right: integers are divided towards zero (by zero gives 0), floats as with /.", 1},
    {"arithmetic.pow", Op::pow, Kind::promoted,
     "left ** right; integer powers wrap, and negative integer exponents give 0.", 1},
    {.name = "arithmetic.mod",
     .kind = Kind::integer,
     .summary = "left % right of integers, with the sign of right, as in Python (by zero gives 0). "
                "As // rounds towards zero, it is the remainder of // only where the signs agree.",
     .emit = modulo},
    {.name = "arithmetic.lshift",
     .kind = Kind::integer,
     .summary = "left << right of integers: 0 where right is negative, or no less than the number "
                "of bits.",
     .emit = shift_left},
    {.name = "arithmetic.rshift",
     .kind = Kind::integer,
     .summary = "left >> right of integers, the sign stays: 0, of a negative left -1, where right "
                "is negative, or no less than the number of bits.",
     .emit = shift_right},
    {"arithmetic.eq", Op::eq, Kind::compare, "left == right."},
    {"arithmetic.ne", Op::ne, Kind::compare, "left != right."},
    {"arithmetic.lt", Op::lt, Kind::compare, "left < right."},
    {"arithmetic.le", Op::le, Kind::compare, "left <= right."},
    {"arithmetic.gt", Op::gt, Kind::compare, "left > right."},
    {"arithmetic.ge", Op::ge, Kind::compare, "left >= right."},
    {"arithmetic.bitand", Op::bit_and, Kind::bitwise, "left & right."},
    {"arithmetic.bitor", Op::bit_or, Kind::bitwise, "left | right.", 0, false, true},
    {"arithmetic.bitxor", Op::bit_xor, Kind::bitwise, "left ^ right.", 0, false, true},
};

// What a sum is told that is condition * yes + inverse * no: it lies where the branch lies that is
// taken.
OperatorDef blending(OperatorDef sum) {
  return std::move(sum)
      .arg({.name = "taken", .type = ArgType::boolean, .doc = "The condition.", .late = true})
      .arg({.name = "yes_input",
            .type = ArgType::integer,
            .default_value = 0,
            .doc = "Which input is condition * yes.",
            .constant = true,
            .least = 0,
            .most = 1});
}

}  // namespace

VARO_OPERATORS(arithmetic, binary) {
  std::vector<OperatorDef> defs;
  for (const BinaryDef& def : kBinary) {
    defs.push_back(
        OperatorDef(def.name, def.summary)
            .doc("Operands are broadcast as in NumPy and promoted to a type that holds both.")
            .input({.name = "left",
                    .doc = "Every type but float16.",
                    .dtypes = dtypes_except({DType::f16})})
            .input({.name = "right",
                    .doc = "Every type but float16.",
                    .dtypes = dtypes_except({DType::f16})})
            .output("result", def.kind == Kind::compare ? "Bool." : "The promoted type.")
            .traits({.keeps_grid = true})
            .hidden()
            .make([&def](const Args& args) { return std::make_unique<Binary>(def, args); }));
    if (def.name == std::string_view("arithmetic.add"))
      defs.back() = blending(std::move(defs.back()));
  }
  return defs;
}

}  // namespace varo
