// SPDX-License-Identifier: Apache-2.0
#include "operators/api/pointwise.h"

namespace varo {

bool Pointwise::reads(Sample&, int) const { return true; }

// A program in the making, for elements of one shape.
struct Pointwise::Chain {
  Shape shape;
  ProgramBuilder builder;
  std::vector<ConstView> views;
  std::vector<Read> reads;
  int operators = 0;
};

Register Pointwise::append(Sample& sample, Chain& chain) const {
  // Longer chains would need registers for many values at once, and so shorter tiles.
  constexpr int kMostOperators = 16;
  ++chain.operators;
  std::vector<Register> registers(static_cast<std::size_t>(sample.input_count()));
  for (int i = 0; i < sample.input_count(); ++i) {
    if (!reads(sample, i)) continue;
    Register& value = registers[static_cast<std::size_t>(i)];
    const auto producer = chain.operators < kMostOperators ? sample.fuse(i) : std::nullopt;
    if (producer) {
      producer->sample->in_context([&] {
        value = static_cast<const Pointwise*>(producer->op)->append(*producer->sample, chain);
      });
    } else {
      const ConstView elements = sample.view(i);
      if (elements.shape == chain.shape) chain.reads.push_back({&sample, i, elements});
      chain.views.push_back(broadcast_to(elements, chain.shape));
      value = chain.builder.input(chain.views.back().dtype);
    }
  }
  return emit(sample, chain.builder, registers);
}

void Pointwise::run(Sample& sample, const Meanwhile* meanwhile) const {
  const View out = sample.output(0);
  Chain chain{.shape = out.shape};
  const Register result = append(sample, chain);
  if (meanwhile != nullptr) meanwhile->before(chain.reads);
  run_program(chain.builder.finish(result), chain.views, out, sample.parallel(),
              meanwhile != nullptr ? &meanwhile->after : nullptr,
              meanwhile != nullptr && meanwhile->past_caches);
}

Index row_major(const Shape& shape) { return {dense_strides(shape)}; }

}  // namespace varo
