// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/convert.h"
#include "core/dispatch.h"
#include "kernels/copy/copy.h"
#include "operators/shared/axes.h"

namespace varo {

namespace {

// reshape, and with a dtype reinterpret: the input's bytes in order, under another shape.
class Reshape final : public HostOperator {
 public:
  explicit Reshape(const Args& args, bool retypes) : retypes_(retypes) {
    nothing_ = !args.given("shape") && !args.given("rel_shape") && !args.given("src_dims") &&
               !args.given("layout") && !(retypes && args.given("dtype"));
    if (args.constant("shape")) {
      const auto& shape = args.integers("shape");
      check_one_inferred(shape);
      if (std::find(shape.begin(), shape.end(), 0) != shape.end())
        throw Error(ErrorKind::param, "an extent of argument shape is 0")
            .got(fmt::format("[{}]", fmt::join(shape, ", ")))
            .allowed("at least 1, or -1 for one that follows from the others");
    }
    if (args.given("layout")) layout_ = Layout(args.text("layout"));
  }

  bool infers_from(const Inference&, int input) const override { return input == 1; }
  void infer(Inference& s) const override {
    if (nothing_ && s.input_count() == 1)
      throw Error(ErrorKind::param, "nothing says what the new shape or layout is")
          .got("data alone")
          .allowed(retypes_ ? "shape, rel_shape, src_dims, layout or dtype"
                            : "shape, rel_shape, src_dims or layout");
    const Spec& in = s.spec(0);
    Spec out = in;
    if (retypes_ && s.args().given("dtype")) out.dtype = s.dtype("dtype");
    if (const std::optional<std::vector<std::int64_t>> wanted = wanted_shape(s)) {
      out.shape = solved(in, *wanted, out.dtype);
    } else if (size_of(in.dtype) != size_of(out.dtype)) {
      out.shape = innermost_scaled(in, out.dtype);
    }
    if (s.args().given("layout")) {
      out.layout = layout_;
      if (!layout_.empty() && layout_.rank() != out.shape.rank())
        throw Error(ErrorKind::layout, "the layout does not have one letter an axis")
            .got(fmt::format("\"{}\" for shape {}", layout_.str(), to_string(out.shape)))
            .allowed(fmt::format("{} letters, or none", out.shape.rank()));
    } else if (out.shape.rank() != in.shape.rank()) {
      out.layout = {};
    }
    s.set_output(0, out);
  }

  Need need(const Inference& s, int input) const override {
    if (input == 1) return {Access::number};
    return {same_size(s) ? Access::padded : Access::dense};
  }

  std::optional<int> view_of(const Inference& s) const override {
    return same_size(s) ? std::optional(0) : std::nullopt;
  }
  bool resolve(Views& v) const override {
    const Spec& out = v.facts.output_spec(0);
    const std::optional<Tensor> t = v.in.retyped(out.dtype).reshaped(out.shape);
    if (t) v.out[0] = *t;
    return t.has_value();
  }

  // Written in the input's shape where the output allows, else by way of a dense copy.
  std::size_t setup(const HostRun& r, std::any& plan) const override {
    const PaddedView& in = r.in[0];
    const View& out = r.out[0];
    const std::size_t bytes = static_cast<std::size_t>(volume(in.shape)) * in.inside.element_size();
    Plan& p = plan.emplace<Plan>();
    if (in.inside.element_size() != out.element_size()) {
      p.copies = reinterpret_cast<std::uintptr_t>(in.inside.data) % out.element_size() != 0;
      return p.copies ? bytes : 0;
    }
    const Tensor whole = Tensor::wrap(out, std::make_shared<int>());
    if (const std::optional<Tensor> t = whole.reshaped(in.shape)) {
      p.in_place = t->mutable_view();
      p.in_place->dtype = in.inside.dtype;
    }
    p.copies = !p.in_place;
    return p.copies ? bytes : 0;
  }

  void run(const HostRun& r) const noexcept override {
    const auto& [in_place, copies] = r.plan<Plan>();
    const PaddedView& in = r.in[0];
    const View& out = r.out[0];
    if (in_place) return copy_padded(in, *in_place, r.parallel);
    const void* bytes = in.inside.data;
    if (copies) {
      const View dense{r.scratch.data(), in.inside.dtype, in.shape, dense_strides(in.shape)};
      copy_padded(in, dense, r.parallel);
      bytes = dense.data;
    }
    copy({bytes, out.dtype, out.shape, dense_strides(out.shape)}, out, r.parallel);
  }

 private:
  struct Plan {
    std::optional<View> in_place;  // the output in the input's shape
    bool copies = false;           // the input to scratch first
  };

  static bool same_size(const Inference& s) {
    return size_of(s.spec(0).dtype) == size_of(s.output_spec(0).dtype);
  }

  static void check_one_inferred(const std::vector<std::int64_t>& shape) {
    const auto negative =
        std::count_if(shape.begin(), shape.end(), [](std::int64_t n) { return n < 0; });
    if (negative > 1)
      throw Error(ErrorKind::param, "more than one extent is left to follow from the others")
          .got(fmt::format("[{}]: {} negative extents", fmt::join(shape, ", "), negative))
          .allowed("at most 1");
  }

  // The shape asked for, one entry perhaps negative; nothing if only the layout or type changes.
  static std::optional<std::vector<std::int64_t>> wanted_shape(const Inference& s) {
    const Shape in = s.spec(0).shape;
    std::vector<std::int64_t> wanted;
    if (s.input_count() == 2) {
      exclusive_input(s);
      const ConstView shape = s.number(1);
      if (shape.rank() > 1)
        throw Error(ErrorKind::shape, "the shape that is given as an input is not a list")
            .got(to_string(shape.shape))
            .allowed("1 axis");
      dispatch_all(shape.dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        for (std::int64_t i = 0; i < shape.volume(); ++i)
          wanted.push_back(saturate<std::int64_t>(shape.ptr<T>()[i]));
      });
      check_one_inferred(wanted);
      return wanted;
    }
    if (s.args().given("shape")) {
      wanted = s.integers("shape");
      check_one_inferred(wanted);
      return wanted;
    }
    const bool relative = s.args().given("rel_shape"), picked = s.args().given("src_dims");
    if (!relative && !picked) return std::nullopt;
    std::vector<std::int64_t> dims;
    if (picked) {
      dims = s.args().integers("src_dims");
      for (const std::int64_t d : dims)
        if (d < -1 || d >= in.rank())
          throw Error(ErrorKind::param, "an entry of src_dims is out of range")
              .got(fmt::format("{}", d))
              .allowed(fmt::format("-1 (a new axis), or 0 to {}", in.rank() - 1));
    }
    const auto source = [&](std::size_t i) -> std::int64_t {
      const std::int64_t axis = picked ? dims[i] : static_cast<std::int64_t>(i);
      return axis < 0 ? 1 : in[static_cast<int>(axis)];
    };
    if (!relative) {
      for (std::size_t i = 0; i < dims.size(); ++i) wanted.push_back(source(i));
      return wanted;
    }
    const std::vector<double> rel = s.reals("rel_shape");
    const std::size_t known = picked ? dims.size() : static_cast<std::size_t>(in.rank());
    const bool open_end = !rel.empty() && rel.back() < 0;
    if (picked ? rel.size() != known : rel.size() > known + (open_end ? 1 : 0))
      throw Error(ErrorKind::shape, "argument rel_shape has the wrong length")
          .got(fmt::format("{} values", rel.size()))
          .allowed(picked ? fmt::format("{}, as in src_dims", known)
                          : fmt::format("at most {}, the input's axes", known));
    for (std::size_t i = 0; i < rel.size(); ++i)
      wanted.push_back(rel[i] < 0 ? -1
                                  : static_cast<std::int64_t>(
                                        std::llround(rel[i] * static_cast<double>(source(i)))));
    check_one_inferred(wanted);
    return wanted;
  }

  static void exclusive_input(const Inference& s) {
    for (const char* arg : {"shape", "rel_shape", "src_dims"})
      if (s.args().given(arg))
        throw Error(ErrorKind::param, "the shape is given twice")
            .got(fmt::format("an input and {}", arg))
            .allowed("one of them");
  }

  static Shape solved(const Spec& in, const std::vector<std::int64_t>& wanted, DType dtype) {
    if (wanted.size() > kMaxRank)
      throw Error(ErrorKind::shape, "too many axes")
          .got(fmt::format("{}", wanted.size()))
          .allowed(fmt::format("{}", kMaxRank));
    const std::int64_t bytes = volume(in.shape) * static_cast<std::int64_t>(size_of(in.dtype));
    Shape shape;
    int open = -1;
    for (const std::int64_t n : wanted) {
      if (n < 0) open = shape.rank();
      shape.push_back(n < 0 ? 1 : n);
    }
    const std::int64_t others = checked_bytes(shape, size_of(dtype));
    if (open >= 0 && others == 0)
      throw Error(ErrorKind::shape, "an extent cannot follow from others of which one is 0")
          .got(fmt::format("[{}]", fmt::join(wanted, ", ")))
          .allowed("no negative extent beside a 0");
    if (open >= 0 && others > 0 && bytes % others == 0) shape[open] = bytes / others;
    if (others < 0 || checked_bytes(shape, size_of(dtype)) != bytes) {
      const bool retyped = size_of(in.dtype) != size_of(dtype);
      throw Error(ErrorKind::shape, "the new shape does not have as many elements as the input")
          .got(fmt::format("[{}]{}", fmt::join(wanted, ", "),
                           retyped ? fmt::format(" of {}", varo::name_of(dtype)) : ""))
          .allowed(fmt::format(
              "{} elements{} (input {}{})", bytes / static_cast<std::int64_t>(size_of(dtype)),
              open >= 0 ? ", divisible by the other extents" : "", to_string(in.shape),
              retyped ? fmt::format(" of {}", varo::name_of(in.dtype)) : ""));
    }
    return shape;
  }

  static Shape innermost_scaled(const Spec& in, DType dtype) {
    const auto from = static_cast<std::int64_t>(size_of(in.dtype)),
               to = static_cast<std::int64_t>(size_of(dtype));
    Shape shape = in.shape;
    const std::int64_t bytes = shape.rank() > 0 ? shape.back() * from : from;
    if (shape.rank() == 0 || bytes % to != 0)
      throw Error(ErrorKind::shape,
                  fmt::format("the innermost axis does not hold whole elements of {}",
                              varo::name_of(dtype)))
          .got(fmt::format("{} bytes (input {} of {})", bytes, to_string(shape),
                           varo::name_of(in.dtype)))
          .allowed(fmt::format("a multiple of {} bytes", to));
    shape[shape.rank() - 1] = bytes / to;
    return shape;
  }

  bool retypes_, nothing_ = false;
  Layout layout_;
};

OperatorDef with_shape_args(OperatorDef def) {
  return std::move(def)
      .input({.name = "data", .doc = "Array of any layout and element type."})
      .input({.name = "shape_input",
              .doc = "The shape as a list, instead of argument shape.",
              .optional = true})
      .arg({.name = "shape",
            .type = ArgType::integers,
            .doc = "New extents; one may be negative and follows from the others."})
      .arg({.name = "rel_shape",
            .type = ArgType::reals,
            .doc = "New extents as multiples of the input's, rounded; one may be negative. "
                   "Excludes shape."})
      .arg({.name = "src_dims",
            .type = ArgType::integers,
            .doc = "For each axis of the output, which axis of the input its extent is taken from; "
                   "-1 makes a new axis of "
                   "extent 1. Excludes shape.",
            .constant = true})
      .arg({.name = "layout",
            .type = ArgType::layout,
            .doc = "Axis letters of the output; \"\" removes them. If not given they stay where "
                   "the number of axes does.",
            .constant = true})
      .one_of({"shape", "rel_shape"})
      .one_of({"shape", "src_dims"});
}

}  // namespace

VARO_OPERATORS(shape, reshape) {
  return {with_shape_args(
              OperatorDef("reshape",
                          "The same elements in the same order, under another shape or layout.")
                  .doc("A view where strides allow, as they do for every array that nothing was "
                       "done to."))
              .output("reshaped", "The input's elements.")
              .traits({.moves_only = true})
              .make([](const Args& args) { return std::make_unique<Reshape>(args, false); }),
          with_shape_args(
              OperatorDef("reinterpret", "The same bytes as elements of another type or shape.")
                  .doc("If the size of an element changes and no shape is given, the innermost "
                       "extent makes up for it."))
              .output("reinterpreted", "The input's bytes.")
              .arg({.name = "dtype",
                    .type = ArgType::dtype,
                    .doc = "Element type of the output.",
                    .constant = true})
              .traits({.moves_only = true})
              .make([](const Args& args) { return std::make_unique<Reshape>(args, true); })};
}

}  // namespace varo
