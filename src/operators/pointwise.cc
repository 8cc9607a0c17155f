// SPDX-License-Identifier: Apache-2.0
#include "operators/pointwise.h"

namespace varo {

bool Pointwise::reads(Sample&, int) const { return true; }

void Pointwise::run(Sample& sample) const {
  const View out = sample.output(0);
  ProgramBuilder builder;
  std::vector<Register> registers;
  std::vector<ConstView> views;
  for (int i = 0; i < sample.input_count(); ++i) {
    registers.emplace_back();
    if (!reads(sample, i)) continue;
    views.push_back(broadcast_to(sample.view(i), out.shape));
    registers.back() = builder.input(views.back().dtype);
  }
  const Register result = emit(sample, builder, registers);
  run_program(builder.finish(result), views, out, sample.parallel());
}

Index row_major(const Shape& shape) { return {dense_strides(shape)}; }

}  // namespace varo
