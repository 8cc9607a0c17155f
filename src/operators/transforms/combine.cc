// SPDX-License-Identifier: Apache-2.0
#include "operators/transforms/transform.h"

namespace varo {

namespace {

class Combine final : public transforms::MatrixOperator {
 public:
  explicit Combine(const Args&) {}

  void infer(Inference& s) const override {
    std::int64_t frames = -1;
    const int n = transforms::axes_of_input(s, 0, frames);
    for (int i = 1; i < s.input_count(); ++i) {
      const int other = transforms::axes_of_input(s, i, frames);
      if (other != n)
        throw Error(ErrorKind::shape, "the matrices do not fit each other")
            .got(fmt::format("{} axes in input {}", other, i))
            .allowed(fmt::format("{} axes, as in input 0", n));
    }
    declare_output(s, n, frames);
  }

 private:
  transforms::Matrix result(const Inference& s, std::int64_t f) const override {
    transforms::Matrix m = transforms::input_matrix(s, 0, f);
    for (int i = 1; i < s.input_count(); ++i) {
      const auto next = transforms::input_matrix(s, i, f);
      m = s.flag("reverse_order") ? transforms::after(m, next) : transforms::after(next, m);
    }
    return m;
  }
};

}  // namespace

VARO_OPERATORS(transforms, combine) {
  return {
      OperatorDef("transforms.combine", "The matrix of several transforms, one after the other.")
          .input({.name = "T",
                  .doc = "Matrices [n, n + 1]; the first is applied first.",
                  .dtypes = {DType::f32, DType::f64},
                  .variadic = true})
          .output("matrix", "[n, n + 1], or [F, n, n + 1] when an input has frames.")
          .arg({.name = "reverse_order",
                .type = ArgType::boolean,
                .default_value = false,
                .doc = "The last is applied first.",
                .constant = true})
          .make<Combine>()};
}

}  // namespace varo
