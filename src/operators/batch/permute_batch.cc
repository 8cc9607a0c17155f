// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "operators/api/batch_operator.h"

namespace varo {

namespace {

class PermuteBatch final : public BatchOperator {
 public:
  explicit PermuteBatch(const Args& args) : indices_(args, "indices") {}

  void run_batch(std::span<const BatchItem> items, std::span<Outputs> outputs) const override {
    const auto n = static_cast<std::int64_t>(items.size());
    if (indices_.constant() && static_cast<std::int64_t>(indices_.value().size()) != n)
      throw Error(ErrorKind::shape, "argument indices has not one entry a sample of the batch")
          .got(fmt::format("{} entries", indices_.value().size()))
          .allowed(fmt::format("{}", n));
    for (std::size_t i = 0; i < items.size(); ++i) {
      const std::vector<std::int64_t> own = indices_(items[i].facts);
      if (!indices_.constant() && own.size() != 1)
        throw Error(ErrorKind::shape, "argument indices is one number a sample")
            .got(fmt::format("{} numbers in sample {} of the batch", own.size(), i))
            .allowed("a scalar");
      const std::int64_t from = indices_.constant() ? own[i] : own[0];
      if (from < 0 || from >= n)
        throw Error(ErrorKind::index,
                    "argument indices names a sample that the batch does not have")
            .got(fmt::format("{} for sample {} of the batch", from, i))
            .allowed(fmt::format("0 to {}", n - 1));
      outputs[i] = items[static_cast<std::size_t>(from)].in;
    }
  }

 private:
  Arg<std::vector<std::int64_t>> indices_;
};

}  // namespace

VARO_OPERATORS(batch, permute_batch) {
  return {
      OperatorDef("permute_batch",
                  "Samples of the batch in another order, some perhaps often or never.")
          .doc(
              "Output i is input indices[i] with its file name and affine; no element is copied. The\n"
              "batch is the samples that take this operator: within a branch those of the branch,\n"
              "numbered from 0 in their order.")
          .input({.name = "input", .doc = "Any data."})
          .output("output", "Type and layout of the input, and the shape of the sample taken.")
          .arg({.name = "indices",
                .type = ArgType::integers,
                .doc = "For each sample the number within the batch of the one to be taken, as by\n"
                       "fn.batch_permutation; a constant has one entry a sample of the batch.",
                .required = true})
          .traits({.moves_only = true})
          .make<PermuteBatch>()};
}

}  // namespace varo
