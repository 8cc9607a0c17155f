// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <fmt/format.h>

#include "operators/shared/axes.h"

namespace varo {

namespace {

class Squeeze final : public Operator {
 public:
  explicit Squeeze(const Args&) {}

  void infer(Inference& s) const override {
    Spec spec = s.spec(0);
    const std::vector<int> gone = axes(s);
    for (const int axis : gone) spec.shape.erase(axis);
    // Of no elements none is lost, whatever the extents.
    const bool nothing = volume(s.spec(0).shape) == 0 && volume(spec.shape) == 0;
    for (const int axis : gone) {
      if (s.spec(0).shape[axis] != 1 && !nothing)
        throw Error(ErrorKind::shape,
                    fmt::format("an axis that is removed must have extent 1, not so {}",
                                axis_name(s.spec(0).layout, axis)))
            .got(fmt::format("{} (input {})", s.spec(0).shape[axis], to_string(s.spec(0).shape)))
            .allowed("1");
      spec.layout = spec.layout.without(axis);
    }
    s.set_output(0, spec);
  }

  std::optional<int> view_of(const Inference&) const override { return 0; }
  bool resolve(Views& v) const override {
    v.out[0] = v.in;
    for (const int axis : axes(v.facts)) v.out[0] = v.out[0].squeezed(axis);
    return true;
  }

 private:
  // Last first, so that removing one leaves the numbers of the others.
  static std::vector<int> axes(const Inference& s) {
    std::vector<int> list = listed_axes(s, s.spec(0).shape.rank(), s.spec(0).layout, NoAxes::none);
    std::sort(list.rbegin(), list.rend());
    return list;
  }
};

}  // namespace

VARO_OPERATORS(shape, squeeze) {
  return {OperatorDef("squeeze", "Removes axes of extent 1.")
              .doc("Of an input without elements any axes may go that leave it without elements.")
              .input({.name = "data", .doc = "Array of any layout and element type."})
              .output("squeezed", "The same elements.")
              .arg({.name = "axes",
                    .type = ArgType::integers,
                    .doc = "Axes to remove, negative from the end.",
                    .constant = true})
              .arg({.name = "axis_names",
                    .type = ArgType::text,
                    .doc = "The same by letter. Excludes axes.",
                    .constant = true})
              .traits({.moves_only = true})
              .just_one_of({"axes", "axis_names"})
              .make<Squeeze>()};
}

}  // namespace varo
