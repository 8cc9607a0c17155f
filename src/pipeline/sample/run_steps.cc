// SPDX-License-Identifier: Apache-2.0
#include "pipeline/sample/run_steps.h"

#include <algorithm>

#include "core/pool.h"
#include "kernels/copy/copy.h"
#include "pipeline/sample/placement.h"

namespace varo {

namespace {

bool reads_files(const Step& step) {
  if (step.kind == Step::Kind::read) return true;
  return std::any_of(step.tensors.begin(), step.tensors.end(),
                     [](const Tensor& t) { return t.deferred(); });
}

// One step with its operands at their true addresses.
class Runner {
 public:
  Runner(SamplePlan& plan, const Plan& nodes, const Step& step, Parallel& parallel)
      : plan_(plan), node_(nodes[step.node]), nodes_(nodes), step_(step), parallel_(parallel) {}

  void run() {
    if (step_.out.size() == 1)
      output_ = writable(step_.out[0]);
    else
      for (const Operand& operand : step_.out) outputs_.push_back(writable(operand));
    switch (step_.kind) {
      case Step::Kind::view:
        return;
      case Step::Kind::read: {
        const auto [source, box] = step_.deferred.fetch();
        return source->read(box, out()[0], parallel_);
      }
      case Step::Kind::copy: {
        return copy_padded(readable(step_.in[0]), out()[0], parallel_, step_.streams);
      }
      case Step::Kind::run:
        return run_host();
      case Step::Kind::call:
        return call();
      case Step::Kind::fused:
        return run_fused();
      case Step::Kind::reduce:
        return run_reductions();
    }
  }

 private:
  std::shared_ptr<void>& memory(const Operand& operand) {
    return plan_.buffers()[static_cast<std::size_t>(operand.buffer)].memory;
  }
  static std::ptrdiff_t offset(const void* data) {
    return static_cast<const std::byte*>(data) - kOrigin;
  }
  View writable(const Operand& operand) {
    const ConstView& view = operand.view.inside;
    void* data = const_cast<void*>(view.data);  // written down from a writable view
    if (operand.buffer >= 0) {
      std::shared_ptr<void>& own = memory(operand);
      if (own == nullptr)
        own =
            BufferPool::host().get(plan_.buffers()[static_cast<std::size_t>(operand.buffer)].bytes);
      data = static_cast<std::byte*>(own.get()) + offset(data);
    }
    return {data, view.dtype, view.shape, view.strides};
  }
  ConstView readable_view(const Operand& operand) {
    ConstView view = operand.view.inside;
    if (operand.buffer >= 0)
      view.data = static_cast<std::byte*>(memory(operand).get()) + offset(view.data);
    return view;
  }
  PaddedView readable(const Operand& operand) {
    PaddedView view = operand.view;
    view.inside = readable_view(operand);
    return view;
  }
  std::span<const View> out() const {
    return outputs_.empty() ? std::span<const View>(&output_, 1) : outputs_;
  }

  void run_host() {
    std::vector<PaddedView> in;
    in.reserve(step_.in.size());
    for (const Operand& operand : step_.in) in.push_back(readable(operand));
    std::any plan;
    HostRun run{in, out(), {}, parallel_, plan_.facts(step_.node).state(), plan};
    const std::size_t bytes = node_.host->setup(run, plan);
    std::shared_ptr<void> scratch;
    if (bytes > 0) {
      scratch = BufferPool::host().get(bytes);
      run.scratch = {static_cast<std::byte*>(scratch.get()), bytes};
    }
    node_.host->run(run);
  }

  void call() {
    std::vector<Tensor> tensors = step_.tensors;
    for (Tensor& t : tensors)
      if (t.defined()) t = plan_.bound(t);
    const auto error =
        node_.function->call({tensors, out(), parallel_, plan_.facts(step_.node).state()});
    if (error) throw Error(*error);
  }

  // The reductions of the step, by the view that they reduce.
  struct Pass {
    ConstView value;
    std::vector<ReduceRequest> requests;
    std::unique_ptr<ReducePass> pass;
  };
  std::vector<Pass> passes() {
    std::vector<Pass> passes;
    for (const Step::Reduction& reduction : step_.reductions) {
      const Reducer& reducer = *nodes_[reduction.node].reducer;
      std::vector<PaddedView> in;
      for (const Operand& operand : reduction.in) in.push_back(readable(operand));
      const View out = writable(reduction.out);
      const std::any none;
      const HostRun run{in, {&out, 1}, {}, parallel_, plan_.facts(reduction.node).state(), none};
      const int rank = in[0].inside.rank();
      ReduceRequest request{out, reducer.specified(run, rank), {}};
      request.out = Reducer::result(run, request.spec, rank);
      const std::size_t bytes = reduce_scratch_bytes(in[0].inside, request.spec);
      scratch_.push_back(BufferPool::host().get(bytes));
      request.scratch = {static_cast<std::byte*>(scratch_.back().get()), bytes};
      auto pass = std::find_if(passes.begin(), passes.end(),
                               [&](const Pass& p) { return same_elements(p.value, in[0].inside); });
      if (pass == passes.end()) pass = passes.insert(pass, Pass{in[0].inside, {}, nullptr});
      pass->requests.push_back(request);
    }
    for (Pass& pass : passes) pass.pass = std::make_unique<ReducePass>(pass.value, pass.requests);
    return passes;
  }

  void run_fused() {
    ConstView one;
    std::vector<ConstView> several;
    if (step_.in.size() == 1) {
      one = readable_view(step_.in[0]);
    } else {
      several.reserve(step_.in.size());
      for (const Operand& operand : step_.in) several.push_back(readable_view(operand));
    }
    const std::span<const ConstView> inputs =
        step_.in.size() == 1 ? std::span<const ConstView>(&one, 1) : several;
    if (step_.reductions.empty())
      return run_program(step_.program, inputs, out()[0], parallel_, nullptr, step_.streams);
    const std::vector<Pass> shared = passes();
    const auto piece = [&](std::int64_t number) {
      for (const Pass& pass : shared) pass.pass->piece(number);
    };
    const FunctionRef<void(std::int64_t)> after = piece;
    run_program(step_.program, inputs, out()[0], parallel_, &after, step_.streams);
    for (const Pass& pass : shared) pass.pass->finish();
  }

  void run_reductions() {
    const std::vector<Pass> shared = passes();
    parallel_for(parallel_, shared[0].value.volume(), ReducePass::kPiece,
                 [&](std::int64_t begin, std::int64_t) {
                   shared[0].pass->piece(begin / ReducePass::kPiece);
                 });
    shared[0].pass->finish();
  }

  SamplePlan& plan_;
  const PlanNode& node_;
  const Plan& nodes_;
  const Step& step_;
  Parallel& parallel_;
  View output_;
  std::vector<View> outputs_;  // where there are several
  std::vector<std::shared_ptr<void>> scratch_;
};

}  // namespace

bool run_steps(SamplePlan& plan, Parallel& parallel, const std::atomic<bool>& cancelled,
               std::atomic<std::int64_t>& nodes_run, bool without_files) {
  if (without_files)
    for (std::size_t i = plan.steps_run(); i < plan.steps().size(); ++i)
      if (reads_files(*plan.steps()[i])) return false;
  while (plan.steps_run() < plan.steps().size()) {
    if (cancelled.load(std::memory_order_relaxed)) return false;
    const Step& step = *plan.steps()[plan.steps_run()];
    if (step.kind != Step::Kind::view)
      plan.in_context(step.node, [&] { Runner(plan, plan.nodes(), step, parallel).run(); });
    plan.count_step();
    if (step.completes > 0) nodes_run.fetch_add(step.completes, std::memory_order_relaxed);
    for (const int buffer : step.frees)
      plan.buffers()[static_cast<std::size_t>(buffer)].memory.reset();
  }
  return true;
}

}  // namespace varo
