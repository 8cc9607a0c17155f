// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "core/convert.h"
#include "kernels/copy/copy.h"
#include "operators/shared/axes.h"
#include "operators/shared/promotion.h"

namespace varo {

namespace {

Shape shape_of(const std::vector<std::int64_t>& extents) {
  if (extents.size() > kMaxRank)
    throw Error(ErrorKind::shape, "too many axes")
        .got(fmt::format("{}", extents.size()))
        .allowed(fmt::format("{}", kMaxRank));
  for (const std::int64_t n : extents)
    if (n < 0)
      throw Error(ErrorKind::shape, "an extent of argument shape is negative")
          .got(fmt::format("{}", n))
          .allowed("at least 0");
  return Shape(std::span<const std::int64_t>(extents));
}

void check_layout(const Spec& spec) {
  if (spec.layout.empty() || spec.layout.rank() == spec.shape.rank()) return;
  throw Error(ErrorKind::layout, "the layout does not have one letter an axis")
      .got(fmt::format("\"{}\" for shape {}", spec.layout.str(), to_string(spec.shape)))
      .allowed(fmt::format("{} letters, or none", spec.shape.rank()));
}

// What full, zeros and ones are made like: an input, or the argument shape; with other letters and
// another element type where those are given.
class Made {
 public:
  explicit Made(const Args& args) : dtype_(args, "dtype") {
    if (args.def().find_arg("shape") != nullptr) shape_.emplace(args, "shape");
    if (args.given("layout")) layout_ = Layout(args.text("layout"));
  }
  /// `like` but for what was given.
  Spec spec(const Inference& s, Spec like) const {
    if (shape_ && shape_->has()) like = {like.dtype, shape_of((*shape_)(s)), {}};
    if (dtype_.given()) like.dtype = dtype_(s);
    if (layout_) like.layout = *layout_;
    check_layout(like);
    return like;
  }

 private:
  std::optional<Arg<std::vector<std::int64_t>>> shape_;
  Arg<DType> dtype_;
  std::optional<Layout> layout_;
};

// zeros, ones and their _like forms: one element in memory, repeated.
class Uniform final : public Operator {
 public:
  Uniform(const Args& args, double value) : made_(args), value_(value) {}
  void infer(Inference& s) const override {
    s.set_output(0, made_.spec(s, s.input_count() == 1 ? s.spec(0) : Spec{DType::i32, {}, {}}));
  }
  Need need(const Inference&, int) const override { return {Access::spec}; }
  std::optional<int> view_of(const Inference&) const override { return kNoInput; }
  bool resolve(Views& v) const override {
    const Spec& spec = v.facts.output_spec(0);
    v.out[0] = Tensor::constant(spec, bits_of(value_, spec.dtype));
    return true;
  }

 private:
  Made made_;
  double value_;
};

// full and full_like: the fill value, which may be an array, broadcast as NumPy does.
class Full final : public HostOperator {
 public:
  Full(const Args& args, int fill_input) : made_(args), fill_(fill_input) {}
  void infer(Inference& s) const override {
    const Spec spec = made_.spec(s, s.spec(0));
    const Shape& fill = s.spec(fill_).shape;
    bool fits = fill.rank() <= spec.shape.rank();
    for (int i = 1; fits && i <= fill.rank(); ++i) {
      const std::int64_t n = fill[fill.rank() - i];
      fits = n == 1 || n == spec.shape[spec.shape.rank() - i];
    }
    if (!fits)
      throw Error(ErrorKind::shape, "the fill value does not broadcast to the shape")
          .got(fmt::format("fill_value {}", to_string(fill)))
          .allowed(fmt::format("a scalar, or what broadcasts to {}", to_string(spec.shape)));
    s.set_output(0, spec);
  }

  Need need(const Inference&, int input) const override {
    return {input == fill_ ? Access::view : Access::spec};
  }

  std::optional<int> view_of(const Inference& s) const override {
    return s.output_spec(0).dtype == s.spec(fill_).dtype ? std::optional(fill_) : std::nullopt;
  }
  bool resolve(Views& v) const override {
    const Shape& shape = v.facts.output_spec(0).shape;
    Tensor t = v.in.relabelled({});
    while (t.rank() < shape.rank()) t = t.expanded(0, 0);
    if (t.deferred() && !(t.shape() == shape)) return false;  // a file repeats nothing
    for (int i = 0; i < shape.rank(); ++i) t = t.broadcast(i, shape[i]);
    v.out[0] = t;
    return true;
  }

  void run(const HostRun& r) const noexcept override {
    const View& out = r.out[0];
    convert(broadcast_to(r.view(fill_), out.shape), out, r.parallel);
  }

 private:
  Made made_;
  int fill_;
};

// Values written in the pipeline itself.
class Constant final : public Operator {
 public:
  explicit Constant(const Args& args) {
    const bool real = args.given("fdata");
    const auto count = static_cast<std::int64_t>(real ? args.reals("fdata").size()
                                                      : args.integers("idata").size());
    spec_.dtype = args.given("dtype") ? args.dtype("dtype") : real ? DType::f32 : DType::i32;
    spec_.shape = args.given("shape") ? shape_of(args.integers("shape")) : Shape{count};
    if (count != 1 && count != volume(spec_.shape))
      throw Error(ErrorKind::shape, "the values do not fill the shape")
          .got(fmt::format("{} values", count))
          .allowed(fmt::format("1 or {} (shape {})", volume(spec_.shape), to_string(spec_.shape)));
    if (args.given("layout")) spec_.layout = Layout(args.text("layout"));
    check_layout(spec_);
    if (real)
      keep(args.reals("fdata").data(), count);
    else
      keep(args.integers("idata").data(), count);
  }
  void infer(Inference& s) const override { s.set_output(0, spec_); }
  std::optional<int> view_of(const Inference&) const override { return kNoInput; }
  bool resolve(Views& views) const override {
    views.out[0] = value_;
    return true;
  }

 private:
  // One value is kept as one element, whatever the shape.
  template <class T>
  void keep(const T* values, std::int64_t count) {
    if (count == 1 && !spec_.shape.empty()) {
      std::uint64_t bits = 0;
      convert(dense_view(values, {}), {&bits, spec_.dtype, {}, {}}, Parallel::serial());
      value_ = Tensor::constant(spec_, bits);
    } else {
      value_ = Tensor::own(spec_);
      convert(dense_view(values, spec_.shape), value_.mutable_view(), Parallel::serial());
    }
  }

  Spec spec_;
  Tensor value_;  // shared by all samples
};

ArgDef shape_arg(const char* otherwise) {
  return {.name = "shape",
          .type = ArgType::integers,
          .doc = fmt::format("Extents; {} if not given.", otherwise)};
}
ArgDef layout_arg(const char* otherwise) {
  return {.name = "layout",
          .type = ArgType::layout,
          .doc = fmt::format("Axis letters, one an axis; {} if not given.", otherwise),
          .constant = true};
}
ArgDef dtype_arg(const char* otherwise) {
  return {.name = "dtype",
          .type = ArgType::dtype,
          .doc = fmt::format("Element type; {} if not given.", otherwise),
          .constant = true};
}

OperatorDef uniform(const char* name, double value) {
  return OperatorDef(name, fmt::format("An array of {}s.", value == 0 ? "zero" : "one"))
      .output("filled", "Takes no memory until somebody needs all elements.")
      .arg(shape_arg("a scalar"))
      .arg(dtype_arg("INT32"))
      .arg(layout_arg("none"))
      .make([value](const Args& args) { return std::make_unique<Uniform>(args, value); });
}
OperatorDef uniform_like(const char* name, double value) {
  return OperatorDef(name, fmt::format("An array of {}s, shaped as the input.",
                                       value == 0 ? "zero" : "one"))
      .input(
          {.name = "data_like",
           .doc =
               "Gives shape, layout and element type; its elements are never computed for this."})
      .output("filled", "Takes no memory until somebody needs all elements.")
      .arg(dtype_arg("that of the input"))
      .arg(layout_arg("those of the input"))
      .make([value](const Args& args) { return std::make_unique<Uniform>(args, value); });
}

}  // namespace

VARO_OPERATORS(fill, constant) {
  const InputDef fill{.name = "fill_value",
                      .doc = "A scalar, or an array that broadcasts to the shape."};
  return {
      uniform("zeros", 0),
      uniform("ones", 1),
      uniform_like("zeros_like", 0),
      uniform_like("ones_like", 1),
      OperatorDef("full", "An array filled with a value.")
          .input(fill)
          .output("filled", "The value, repeated.")
          .arg(shape_arg("that of the value"))
          .arg(dtype_arg("that of the value"))
          .arg(layout_arg("none, or those of the value where shape is not given either"))
          .make([](const Args& args) { return std::make_unique<Full>(args, 0); }),
      OperatorDef("full_like", "An array filled with a value, shaped as the input.")
          .input({.name = "data_like",
                  .doc = "Gives shape, layout and element type; its elements are never computed "
                         "for this."})
          .input(fill)
          .output("filled", "The value, repeated.")
          .arg(dtype_arg("that of data_like"))
          .arg(layout_arg("those of data_like"))
          .make([](const Args& args) { return std::make_unique<Full>(args, 1); }),
      OperatorDef("constant", "The same values for every sample.")
          .output("values", "The values.")
          .arg({.name = "fdata",
                .type = ArgType::reals,
                .doc = "Values in row-major order, or one for all elements.",
                .constant = true})
          .arg({.name = "idata",
                .type = ArgType::integers,
                .doc = "The same in whole numbers. Excludes fdata.",
                .constant = true})
          .arg({.name = "shape",
                .type = ArgType::integers,
                .doc = "Extents; one axis if not given.",
                .constant = true})
          .arg(
              {.name = "layout", .type = ArgType::layout, .doc = "Axis letters.", .constant = true})
          .arg(dtype_arg("FLOAT for fdata, INT32 for idata,"))
          .just_one_of({"fdata", "idata"})
          .make<Constant>()};
}

}  // namespace varo
