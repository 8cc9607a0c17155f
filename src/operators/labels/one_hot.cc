// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "core/convert.h"
#include "core/dispatch.h"
#include "kernels/copy/copy.h"
#include "operators/api/operator.h"

namespace varo {

namespace {

// Whether every sample of the batch has one element: what combine() finds.
struct AllSingle {
  bool yes = false;
};

// out[o, c, i] = in[o, i] == c ? on : off, where the new axis splits the input's axes in o and i.
template <class In, class Out>
void encode(const In* in, Out* out, std::int64_t outer, std::int64_t classes, std::int64_t inner,
            Out on, Out off, Parallel& parallel) {
  const auto class_of = [classes](In v) {
    if constexpr (std::is_floating_point_v<In>) {
      return v > In(-1) && v < static_cast<In>(classes) ? static_cast<std::int64_t>(v)
                                                        : std::int64_t{-1};
    } else {
      const auto wide = static_cast<std::int64_t>(v);
      return wide >= 0 && wide < classes ? wide : std::int64_t{-1};
    }
  };
  if (inner == 1) {
    parallel_for(parallel, outer, 65536 / classes, [&](std::int64_t begin, std::int64_t end) {
      std::fill(out + begin * classes, out + end * classes, off);
      for (std::int64_t o = begin; o < end; ++o)
        if (const std::int64_t c = class_of(in[o]); c >= 0) out[o * classes + c] = on;
    });
    return;
  }
  constexpr std::int64_t kPiece = 4096;
  const std::int64_t pieces = (inner + kPiece - 1) / kPiece;
  parallel_for(parallel, outer * pieces, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t unit = begin; unit < end; ++unit) {
      const std::int64_t o = unit / pieces, first = unit % pieces * kPiece,
                         count = std::min(kPiece, inner - first);
      std::int64_t label[kPiece];
      for (std::int64_t i = 0; i < count; ++i) label[i] = class_of(in[o * inner + first + i]);
      for (std::int64_t c = 0; c < classes; ++c) {
        Out* row = out + (o * classes + c) * inner + first;
        for (std::int64_t i = 0; i < count; ++i) row[i] = label[i] == c ? on : off;
      }
    }
  });
}

class OneHot final : public HostOperator {
 public:
  explicit OneHot(const Args& args)
      : num_classes_(args, "num_classes"),
        axis_(args, "axis"),
        on_value_(args, "on_value"),
        off_value_(args, "off_value"),
        dtype_(args, "dtype") {
    if (!num_classes_.given())
      throw Error(ErrorKind::param, "argument num_classes is missing")
          .got("nothing")
          .allowed("at least 1");
  }

  BatchNeed batch_need() const override {
    return axis_.given() ? BatchNeed::none : BatchNeed::shapes;
  }
  std::any combine(std::span<const BatchItem> items) const override {
    return AllSingle{std::all_of(items.begin(), items.end(), [](const BatchItem& item) {
      return volume(item.facts.spec(0).shape) == 1;
    })};
  }

  void infer(Inference& s) const override {
    Spec spec = s.spec(0);
    const std::string name = s.args().given("axis_name") ? s.text("axis_name") : "";
    if (s.args().given("axis_name") && name.size() != 1)
      throw Error(ErrorKind::param, "axis_name is not one letter")
          .got(fmt::format("\"{}\"", name))
          .allowed("1 letter");
    if (scalars(s)) spec = {spec.dtype, {}, {}};
    const int rank = spec.shape.rank(), at = axis(s, rank);
    Plan plan;
    for (int i = 0; i < rank; ++i) (i < at ? plan.outer : plan.inner) *= spec.shape[i];
    if (rank == kMaxRank)
      throw Error(ErrorKind::shape, "too many axes")
          .got(fmt::format("{}", rank + 1))
          .allowed(fmt::format("{}", kMaxRank));
    if (!name.empty() && rank > 0 && spec.layout.empty())
      throw Error(ErrorKind::layout,
                  "the new axis cannot be named where the others have no letters")
          .got(fmt::format("{} axes without a layout", rank))
          .allowed("a labelled input, or scalars");
    spec.layout = name.empty() ? Layout() : spec.layout.with(at, name[0]);
    spec.shape.insert(at, num_classes_(s));
    spec.dtype = dtype_(s);
    s.set_output(0, spec);
    plan.classes = num_classes_(s);
    plan.on = bits_of(on_value_(s), spec.dtype);
    plan.off = bits_of(off_value_(s), spec.dtype);
    s.state() = plan;
  }

  Need need(const Inference&, int) const override { return {Access::dense}; }

  std::size_t setup(const HostRun& r, std::any&) const override {
    const View& out = r.out[0];
    return is_dense(out) ? 0 : static_cast<std::size_t>(out.volume()) * out.element_size();
  }

  void run(const HostRun& r) const noexcept override {
    const auto& plan = r.state<Plan>();
    const ConstView in = r.view(0);
    const View& out = r.out[0];
    if (in.volume() == 0) return;
    const bool direct = is_dense(out);
    const View dense{direct ? out.data : r.scratch.data(), out.dtype, out.shape,
                     dense_strides(out.shape)};
    dispatch<std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t, std::int8_t, std::int16_t,
             std::int32_t, std::int64_t, float, double, bool>(in.dtype, [&](auto in_tag) {
      using In = typename decltype(in_tag)::type;
      dispatch_width(out.dtype, [&](auto out_tag) {
        using Out = typename decltype(out_tag)::type;
        encode(in.ptr<In>(), dense.ptr<Out>(), plan.outer, plan.classes, plan.inner,
               static_cast<Out>(plan.on), static_cast<Out>(plan.off), r.parallel);
      });
    });
    if (!direct) copy(dense, out, r.parallel);
  }

 private:
  // The input as [outer, inner] elements, the output as [outer, classes, inner].
  struct Plan {
    std::int64_t outer = 1, inner = 1, classes = 1;
    std::uint64_t on = 0, off = 0;
  };

  static bool scalars(const Inference& s) {
    const auto* batch = s.batch<AllSingle>();
    return batch != nullptr && batch->yes;
  }

  int axis(const Inference& s, int rank) const {
    const std::int64_t axis = axis_(s);
    if (axis >= -rank - 1 && axis <= rank)
      return static_cast<int>(axis < 0 ? axis + rank + 1 : axis);
    throw Error(ErrorKind::param, "the new axis is out of range")
        .got(fmt::format("axis {}", axis))
        .allowed(fmt::format("{} to {}", -rank - 1, rank));
  }

  Arg<std::int64_t> num_classes_, axis_;
  Arg<double> on_value_, off_value_;
  Arg<DType> dtype_;
};

}  // namespace

VARO_OPERATORS(labels, one_hot) {
  return {
      OperatorDef("one_hot", "Turns class numbers into one channel a class.")
          .doc("A batch whose samples all have one element counts as a batch of scalars, unless "
               "axis is given.")
          .input({.name = "data",
                  .doc = "Class numbers; floats are cut off. Numbers outside of [0, num_classes) "
                         "set no channel.",
                  .dtypes = dtypes_except({DType::f16})})
          .output("encoded", "Input with the new axis. Without axis_name the output has no layout.")
          .arg({.name = "num_classes",
                .type = ArgType::integer,
                .doc = "Extent of the new axis.",
                .constant = true,
                .least = 1})
          .arg({.name = "axis",
                .type = ArgType::integer,
                .default_value = -1,
                .doc = "Where the new axis is in the output; -1 means last.",
                .constant = true})
          .arg({.name = "axis_name",
                .type = ArgType::text,
                .doc = "Letter of the new axis.",
                .constant = true})
          .arg({.name = "on_value",
                .default_value = 1.0,
                .doc = "Value of the class; saturates.",
                .constant = true})
          .arg({.name = "off_value",
                .default_value = 0.0,
                .doc = "Value of the other classes; saturates.",
                .constant = true})
          .arg({.name = "dtype",
                .type = ArgType::dtype,
                .default_value = static_cast<std::int64_t>(DType::f32),
                .doc = "Element type of the output.",
                .constant = true})
          .make<OneHot>()};
}

}  // namespace varo
