// SPDX-License-Identifier: Apache-2.0
#include "kernels/pointwise/normalize.h"

#include <cmath>

#include "kernels/copy/copy.h"
#include "kernels/reduce/reduce.h"
#include "operators/shared/axes.h"

namespace varo {

namespace {

// Mean and variance for each position along the axes that are not reduced, in row-major order.
struct Moments {
  std::vector<double> mean, variance;
};

Shape kept_shape(Shape shape, std::uint32_t axes) {
  for (int i = 0; i < shape.rank(); ++i)
    if ((axes >> i & 1U) != 0) shape[i] = 1;
  return shape;
}

// Constant numbers and 0-D values count for everything; other values are tensors of parameters.
bool is_tensor(const Tensor& t) { return t.defined() && t.rank() > 0; }

class Normalize final : public Operator {
 public:
  explicit Normalize(const Args& args)
      : batch_(args.flag("batch")),
        has_mean_(args.given("mean")),
        has_stddev_(args.given("stddev")) {
    const bool chosen = args.given("axes") || args.given("axis_names");
    if (args.given("axes") && args.integers("axes").empty())
      throw Error(ErrorKind::param, "axes is empty")
          .got("no axis")
          .allowed("at least one axis, or no axes argument for all");
    if (batch_ && (args.per_sample("mean") || args.per_sample("stddev"))) {
      throw Error(ErrorKind::param,
                  "a value per sample has no meaning for moments of the whole batch")
          .got(std::string("batch=True and ") + (args.per_sample("mean") ? "mean" : "stddev") +
               " per sample")
          .allowed("constant numbers with batch=True");
    }
    if (chosen && args.constant("mean") && args.constant("stddev")) scalars_along_axes();
  }

  BatchNeed batch_need() const override {
    return batch_ && !(has_mean_ && has_stddev_) ? BatchNeed::values : BatchNeed::none;
  }

  void combine(std::span<Sample* const> samples) const override {
    const Spec& first = samples[0]->spec(0);
    const std::uint32_t axes = reduced_axes(*samples[0], first);
    const Shape kept = kept_shape(first.shape, axes);
    double count = 0;
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const Spec& spec = samples[i]->spec(0);
      if (spec.shape.rank() != kept.rank() || reduced_axes(*samples[i], spec) != axes ||
          !(kept_shape(spec.shape, axes) == kept)) {
        throw Error(ErrorKind::shape,
                    "the samples of the batch differ along an axis that is not reduced")
            .got(to_string(spec.shape) + " in sample " + std::to_string(i) + " of the batch")
            .allowed(to_string(first.shape) + " as in the first, apart from the reduced axes");
      }
      count += static_cast<double>(group_size(spec.shape, axes));
    }
    auto moments = std::make_shared<Moments>();
    const auto groups = static_cast<std::size_t>(volume(kept));
    const auto pool = [&](Reduction what, std::vector<double>& total) {
      total.assign(groups, 0);
      for (Sample* s : samples) {
        const auto n = static_cast<double>(group_size(s->spec(0).shape, axes));
        if (n == 0) continue;
        // The sum itself: of deviations, by leaving one degree of freedom.
        const auto part = reduced(*s, axes, kept, what, moments->mean, n - 1);
        for (std::size_t k = 0; k < groups; ++k) total[k] += part[k];
      }
    };
    if (has_mean_) {
      moments->mean.assign(groups, samples[0]->real("mean"));
    } else {
      pool(Reduction::sum, moments->mean);
      for (double& mean : moments->mean) mean /= count;
    }
    if (!has_stddev_) {
      pool(Reduction::variance, moments->variance);
      const double divisor = count - static_cast<double>(samples[0]->integer("ddof"));
      for (double& v : moments->variance) v = divisor > 0 ? v / divisor : 0;
    }
    for (Sample* s : samples) s->state() = std::shared_ptr<const Moments>(moments);
  }

  void infer(Sample& s) const override {
    Spec spec = s.spec(0);
    reduced_axes(s, spec);
    spec.dtype = s.dtype("dtype");
    s.set_output(0, spec);
  }

  void run(Sample& s) const override {
    const Shape& shape = s.spec(0).shape;
    if (volume(shape) == 0) return;
    const Tensor mean = s.argument("mean"), stddev = s.argument("stddev");
    const std::uint32_t axes = axes_for(s, mean, stddev);
    const Shape kept = kept_shape(shape, axes);

    Moments own;
    if (batch_need() == BatchNeed::values) own = *s.kept<std::shared_ptr<const Moments>>();
    if (has_mean_) own.mean = given(s, "mean", mean, kept);
    if (own.mean.empty()) own.mean = reduced(s, axes, kept, Reduction::mean, {}, 0);
    std::vector<double> gain;
    const double scale = s.real("scale");
    if (has_stddev_) {
      gain = given(s, "stddev", stddev, kept);
      for (double& g : gain) g = g == 0 ? 0 : scale / g;
    } else {
      if (own.variance.empty())
        own.variance = reduced(s, axes, kept, Reduction::variance, own.mean,
                               static_cast<double>(s.integer("ddof")));
      gain = own.variance;
      const double epsilon = s.real("epsilon");
      for (double& g : gain) g = g + epsilon == 0 ? 0 : scale / std::sqrt(g + epsilon);
    }

    NormalizeParams params{own.mean.data(), gain.data(), dense_strides(kept), s.real("shift")};
    for (int i = 0; i < shape.rank(); ++i)
      if ((axes >> i & 1U) != 0) params.strides[i] = 0;
    normalize(s.view(0), s.output(0), params, s.parallel());
  }

 private:
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

  static std::uint32_t reduced_axes(Sample& s, const Spec& spec) {
    return chosen_axes(s.args(), spec).value_or((std::uint32_t{1} << spec.shape.rank()) - 1);
  }

  // As reduced_axes, or where a tensor of parameters has extent 1; checks those tensors.
  static std::uint32_t axes_for(Sample& s, const Tensor& mean, const Tensor& stddev) {
    const Spec& spec = s.spec(0);
    std::optional<std::uint32_t> axes = chosen_axes(s.args(), spec);
    if (is_tensor(mean) && is_tensor(stddev) && !(mean.shape() == stddev.shape())) {
      throw Error(ErrorKind::shape, "mean and stddev have different shapes")
          .got(to_string(mean.shape()) + " and " + to_string(stddev.shape()))
          .allowed("one shape for both, or a number for one of them");
    }
    const bool numbers = s.args().given("mean") && s.args().given("stddev") && !is_tensor(mean) &&
                         !is_tensor(stddev);
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
  static std::vector<double> given(Sample& s, const char* arg, const Tensor& tensor,
                                   const Shape& kept) {
    std::vector<double> values(static_cast<std::size_t>(volume(kept)));
    if (is_tensor(tensor)) {
      convert(tensor.view(), dense_view(values.data(), tensor.shape()), s.parallel());
    } else {
      std::fill(values.begin(), values.end(), s.real(arg));
    }
    return values;
  }

  static std::vector<double> reduced(Sample& s, std::uint32_t axes, const Shape& kept,
                                     Reduction what, const std::vector<double>& mean, double ddof) {
    std::vector<double> out(static_cast<std::size_t>(volume(kept)));
    const ConstView in = s.view(0);
    ReduceSpec spec{.what = what, .axes = axes, .ddof = ddof};
    if (what == Reduction::variance) spec.mean = dense_view(mean.data(), kept);
    const auto scratch =
        s.scratch_of<std::byte>(static_cast<std::int64_t>(reduce_scratch_bytes(in, spec)));
    reduce(in, dense_view(out.data(), kept), spec, s.parallel(), scratch);
    return out;
  }

  bool batch_, has_mean_, has_stddev_;
};

}  // namespace

VARO_OPERATORS(intensity, normalize) {
  return {OperatorDef("normalize", "Subtracts the mean and divides by the standard deviation.")
              .doc("scale * (in - mean) / stddev + shift, where stddev is the square root of the "
                   "mean squared deviation plus "
                   "epsilon. Moments are computed where they are not given, along `axes`, for each "
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
                           "otherwise deviations are about it."})
              .arg({.name = "stddev",
                    .type = ArgType::real,
                    .doc = "Number, or a tensor per sample with extent 1 on reduced axes. Computed "
                           "when not given."})
              .arg(axes_arg("Given neither, those where mean or stddev has extent 1, or all."))
              .arg(axis_names_arg())
              .arg({.name = "shift",
                    .type = ArgType::real,
                    .default_value = 0.0,
                    .doc = "Added at the end."})
              .arg({.name = "scale",
                    .type = ArgType::real,
                    .default_value = 1.0,
                    .doc = "Standard deviation of the result."})
              .arg({.name = "epsilon",
                    .type = ArgType::real,
                    .default_value = 0.0,
                    .doc = "Added to a computed variance.",
                    .least = 0})
              .arg({.name = "ddof",
                    .type = ArgType::integer,
                    .default_value = 0,
                    .doc = "Subtracted from the number of elements that the sum of squared "
                           "deviations is divided by.",
                    .least = 0})
              .arg({.name = "dtype",
                    .type = ArgType::dtype,
                    .default_value = static_cast<std::int64_t>(DType::f32),
                    .doc = "Element type of the result; values are rounded and clamped to it.",
                    .constant = true})
              .traits({.keeps_grid = true})
              .make<Normalize>()};
}

}  // namespace varo
