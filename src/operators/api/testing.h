// SPDX-License-Identifier: Apache-2.0
/// One sample of one operator, for tests of what cases cannot see: what was asked for, what is a
/// view, which region was read.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kernels/copy/copy.h"
#include "operators/api/pointwise.h"

namespace varo::testing {

/// Does for one sample what a pipeline's plan does, a step at a time and without reuse of anything.
class Trial {
 public:
  /// args are constants, values are per sample.
  Trial(const std::string& op, std::vector<Tensor> inputs, std::map<std::string, ArgValue> args,
        std::map<std::string, Tensor> values = {})
      : Trial(*find_operator(op), std::move(inputs), std::move(args), std::move(values)) {}
  /// Of an operator that is in no table. \pre `def` outlives the trial
  Trial(const OperatorDef& def, std::vector<Tensor> inputs, std::map<std::string, ArgValue> args,
        std::map<std::string, Tensor> values = {});
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  /// What had to be there so far: "value 0" (an input's elements), "start" (a per-sample argument).
  std::set<std::string> asked;
  /// Whether outputs were computed, not made as a view.
  bool ran = false;

  const Operator& op() const { return *op_; }
  const Inference& facts() const { return facts_; }
  /// Batch-wide operators: what combine() found, before infer().
  void set_batch(std::any found);

  /// The spec of output 0; inferred once.
  const Spec& infer();
  /// Output 0.
  Tensor evaluate();
  /// Every output. \pre evaluate() was called
  const std::vector<Tensor>& results() const { return results_; }

 private:
  Tensor& value(int input);
  void need_number(int input);
  void need_argument(std::size_t k);
  void prepare();
  bool view();
  /// The value of an input as need() says; undefined where it is not read.
  Tensor operand(int input);
  void run(const HostOperator& op);
  void call(const HostFunction& op);
  void join(const Join& op);
  void program(const Pointwise& op);
  void set_meta();

  const OperatorDef& def_;
  Args args_;
  std::unique_ptr<Operator> op_;
  std::vector<Tensor> inputs_;
  std::vector<Spec> specs_;
  std::map<std::string, Tensor> values_;
  std::any batch_;
  Inference facts_;
  bool inferred_ = false;
  std::vector<Tensor> results_;
};

/// A source over values in memory that remembers what was read.
class RecordingSource final : public Source {
 public:
  explicit RecordingSource(Tensor values) : values_(std::move(values)) {}
  DType dtype() const override { return values_.dtype(); }
  const Shape& shape() const override { return values_.shape(); }
  void read(const Box& box, const View& dst, Parallel& parallel) override {
    boxes.push_back(box);
    Tensor t = values_;
    for (int i = 0; i < t.rank(); ++i) t = t.sliced(i, box.lo[i], box.hi[i] - box.lo[i]);
    copy(t.view(), dst, parallel);
  }
  std::vector<Box> boxes;

 private:
  Tensor values_;
};

}  // namespace varo::testing
