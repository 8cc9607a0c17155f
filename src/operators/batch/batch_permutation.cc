// SPDX-License-Identifier: Apache-2.0
#include <numeric>
#include <utility>

#include "core/philox.h"
#include "operators/api/batch_operator.h"

namespace varo {

namespace {

class BatchPermutation final : public BatchOperator {
 public:
  explicit BatchPermutation(const Args& args)
      : repeats_(args.flag("allow_repetitions")), moves_(args.flag("no_fixed_points")) {}

  void run_batch(std::span<const BatchItem> items, std::span<Outputs> outputs) const override {
    Rng rng(items[0].facts.random());
    const std::vector<std::int32_t> drawn =
        repeats_ ? independent(items.size(), rng) : permutation(items.size(), rng);
    for (std::size_t i = 0; i < items.size(); ++i) {
      outputs[i][0] = Tensor::own({DType::i32, {}, {}});
      *outputs[i][0].mutable_view().ptr<std::int32_t>() = drawn[i];
    }
  }

 private:
  std::vector<std::int32_t> independent(std::size_t n, Rng& rng) const {
    std::vector<std::int32_t> drawn(n);
    const bool moves = moves_ && n > 1;
    for (std::size_t i = 0; i < n; ++i) {
      // Of the n - 1 others: those after i move up by one.
      const std::uint64_t k = rng.below(moves ? n - 1 : n);
      drawn[i] = static_cast<std::int32_t>(k + (moves && k >= i ? 1 : 0));
    }
    return drawn;
  }

  // Fisher-Yates; where nothing may stay, again until nothing does: e times on average.
  std::vector<std::int32_t> permutation(std::size_t n, Rng& rng) const {
    std::vector<std::int32_t> drawn(n);
    const auto stays = [&] {
      for (std::size_t i = 0; i < n; ++i)
        if (drawn[i] == static_cast<std::int32_t>(i)) return true;
      return false;
    };
    do {
      std::iota(drawn.begin(), drawn.end(), 0);
      for (std::size_t i = n; i > 1; --i) std::swap(drawn[i - 1], drawn[rng.below(i)]);
    } while (moves_ && n > 1 && stays());
    return drawn;
  }

  const bool repeats_, moves_;
};

}  // namespace

VARO_OPERATORS(batch, batch_permutation) {
  return {
      OperatorDef("batch_permutation", "A random order of the batch, for fn.permute_batch.")
          .doc(
              "The batch is the samples that take this operator: within a branch those of the branch.\n"
              "All orders are equally likely (Fisher and Yates's shuffle); with no_fixed_points all\n"
              "those in which nothing stays.")
          .output("indices", "int32 scalars from 0 to one less than the number of samples.")
          .arg({.name = "allow_repetitions",
                .type = ArgType::boolean,
                .default_value = false,
                .doc = "Each index is drawn by itself, so that some may come often and some never.",
                .constant = true})
          .arg({.name = "no_fixed_points",
                .type = ArgType::boolean,
                .default_value = false,
                .doc = "No sample gets its own number. Without effect in a batch of one.",
                .constant = true})
          .traits({.random = true})
          .make<BatchPermutation>()};
}

}  // namespace varo
