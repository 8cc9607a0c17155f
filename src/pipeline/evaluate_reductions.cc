// SPDX-License-Identifier: Apache-2.0
// Reductions in a pass that makes or reads what they reduce, or several in one pass over it.
#include "operators/api/pointwise.h"
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
    const std::vector<Node>& edges = plan_.nodes[static_cast<std::size_t>(reducer)].edges;
    if (!std::all_of(edges.begin() + 1, edges.end(), [&](Node n) { return evaluated(n.id); }))
      continue;
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
  if (!shared_.fusion || probing_ || value.volume() < kLeastElements) return op->run(*memo.context);
  std::vector<int> nodes, reduced;
  std::vector<std::unique_ptr<ReducePass>> passes;
  const auto add = [&](int of, const ConstView& elements) {
    if (std::find(reduced.begin(), reduced.end(), of) != reduced.end()) return;
    reduced.push_back(of);
    const auto requests = reductions_of(of, elements, nodes);
    if (!requests.empty()) passes.push_back(std::make_unique<ReducePass>(elements, requests));
  };
  // A program writes in the order of the shape, if backwards along some axes (suits()), and so do
  // pieces of dense inputs count.
  const auto before = [&](std::span<const Pointwise::Read> reads) {
    add(id, value);
    for (const Pointwise::Read& read : reads) {
      const Node from = static_cast<Context*>(read.reader)->source(read.input);
      if (from.output == 0) add(from.id, read.elements);
    }
  };
  const auto after = [&](std::int64_t piece) {
    for (const auto& pass : passes) pass->piece(piece);
  };
  const Pointwise::Meanwhile meanwhile{before, after, memo.consumers == 1 && leaves(id)};
  op->run(*memo.context, &meanwhile);
  for (const auto& pass : passes) pass->finish();
  memo.reduced = std::move(nodes);
}

bool Evaluation::reduce_with_others(int id) {
  Memo& memo = *memo_[static_cast<std::size_t>(id)];
  const Node from = plan_.nodes[static_cast<std::size_t>(id)].graph.inputs[0];
  for (const Node& edge : plan_.nodes[static_cast<std::size_t>(id)].edges) evaluate(edge.id);
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
