// SPDX-License-Identifier: Apache-2.0
/// What an evaluation knows of each node; for the files of Evaluation alone.
#pragma once

#include <any>
#include <memory>
#include <optional>
#include <vector>

#include "core/pooled.h"
#include "pipeline/evaluate.h"

namespace varo {

struct Evaluation::Memo {
  bool inferred = false, evaluated = false, released = false, inputs_checked = false;
  bool failed_probe = false;
  bool not_a_view = false;  ///< resolve was asked and said no
  bool has_results = false, has_affines = false, has_destinations = false;  ///< perhaps
  bool asked_unread = false;
  int consumers = 0;
  /// Inputs that are not asked for, and not counted as consumed any more: bit i for input i.
  std::uint64_t dropped = 0;
  std::vector<int> fused;       ///< nodes that run in this one's pass
  std::vector<int> reduced;     ///< reductions of this one's value that its pass has done
  std::vector<Tensor> retired;  ///< results in a form that was replaced by another
  std::any state;
  std::unique_ptr<Context> context;
  std::vector<Spec> specs;
  std::vector<bool> spec_set;
  std::vector<Tensor> results;
  std::vector<std::optional<Affine>> affines;
  std::vector<Layout> layouts;  ///< of the inputs: own or assumed
  std::vector<std::optional<Place>> destinations;

  void drop_results() {
    if (!has_results) return;
    for (Tensor& result : results) result = {};
    has_results = false;
  }
  /// As new, for another sample.
  void reset(const PlanNode& node);
};

/// The memos of a plan's nodes, with the memory of their vectors.
struct Evaluation::Memory {
  explicit Memory(const Plan& plan);

  Evaluation* owner = nullptr;  ///< the evaluation that it belongs to
  PooledVector<Memo> memos;
  PooledVector<Memo*> by_node;
};

}  // namespace varo
