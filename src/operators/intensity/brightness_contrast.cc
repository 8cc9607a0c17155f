// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "operators/api/pointwise.h"

namespace varo {

namespace {

// out = brightness_shift * range + brightness * (center + contrast * (in - center)), as one
// multiplication and addition. Arguments that an operator lacks have their neutral value.
class BrightnessContrast final : public Pointwise {
 public:
  explicit BrightnessContrast(const Args& args)
      : brightness_(if_there(args, "brightness")),
        shift_(if_there(args, "brightness_shift")),
        contrast_(if_there(args, "contrast")),
        center_(if_there(args, "contrast_center")),
        dtype_(args, "dtype") {}

  void infer(Inference& s) const override {
    Spec spec = s.spec(0);
    if (dtype_.has()) spec.dtype = dtype_(s);
    s.set_output(0, spec);
  }

  void prepare(Inference& s) const override {
    const double brightness = brightness_ ? (*brightness_)(s) : 1;
    const double shift = shift_ ? (*shift_)(s) : 0;
    const double contrast = contrast_ ? (*contrast_)(s) : 1;
    const double center = center_ && center_->has() ? (*center_)(s) : half_range(s.spec(0).dtype);
    s.state() = Map{brightness * contrast, shift * full_range(s.output_spec(0).dtype) +
                                               brightness * (center - contrast * center)};
  }

  std::optional<int> view_of(const Inference& s) const override {
    const auto [factor, offset] = s.kept<Map>();
    if (factor != 1 || offset != 0 || s.spec(0).dtype != s.output_spec(0).dtype)
      return std::nullopt;
    return 0;
  }
  bool resolve(Views& views) const override {
    views.out[0] = views.in;
    return true;
  }

  Register emit(const Inference& s, ProgramBuilder& to,
                std::span<const Register> in) const override {
    const auto [factor, offset] = s.kept<Map>();
    const DType out = s.output_spec(0).dtype;
    const DType type = exceeds_float(in[0].dtype) || exceeds_float(out) ? DType::f64 : DType::f32;
    const Register result =
        to.fma(to.convert(in[0], type), to.constant(type, factor), to.constant(type, offset));
    return to.convert(result, out);
  }

 private:
  struct Map {
    double factor, offset;
  };

  static bool exceeds_float(DType t) { return size_of(t) >= 4 && t != DType::f32; }
  static int value_bits(DType t) {
    return static_cast<int>(size_of(t)) * 8 - (is_signed(t) ? 1 : 0);
  }
  static double half_range(DType t) {
    return is_float(t) ? 0.5 : std::ldexp(1.0, value_bits(t) - 1);
  }
  static double full_range(DType t) {
    return is_float(t) ? 1.0 : std::ldexp(1.0, value_bits(t)) - 1;
  }

  static std::optional<Arg<double>> if_there(const Args& args, const char* name) {
    if (args.def().find_arg(name) == nullptr) return std::nullopt;
    return Arg<double>(args, name);
  }

  std::optional<Arg<double>> brightness_, shift_, contrast_, center_;
  Arg<DType> dtype_;
};

OperatorDef base(const char* name, const char* summary) {
  return OperatorDef(name, summary)
      .doc(
          "Works element by element, so axes have no meaning and every layout is accepted. One "
          "multiplication\n"
          "and addition in float32 (float64 for 32-bit integers), then a saturating conversion.")
      .input({.name = "data",
              .doc = "Any shape.",
              .dtypes = dtypes_except({DType::u64, DType::i64, DType::boolean})})
      .output("result", "Same shape and layout as the input, of type `dtype`.")
      .traits({.keeps_grid = true})
      .make<BrightnessContrast>();
}

OperatorDef with_brightness(OperatorDef def) {
  return std::move(def)
      .arg({.name = "brightness",
            .default_value = 1.0,
            .doc = "Factor; 1 changes nothing.",
            .late = true})
      .arg({.name = "brightness_shift",
            .default_value = 0.0,
            .doc = "Added, in units of the output's range: the largest value of an integer type, 1 "
                   "for floats.",
            .late = true});
}

OperatorDef with_contrast(OperatorDef def) {
  return std::move(def)
      .arg({.name = "contrast",
            .default_value = 1.0,
            .doc = "Factor of the distance from the center; 1 changes nothing.",
            .late = true})
      .arg({.name = "contrast_center",
            .doc = "Intensity that contrast leaves alone. Default: half the input type's range "
                   "(128 for uint8, "
                   "16384 for int16, 0.5 for floats).",
            .late = true});
}

OperatorDef with_dtype(OperatorDef def) {
  return std::move(def).arg({.name = "dtype",
                             .type = ArgType::dtype,
                             .doc = "Type of the result. Default: the input's.",
                             .constant = true});
}

}  // namespace

VARO_OPERATORS(intensity, brightness_contrast) {
  return {with_dtype(with_brightness(base("brightness", "Multiplies and shifts intensities."))),
          with_dtype(with_contrast(base("contrast", "Scales intensities about a center."))),
          with_dtype(with_contrast(with_brightness(
              base("brightness_contrast", "Brightness and contrast in one map."))))};
}

}  // namespace varo
