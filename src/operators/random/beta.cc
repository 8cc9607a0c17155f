// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "kernels/copy/copy.h"
#include "kernels/random/random.h"
#include "operators/shared/draw.h"

namespace varo {

namespace {

constexpr std::int64_t kGrain = 4096;

class Beta final : public Operator {
 public:
  explicit Beta(const Args& args) : dtype_(args.dtype("dtype")) {
    if (dtype_ != DType::f32 && dtype_ != DType::f64)
      throw Error(ErrorKind::param, "numbers between 0 and 1 are floats")
          .got(std::string(name_of(dtype_)))
          .allowed("float32 and float64");
  }

  void infer(Sample& s) const override { s.set_output(0, {dtype_, drawn_shape(s), {}}); }

  void run(Sample& s) const override {
    const double alpha = positive(s, "alpha"), beta = positive(s, "beta");
    const View out = s.output(0);
    const std::int64_t count = out.volume();
    const std::span<double> drawn = s.scratch_of<double>(count);
    const RandomKey key = s.random();
    parallel_for(s.parallel(), count, kGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        drawn[static_cast<std::size_t>(i)] =
            random_beta(key, static_cast<std::uint64_t>(i), alpha, beta);
    });
    convert(dense_view(drawn.data(), out.shape), out, s.parallel());
  }

 private:
  static double positive(Sample& s, const char* arg) {
    const double value = s.real(arg);
    if (value > 0) return value;
    throw Error(ErrorKind::param, fmt::format("argument {} is out of range", arg))
        .got(fmt::format("{}", value))
        .allowed("above 0");
  }

  DType dtype_;
};

}  // namespace

VARO_OPERATORS(random, beta) {
  return {drawing(OperatorDef("random.beta", "Numbers of the beta distribution."), DType::f32)
              .output("numbers",
                      "float32 or float64, of the shape asked for; a scalar by default. No layout.")
              .arg({.name = "alpha", .default_value = 1.0, .doc = "First shape; above 0."})
              .arg({.name = "beta", .default_value = 1.0, .doc = "Second shape; above 0."})
              .traits({.random = true})
              .make<Beta>()};
}

}  // namespace varo
