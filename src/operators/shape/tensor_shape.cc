// SPDX-License-Identifier: Apache-2.0
// What x.shape() is in a pipeline.
#include "core/convert.h"
#include "core/dispatch.h"
#include "operators/api/operator.h"

namespace varo {

namespace {

class TensorShape final : public Operator {
 public:
  explicit TensorShape(const Args&) {}

  void infer(Inference& s) const override {
    s.set_output(0, {s.dtype("dtype"), {s.spec(0).shape.rank()}, {}});
  }

  Need need(const Inference&, int) const override { return {Access::spec}; }

  // A few numbers, which are made where views are: nothing has to be computed for them.
  std::optional<int> view_of(const Inference&) const override { return kNoInput; }
  bool resolve(Views& v) const override {
    const Shape& shape = v.facts.spec(0).shape;
    const Tensor t = Tensor::own(v.facts.output_spec(0));
    dispatch_all(t.dtype(), [&](auto tag) {
      using T = typename decltype(tag)::type;
      for (int i = 0; i < shape.rank(); ++i) t.mutable_view().ptr<T>()[i] = saturate<T>(shape[i]);
    });
    v.out[0] = t;
    return true;
  }
};

}  // namespace

VARO_OPERATORS(shape, tensor_shape) {
  return {OperatorDef("tensor_shape", "The extents of the input, outermost axis first.")
              .input({.name = "data", .doc = "Array; its elements are never computed for this."})
              .output("shape", "One number an axis.")
              .arg({.name = "dtype",
                    .type = ArgType::dtype,
                    .default_value = static_cast<std::int64_t>(DType::i64),
                    .doc = "Element type of the output.",
                    .constant = true})
              .hidden()
              .make<TensorShape>()};
}

}  // namespace varo
