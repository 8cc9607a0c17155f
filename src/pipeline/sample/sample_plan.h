// SPDX-License-Identifier: Apache-2.0
/// The plan of one sample: what is known of its nodes, and the steps that compute them. It is made
/// on demand, by passes that each have a file:
///
///   infer.cc     specs; what decides about a node: arguments, numbers, draws; branches taken
///   views.cc     values that are views of others, and values brought into another form
///   place.cc     which values are computed in the place of an output
///   fuse.cc      chains of pointwise operators, reductions in a pass of theirs
///   liveness.h   which values somebody may still ask for
///
/// Planning computes nothing. Where a node depends on a number that a step has yet to compute, it
/// stops: what was asked for returns false, and can be asked for again when the steps so far have
/// run. Given a runner, the plan has them run and goes on.
///
/// Nothing here throws but what operators throw while they decide, with the node's context, and
/// std::bad_alloc.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/parallel.h"
#include "pipeline/plan.h"
#include "pipeline/sample/liveness.h"
#include "pipeline/sample/step.h"

namespace varo {

/// Where a value is computed.
struct Place {
  View view;
  std::shared_ptr<const void> keep;  ///< keeps it alive
  /// It is part of a batch that is larger than caches: nobody reads it soon.
  bool leaves = false;
};

struct PlanRules {
  bool fusion = true;     ///< chains of pointwise operators and reductions may run in one pass
  bool placement = true;  ///< values may be computed in the place of a view of them
};

/// Those that PipelineOptions::without_rewrites leaves.
PlanRules plan_rules(std::span<const std::string> without);

class SamplePlan {
 public:
  SamplePlan(const Plan& plan, const PlanRules& rules);
  ~SamplePlan();
  SamplePlan(const SamplePlan&) = delete;
  SamplePlan& operator=(const SamplePlan&) = delete;

  /// Runs the steps that have not run; false where it must not or the pipeline is going away.
  using Runner = FunctionRef<bool()>;
  /// Begins another sample; memory is kept. `number` is the running number of the sample; tickets
  /// are indexed as Plan::sources and outlive the plan's use of them.
  ///
  /// probing  the sample stands for what is known before the first run: sources without a ticket
  ///          for it and batch-wide nodes are not known
  void begin(std::int64_t number, std::span<const Ticket> tickets, bool probing,
             std::optional<Runner> runner);
  /// Lets go of everything.
  void end();

  // --- what can be asked for; false: stopped ---
  bool specs(int id);
  /// Whether specs() was asked and answered.
  bool has_specs(int id) const { return at(id).inferred; }
  /// What a batch-wide node looks at is there: specs, numbers, arguments.
  bool gather(int id);
  /// Whether an output, or a sink of the plan, needs node `id`. Where that depends on a condition that is not known yet, as it
  /// needs a batch-wide node, the answer is yes.
  bool demands(int id);
  /// What the node does for this sample: arguments, numbers and draws are there, need() is final.
  bool decide(int id);
  /// Whether node `id` is a view for this sample; its input is planned then.
  enum class Answer : std::uint8_t { stopped, no, yes };
  Answer view(int id);
  bool value(Node node);
  /// The value in memory, without padding.
  bool value_in_memory(Node node);
  /// The value in a place that is dense and shaped as inferred; `landed` has its elements when the
  /// steps have run. The caller was one of its consumers.
  bool value_into(Node node, const Place& place, Tensor& landed);
  /// A place in a buffer of the sample. \pre specs(node.id)
  Place new_place(Node node);

  // --- what is known ---
  const std::vector<Spec>& specs_of(int id) const { return at(id).facts.output_specs(); }
  const Inference& facts(int id) const { return at(id).facts; }
  Need need(int id, int input) const;
  bool planned(int id) const { return live_.settled(id); }
  bool released(int id) const { return live_.released(id); }
  /// \pre planned, not released
  const Tensor& result(Node node) const {
    return at(node.id).results[static_cast<std::size_t>(node.output)];
  }
  /// What Operator::combine() found for node `id`, given this sample as number `item`.
  void set_batch(int id, const std::any* found, int item) {
    at(id).facts.facts.batch = found;
    at(id).facts.facts.item = item;
  }
  /// The file that the sample comes from; "" where that is not known (yet).
  const std::string& source_name() const { return source_name_; }
  std::int64_t number() const { return number_; }
  std::int64_t copies_planned() const { return copies_planned_; }

  const Plan& nodes() const { return plan_; }

  // --- the steps ---
  std::span<const std::unique_ptr<Step>> steps() const { return steps_; }
  std::size_t steps_run() const { return run_; }
  void count_step() { ++run_; }
  PooledVector<SampleBuffer>& buffers() { return buffers_; }
  /// The tensor at its true address. \pre its step has run
  Tensor bound(const Tensor& tensor) const;

  /// Adds operator, sample and line of node `id` to errors that leave `body`.
  template <class Body>
  void in_context(int id, const Body& body) const;

 private:
  struct NodeState {
    NodeState(const PlanNode& node, int outputs) : facts(node.graph.args, outputs) {}

    Inference facts;
    bool inferred = false, decided = false, not_a_view = false, leaves = false;
    bool has_results = false, has_places = false;  ///< perhaps
    std::optional<Error> failure;                  ///< of infer or prepare
    std::vector<Need> needs;                       ///< of the inputs, once it is decided
    int delivered = 0;                             ///< Join: inputs in their place
    std::vector<int> fused;  ///< nodes whose instructions this one's step holds
    std::vector<Tensor> results;
    std::vector<std::optional<Place>> places;
  };
  NodeState& at(int id) { return nodes_[static_cast<std::size_t>(id)]; }
  const NodeState& at(int id) const { return nodes_[static_cast<std::size_t>(id)]; }
  Tensor& slot(Node node) { return at(node.id).results[static_cast<std::size_t>(node.output)]; }

  // infer.cc
  /// As specs(), but what infer throws is an answer, too: no.
  Answer inferred(int id);
  bool infer(int id);
  /// The condition of a branch and the specs of what it takes.
  bool gather_branch(int id);
  bool condition(int id);
  void probe_branches(int id);
  bool reaches(int from, int id);
  /// As far as is known.
  bool runs(int sink);
  /// in_context(), and what is thrown is thrown again when the node is asked again.
  template <class Body>
  void remember_failure(int id, const Body& body);
  bool number(Node from, Tensor& where);
  bool catch_up();

  // views.cc
  void check_view(int id, std::size_t output);
  Tensor plan_read(int id, const Tensor& tensor);
  Tensor plan_in_memory(int id, const Tensor& tensor, bool dense);
  enum class Form : std::uint8_t { loaded, unpadded, dense };  ///< each of them in memory
  /// The value of `from` in another form, for all who ask for it from now on.
  void bring(Node from, Form form);
  /// What `id` reads of an input, in the form of its need: the value itself, or `part`; null where it
  /// reads nothing.
  bool input_of(int id, int input, const Need& need, Tensor& part, const Tensor*& read);

  // place.cc
  struct Aim {
    Node node;
    View place;
  };
  struct Trial {
    int input = 0;  ///< the one that the result is a view of
    Tensor seen, result;
  };
  /// What resolve() would make of an input that looks like `stand_in` (nothing: like a dense one).
  std::optional<Trial> try_view(int id, const std::optional<Tensor>& stand_in) const;
  /// The input that node `id` is a view of for this sample, and the place of its elements if those
  /// of `id` belong at `place`. Nothing if it is no view, or that input is planned already.
  std::optional<Aim> aim_of_source(int id, const View& place) const;
  /// Computes the value of `node`, or what it is a view of, in `place` where that can be; does not
  /// plan it yet.
  bool aim(Node node, Place place);
  /// Plans `node` and brings its elements to `place`; `in_place` tells whether they come about there.
  bool deliver(Node node, const Place& place, bool& in_place);
  bool can_hold(int id, const View& place) const;
  void make_results(int id);

  // fuse.cc
  struct Chain;
  bool fusable(Node from, int id);
  bool append(int id, Chain& chain, Register& result);
  void forget_fused(int id);
  bool fuse(int id);
  bool reduce(int id);
  /// Adds to `step` the reductions of the whole of output 0 of `id`, which is `value`, that somebody
  /// may still ask for and that need nothing else computed.
  void add_reductions(Step& step, int id, const Operand& value);

  // sample_plan.cc
  bool plan_value(int id);
  bool compute(int id);
  /// By a step of its own.
  bool compute_alone(int id);
  bool join(int id);
  std::unique_ptr<Step> step_for(int id, Step::Kind kind);
  void append(std::unique_ptr<Step> step);
  int new_buffer(std::size_t bytes);
  Tensor new_tensor(const Spec& spec);
  static int buffer_of(const Tensor& tensor);
  static int buffer_of(const std::shared_ptr<const void>& keep);
  static Operand operand_of(const Tensor& tensor);
  void inherit(int id, Meta& meta) const;
  /// Outputs have a step: metadata, then finish().
  void complete(int id);
  /// Ends the planning of a node that has results, or whose instructions are its consumer's.
  void finish(int id);
  void release(int id);
  void drop_places(int id);
  void let_go(Tensor& tensor);
  void free_if_unused(int buffer);
  void check_held(int id) const;

  const Plan& plan_;
  const PlanRules rules_;
  Liveness live_;
  PooledVector<NodeState> nodes_;
  PooledVector<SampleBuffer> buffers_;
  std::size_t buffers_used_ = 0;
  std::vector<std::unique_ptr<Step>> steps_, spare_;
  std::size_t run_ = 0;  ///< steps that have run
  std::int64_t number_ = 0, copies_planned_ = 0;
  bool probing_ = false;
  std::vector<std::uint8_t> seen_;  ///< by demands()
  std::optional<Runner> runner_;
  std::string source_name_;
};

template <class Body>
void SamplePlan::in_context(int id, const Body& body) const {
  const GraphNode& node = plan_[id].graph;
  const auto described = [&](Error error) {
    error.set_operator(node.def->name());
    if (!probing_) error.set_sample(number_, source_name());
    error.set_defined(node.origin.defined);
    return error;
  };
  try {
    body();
  } catch (const Error& error) {
    throw described(error);
  } catch (const std::bad_alloc&) {
    throw described(Error(ErrorKind::state, "out of memory"));
  } catch (const std::exception& other) {
    throw described(Error(ErrorKind::internal, other.what()));
  }
}

}  // namespace varo
