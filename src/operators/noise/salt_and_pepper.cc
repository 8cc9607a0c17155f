// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <fmt/format.h>
#include <limits>

#include "core/convert.h"
#include "core/dispatch.h"
#include "core/half.h"
#include "operators/api/pointwise.h"

namespace varo {

namespace {

class SaltAndPepper final : public Pointwise {
 public:
  explicit SaltAndPepper(const Args& args)
      : prob_(args, "prob"),
        salt_vs_pepper_(args, "salt_vs_pepper"),
        salt_val_(args, "salt_val"),
        pepper_val_(args, "pepper_val"),
        per_channel_(args.flag("per_channel")) {}

  void infer(Inference& s) const override {
    const Spec& spec = s.spec(0);
    const int channel = channel_of(spec);
    if (channel > 0 && channel != spec.shape.rank() - 1)
      throw Error(ErrorKind::layout, "channels lie between other axes")
          .got(fmt::format("\"{}\"", spec.layout.str()))
          .allowed("C first or last")
          .hint("per_channel=True");
    s.set_output(0, spec);
  }

  std::optional<int> view_of(const Inference& s) const override {
    if (prob_(s) != 0) return std::nullopt;
    return 0;
  }
  bool resolve(Views& v) const override {
    v.out[0] = v.in;
    return true;
  }

  Register emit(const Inference& s, ProgramBuilder& to,
                std::span<const Register> in) const override {
    const Spec& spec = s.spec(0);
    const double prob = prob_(s), salt = salt_vs_pepper_(s);
    const Register word = to.convert(to.bits(DType::u32, s.random(), pixels(spec)), DType::f64);
    const auto below = [&](double p) {
      return to.binary(Op::lt, word, to.constant(DType::f64, p * 0x1p32));
    };
    const Register peppered = to.select(below(prob), value(s, to, pepper_val_, false), in[0]);
    return to.select(below(prob * salt), value(s, to, salt_val_, true), peppered);
  }

 private:
  // The axis whose elements share one decision, or -1.
  int channel_of(const Spec& spec) const {
    if (per_channel_ || spec.shape.rank() == 0) return -1;
    return spec.layout.empty() ? spec.shape.rank() - 1 : spec.layout.find('C');
  }

  Index pixels(const Spec& spec) const {
    const int channel = channel_of(spec);
    Shape shape = spec.shape;
    if (channel >= 0) shape[channel] = 1;
    Index index = row_major(shape);
    if (channel >= 0) index.strides[channel] = 0;
    return index;
  }

  // The type's largest or smallest value (floats: 1 or -1), or the argument, cast as C does.
  static Register value(const Inference& s, ProgramBuilder& to, const Arg<double>& arg,
                        bool largest) {
    const DType dtype = s.spec(0).dtype;
    std::uint64_t bits = 0;
    dispatch_all(dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      T chosen{};
      if constexpr (std::is_same_v<T, Half>) {
        chosen = to_half(arg.has() ? arg(s) : largest ? 1.0 : -1.0);
      } else if constexpr (std::is_floating_point_v<T>) {
        chosen = static_cast<T>(arg.has() ? arg(s) : largest ? 1.0 : -1.0);
      } else {
        using Limits = std::numeric_limits<T>;
        chosen = arg.has() ? truncated<T>(arg(s)) : largest ? Limits::max() : Limits::min();
      }
      bits = bits_of(chosen);
    });
    return to.constant_bits(dtype, bits);
  }

  // Towards zero; a value that T cannot hold wraps, where C++ leaves the result open.
  template <class T>
  static T truncated(double value) {
    if (!(std::abs(value) < 0x1p63)) return static_cast<T>(value > 0 ? ~std::uint64_t{0} : 0);
    return static_cast<T>(static_cast<std::int64_t>(value));
  }

  Arg<double> prob_, salt_vs_pepper_, salt_val_, pepper_val_;
  bool per_channel_;
};

}  // namespace

VARO_OPERATORS(noise, salt_and_pepper) {
  return {
      OperatorDef("noise.salt_and_pepper", "Replaces random elements by an extreme value.")
          .input({.name = "data", .doc = "Any shape.", .dtypes = dtypes_except({DType::boolean})})
          .output("noisy", "Same shape, dtype and layout as the input.")
          .arg({.name = "prob",
                .default_value = 0.05,
                .doc = "Probability that an element is replaced.",
                .late = true,
                .least = 0.0,
                .most = 1.0})
          .arg({.name = "salt_vs_pepper",
                .default_value = 0.5,
                .doc = "Probability that a replaced element becomes salt.",
                .late = true,
                .least = 0.0,
                .most = 1.0})
          .arg({.name = "salt_val",
                .doc = "Value of salt. Default: the type's largest value, 1 for floats.",
                .late = true})
          .arg({.name = "pepper_val",
                .doc = "Value of pepper. Default: the type's smallest value, -1 for floats.",
                .late = true})
          .arg({.name = "per_channel",
                .type = ArgType::boolean,
                .default_value = false,
                .doc = "Decide for every channel alone. Otherwise all channels of a pixel are "
                       "replaced together; channels "
                       "are the axis C, or the last axis where there is no layout.",
                .constant = true})
          .traits({.random = true, .keeps_grid = true})
          .make<SaltAndPepper>()};
}

}  // namespace varo
