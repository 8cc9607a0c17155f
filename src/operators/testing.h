// SPDX-License-Identifier: Apache-2.0
/// One sample of one operator, for tests of what cases cannot see: what was asked for, what is a
/// view, which region was read.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kernels/copy/copy.h"
#include "operators/operator.h"

namespace varo::testing {

class FakeSample final : public Sample {
 public:
  /// args are constants, values are per sample.
  FakeSample(const std::string& op, std::vector<Tensor> inputs,
             std::map<std::string, ArgValue> args, std::map<std::string, Tensor> values = {})
      : def_(*find_operator(op)),
        args_(def_),
        inputs_(std::move(inputs)),
        values_(std::move(values)) {
    for (auto& [name, value] : args) args_.set(name, value);
    for (auto& [name, value] : values_) args_.set_per_sample(name);
    for (const Tensor& t : inputs_) specs_.push_back(t.spec());
    op_ = def_.create(args_);
  }

  /// What the operator has asked for so far: "value 0" (an input's elements), "start" (a per-sample
  /// argument).
  std::set<std::string> asked;
  /// Whether run() was needed.
  bool ran = false;

  const Operator& op() const { return *op_; }
  const Spec& infer() {
    op_->infer(*this);
    return out_;
  }
  Tensor evaluate() {
    infer();
    ran = !op_->resolve(*this);
    if (ran) {
      result_ = Tensor::own(out_);
      op_->run(*this);
      if (affine_) result_ = result_.with_meta({{}, affine_});
    }
    return result_;
  }

  int input_count() const override { return static_cast<int>(inputs_.size()); }
  const Spec& spec(int i) override { return specs_[at(i)]; }
  const Layout& layout(int i) override { return specs_[at(i)].layout; }
  const Tensor& tensor(int i) override {
    asked.insert("value " + std::to_string(i));
    return inputs_[at(i)];
  }
  const Tensor& loaded(int i) override {
    if (tensor(i).deferred()) inputs_[at(i)] = read(inputs_[at(i)]);
    return inputs_[at(i)];
  }
  ConstView view(int i) override { return fetch(tensor(i)); }
  ConstView dense(int i) override {
    const ConstView any = view(i);
    const Tensor row_major = Tensor::own(specs_[at(i)]);
    copy(any, row_major.mutable_view(), parallel());
    held_.push_back(row_major);
    return row_major.view();
  }
  ConstView fetch(const Tensor& tensor) override {
    Tensor t = tensor.deferred() ? read(tensor) : tensor;
    if (t.padded()) {
      const Tensor filled = Tensor::own(t.spec());
      copy_padded(t.padded_view(), filled.mutable_view(), parallel());
      t = filled;
    }
    held_.push_back(t);
    return t.view();
  }

  bool has(std::string_view arg) override { return args_.per_sample(arg) || args_.constant(arg); }
  bool flag(std::string_view arg) override { return args_.flag(arg); }
  std::int64_t integer(std::string_view arg) override {
    return args_.per_sample(arg) ? integers(arg).at(0) : args_.integer(arg);
  }
  double real(std::string_view arg) override {
    return args_.per_sample(arg) ? reals(arg).at(0) : args_.real(arg);
  }
  const std::string& text(std::string_view arg) override { return args_.text(arg); }
  DType dtype(std::string_view arg) override { return args_.dtype(arg); }
  std::vector<std::int64_t> integers(std::string_view arg) override {
    return args_.per_sample(arg) ? list<std::int64_t>(arg) : args_.integers(arg);
  }
  std::vector<double> reals(std::string_view arg) override {
    return args_.per_sample(arg) ? list<double>(arg) : args_.reals(arg);
  }
  using Sample::integers;
  using Sample::reals;
  Tensor argument(std::string_view arg) override {
    if (!args_.per_sample(arg)) return {};
    asked.insert(std::string(arg));
    return values_.at(std::string(arg));
  }
  const Args& args() const override { return args_; }

  int output_count() const override { return 1; }
  void set_output(int, Spec spec) override { out_ = std::move(spec); }
  const Spec& output_spec(int) override { return out_; }
  void set_result(int, Tensor tensor) override { result_ = std::move(tensor); }
  View output(int) override { return result_.mutable_view(); }
  void write_input(int i, const View& to) override { copy(view(i), to, parallel()); }
  void set_affine(int, const Affine& affine) override { affine_ = affine; }

  RandomKey random(int draw) const override { return {1, 2, static_cast<std::uint32_t>(draw)}; }
  Parallel& parallel() override { return Parallel::serial(); }
  void* scratch(std::size_t bytes) override {
    held_.push_back(Tensor::own({DType::u8, {static_cast<std::int64_t>(bytes)}, {}}));
    return held_.back().mutable_view().data;
  }
  std::any& state() override { return state_; }
  const Ticket& ticket() const override { return ticket_; }

 private:
  static std::size_t at(int i) { return static_cast<std::size_t>(i); }
  Tensor read(const Tensor& tensor) {
    const auto [source, box] = tensor.fetch();
    const Tensor whole = Tensor::own({source->dtype(), box.extents(), {}});
    source->read(box, whole.mutable_view(), parallel());
    return tensor.fetched(whole);
  }
  template <class T>
  std::vector<T> list(std::string_view arg) {
    const Tensor t = argument(arg);
    std::vector<T> values(static_cast<std::size_t>(volume(t.shape())));
    convert(t.view(), dense_view(values.data(), t.shape()), parallel());
    return values;
  }

  const OperatorDef& def_;
  Args args_;
  std::unique_ptr<Operator> op_;
  std::vector<Tensor> inputs_;
  std::map<std::string, Tensor> values_;
  std::vector<Spec> specs_;
  std::vector<Tensor> held_;
  Tensor result_;
  Spec out_;
  std::optional<Affine> affine_;
  std::any state_;
  Ticket ticket_;
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
