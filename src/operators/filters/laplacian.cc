// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "kernels/copy/copy.h"
#include "kernels/filter/convolve.h"
#include "operators/filters/windows.h"
#include "operators/shared/axes.h"

namespace varo {

namespace {

constexpr std::int64_t kLongest = 31;

// Weights of a symmetric window from the centre outwards.
using Weights = std::vector<double>;

// Row 2 * radius of Pascal's triangle.
Weights binomial(std::int64_t radius) {
  Weights half(static_cast<std::size_t>(radius + 1), 1.0);
  const auto n = static_cast<double>(2 * radius);
  double value = 1;  // row[k], from the end inwards
  for (std::int64_t k = 0; k <= radius; ++k) {
    half[static_cast<std::size_t>(radius - k)] = value;
    value = value * (n - static_cast<double>(k)) / static_cast<double>(k + 1);
  }
  return half;
}

// The second difference of a binomial window one element shorter on each side.
Weights second_derivative(std::int64_t radius) {
  const Weights smooth = binomial(radius - 1);
  const auto at = [&](std::int64_t k) {
    const auto i = static_cast<std::size_t>(std::abs(k));
    return i < smooth.size() ? smooth[i] : 0.0;
  };
  Weights half;
  for (std::int64_t k = 0; k <= radius; ++k) half.push_back(at(k - 1) - 2 * at(k) + at(k + 1));
  return half;
}

// The second derivative along one axis: a window for every axis.
using Partial = std::vector<std::vector<float>>;

struct LaplacianPlan {
  std::vector<int> axes;
  std::vector<Partial> partials;
};

void check_odd(const char* arg, const std::string& axis, std::int64_t size, std::int64_t least) {
  if (size >= least && size <= kLongest && size % 2 == 1) return;
  throw Error(ErrorKind::param, std::string(arg) + " along " + axis + " is not a window")
      .got(std::to_string(size) + " elements")
      .allowed("an odd number, " + std::to_string(least) + " to " + std::to_string(kLongest));
}

class Laplacian final : public Operator {
 public:
  explicit Laplacian(const Args& args) : normalized_(args.flag("normalized_kernel")) {
    if (normalized_ && args.given("scale")) {
      throw Error(ErrorKind::param, "scale has no meaning with a normalized kernel")
          .got("scale and normalized_kernel=True")
          .allowed("one of the two");
    }
  }

  void infer(Sample& s) const override {
    Spec spec = s.spec(0);
    LaplacianPlan plan;
    plan.axes = filters::data_axes(spec);
    const std::size_t n = plan.axes.size();
    const auto window = filters::per_axis("window_size", s.integers("window_size"), n);
    const auto scale = filters::per_axis("scale", s.reals("scale"), n);
    std::vector<std::int64_t> smoothing;
    if (s.has("smoothing_size"))
      smoothing = filters::per_axis("smoothing_size", s.integers("smoothing_size"), n);
    for (std::size_t i = 0; i < n; ++i) {
      const std::string name = axis_name(spec.layout, plan.axes[i]);
      check_odd("window_size", name, window[i], 3);
      if (!smoothing.empty()) check_odd("smoothing_size", name, smoothing[i], 1);
    }
    for (std::size_t i = 0; i < n; ++i) {
      std::vector<Weights> halves;
      std::int64_t sizes = 0;
      for (std::size_t j = 0; j < n; ++j) {
        const std::int64_t size = j == i || smoothing.empty() ? window[i] : smoothing[j];
        halves.push_back(j == i ? second_derivative(size / 2) : binomial(size / 2));
        sizes += size;
      }
      const double gain =
          normalized_ ? std::exp2(static_cast<double>(static_cast<std::int64_t>(n) + 2 - sizes))
                      : scale[i];
      for (double& weight : halves[i]) weight *= gain;
      Partial partial;
      for (const Weights& half : halves) partial.emplace_back(half.begin(), half.end());
      plan.partials.push_back(std::move(partial));
    }
    s.state() = std::move(plan);
    spec.dtype = filters::output_dtype(s);
    s.set_output(0, spec);
  }

  void run(Sample& s) const override {
    const auto& plan = s.kept<LaplacianPlan>();
    const ConstView in = filters::by_rows(s, 0);
    const View out = s.output(0);
    View sum = out;
    if (out.dtype != DType::f32)
      sum = dense_view(s.scratch_of<float>(in.volume()).data(), in.shape);
    for (std::size_t i = 0; i < plan.partials.size(); ++i) {
      std::vector<AxisWindow> windows;
      for (std::size_t j = 0; j < plan.axes.size(); ++j)
        windows.push_back({plan.axes[j], plan.partials[i][j]});
      filters::convolve_with_scratch(s, in, sum,
                                     {windows, i == 0 ? WriteMode::replace : WriteMode::add});
    }
    if (out.dtype != DType::f32) convert(sum, out, s.parallel());
  }

 private:
  bool normalized_;
};

}  // namespace

VARO_OPERATORS(filters, laplacian) {
  return {
      OperatorDef(
          "laplacian",
          "Sum of the smoothed second derivatives along every axis but channels and frames.")
          .doc("The derivative along an axis is taken by [1, -2, 1] convolved with a binomial "
               "window, and smoothed along the "
               "other axes by binomial windows. Borders are mirrored about the edge element, which "
               "is not repeated. "
               "Sums are made in float32.")
          .input(filters::data_input())
          .output("laplacian", "Same shape and layout as the input.")
          .arg({.name = "window_size",
                .type = ArgType::integers,
                .default_value = 3,
                .doc = "Odd length of the derivative window, 3 to 31: one, or one for each axis, "
                       "outermost first."})
          .arg({.name = "smoothing_size",
                .type = ArgType::integers,
                .doc = "Odd length of the smoothing window along each axis, 1 to 31; 1 does not "
                       "smooth. Without it, "
                       "the length of the derivative window that it goes with."})
          .arg({.name = "scale",
                .type = ArgType::reals,
                .default_value = 1.0,
                .doc =
                    "Factor of each axis' derivative: one, or one for each axis, outermost first."})
          .arg({.name = "normalized_kernel",
                .type = ArgType::boolean,
                .default_value = false,
                .doc = "Scale each derivative by 2**(axes + 2 - the sum of its window lengths).",
                .constant = true})
          .arg(filters::dtype_arg())
          .traits({.keeps_grid = true})
          .make<Laplacian>()};
}

}  // namespace varo
