// SPDX-License-Identifier: Apache-2.0
// Reductions in the pass that makes what they reduce, or several in one pass over it.
#include "operators/pointwise.h"
#include "pipeline/context.h"

namespace varo {

namespace {

// A pass of its own over fewer elements costs nothing.
constexpr std::int64_t kLeastElements = 4096;
static_assert(ReducePass::kPiece == kProgramPiece);

}  // namespace

std::vector<ReduceRequest> Evaluation::reductions_of(int id, const ConstView& value,
                                                     std::vector<int>& nodes) {
  std::vector<ReduceRequest> requests;
  if (!shared_.fusion || probing_ || value.volume() < kLeastElements) return requests;
  for (const int reducer : plan_.nodes[static_cast<std::size_t>(id)].reducers) {
    Memo& memo = *memo_[static_cast<std::size_t>(reducer)];
    if (memo.evaluated || memo.released || memo.consumers == 0) continue;
    try {
      infer(reducer);
      with_context(reducer, [&] {
        make_results(reducer);
        const auto request =
            plan_.nodes[static_cast<std::size_t>(reducer)].reducer->request(*memo.context, value);
        if (!request) return;
        requests.push_back(*request);
        nodes.push_back(reducer);
      });
    } catch (const Error&) {
      // For whoever asks for that reduction, if anybody does.
    }
  }
  return requests;
}

void Evaluation::reduce_meanwhile(int id) {
  Memo& memo = *memo_[static_cast<std::size_t>(id)];
  const auto* op =
      static_cast<const Pointwise*>(plan_.nodes[static_cast<std::size_t>(id)].op.get());
  const View value = memo.results[0].mutable_view();
  std::vector<int> nodes;
  const auto requests = reductions_of(id, value, nodes);
  if (requests.empty()) return op->run(*memo.context);
  ReducePass pass(value, requests);
  const auto after = [&](std::int64_t piece) { pass.piece(piece); };
  const FunctionRef<void(std::int64_t)> call = after;
  op->run(*memo.context, &call);
  pass.finish();
  memo.reduced = std::move(nodes);
}

bool Evaluation::reduce_with_others(int id) {
  Memo& memo = *memo_[static_cast<std::size_t>(id)];
  const Node from = plan_.nodes[static_cast<std::size_t>(id)].graph.inputs[0];
  evaluate(from.id);
  if (memo.evaluated) return true;
  std::vector<int> nodes;
  bool done = false;
  with_context(id, [&] {
    const ConstView value = memo.context->view(0);
    const auto requests = reductions_of(from.id, value, nodes);
    if (requests.size() < 2 || std::find(nodes.begin(), nodes.end(), id) == nodes.end()) return;
    ReducePass pass(value, requests);
    parallel_for(parallel_, value.volume(), ReducePass::kPiece,
                 [&](std::int64_t begin, std::int64_t) { pass.piece(begin / ReducePass::kPiece); });
    pass.finish();
    done = true;
  });
  if (done)
    for (const int node : nodes) complete(node);
  return done;
}

}  // namespace varo
