// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "kernels/filter/convolve.h"
#include "operators/axes.h"
#include "operators/filters/windows.h"

namespace varo {

namespace {

constexpr std::int64_t kLongestWindow = (std::int64_t{1} << 20) + 1;

struct Window {
  int axis = 0;
  double sigma = 0;
  std::int64_t size = 1;
};

// The windows of each frame, or one set for all.
using FrameWindows = std::vector<std::vector<Window>>;

// Weights from the centre outwards.
std::vector<float> gaussian(const Window& w) {
  std::vector<double> half(static_cast<std::size_t>(w.size / 2 + 1), 1.0);
  double total = 1.0;
  for (std::size_t k = 1; k < half.size(); ++k) {
    const double x = static_cast<double>(k) / w.sigma;
    half[k] = std::exp(-0.5 * x * x);
    total += 2 * half[k];
  }
  std::vector<float> weights;
  for (double value : half) weights.push_back(static_cast<float>(value / total));
  return weights;
}

Window window_along(int axis, const std::string& name, double sigma, std::int64_t size) {
  if (!std::isfinite(sigma))
    throw Error(ErrorKind::param, "sigma along " + name + " is not a number")
        .got(std::to_string(sigma))
        .allowed("0 or more elements");
  if (size == 0 && sigma == 0) {
    throw Error(ErrorKind::param,
                "neither sigma nor window_size says how much to blur along " + name)
        .got("sigma 0 and window_size 0")
        .allowed("sigma above 0, or an odd window_size")
        .hint("window_size=1 leaves an axis as it is");
  }
  if (size != 0 && size % 2 == 0)
    throw Error(ErrorKind::param, "window_size along " + name + " is even")
        .got(std::to_string(size))
        .allowed("an odd number of elements");
  const double wanted = size != 0 ? static_cast<double>(size) : 2 * std::ceil(3 * sigma) + 1;
  if (wanted > static_cast<double>(kLongestWindow)) {
    throw Error(ErrorKind::param, "the window along " + name + " is too long")
        .got(std::to_string(wanted) + " elements")
        .allowed("at most " + std::to_string(kLongestWindow));
  }
  Window w{axis, sigma, static_cast<std::int64_t>(wanted)};
  if (sigma == 0) w.sigma = (static_cast<double>(size - 1) / 2 - 1) * 0.3 + 0.8;
  return w;
}

class GaussianBlur final : public Operator {
 public:
  explicit GaussianBlur(const Args&) {}

  void infer(Sample& s) const override {
    Spec spec = s.spec(0);
    const std::vector<int> axes = filters::data_axes(spec);
    const auto sigma = filters::per_frame(s, "sigma", s.reals("sigma"), axes.size());
    const auto size = filters::per_frame(s, "window_size", s.integers("window_size"), axes.size());
    FrameWindows frames;
    const std::size_t count = sigma.size() == 1 ? size.size() : sigma.size();
    for (std::size_t f = 0; f < count; ++f) {
      const auto& sigmas = sigma[sigma.size() == 1 ? 0 : f];
      const auto& sizes = size[size.size() == 1 ? 0 : f];
      std::vector<Window> windows;
      for (std::size_t i = 0; i < axes.size(); ++i) {
        const std::string name = axis_name(spec.layout, axes[i]);
        windows.push_back(window_along(axes[i], name, sigmas[i], sizes[i]));
      }
      frames.push_back(std::move(windows));
    }
    s.state() = std::move(frames);
    spec.dtype = filters::output_dtype(s);
    s.set_output(0, spec);
  }

  bool resolve(Sample& s) const override {
    if (s.output_spec(0).dtype != s.spec(0).dtype) return false;
    for (const auto& windows : s.kept<FrameWindows>())
      for (const Window& w : windows)
        if (w.size != 1) return false;
    s.set_result(0, s.tensor(0));
    return true;
  }

  void run(Sample& s) const override {
    const auto& frames = s.kept<FrameWindows>();
    const ConstView in = filters::by_rows(s, 0);
    const View out = s.output(0);
    if (frames.size() == 1) return blur(s, in, out, frames[0]);
    const int f = s.spec(0).layout.find('F');
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const auto at = static_cast<std::int64_t>(i);
      blur(s, in.part(f, at, 1), out.part(f, at, 1), frames[i]);
    }
  }

 private:
  static void blur(Sample& s, const ConstView& in, const View& out,
                   const std::vector<Window>& windows) {
    std::vector<std::vector<float>> weights;
    std::vector<AxisWindow> along;
    for (const Window& w : windows) weights.push_back(gaussian(w));
    for (std::size_t i = 0; i < windows.size(); ++i) along.push_back({windows[i].axis, weights[i]});
    filters::convolve_with_scratch(s, in, out, {along});
  }
};

}  // namespace

VARO_OPERATORS(filters, gaussian_blur) {
  return {
      OperatorDef("gaussian_blur",
                  "Smooths with a Gaussian along every axis but channels and frames.")
          .doc("Borders are mirrored about the edge element, which is not repeated. Sums are made "
               "in float32, so that integers beyond 2**24 lose their lowest bits. A window of 1 "
               "along every axis costs nothing: the result is the input.")
          .doc("Per axis: with sigma alone the window is 2*ceil(3*sigma)+1; with window_size alone "
               "sigma is ((window_size-1)/2-1)*0.3+0.8; with both, both are used.")
          .input(filters::data_input())
          .output("blurred", "Same shape and layout as the input.")
          .arg({.name = "sigma",
                .type = ArgType::reals,
                .default_value = 0.0,
                .doc = "Standard deviation in elements: one, or one for each axis, outermost "
                       "first; per sample also for each frame. 0: from window_size.",
                .least = 0})
          .arg({.name = "window_size",
                .type = ArgType::integers,
                .default_value = 0,
                .doc = "Odd length of the window: one, or one for each axis, outermost first. 0: "
                       "from sigma.",
                .least = 0})
          .arg(filters::dtype_arg())
          .traits({.keeps_grid = true})
          .make<GaussianBlur>()};
}

}  // namespace varo
