// SPDX-License-Identifier: Apache-2.0
/// Evaluation of one sample: demand-driven and memoised.
///
/// Asking for a node's specs or value evaluates what is needed for the answer and nothing else. A
/// value is dropped after the last consumer that could still ask for it: a consumer counts until it
/// has been evaluated itself, or until nobody can ask for it any more (a branch not taken).
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "pipeline/plan.h"

namespace varo {

/// Thrown inside an evaluation whose pipeline is going away. Never reaches a user.
struct Cancelled {};

/// What the evaluations of one pipeline share. Outlives them.
struct EvaluationShared {
  EvaluationShared();
  ~EvaluationShared();
  EvaluationShared(const EvaluationShared&) = delete;
  EvaluationShared& operator=(const EvaluationShared&) = delete;

  std::atomic<bool> cancelled{false};
  std::atomic<std::int64_t> nodes_run{0};
  std::atomic<std::int64_t> copies{0};
  bool fusion = true;     ///< chains of pointwise operators and reductions may run in one pass
  bool placement = true;  ///< values may be computed in the place of a view of them
  struct Idle;
  std::unique_ptr<Idle> idle;  ///< memory of evaluations that ended, for those to come
};

class Evaluation {
 public:
  /// `number` is the running number of the sample; tickets are indexed as plan.sources.
  /// `probing`: the sample stands for what is known before the first run; values that would
  /// need voxels are unknown (see known()).
  Evaluation(const Plan& plan, EvaluationShared& shared, Parallel& parallel, std::int64_t number,
             std::vector<Ticket> tickets, bool probing = false);
  ~Evaluation();
  Evaluation(const Evaluation&) = delete;
  Evaluation& operator=(const Evaluation&) = delete;

  /// Specs of the outputs of node `id`, in order.
  const std::vector<Spec>& infer(int id);
  /// The value; may be deferred or padded.
  const Tensor& value(Node node);
  /// Where a value is computed.
  struct Place {
    View view;
    std::shared_ptr<const void> keep;  ///< keeps it alive
    /// It is part of a batch that is larger than caches: nobody reads it soon.
    bool leaves = false;
  };
  /// Computes the value into a place that is dense and shaped as inferred.
  Tensor value_into(Node node, const Place& destination);
  /// Whether node `id` is a view for this sample; it is evaluated then.
  bool resolve(int id);
  /// The value of node `id` is there, or was.
  bool evaluated(int id) const;
  /// Nobody can ask for node `id` any more.
  bool released(int id) const;
  /// The face that a batch-wide node sees of this sample, for Operator::combine.
  Sample& sample(int id);
  /// The file that the sample comes from; "" where that is not known (yet).
  const std::string& source_name();
  std::int64_t number() const { return number_; }

  /// Probing only: false where infer(id) meets a value that only a run can tell.
  bool known(int id);

  /// A memo for every node of a plan. Opaque; used again by evaluations of the same pipeline.
  struct Memory;

 private:
  class Context;
  struct Memo;

  /// Runs or resolves node `id`.
  void evaluate(int id);
  /// Whether `from` can be computed in the pass of its consumer `id`.
  bool fusable(Node from, int id);
  /// Computes the value of `node`, or what it is a view of, in `place` where that can be; does not
  /// evaluate it yet.
  void aim(Node node, Place place);
  struct Aim {
    Node node;
    View place;
  };
  /// The input that node `id` is a view of for this sample, and the place of its elements if those
  /// of `id` belong at `place`. Nothing if it is no view, or that input is there already.
  std::optional<Aim> aim_of_source(int id, const View& place);
  /// Evaluates `node` and brings its elements to `place`. True if they came about there.
  bool deliver(Node node, const Place& place);
  /// Whether the result of node `id`, made before it runs, is in a place that leaves and is large.
  bool leaves(int id) const;
  /// What is known of the inputs of `id` and holds for its outputs.
  void inherit(int id, Meta& meta) const;
  /// Ends the evaluation of a node whose outputs are there, or that was fused into its consumer.
  void finish(int id);
  void check_inputs(int id);
  void release_edge(Node edge);
  void release_edges(int id);
  /// Inputs that a choice leaves out lose a consumer now rather than at the end.
  void drop_unread(int id);
  /// Throws InternalError when nobody should ask for node `id` any more.
  void check_held(int id) const;
  /// Whether node `id` may write its value to `place`, and with the bits that it has elsewhere.
  bool suits(int id, const View& place) const;
  void forget_fused(int id);
  /// Memory for the outputs of `id`: their places, where they have one that suits.
  void make_results(int id);
  /// Outputs are written: metadata, then finish().
  void complete(int id);
  /// Reductions of the whole of the value of `id` that somebody may still ask for and that need
  /// nothing else computed, with results made and their nodes added to `nodes`.
  std::vector<ReduceRequest> reductions_of(int id, const ConstView& value, std::vector<int>& nodes);
  /// Runs the pointwise node `id`, and in the same pass reductions of its value and of what it
  /// reads.
  void reduce_meanwhile(int id);
  /// Evaluates the reducer `id`, along with its input or with other reducers of that. False if it
  /// has to be run by itself.
  bool reduce_with_others(int id);
  void release(int id);
  /// Not deferred; may be padded.
  Tensor loaded(const Tensor& tensor);
  /// Neither deferred nor padded, and dense if asked.
  Tensor in_memory(const Tensor& tensor, bool dense);
  void store(int id, int output, Tensor tensor);
  template <class Body>
  void with_context(int id, const Body& body);

  const Plan& plan_;
  EvaluationShared& shared_;
  Parallel& parallel_;
  std::int64_t number_;
  std::vector<Ticket> tickets_;
  bool probing_, naming_ = false;
  std::string source_name_;
  std::unique_ptr<Memory> memory_;
  std::span<Memo* const> memo_;  // of memory_, by node
};

}  // namespace varo
