// SPDX-License-Identifier: Apache-2.0
#include "operators/pointwise.h"

namespace varo {

bool Pointwise::reads(Sample&, int) const { return true; }

// A program in the making, for elements of one shape.
struct Pointwise::Chain {
  Shape shape;
  ProgramBuilder builder;
  std::vector<ConstView> views;
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
      chain.views.push_back(broadcast_to(sample.view(i), chain.shape));
      value = chain.builder.input(chain.views.back().dtype);
    }
  }
  return emit(sample, chain.builder, registers);
}

void Pointwise::run(Sample& sample, const FunctionRef<void(std::int64_t)>* after) const {
  const View out = sample.output(0);
  Chain chain{.shape = out.shape};
  const Register result = append(sample, chain);
  run_program(chain.builder.finish(result), chain.views, out, sample.parallel(), after);
}

Index row_major(const Shape& shape) { return {dense_strides(shape)}; }

}  // namespace varo
