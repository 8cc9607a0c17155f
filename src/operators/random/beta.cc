// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "kernels/copy/copy.h"
#include "kernels/random/random.h"
#include "operators/shared/draw.h"

namespace varo {

namespace {

constexpr std::int64_t kGrain = 4096;

class Beta final : public HostOperator {
 public:
  explicit Beta(const Args& args)
      : alpha_(args, "alpha"), beta_(args, "beta"), dtype_(args.dtype("dtype")) {
    if (dtype_ != DType::f32 && dtype_ != DType::f64)
      throw Error(ErrorKind::param, "numbers between 0 and 1 are floats")
          .got(std::string(name_of(dtype_)))
          .allowed("float32 and float64");
  }

  void infer(Inference& s) const override { s.set_output(0, {dtype_, drawn_shape(s), {}}); }

  Need need(const Inference&, int) const override { return {Access::spec}; }

  void prepare(Inference& s) const override {
    s.state() =
        Distribution{.key = s.random(), .alpha = positive(s, alpha_), .beta = positive(s, beta_)};
  }

  std::size_t setup(const HostRun& r, std::any&) const override {
    return static_cast<std::size_t>(r.out[0].volume()) * sizeof(double);
  }

  void run(const HostRun& r) const noexcept override {
    const auto& of = r.state<Distribution>();
    const View& out = r.out[0];
    double* const drawn = r.scratch_of<double>().data();
    parallel_for(r.parallel, out.volume(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        drawn[i] = random_beta(of.key, static_cast<std::uint64_t>(i), of.alpha, of.beta);
    });
    convert(dense_view(drawn, out.shape), out, r.parallel);
  }

 private:
  struct Distribution {
    RandomKey key;
    double alpha, beta;
  };

  static double positive(const Inference& s, const Arg<double>& arg) {
    const double value = arg(s);
    if (value > 0) return value;
    throw Error(ErrorKind::param, fmt::format("argument {} is out of range", arg.name()))
        .got(fmt::format("{}", value))
        .allowed("above 0");
  }

  Arg<double> alpha_, beta_;
  DType dtype_;
};

}  // namespace

VARO_OPERATORS(random, beta) {
  return {
      drawing(OperatorDef("random.beta", "Numbers of the beta distribution."), DType::f32)
          .output("numbers",
                  "float32 or float64, of the shape asked for; a scalar by default. No layout.")
          .arg(
              {.name = "alpha", .default_value = 1.0, .doc = "First shape; above 0.", .late = true})
          .arg(
              {.name = "beta", .default_value = 1.0, .doc = "Second shape; above 0.", .late = true})
          .traits({.random = true})
          .make<Beta>()};
}

}  // namespace varo
