// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "operators/shared/axes.h"

namespace varo {

namespace {

class Transpose final : public Operator {
 public:
  explicit Transpose(const Args& args) : keep_letters_(!args.flag("transpose_layout")) {
    if (args.given("output_layout")) layout_ = Layout(args.text("output_layout"));
    if (!args.given("perm")) return;
    const auto& perm = args.integers("perm");
    const auto rank = static_cast<std::int64_t>(perm.size());
    std::vector<bool> seen(perm.size());
    for (const std::int64_t axis : perm) {
      if (axis >= 0 && axis < rank && !seen[static_cast<std::size_t>(axis)]) {
        seen[static_cast<std::size_t>(axis)] = true;
        perm_.push_back(static_cast<int>(axis));
        continue;
      }
      throw Error(ErrorKind::param, "argument perm is not a permutation")
          .got(fmt::format("[{}]", fmt::join(perm, ", ")))
          .allowed(fmt::format("each of 0 to {} once", rank - 1));
    }
    given_ = true;
  }

  void infer(Inference& s) const override {
    const Spec& in = s.spec(0);
    const std::vector<int> perm = perm_of(s);
    Spec out{in.dtype, {}, keep_letters_ ? in.layout : in.layout.permuted(perm)};
    for (const int from : perm) out.shape.push_back(in.shape[from]);
    if (s.args().given("output_layout")) out.layout = layout_;
    if (!out.layout.empty() && out.layout.rank() != out.shape.rank())
      throw Error(ErrorKind::layout, "output_layout does not have one letter an axis")
          .got(fmt::format("\"{}\"", out.layout.str()))
          .allowed(fmt::format("{} letters", out.shape.rank()));
    s.set_output(0, out);
  }

  std::optional<int> view_of(const Inference&) const override { return 0; }
  bool resolve(Views& v) const override {
    v.out[0] = v.in.permuted(perm_of(v.facts));
    return true;
  }

 private:
  std::vector<int> perm_of(const Inference& s) const {
    const int rank = s.spec(0).shape.rank();
    if (!given_) {
      std::vector<int> reversed;
      for (int i = rank - 1; i >= 0; --i) reversed.push_back(i);
      return reversed;
    }
    if (static_cast<int>(perm_.size()) != rank)
      throw Error(ErrorKind::shape, "argument perm does not have one entry an axis")
          .got(fmt::format("{} entries", perm_.size()))
          .allowed(fmt::format("{} (input {})", rank, to_string(s.spec(0).shape)));
    return perm_;
  }

  std::vector<int> perm_;
  bool given_ = false, keep_letters_ = false;
  Layout layout_;
};

}  // namespace

VARO_OPERATORS(shape, transpose) {
  return {OperatorDef("transpose", "Reorders the axes.")
              .doc("A view: whoever needs the elements reads them in the new order.")
              .input({.name = "data", .doc = "Array of any rank, layout and element type."})
              .output("transposed", "Axis i is axis perm[i] of the input.")
              .arg({.name = "perm",
                    .type = ArgType::integers,
                    .doc = "For each axis of the output, which axis of the input it is; reversed "
                           "order if not given.",
                    .constant = true})
              .arg({.name = "transpose_layout",
                    .type = ArgType::boolean,
                    .default_value = true,
                    .doc = "The letters move with the axes; False leaves them in their places.",
                    .constant = true})
              .arg({.name = "output_layout",
                    .type = ArgType::layout,
                    .doc = "Letters of the output, whatever they were.",
                    .constant = true})
              .traits({.moves_only = true})
              .make<Transpose>()};
}

}  // namespace varo
