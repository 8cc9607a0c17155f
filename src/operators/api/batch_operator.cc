// SPDX-License-Identifier: Apache-2.0
#include "operators/api/batch_operator.h"

namespace varo {

namespace {

using Results = std::vector<BatchOperator::Outputs>;

const BatchOperator::Outputs& outputs_of(const Inference& facts) {
  const auto* results = facts.batch<Results>();
  if (results == nullptr)
    throw Error(ErrorKind::internal, "a batch-wide operator was asked before its batch was there");
  return results->at(static_cast<std::size_t>(facts.facts.item));
}

}  // namespace

std::any BatchOperator::combine(std::span<const BatchItem> items) const {
  Results results(items.size());
  for (std::size_t i = 0; i < items.size(); ++i)
    results[i].resize(static_cast<std::size_t>(items[i].facts.output_count()));
  run_batch(items, results);
  for (const Outputs& outputs : results)
    for (const Tensor& output : outputs)
      if (!output.defined())
        throw Error(ErrorKind::internal, "a batch-wide operator left an output out");
  return results;
}

void BatchOperator::infer(Inference& facts) const {
  const Outputs& outputs = outputs_of(facts);
  for (std::size_t o = 0; o < outputs.size(); ++o)
    facts.set_output(static_cast<int>(o), outputs[o].spec());
}

bool BatchOperator::resolve(Views& views) const {
  const Outputs& outputs = outputs_of(views.facts);
  for (std::size_t o = 0; o < outputs.size(); ++o) views.out[o] = outputs[o];
  return true;
}

}  // namespace varo
