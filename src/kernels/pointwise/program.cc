// SPDX-License-Identifier: Apache-2.0
#include "kernels/pointwise/program.h"

#include <utility>

#include "core/convert.h"

namespace varo {

namespace {}  // namespace

Register ProgramBuilder::append(Instruction instruction) {
  program_.code.push_back(instruction);
  return {static_cast<int>(program_.code.size()) - 1, instruction.dtype};
}

Register ProgramBuilder::input(DType dtype) {
  program_.inputs.push_back(dtype);
  return append({.op = Op::input, .dtype = dtype, .value = program_.inputs.size() - 1});
}

Register ProgramBuilder::constant(DType dtype, double value) {
  return constant_bits(dtype, bits_of(value, dtype));
}

Register ProgramBuilder::constant(DType dtype, std::int64_t value) {
  return constant_bits(dtype, bits_of(value, dtype));
}

Register ProgramBuilder::constant_bits(DType dtype, std::uint64_t bits) {
  return append({.op = Op::constant, .dtype = dtype, .value = bits});
}

Register ProgramBuilder::convert(Register a, DType dtype) {
  if (a.dtype == dtype) return a;
  return append({.op = Op::convert, .dtype = dtype, .from = {a.number, -1, -1}});
}

Register ProgramBuilder::unary(Op op, Register a) {
  return append({.op = op, .dtype = a.dtype, .from = {a.number, -1, -1}});
}

Register ProgramBuilder::binary(Op op, Register a, Register b) {
  return append({.op = op,
                 .dtype = compares(op) ? DType::boolean : a.dtype,
                 .from = {a.number, b.number, -1}});
}

Register ProgramBuilder::fma(Register a, Register b, Register c) {
  return append({.op = Op::fma, .dtype = a.dtype, .from = {a.number, b.number, c.number}});
}

Register ProgramBuilder::select(Register condition, Register yes, Register no) {
  return append(
      {.op = Op::select, .dtype = yes.dtype, .from = {condition.number, yes.number, no.number}});
}

Register ProgramBuilder::lookup(Register at, std::vector<double> table) {
  program_.tables.push_back(std::move(table));
  return append({.op = Op::lookup,
                 .dtype = DType::f64,
                 .from = {at.number, -1, -1},
                 .value = program_.tables.size() - 1});
}

std::uint64_t ProgramBuilder::index_of(const Index& index) {
  std::uint64_t at = 0;
  while (at < program_.indices.size() && !(program_.indices[at].strides == index.strides)) ++at;
  if (at == program_.indices.size()) program_.indices.push_back(index);
  return at;
}

Register ProgramBuilder::bits(DType dtype, const RandomKey& key, const Index& index) {
  return append({.op = Op::bits, .dtype = dtype, .value = index_of(index), .key = key});
}

Register ProgramBuilder::normal(const RandomKey& key, const Index& index) {
  return append({.op = Op::normal, .dtype = DType::f32, .value = index_of(index), .key = key});
}

Register ProgramBuilder::poisson(Register mean, const RandomKey& key, const Index& index) {
  return append({.op = Op::poisson,
                 .dtype = DType::f64,
                 .from = {mean.number, -1, -1},
                 .value = index_of(index),
                 .key = key});
}

Program ProgramBuilder::finish(Register result) {
  Program program = std::exchange(program_, {});
  PooledVector<Instruction>& code = program.code;
  std::vector<bool> needed(code.size(), false);
  needed[static_cast<std::size_t>(result.number)] = true;
  for (std::size_t i = code.size(); i-- > 0;)
    if (needed[i])
      for (const int from : code[i].from)
        if (from >= 0) needed[static_cast<std::size_t>(from)] = true;
  std::vector<int> renamed(code.size(), -1);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < code.size(); ++i) {
    if (!needed[i]) continue;
    Instruction instruction = code[i];
    for (int& from : instruction.from)
      if (from >= 0) from = renamed[static_cast<std::size_t>(from)];
    renamed[i] = static_cast<int>(kept);
    code[kept++] = instruction;
  }
  code.resize(kept);
  return program;
}

}  // namespace varo
