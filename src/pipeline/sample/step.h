// SPDX-License-Identifier: Apache-2.0
/// What runs for one sample, as data: steps in order, each with what it reads, what it writes and
/// which buffers nobody needs after it.
#pragma once

#include <any>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/pooled.h"
#include "kernels/pointwise/program.h"
#include "varo/tensor.h"

namespace varo {

/// A view that a step reads or writes. Views of a sample's own buffers are written down before the
/// buffer has memory: their addresses count from kOrigin.
struct Operand {
  static constexpr int kNone = -2;       ///< the step does not touch it
  static constexpr int kElsewhere = -1;  ///< memory of somebody else, at its true address

  PaddedView view;
  int buffer = kNone;
  /// Keeps memory elsewhere alive; while a step is being made also a buffer of the sample.
  std::shared_ptr<const void> keep;
};

/// Where the addresses of a buffer begin as long as it has no memory.
inline std::byte* const kOrigin = reinterpret_cast<std::byte*>(std::uintptr_t{1} << 40);

struct Step {
  enum class Kind : std::uint8_t {
    view,    ///< the value is a view; nothing runs
    read,    ///< bytes of a source into memory
    copy,    ///< elements to another place, padding filled in
    run,     ///< a HostOperator
    call,    ///< a HostFunction
    fused,   ///< a program of pointwise operators, with reductions in its pass
    reduce,  ///< reductions of one view in one pass
  };
  /// A reduction in the pass of the step.
  struct Reduction {
    int node = -1;
    std::vector<Operand> in;  ///< what is reduced, then the mean where deviations are from one
    Operand out;
  };

  Kind kind = Kind::view;
  int node = -1;  ///< for which it runs; errors are this node's
  PooledVector<Operand> in, out;
  Tensor deferred;                    ///< read: what is wanted of the source
  std::vector<Tensor> tensors;        ///< call: inputs, those as they are included
  Program program;                    ///< fused
  std::vector<int> nodes;             ///< fused: all nodes whose instructions it holds
  std::vector<Reduction> reductions;  ///< fused, reduce
  bool streams = false;               ///< results go past the caches: nobody reads them soon
  std::vector<int> frees;             ///< buffers without a reader after it
  int completes = 0;                  ///< operators whose outputs are there after it

  /// As new; memory of the vectors is kept.
  void reset();
};

std::string_view name_of(Step::Kind kind);

/// Memory that a sample needs for a while.
struct SampleBuffer {
  /// Who refers to it while steps are planned: without another holder nobody reads it any more.
  std::shared_ptr<const void> tag;
  std::size_t bytes = 0;
  std::shared_ptr<void> memory;  ///< from the first step that writes it to the last that reads it
};

}  // namespace varo
