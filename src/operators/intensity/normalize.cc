// SPDX-License-Identifier: Apache-2.0
#include "kernels/pointwise/normalize.h"

#include <algorithm>
#include <cmath>

#include "kernels/copy/copy.h"
#include "kernels/reduce/reduce.h"
#include "operators/shared/axes.h"

namespace varo {

namespace {

// Of all samples of the batch, for each position along the axes that are not reduced, in row-major
// order.
struct BatchMoments {
  std::vector<double> mean;
  std::vector<double> squares;  // sum of squared deviations; empty where stddev is given
  double count = 0;             // elements of each
};

// One sample's parameters, in the same order. What is left to be computed is empty.
struct Plan {
  std::uint32_t axes = 0;  // that are reduced
  Shape kept;              // the input's, with extent 1 along them
  std::vector<double> mean, gain;
  double scale = 1, shift = 0, epsilon = 0, ddof = 0;
};

Shape kept_shape(Shape shape, std::uint32_t axes) {
  for (int i = 0; i < shape.rank(); ++i)
    if ((axes >> i & 1U) != 0) shape[i] = 1;
  return shape;
}

// Constant numbers and 0-D values count for everything; other values are tensors of parameters.
bool is_tensor(const Tensor& t) { return t.defined() && t.rank() > 0; }

class Normalize final : public HostOperator {
 public:
  explicit Normalize(const Args& args)
      : batch_(args.flag("batch")),
        mean_(args, "mean"),
        stddev_(args, "stddev"),
        shift_(args, "shift"),
        scale_(args, "scale"),
        epsilon_(args, "epsilon"),
        ddof_(args, "ddof"),
        dtype_(args, "dtype") {
    const bool chosen = args.given("axes") || args.given("axis_names");
    if (args.given("axes") && args.integers("axes").empty())
      throw Error(ErrorKind::param, "axes is empty")
          .got("no axis")
          .allowed("at least one axis, or no axes argument for all");
    if (batch_ && (mean_.per_sample() || stddev_.per_sample())) {
      throw Error(ErrorKind::param,
                  "a value per sample has no meaning for moments of the whole batch")
          .got(std::string("batch=True and ") + (mean_.per_sample() ? "mean" : "stddev") +
               " per sample")
          .allowed("constant numbers with batch=True");
    }
    if (chosen && mean_.constant() && stddev_.constant()) scalars_along_axes();
  }

  BatchNeed batch_need() const override {
    return batch_ && !(mean_.given() && stddev_.given()) ? BatchNeed::values : BatchNeed::none;
  }

  std::any combine(std::span<const BatchItem> items) const override {
    const Spec& first = items[0].facts.spec(0);
    const std::uint32_t axes = reduced_axes(items[0].facts, first);
    const Shape kept = kept_shape(first.shape, axes);
    BatchMoments moments;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const Spec& spec = items[i].facts.spec(0);
      if (spec.shape.rank() != kept.rank() || reduced_axes(items[i].facts, spec) != axes ||
          !(kept_shape(spec.shape, axes) == kept)) {
        throw Error(ErrorKind::shape,
                    "the samples of the batch differ along an axis that is not reduced")
            .got(to_string(spec.shape) + " in sample " + std::to_string(i) + " of the batch")
            .allowed(to_string(first.shape) + " as in the first, apart from the reduced axes");
      }
      moments.count += static_cast<double>(group_size(spec.shape, axes));
    }
    const auto groups = static_cast<std::size_t>(volume(kept));
    const auto pool = [&](ReduceSpec what, std::vector<double>& total) {
      total.assign(groups, 0);
      std::vector<double> part(groups);
      for (const BatchItem& item : items) {
        const auto n = static_cast<double>(group_size(item.view(0).shape, axes));
        if (n == 0) continue;
        // The sum itself: of deviations, by leaving one degree of freedom.
        what.axes = axes;
        what.ddof = n - 1;
        std::vector<std::byte> scratch(reduce_scratch_bytes(item.view(0), what));
        reduce(item.view(0), dense_view(part.data(), kept), what, item.parallel, scratch);
        for (std::size_t k = 0; k < groups; ++k) total[k] += part[k];
      }
    };
    if (mean_.given()) {
      moments.mean.assign(groups, mean_(items[0].facts));
    } else {
      pool({.what = Reduction::sum}, moments.mean);
      for (double& mean : moments.mean) mean /= moments.count;
    }
    if (!stddev_.given())
      pool({.what = Reduction::variance, .mean = dense_view(moments.mean.data(), kept)},
           moments.squares);
    return moments;
  }

  void infer(Inference& s) const override {
    Spec spec = s.spec(0);
    reduced_axes(s, spec);
    spec.dtype = dtype_(s);
    s.set_output(0, spec);
  }

  void prepare(Inference& s) const override {
    Plan plan;
    const Shape& shape = s.spec(0).shape;
    if (volume(shape) > 0) fill_in(s, shape, plan);
    s.state() = std::move(plan);
  }

  std::size_t setup(const HostRun& r, std::any&) const override {
    return r.out[0].volume() == 0 ? 0 : Scratch(r).bytes;
  }

  void run(const HostRun& r) const noexcept override {
    if (r.out[0].volume() == 0) return;
    const auto& plan = r.state<Plan>();
    const Scratch scratch(r);
    const double *mean = plan.mean.data(), *gain = plan.gain.data();
    if (plan.mean.empty()) {
      reduce(r.view(0), dense_view(scratch.mean, plan.kept), scratch.to_mean, r.parallel,
             scratch.rest);
      mean = scratch.mean;
    }
    if (plan.gain.empty()) {
      ReduceSpec spec = scratch.to_variance;
      spec.mean = dense_view(mean, plan.kept);
      reduce(r.view(0), dense_view(scratch.gain, plan.kept), spec, r.parallel, scratch.rest);
      const std::int64_t groups = volume(plan.kept);
      for (std::int64_t k = 0; k < groups; ++k) scratch.gain[k] = gain_of(plan, scratch.gain[k]);
      gain = scratch.gain;
    }
    NormalizeParams params{mean, gain, dense_strides(plan.kept), plan.shift};
    for (int i = 0; i < plan.kept.rank(); ++i)
      if ((plan.axes >> i & 1U) != 0) params.strides[i] = 0;
    normalize(r.view(0), r.out[0], params, r.parallel);
  }

 private:
  // How a run's scratch is shared out: moments that are computed, and what computing them takes.
  struct Scratch {
    double *mean = nullptr, *gain = nullptr;
    std::span<std::byte> rest;
    ReduceSpec to_mean, to_variance;  // the latter with a mean that has no elements
    std::size_t bytes = 0;

    explicit Scratch(const HostRun& r) {
      const auto& plan = r.state<Plan>();
      const double* const none = nullptr;
      to_mean = {.what = Reduction::mean, .axes = plan.axes};
      to_variance = {.what = Reduction::variance,
                     .axes = plan.axes,
                     .mean = dense_view(none, plan.kept),
                     .ddof = plan.ddof};
      const std::size_t one =
          (static_cast<std::size_t>(volume(plan.kept)) * sizeof(double) + 63) / 64 * 64;
      std::size_t most = 0;
      const auto take = [&](const ReduceSpec& spec) -> double* {
        most = std::max(most, reduce_scratch_bytes(r.view(0), spec));
        bytes += one;
        if (r.scratch.empty()) return nullptr;
        return reinterpret_cast<double*>(r.scratch.data() + bytes - one);
      };
      if (plan.mean.empty()) mean = take(to_mean);
      if (plan.gain.empty()) gain = take(to_variance);
      if (!r.scratch.empty()) rest = r.scratch.subspan(bytes);
      bytes += most;
    }
  };

  static double gain_of(const Plan& plan, double variance) {
    return variance + plan.epsilon == 0 ? 0 : plan.scale / std::sqrt(variance + plan.epsilon);
  }

  void fill_in(const Inference& s, const Shape& shape, Plan& plan) const {
    const Tensor &mean = s.argument("mean"), &stddev = s.argument("stddev");
    plan.axes = axes_for(s, mean, stddev);
    plan.kept = kept_shape(shape, plan.axes);
    plan.scale = scale_(s);
    plan.shift = shift_(s);
    const auto* batch = s.batch<BatchMoments>();
    if (mean_.given())
      plan.mean = given(s, mean_, mean, plan.kept);
    else if (batch != nullptr)
      plan.mean = batch->mean;
    if (stddev_.given()) {
      plan.gain = given(s, stddev_, stddev, plan.kept);
      const double epsilon = epsilon_(s);
      for (double& g : plan.gain) {
        if (epsilon != 0) g = std::sqrt(g * g + epsilon);
        g = g == 0 ? 0 : plan.scale / g;
      }
      return;
    }
    plan.epsilon = epsilon_(s);
    plan.ddof = static_cast<double>(ddof_(s));
    if (batch == nullptr) return;
    const double divisor = batch->count - plan.ddof;
    for (const double squares : batch->squares)
      plan.gain.push_back(gain_of(plan, divisor > 0 ? squares / divisor : 0));
  }

  [[noreturn]] static void scalars_along_axes() {
    throw Error(ErrorKind::param, "axes have no meaning when mean and stddev are both numbers")
        .got("axes, with a number for mean and for stddev")
        .allowed("axes with a computed moment or with tensors of parameters");
  }

  static std::int64_t group_size(const Shape& shape, std::uint32_t axes) {
    std::int64_t n = 1;
    for (int i = 0; i < shape.rank(); ++i)
      if ((axes >> i & 1U) != 0) n *= shape[i];
    return n;
  }

  static std::uint32_t reduced_axes(const Inference& s, const Spec& spec) {
    return chosen_axes(s.args(), spec).value_or((std::uint32_t{1} << spec.shape.rank()) - 1);
  }

  // As reduced_axes, or where a tensor of parameters has extent 1; checks those tensors.
  std::uint32_t axes_for(const Inference& s, const Tensor& mean, const Tensor& stddev) const {
    const Spec& spec = s.spec(0);
    std::optional<std::uint32_t> axes = chosen_axes(s.args(), spec);
    if (is_tensor(mean) && is_tensor(stddev) && !(mean.shape() == stddev.shape())) {
      throw Error(ErrorKind::shape, "mean and stddev have different shapes")
          .got(to_string(mean.shape()) + " and " + to_string(stddev.shape()))
          .allowed("one shape for both, or a number for one of them");
    }
    const bool numbers = mean_.given() && stddev_.given() && !is_tensor(mean) && !is_tensor(stddev);
    if (axes && numbers) scalars_along_axes();
    for (const Tensor* t : {&mean, &stddev}) {
      if (!is_tensor(*t)) continue;
      if (!axes && t->rank() == spec.shape.rank()) {
        axes = 0;
        for (int i = 0; i < t->rank(); ++i)
          if (t->shape()[i] == 1) *axes |= std::uint32_t{1} << i;
      }
      const Shape kept = kept_shape(spec.shape, axes.value_or(0));
      if (!(t->shape() == kept)) {
        throw Error(ErrorKind::shape, std::string(t == &mean ? "mean" : "stddev") +
                                          " does not have the shape of the moments")
            .got(to_string(t->shape()) + " for an input of " + to_string(spec.shape))
            .allowed(to_string(kept) + ": 1 on reduced axes, the input's extent on the others");
      }
    }
    return axes.value_or((std::uint32_t{1} << spec.shape.rank()) - 1);
  }

  // The argument as one number for each group.
  static std::vector<double> given(const Inference& s, const Arg<double>& arg, const Tensor& tensor,
                                   const Shape& kept) {
    std::vector<double> values(static_cast<std::size_t>(volume(kept)));
    if (is_tensor(tensor)) {
      convert(tensor.view(), dense_view(values.data(), tensor.shape()), Parallel::serial());
    } else {
      std::fill(values.begin(), values.end(), arg(s));
    }
    return values;
  }

  bool batch_;
  Arg<double> mean_, stddev_, shift_, scale_, epsilon_;
  Arg<std::int64_t> ddof_;
  Arg<DType> dtype_;
};

}  // namespace

VARO_OPERATORS(intensity, normalize) {
  return {
      OperatorDef("normalize", "Subtracts the mean and divides by the standard deviation.")
          .doc(
              "scale * (in - mean) / sqrt(variance + epsilon) + shift, where variance is the "
              "mean squared deviation, or the square of a stddev that is given. Moments are computed where they are not given, along `axes`, for each "
              "position along the "
              "other axes. A deviation of 0, and one with no more than ddof elements and no "
              "epsilon, gives shift.")
          .input({.name = "data",
                  .doc = "Any shape; axes of a layout may be chosen by letter.",
                  .dtypes = dtypes_except({DType::boolean})})
          .output("normalized", "Same shape and layout as the input.")
          .arg({.name = "batch",
                .type = ArgType::boolean,
                .default_value = false,
                .doc = "Moments of all samples of the batch together; their extents must agree "
                       "along axes that are not reduced.",
                .constant = true})
          .arg({.name = "mean",
                .type = ArgType::real,
                .doc = "Number, or a tensor per sample with extent 1 on reduced axes. Computed "
                       "when not given; "
                       "otherwise deviations are about it.",
                .late = true})
          .arg({.name = "stddev",
                .type = ArgType::real,
                .doc = "Number, or a tensor per sample with extent 1 on reduced axes. Computed "
                       "when not given.",
                .late = true})
          .arg(axes_arg("Given neither, those where mean or stddev has extent 1, or all."))
          .arg(axis_names_arg())
          .arg({.name = "shift",
                .type = ArgType::real,
                .default_value = 0.0,
                .doc = "Added at the end.",
                .late = true})
          .arg({.name = "scale",
                .type = ArgType::real,
                .default_value = 1.0,
                .doc = "Standard deviation of the result.",
                .late = true})
          .arg({.name = "epsilon",
                .type = ArgType::real,
                .default_value = 0.0,
                .doc = "Added to the variance, also to that of a stddev which is given.",
                .late = true,
                .least = 0})
          .arg({.name = "ddof",
                .type = ArgType::integer,
                .default_value = 0,
                .doc = "Subtracted from the number of elements that the sum of squared "
                       "deviations is divided by.",
                .late = true,
                .least = 0})
          .arg({.name = "dtype",
                .type = ArgType::dtype,
                .default_value = static_cast<std::int64_t>(DType::f32),
                .doc = "Element type of the result; values are rounded and clamped to it.",
                .constant = true})
          .traits({.keeps_grid = true})
          .one_of({"axes", "axis_names"})
          .make<Normalize>()};
}

}  // namespace varo
