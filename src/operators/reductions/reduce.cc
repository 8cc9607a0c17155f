// SPDX-License-Identifier: Apache-2.0
#include "kernels/reduce/reduce.h"

#include <algorithm>

#include "operators/api/reducer.h"
#include "operators/shared/axes.h"

namespace varo {
namespace {

bool about_mean(Reduction what) {
  return what == Reduction::variance || what == Reduction::std_dev;
}
bool picks(Reduction what) { return what == Reduction::min || what == Reduction::max; }

DType default_dtype(Reduction what, DType in) {
  if (picks(what)) return in;
  if (what != Reduction::sum) return DType::f32;
  if (is_float(in)) return in == DType::f64 ? DType::f64 : DType::f32;
  return is_signed(in) ? DType::i64 : DType::u64;
}

DType output_dtype(const Inference& s, Reduction what) {
  const DType in = s.spec(0).dtype, usual = default_dtype(what, in);
  if (picks(what) || !s.has("dtype")) return usual;
  const DType wanted = s.dtype("dtype");
  const bool wide = what == Reduction::sum && (wanted == DType::u64 || wanted == DType::i64);
  if (wanted != in && wanted != usual && wanted != DType::f32 && wanted != DType::f64 && !wide) {
    throw Error(ErrorKind::param, "the output cannot have this dtype")
        .got(std::string(name_of(wanted)) + " from " + std::string(name_of(in)))
        .allowed(std::string(name_of(in)) + (what == Reduction::sum ? ", int64, uint64" : "") +
                 ", float32, float64");
  }
  return wanted;
}

struct Reduced {
  std::uint32_t axes = 0;  // mask
  Shape kept;              // extent 1 on reduced axes
  Shape squeezed;          // without them
  double ddof = 0;
};

class Reduce final : public Reducer {
 public:
  explicit Reduce(Reduction what) : what_(what) {}

  void infer(Inference& s) const override {
    const Spec& in = s.spec(0);
    Reduced r;
    r.axes = chosen_axes(s.args(), in).value_or((std::uint32_t{1} << in.shape.rank()) - 1);
    Spec out{output_dtype(s, what_), {}, {}};
    Layout layout = in.layout;
    for (int i = in.shape.rank() - 1; i >= 0; --i) {
      const bool reduced = (r.axes >> i & 1U) != 0;
      r.kept.insert(0, reduced ? 1 : in.shape[i]);
      if (!reduced) r.squeezed.insert(0, in.shape[i]);
      if (reduced && !layout.empty() && !s.flag("keep_dims")) layout = layout.without(i);
      if (reduced && picks(what_) && in.shape[i] == 0) {
        throw Error(ErrorKind::shape, "there is no smallest or largest of nothing")
            .got("0 elements along " + axis_name(in.layout, i) + ", shape " + to_string(in.shape))
            .allowed("at least 1 element along every reduced axis");
      }
    }
    if (about_mean(what_)) {
      check_mean(s.spec(1), r);
      r.ddof = static_cast<double>(s.integer("ddof"));
    }
    out.shape = s.flag("keep_dims") ? r.kept : r.squeezed;
    out.layout = layout;
    s.state() = r;
    s.set_output(0, out);
  }

  // What reduces nothing is a view.
  std::optional<int> view_of(const Inference& s) const override {
    const auto& r = s.kept<Reduced>();
    const Spec& in = s.spec(0);
    const bool same = what_ == Reduction::sum || what_ == Reduction::mean || picks(what_);
    if (!same || s.output_spec(0).dtype != in.dtype || volume(r.kept) != volume(in.shape))
      return std::nullopt;
    for (int i = 0; i < in.shape.rank(); ++i)
      if ((r.axes >> i & 1U) != 0 && in.shape[i] != 1) return std::nullopt;
    return 0;
  }
  bool resolve(Views& v) const override {
    const std::uint32_t axes = v.facts.kept<Reduced>().axes;
    v.out[0] = v.in;
    if (v.facts.flag("keep_dims")) return true;
    for (int i = v.in.rank() - 1; i >= 0; --i)
      if ((axes >> i & 1U) != 0) v.out[0] = v.out[0].squeezed(i);
    return true;
  }

  ReduceSpec reduction(const std::any& state) const override {
    const auto& r = *std::any_cast<Reduced>(&state);
    return {.what = what_, .axes = r.axes, .ddof = r.ddof};
  }

 private:
  static void check_mean(const Spec& mean, const Reduced& r) {
    if (mean.shape == r.kept || mean.shape == r.squeezed) return;
    throw Error(ErrorKind::shape, "the mean does not have the shape of the result")
        .got(to_string(mean.shape))
        .allowed(to_string(r.squeezed) + " or " + to_string(r.kept))
        .hint("reduce with the same axes: fn.reductions.mean(x, axes=...)");
  }

  Reduction what_;
};

OperatorDef reduction(Reduction what, const std::string& name, const std::string& summary,
                      const std::string& details) {
  OperatorDef def = OperatorDef("reductions." + name, summary)
                        .doc(details)
                        .input({.name = "data", .doc = "Every element type, any shape."});
  if (about_mean(what)) {
    def = std::move(def).input(
        {.name = "mean",
         .doc = "What deviations are from, in the shape of the result with or without the "
                "reduced axes: the result of reductions.mean along the same axes.",
         .dtypes = {DType::f32, DType::f64}});
  }
  def = std::move(def)
            .output("reduced", "The input's shape and layout without the reduced axes.")
            .arg(axes_arg("Given neither, all are reduced; an empty list reduces none."))
            .arg(axis_names_arg())
            .one_of({"axes", "axis_names"})
            .arg({.name = "keep_dims",
                  .type = ArgType::boolean,
                  .default_value = false,
                  .doc = "Reduced axes stay, with extent 1.",
                  .constant = true});
  if (!picks(what)) {
    const std::string usual = what == Reduction::sum
                                  ? "uint64 for unsigned integers and bool, int64 for signed "
                                    "integers, float32 for floats (float64 for float64)."
                                  : "float32.";
    def = std::move(def).arg({.name = "dtype",
                              .type = ArgType::dtype,
                              .doc = "Element type of the result; what it cannot hold becomes its "
                                     "nearest limit (in DALI it wraps). By default " +
                                     usual,
                              .constant = true});
  }
  if (about_mean(what)) {
    def = std::move(def).arg(
        {.name = "ddof",
         .type = ArgType::integer,
         .default_value = 0,
         .doc = "Subtracted from the number of elements that the sum is divided by.",
         .constant = true,
         .least = 0});
  }
  return std::move(def).make([what](const Args&) { return std::make_unique<Reduce>(what); });
}

}  // namespace

VARO_OPERATORS(reductions, reduce) {
  const std::string nan = " NaN among the elements makes the result NaN.";
  const std::string extremes = nan.substr(1) + " Of no elements it is an error.";
  const std::string empty = " Of no elements it is NaN.";
  const std::string moments = "Summed in float64, integers exactly." + nan + empty;
  const std::string spread =
      "The sum of squared deviations from `mean`, divided by the number of elements less ddof; "
      "0 where that is not positive." +
      nan + empty;
  return {
      reduction(Reduction::sum, "sum", "Sum of the elements along axes.",
                "Integers are summed exactly in 64 bits and wrap beyond; floats in float64." + nan +
                    " Of no elements it is 0."),
      reduction(Reduction::mean, "mean", "Mean of the elements along axes.", moments),
      reduction(Reduction::mean_square, "mean_square", "Mean of the squared elements along axes.",
                moments),
      reduction(Reduction::rms, "rms",
                "Square root of the mean of the squared elements along axes.", moments),
      reduction(Reduction::min, "min", "Smallest element along axes.", extremes),
      reduction(Reduction::max, "max", "Largest element along axes.", extremes),
      reduction(Reduction::variance, "variance",
                "Variance of the elements along axes about a given mean.", spread),
      reduction(Reduction::std_dev, "std_dev",
                "Standard deviation of the elements along axes about a given mean.",
                "The square root of: " + spread),
  };
}

}  // namespace varo
