// SPDX-License-Identifier: Apache-2.0
/// Operators that compute every element from the elements at its place in the inputs. They write
/// no loops: they emit the instructions for one element, and a chain of them can become one pass.
#pragma once

#include <span>

#include "kernels/pointwise/program.h"
#include "operators/api/operator.h"
#include "operators/shared/promotion.h"

namespace varo {

class Pointwise : public Operator {
 public:
  /// Appends what this operator does to one element of output 0, for this sample, and returns the
  /// result, of output_spec(0).dtype. May read arguments and draw parameters; touches no voxels.
  ///
  /// inputs  a register for each input, of its dtype; number -1 for those that are not read
  /// index   random numbers are addressed by positions in output_spec(0).shape, so the program's
  ///         output has that shape: in a chain, nodes of other shapes come in as inputs
  virtual Register emit(Sample& sample, ProgramBuilder& to,
                        std::span<const Register> inputs) const = 0;

  /// Whether emit() reads the elements of `input` for this sample. Those that it does not read are
  /// never computed.
  virtual bool reads(Sample& sample, int input) const;

  /// One program for this operator and those before it that Sample::fuse gives; other inputs are
  /// broadcast to output_spec(0).shape.
  void run(Sample& sample) const override { run(sample, nullptr); }
  /// An input that a program reads, of its output's shape: input `input` of `reader`, which is the
  /// sample of the operator that runs or of one whose instructions it took.
  struct Read {
    Sample* reader;
    int input;
    ConstView elements;
  };
  /// What others do in the pass: `before` it, when all that it reads is there, and `after` every
  /// piece as run_program() has it.
  struct Meanwhile {
    FunctionRef<void(std::span<const Read>)> before;
    FunctionRef<void(std::int64_t)> after;
    bool past_caches;  ///< nobody reads the output soon
  };
  void run(Sample& sample, const Meanwhile* meanwhile) const;

 private:
  struct Chain;
  Register append(Sample& sample, Chain& chain) const;
};

/// Numbers the elements of `shape` in row-major order.
Index row_major(const Shape& shape);

}  // namespace varo
