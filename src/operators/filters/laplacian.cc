// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "kernels/copy/copy.h"
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
  std::vector<std::int64_t> window, smoothing;
  std::vector<double> scale;
  std::vector<Partial> partials;
};

void check_odd(const char* arg, const std::string& axis, std::int64_t size, std::int64_t least) {
  if (size >= least && size <= kLongest && size % 2 == 1) return;
  throw Error(ErrorKind::param, std::string(arg) + " along " + axis + " is not a window")
      .got(std::to_string(size) + " elements")
      .allowed("an odd number, " + std::to_string(least) + " to " + std::to_string(kLongest));
}

class Laplacian final : public HostOperator {
 public:
  explicit Laplacian(const Args& args)
      : normalized_(args.flag("normalized_kernel")),
        window_size_(args, "window_size"),
        smoothing_size_(args, "smoothing_size"),
        scale_(args, "scale") {
    if (normalized_ && scale_.given()) {
      throw Error(ErrorKind::param, "scale has no meaning with a normalized kernel")
          .got("scale and normalized_kernel=True")
          .allowed("one of the two");
    }
  }

  void infer(Inference& s) const override {
    Spec spec = s.spec(0);
    LaplacianPlan plan;
    plan.axes = filters::data_axes(spec);
    const std::size_t n = plan.axes.size();
    plan.window = filters::per_axis("window_size", window_size_(s), n);
    plan.scale = filters::per_axis("scale", scale_(s), n);
    if (smoothing_size_.has())
      plan.smoothing = filters::per_axis("smoothing_size", smoothing_size_(s), n);
    for (std::size_t i = 0; i < n; ++i) {
      const std::string name = axis_name(spec.layout, plan.axes[i]);
      check_odd("window_size", name, plan.window[i], 3);
      if (!plan.smoothing.empty()) check_odd("smoothing_size", name, plan.smoothing[i], 1);
    }
    s.state() = std::move(plan);
    spec.dtype = filters::output_dtype(s);
    s.set_output(0, spec);
  }

  void prepare(Inference& s) const override {
    auto& plan = s.kept<LaplacianPlan>();
    const std::size_t n = plan.axes.size();
    for (std::size_t i = 0; i < n; ++i) {
      std::vector<Weights> halves;
      std::int64_t sizes = 0;
      for (std::size_t j = 0; j < n; ++j) {
        const std::int64_t size =
            j == i || plan.smoothing.empty() ? plan.window[i] : plan.smoothing[j];
        halves.push_back(j == i ? second_derivative(size / 2) : binomial(size / 2));
        sizes += size;
      }
      const double gain =
          normalized_ ? std::exp2(static_cast<double>(static_cast<std::int64_t>(n) + 2 - sizes))
                      : plan.scale[i];
      for (double& weight : halves[i]) weight *= gain;
      Partial partial;
      for (const Weights& half : halves) partial.emplace_back(half.begin(), half.end());
      plan.partials.push_back(std::move(partial));
    }
  }

  Need need(const Inference&, int) const override { return {Access::rows}; }

  std::size_t setup(const HostRun& r, std::any&) const override {
    const View sum = sum_of(r);
    std::size_t most = 0;
    for_partials(r, [&](const Convolution& what) {
      most = std::max(most, convolve_scratch_bytes(r.view(0), sum, what, r.parallel.width()));
    });
    return sum_bytes(r) + most;
  }

  void run(const HostRun& r) const noexcept override {
    const View sum = sum_of(r), out = r.out[0];
    const auto scratch = r.scratch.subspan(sum_bytes(r));
    for_partials(
        r, [&](const Convolution& what) { convolve(r.view(0), sum, what, r.parallel, scratch); });
    if (out.dtype != DType::f32) convert(sum, out, r.parallel);
  }

 private:
  // Where the derivatives are added up: the output, or the start of scratch.
  static View sum_of(const HostRun& r) {
    if (r.out[0].dtype == DType::f32) return r.out[0];
    return dense_view(r.scratch_of<float>().data(), r.out[0].shape);
  }
  static std::size_t sum_bytes(const HostRun& r) {
    if (r.out[0].dtype == DType::f32) return 0;
    return (static_cast<std::size_t>(r.out[0].volume()) * sizeof(float) + 63) / 64 * 64;
  }

  template <class Body>
  static void for_partials(const HostRun& r, const Body& body) {
    const auto& plan = r.state<LaplacianPlan>();
    for (std::size_t i = 0; i < plan.partials.size(); ++i) {
      const filters::Windows windows(plan.axes, plan.partials[i]);
      body(windows.convolution(i == 0 ? WriteMode::replace : WriteMode::add));
    }
  }

  bool normalized_;
  Arg<std::vector<std::int64_t>> window_size_, smoothing_size_;
  Arg<std::vector<double>> scale_;
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
