// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "operators/filters/windows.h"
#include "operators/shared/axes.h"

namespace varo {

namespace {

constexpr std::int64_t kLongestWindow = (std::int64_t{1} << 20) + 1;

struct Window {
  double sigma = 0;
  std::int64_t size = 1;
};

// One sample's blur.
struct Blur {
  std::vector<int> axes;
  int frame = -1;                                        // axis of F
  std::vector<std::vector<Window>> windows;              // of each frame, or one set for all
  std::vector<std::vector<std::vector<float>>> weights;  // of `windows`
};

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

Window window_along(const std::string& name, double sigma, std::int64_t size) {
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
  Window w{sigma, static_cast<std::int64_t>(wanted)};
  if (sigma == 0) w.sigma = (static_cast<double>(size - 1) / 2 - 1) * 0.3 + 0.8;
  return w;
}

class GaussianBlur final : public HostOperator {
 public:
  explicit GaussianBlur(const Args& args)
      : sigma_(args, "sigma"), window_size_(args, "window_size") {}

  void infer(Inference& s) const override {
    Spec spec = s.spec(0);
    Blur blur{.axes = filters::data_axes(spec), .frame = spec.layout.find('F')};
    const std::size_t n = blur.axes.size();
    const auto sigma = filters::per_frame(s, "sigma", sigma_(s), n);
    const auto size = filters::per_frame(s, "window_size", window_size_(s), n);
    const std::size_t count = sigma.size() == 1 ? size.size() : sigma.size();
    for (std::size_t f = 0; f < count; ++f) {
      const auto& sigmas = sigma[sigma.size() == 1 ? 0 : f];
      const auto& sizes = size[size.size() == 1 ? 0 : f];
      std::vector<Window> windows;
      for (std::size_t i = 0; i < n; ++i)
        windows.push_back(window_along(axis_name(spec.layout, blur.axes[i]), sigmas[i], sizes[i]));
      blur.windows.push_back(std::move(windows));
    }
    s.state() = std::move(blur);
    spec.dtype = filters::output_dtype(s);
    s.set_output(0, spec);
  }

  void prepare(Inference& s) const override {
    auto& blur = s.kept<Blur>();
    for (const auto& windows : blur.windows) {
      auto& weights = blur.weights.emplace_back();
      for (const Window& w : windows) weights.push_back(gaussian(w));
    }
  }

  std::optional<int> view_of(const Inference& s) const override {
    if (s.output_spec(0).dtype != s.spec(0).dtype) return std::nullopt;
    for (const auto& windows : s.kept<Blur>().windows)
      for (const Window& w : windows)
        if (w.size != 1) return std::nullopt;
    return 0;
  }
  bool resolve(Views& views) const override {
    views.out[0] = views.in;
    return true;
  }

  Need need(const Inference&, int) const override { return {Access::rows}; }

  std::size_t setup(const HostRun& r, std::any&) const override {
    std::size_t most = 0;
    for_frames(r, [&](const ConstView& in, const View& out, const Convolution& what) {
      most = std::max(most, convolve_scratch_bytes(in, out, what, r.parallel.width()));
    });
    return most;
  }

  void run(const HostRun& r) const noexcept override {
    for_frames(r, [&](const ConstView& in, const View& out, const Convolution& what) {
      convolve(in, out, what, r.parallel, r.scratch);
    });
  }

 private:
  // What is convolved by itself.
  template <class Body>
  static void for_frames(const HostRun& r, const Body& body) {
    const auto& blur = r.state<Blur>();
    const bool alike = blur.weights.size() == 1;
    for (std::size_t i = 0; i < blur.weights.size(); ++i) {
      const filters::Windows windows(blur.axes, blur.weights[i]);
      const auto at = static_cast<std::int64_t>(i);
      body(alike ? r.view(0) : r.view(0).part(blur.frame, at, 1),
           alike ? r.out[0] : r.out[0].part(blur.frame, at, 1), windows.convolution());
    }
  }

  Arg<std::vector<double>> sigma_;
  Arg<std::vector<std::int64_t>> window_size_;
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
