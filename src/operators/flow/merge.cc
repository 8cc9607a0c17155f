// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "operators/api/operator.h"
#include "operators/shared/promotion.h"

namespace varo {

namespace {

std::string described(const Spec& spec) {
  std::string text = fmt::format("{} with {} axes", name_of(spec.dtype), spec.shape.rank());
  if (!spec.layout.empty()) text += fmt::format(" \"{}\"", spec.layout.str());
  return text;
}

class Merge final : public Branch {
 public:
  explicit Merge(const Args&) {}

  void check_condition(const Spec& condition) const override {
    if (condition.shape.rank() == 0) return;
    throw Error(ErrorKind::shape, "a condition is one number a sample")
        .got(fmt::format("shape {}", to_string(condition.shape)))
        .allowed("a scalar")
        .hint(
            "fn.select(mask, a, b) chooses voxel by voxel; fn.reductions.max(mask) says whether any "
            "voxel is set");
  }
  int taken(const Inference& s) const override {
    return s.known(0) && number_in(s.number(0)) == 0 ? 2 : 1;
  }
  void check_alike(const Spec& a, const Spec& b) const override {
    if (a.dtype == b.dtype && a.shape.rank() == b.shape.rank() && a.layout == b.layout) return;
    throw Error(a.dtype != b.dtype                 ? ErrorKind::type
                : a.shape.rank() != b.shape.rank() ? ErrorKind::shape
                                                   : ErrorKind::layout,
                "the branches differ in what they give")
        .got(fmt::format("{} where the condition is true, {} where it is not", described(a),
                         described(b)))
        .allowed("one element type, number of axes and layout; extents may differ")
        .hint("fn.cast, fn.reshape(..., layout=...)");
  }

  void infer(Inference& s) const override { s.set_output(0, s.spec(taken(s))); }
  Need need(const Inference& s, int input) const override {
    if (input == 0) return {Access::number};
    if (!s.known(0)) return {Access::later};
    return {input == taken(s) ? Access::view : Access::nothing};
  }
  std::optional<int> view_of(const Inference& s) const override { return taken(s); }
  bool resolve(Views& v) const override {
    v.out[0] = v.in;
    return true;
  }
};

}  // namespace

VARO_OPERATORS(flow, merge) {
  return {
      OperatorDef("flow.merge", "One of two inputs, whichever the condition says, for each sample.")
          .doc(
              "Nothing is computed for a sample of the input that is not taken, nor are its shapes\n"
              "inferred: what is wrong with a branch is an error of the samples that take it. Both\n"
              "have the same element type, number of axes and layout; extents may differ. The result\n"
              "is a view. A batch-wide operator that is used by one branch alone has the samples of\n"
              "that branch as its batch. fn.select is the like for operands that are broadcast to\n"
              "one shape and promoted to one type, and for conditions of one value a voxel.")
          .input({.name = "condition", .doc = "A scalar of any type; not 0 means yes."})
          .input({.name = "yes", .doc = "The result where the condition is not 0."})
          .input({.name = "no", .doc = "The result where the condition is 0."})
          .output("taken", "The input that was taken.")
          .traits({.moves_only = true, .keeps_grid = true})
          .make<Merge>()};
}

}  // namespace varo
