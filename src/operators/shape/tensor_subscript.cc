// SPDX-License-Identifier: Apache-2.0
// What x[i, a:b:c] is in a pipeline. Subscript k of num_subscripts addresses axis k of the input:
//
//   at_k              one element, and the axis goes
//   lo_k hi_k step_k  a range; any of them may be missing
//   nothing           the whole axis
//
// Each is a constant or a value per sample. Negative positions count from the end, once. A single
// position must lie inside of the axis; ranges are clamped to it, as in Python, so that x[n:] of n
// elements is empty. New axes are added by expand_dims afterwards.
#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "operators/shared/axes.h"

namespace varo {

namespace {

struct Range {
  std::int64_t start, count, step;
};
using Ranges = std::array<Range, kMaxRank>;

class TensorSubscript final : public Operator {
 public:
  explicit TensorSubscript(const Args& args)
      : count_(static_cast<int>(args.integer("num_subscripts"))) {
    for (int k = 0; k < kMaxRank; ++k) {
      names_.push_back({fmt::format("at_{}", k), fmt::format("lo_{}", k), fmt::format("hi_{}", k),
                        fmt::format("step_{}", k)});
      const Names& name = names_.back();
      const bool single = args.given(name.at),
                 range = args.given(name.lo) || args.given(name.hi) || args.given(name.step);
      if (single && range)
        throw Error(ErrorKind::param, fmt::format("axis {} has a position and a range", k))
            .got("both")
            .allowed("one of the two");
      if ((single || range) && k >= count_)
        throw Error(ErrorKind::param, "more subscripts than num_subscripts")
            .got(fmt::format("one for axis {}", k))
            .allowed(fmt::format("axes 0 to {}", count_ - 1));
    }
  }

  void infer(Inference& s) const override {
    const Spec& in = s.spec(0);
    const int rank = in.shape.rank();
    if (count_ > rank)
      throw Error(ErrorKind::index, "more subscripts than axes")
          .got(fmt::format("{} subscripts", count_))
          .allowed(fmt::format("at most {} (input {})", rank, to_string(in.shape)));
    Spec out = in;
    Ranges ranges{};
    // From the last axis, so that those that go leave the numbers of the others.
    for (int k = count_ - 1; k >= 0; --k) {
      if (single(s, k)) {
        out.shape.erase(k);
        out.layout = out.layout.without(k);
      } else {
        ranges[static_cast<std::size_t>(k)] = range(s, k);
        out.shape[k] = ranges[static_cast<std::size_t>(k)].count;
      }
    }
    s.state() = ranges;
    s.set_output(0, out);
  }

  void prepare(Inference& s) const override {
    for (int k = count_ - 1; k >= 0; --k)
      if (single(s, k)) s.kept<Ranges>()[static_cast<std::size_t>(k)] = {position(s, k), 1, 1};
  }

  std::optional<int> view_of(const Inference&) const override { return 0; }
  bool resolve(Views& v) const override {
    Tensor t = v.in;
    for (int k = count_ - 1; k >= 0; --k) {
      const auto& [start, count, step] = v.facts.kept<Ranges>()[static_cast<std::size_t>(k)];
      t = t.sliced(k, start, count, step);
      if (single(v.facts, k)) t = t.squeezed(k);
    }
    v.out[0] = t;
    return true;
  }

 private:
  struct Names {
    std::string at, lo, hi, step;
  };

  bool single(const Inference& s, int k) const {
    return s.args().given(names_[static_cast<std::size_t>(k)].at);
  }

  std::int64_t position(const Inference& s, int k) const {
    const std::int64_t extent = s.spec(0).shape[k];
    const std::int64_t at = s.integer(names_[static_cast<std::size_t>(k)].at);
    if (at < -extent || at >= extent)
      throw Error(ErrorKind::index, fmt::format("the index is outside of the input along {}",
                                                axis_name(s.spec(0).layout, k)))
          .got(fmt::format("{}", at))
          .allowed(extent == 0 ? "none, the extent is 0"
                               : fmt::format("{} to {}", -extent, extent - 1));
    return at < 0 ? at + extent : at;
  }

  Range range(const Inference& s, int k) const {
    const Names& name = names_[static_cast<std::size_t>(k)];
    const std::int64_t extent = s.spec(0).shape[k];
    const std::int64_t step = s.args().given(name.step) ? s.integer(name.step) : 1;
    if (step == 0)
      throw Error(ErrorKind::param,
                  fmt::format("the step along {} is 0", axis_name(s.spec(0).layout, k)))
          .got("0")
          .allowed("any other whole number");
    const std::int64_t least = step > 0 ? 0 : -1, most = step > 0 ? extent : extent - 1;
    const auto bound = [&](const std::string& arg, std::int64_t otherwise) {
      if (!s.args().given(arg)) return otherwise;
      std::int64_t at = s.integer(arg);
      if (at < 0) at += extent;
      return std::clamp(at, least, most);
    };
    const std::int64_t lo = bound(name.lo, step > 0 ? 0 : extent - 1);
    const std::int64_t hi = bound(name.hi, step > 0 ? extent : -1);
    const std::int64_t distance = step > 0 ? hi - lo : lo - hi;
    // A step beyond the whole axis takes one element, like any step of at least its extent.
    const std::int64_t stride =
        std::min<std::int64_t>(step > 0 ? step : (step == INT64_MIN ? INT64_MAX : -step),
                               std::max<std::int64_t>(extent, 1));
    const std::int64_t count = distance <= 0 ? 0 : (distance - 1) / stride + 1;
    return {count == 0 ? 0 : lo, count, step > 0 ? stride : -stride};
  }

  int count_;
  std::vector<Names> names_;
};

}  // namespace

VARO_OPERATORS(shape, tensor_subscript) {
  OperatorDef def =
      OperatorDef("tensor_subscript", "Elements and ranges along the first axes.")
          .input({.name = "data", .doc = "Array of any layout and element type."})
          .hidden()
          .output("part", "A view. Axes with a single position are gone, and their letters.")
          .arg({.name = "num_subscripts",
                .type = ArgType::integer,
                .doc = "How many axes are addressed.",
                .required = true,
                .constant = true,
                .least = 0,
                .most = kMaxRank});
  for (int k = 0; k < kMaxRank; ++k) {
    const auto add = [&](const char* name, const char* doc, bool late = false) {
      def = std::move(def).arg({.name = fmt::format("{}_{}", name, k),
                                .type = ArgType::integer,
                                .doc = fmt::format(fmt::runtime(doc), k),
                                .late = late});
    };
    add("at", "Position along axis {}, which goes.", true);
    add("lo", "First position of the range along axis {}.");
    add("hi", "Position behind the range along axis {}.");
    add("step", "Step of the range along axis {}.");
  }
  return {std::move(def).traits({.moves_only = true}).make<TensorSubscript>()};
}

}  // namespace varo
