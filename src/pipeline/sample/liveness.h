// SPDX-License-Identifier: Apache-2.0
/// Which values somebody may still ask for. Pure counting: a value is released when the last of its
/// consumers is settled, that is planned itself, or never to be planned.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/parallel.h"
#include "core/pooled.h"
#include "pipeline/plan.h"

namespace varo {

class Liveness {
 public:
  explicit Liveness(const Plan& plan) : plan_(&plan), nodes_(plan.nodes.size()) { reset(); }
  void reset();

  /// Edges, and pipeline outputs, whose consumers are not settled.
  int consumers(int id) const { return at(id).consumers; }
  bool released(int id) const { return at(id).released; }
  bool settled(int id) const { return at(id).settled; }

  /// Node `id` is planned: none of its edges is needed for it any more. Calls released(id) for every
  /// value that nobody can ask for then, latest consumers first.
  void settle(int id, FunctionRef<void(int)> released);
  /// Node `id` will not read inputs whose bits are set.
  void drop(int id, std::uint64_t inputs, FunctionRef<void(int)> released);
  /// One consumer of the value, a pipeline output, has it.
  void deliver(int id, FunctionRef<void(int)> released) { leave(id, released); }

 private:
  struct Count {
    int consumers = 0;
    bool released = false, settled = false;
    std::uint64_t dropped = 0;  // inputs that do not count as consumed any more
  };
  const Count& at(int id) const { return nodes_[static_cast<std::size_t>(id)]; }
  Count& at(int id) { return nodes_[static_cast<std::size_t>(id)]; }
  void leave(int id, FunctionRef<void(int)> released);
  void leave_edges(int id, FunctionRef<void(int)> released);

  const Plan* plan_;
  PooledVector<Count> nodes_;
};

}  // namespace varo
