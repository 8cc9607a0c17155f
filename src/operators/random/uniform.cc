// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/half.h"
#include "operators/api/pointwise.h"
#include "operators/shared/draw.h"

namespace varo {

namespace {

// The last number of a float type before `high`, which rounding may reach though it is excluded.
double last_below(DType dtype, double low, double high) {
  if (low == high) return high;
  if (dtype == DType::f64) return std::nextafter(high, low);
  if (dtype == DType::f32) return std::nextafter(static_cast<float>(high), -INFINITY);
  const std::uint16_t bits = to_half(high).bits;
  const bool negative = (bits & 0x8000U) != 0, zero = (bits & 0x7fffU) == 0;
  const unsigned below = zero ? 0x8001U : negative ? bits + 1U : bits - 1U;
  return to_float(Half{static_cast<std::uint16_t>(below)});
}

class Uniform final : public Pointwise {
 public:
  explicit Uniform(const Args& args)
      : range_(args, "range"), values_(args, "values"), dtype_(args.dtype("dtype")) {
    if (is_bool(dtype_))
      throw Error(ErrorKind::param, "uniform numbers are not bool")
          .got("bool")
          .allowed("integers and floats")
          .hint("random.coin_flip");
  }

  void infer(Inference& s) const override { s.set_output(0, {dtype_, drawn_shape(s), {}}); }
  Need need(const Inference&, int) const override { return {Access::spec}; }

  Register emit(const Inference& s, ProgramBuilder& to, std::span<const Register>) const override {
    return values_.given() ? listed(s, to) : ranged(s, to);
  }

 private:
  // Numbers of [0, width). 32 random bits are as many as float32 and narrower types can show.
  static Register up_to(double width, const Inference& s, ProgramBuilder& to, bool fine) {
    const Index index = row_major(s.output_spec(0).shape);
    if (!fine) {
      const Register word = to.convert(to.bits(DType::u32, s.random(), index), DType::f64);
      return to.binary(Op::mul, word, to.constant(DType::f64, 0x1p-32 * width));
    }
    const Register words = to.bits(DType::u64, s.random(), index);
    const Register kept =
        to.binary(Op::bit_and, words, to.constant_bits(DType::u64, ~std::uint64_t{0x7ff}));
    return to.binary(Op::mul, to.convert(kept, DType::f64),
                     to.constant(DType::f64, 0x1p-64 * width));
  }

  Register ranged(const Inference& s, ProgramBuilder& to) const {
    const std::vector<double> range = range_(s);
    if (range.size() != 2 || !(range[0] <= range[1]))
      throw Error(ErrorKind::param, "range is not a lower and an upper bound")
          .got(fmt::format("[{}]", fmt::join(range, ", ")))
          .allowed("[low, high] with low <= high");
    const double low = range[0], high = range[1];
    const bool fine = size_of(dtype_) >= 4 && dtype_ != DType::f32;
    const Register value =
        to.binary(Op::add, up_to(high - low, s, to, fine), to.constant(DType::f64, low));
    if (!is_float(dtype_)) return to.convert(value, dtype_);
    const DType type = real_type(dtype_);
    const Register last = to.constant(type, last_below(dtype_, low, high));
    return to.convert(to.binary(Op::min, to.convert(value, type), last), dtype_);
  }

  Register listed(const Inference& s, ProgramBuilder& to) const {
    const std::vector<double> values = values_(s);
    if (values.empty())
      throw Error(ErrorKind::param, "no values to choose from")
          .got("0 values")
          .allowed("at least 1");
    const Register at =
        to.unary(Op::floor, up_to(static_cast<double>(values.size()), s, to, false));
    return to.convert(to.lookup(to.convert(at, DType::i32), values), dtype_);
  }

  Arg<std::vector<double>> range_, values_;
  DType dtype_;
};

}  // namespace

VARO_OPERATORS(random, uniform) {
  return {
      drawing(OperatorDef("random.uniform", "Uniformly distributed numbers.")
                  .doc("From the half-open interval [low, high), or from a list of values. "
                       "Integers are drawn as real\n"
                       "numbers and rounded, so that high can be reached; DALI converts low and "
                       "high to the type first, and draws between them."),
              DType::f32)
          .output("numbers", "Of the type and shape asked for; a scalar by default. No layout.")
          .arg({.name = "range",
                .type = ArgType::reals,
                .default_value = std::vector<double>{-1, 1},
                .doc = "[low, high].",
                .late = true})
          .arg({.name = "values",
                .type = ArgType::reals,
                .doc = "Values to choose from, all equally probable. Excludes range.",
                .late = true})
          .traits({.random = true})
          .one_of({"range", "values"})
          .make<Uniform>()};
}

}  // namespace varo
