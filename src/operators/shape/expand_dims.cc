// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <fmt/format.h>

#include "operators/shared/axes.h"

namespace varo {

namespace {

class ExpandDims final : public Operator {
 public:
  explicit ExpandDims(const Args& args) {
    const auto& axes = args.integers("axes");
    const std::string names = args.given("new_axis_names") ? args.text("new_axis_names") : "";
    if (!names.empty() && names.size() != axes.size())
      throw Error(ErrorKind::param, "new_axis_names needs one letter for each new axis")
          .got(fmt::format("{} letters (\"{}\")", names.size(), names))
          .allowed(fmt::format("{} letters", axes.size()));
    for (std::size_t i = 0; i < axes.size(); ++i) {
      if (axes[i] < 0 || axes[i] >= kMaxRank)
        throw Error(ErrorKind::param, "an axis is out of range")
            .got(fmt::format("axis {}", axes[i]))
            .allowed(fmt::format("0 to {}, counted in the output", kMaxRank - 1));
      added_.push_back({static_cast<int>(axes[i]), names.empty() ? '\0' : names[i]});
    }
    std::sort(added_.begin(), added_.end());
    std::vector<int> list;
    for (const auto& [axis, letter] : added_) list.push_back(axis);
    check_distinct(list);
    named_ = !names.empty();
  }

  void infer(Inference& s) const override {
    Spec spec = s.spec(0);
    const int rank = spec.shape.rank(), more = static_cast<int>(added_.size());
    if (rank + more > kMaxRank)
      throw Error(ErrorKind::shape, "too many axes")
          .got(fmt::format("{} + {}", rank, more))
          .allowed(fmt::format("{}", kMaxRank));
    if (named_ && spec.layout.empty() && rank > 0)
      throw Error(ErrorKind::layout, "new axes cannot be named where the others have no letters")
          .got(fmt::format("{} axes without a layout", rank))
          .allowed("a labelled input, or a scalar")
          .hint("fn.reshape(x, layout=...) first");
    if (!named_ && more > 0) spec.layout = {};
    for (const auto& [axis, letter] : added_) {
      if (axis > spec.shape.rank())
        throw Error(ErrorKind::param, "an axis is out of range")
            .got(fmt::format("axis {}", axis))
            .allowed(fmt::format("0 to {}, counted in the output", rank + more - 1));
      spec.shape.insert(axis, 1);
      if (named_) spec.layout = spec.layout.with(axis, letter);
    }
    s.set_output(0, spec);
  }

  std::optional<int> view_of(const Inference&) const override { return 0; }
  bool resolve(Views& v) const override {
    v.out[0] = v.in;
    for (const auto& [axis, letter] : added_) v.out[0] = v.out[0].expanded(axis, letter);
    return true;
  }

 private:
  std::vector<std::pair<int, char>> added_;
  bool named_ = false;
};

}  // namespace

VARO_OPERATORS(shape, expand_dims) {
  return {
      OperatorDef("expand_dims", "Inserts axes of extent 1.")
          .input({.name = "data", .doc = "Array of any layout and element type."})
          .output("expanded", "The same elements. Without new_axis_names the output has no layout.")
          .arg({.name = "axes",
                .type = ArgType::integers,
                .doc = "Where the new axes are in the output, in any order.",
                .required = true,
                .constant = true})
          .arg({.name = "new_axis_names",
                .type = ArgType::text,
                .doc = "Letters of the new axes, in the order of axes. The input must have a "
                       "layout, or be a scalar.",
                .constant = true})
          .traits({.moves_only = true})
          .make<ExpandDims>()};
}

}  // namespace varo
