// SPDX-License-Identifier: Apache-2.0
#include "pipeline/sample/liveness.h"

namespace varo {

void Liveness::reset() {
  for (std::size_t id = 0; id < nodes_.size(); ++id)
    nodes_[id] = {.consumers = plan_->nodes[id].consumers};
}

void Liveness::leave(int id, FunctionRef<void(int)> released) {
  Count& count = at(id);
  if (--count.consumers > 0) return;
  count.released = true;
  released(id);
  // Never planned: what it would have read is not needed by it any more.
  if (!count.settled) leave_edges(id, released);
}

void Liveness::leave_edges(int id, FunctionRef<void(int)> released) {
  const std::uint64_t dropped = at(id).dropped;
  const std::vector<Node>& edges = (*plan_)[id].edges;
  for (std::size_t i = 0; i < edges.size(); ++i)
    if (i >= 64 || (dropped >> i & 1) == 0) leave(edges[i].id, released);
}

void Liveness::settle(int id, FunctionRef<void(int)> released) {
  at(id).settled = true;
  leave_edges(id, released);
}

void Liveness::drop(int id, std::uint64_t inputs, FunctionRef<void(int)> released) {
  Count& count = at(id);
  inputs &= ~count.dropped;
  count.dropped |= inputs;
  const std::vector<Node>& edges = (*plan_)[id].edges;
  for (std::size_t i = 0; i < edges.size() && i < 64; ++i)
    if ((inputs >> i & 1) != 0) leave(edges[i].id, released);
}

}  // namespace varo
