// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <numeric>

#include "kernels/copy/copy.h"
#include "kernels/random/random.h"
#include "operators/shared/draw.h"
#include "operators/shared/promotion.h"

namespace varo {

namespace {

constexpr std::int64_t kGrain = 4096;

// Draws with replacement from 0 ... n-1, or from the elements of an array along its first axis.
class Choice final : public HostOperator {
 public:
  explicit Choice(const Args& args) : p_(args, "p") {}

  void infer(Inference& s) const override {
    const Spec& from = s.spec(0);
    Shape shape = drawn_shape(s, 1);
    if (from.shape.rank() == 0 && !is_integer(from.dtype))
      throw Error(ErrorKind::type, "a count of choices is a whole number")
          .got(std::string(name_of(from.dtype)))
          .allowed("an integer scalar, or an array to choose from");
    if (shape.rank() + std::max(from.shape.rank() - 1, 0) > kMaxRank)
      throw Error(ErrorKind::shape, "the result has too many axes")
          .got(fmt::format("{} of the draws and {} of each choice", shape.rank(),
                           from.shape.rank() - 1))
          .allowed(fmt::format("{} together", kMaxRank));
    // One choice has the letters of the axes that stay; a list of them those of the array.
    const Layout letters = shape.rank() == 0   ? from.layout.without(0)
                           : shape.rank() == 1 ? from.layout
                                               : Layout();
    for (int i = 1; i < from.shape.rank(); ++i) shape.push_back(from.shape[i]);
    s.set_output(0, {from.dtype, shape, letters});
  }

  Need need(const Inference& s, int input) const override {
    if (input != 0) return {Access::spec};
    return {counted(s) ? Access::number : Access::view};
  }

  void prepare(Inference& s) const override {
    Draws draws{.key = s.random(), .shape = drawn_shape(s, 1), .counted = counted(s)};
    draws.choices =
        draws.counted ? static_cast<std::int64_t>(number_in(s.number(0))) : s.spec(0).shape[0];
    if (volume(s.output_spec(0).shape) != 0) {
      check(draws.choices);
      draws.limits = cumulative(s, draws.choices);
    }
    s.state() = std::move(draws);
  }

  void run(const HostRun& r) const noexcept override {
    const auto& draws = r.state<Draws>();
    const View& out = r.out[0];
    if (out.volume() == 0) return;
    const ConstView from = r.view(0);
    parallel_for(r.parallel, volume(draws.shape), kGrain,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t n = begin; n < end; ++n) {
                     const std::int64_t chosen = draw(draws, static_cast<std::uint64_t>(n));
                     const View to = element(out, draws.shape, n);
                     if (draws.counted) {
                       const ConstView one{&chosen, DType::i64, {}, {}};
                       convert(one, to, Parallel::serial());
                     } else {
                       copy(from.part(0, chosen, 1).drop(0), to, Parallel::serial());
                     }
                   }
                 });
  }

 private:
  struct Draws {
    RandomKey key;
    Shape shape;
    bool counted = false;  ///< choices are numbers, not parts of an array
    std::int64_t choices = 0;
    std::vector<double> limits;  ///< cumulative()
  };

  static bool counted(const Inference& s) { return s.spec(0).shape.rank() == 0; }

  static void check(std::int64_t choices) {
    if (choices < 1)
      throw Error(ErrorKind::param, "there is nothing to choose from")
          .got(fmt::format("{} choices", choices))
          .allowed("at least 1");
  }

  // Upper ends of the choices' parts of [0, 1), or nothing where all are equal.
  std::vector<double> cumulative(const Inference& s, std::int64_t choices) const {
    if (!p_.has()) return {};
    std::vector<double> p = p_(s);
    if (static_cast<std::int64_t>(p.size()) != choices)
      throw Error(ErrorKind::shape, "p does not have one probability for every choice")
          .got(fmt::format("{} probabilities", p.size()))
          .allowed(fmt::format("{} probabilities", choices));
    std::partial_sum(p.begin(), p.end(), p.begin());
    const double sum = p.back();
    if (!(std::abs(sum - 1) <= 1e-4))
      throw Error(ErrorKind::param, "the probabilities p do not add up")
          .got(fmt::format("a sum of {}", sum))
          .allowed("1, to within 0.0001");
    for (double& limit : p) limit /= sum;
    return p;
  }

  // Two words of the stream for every draw.
  static std::int64_t draw(const Draws& draws, std::uint64_t n) {
    const std::uint64_t bits = random_word_pair(draws.key, n);
    const std::vector<double>& limits = draws.limits;
    if (limits.empty()) {
      using Wide = unsigned __int128;
      return static_cast<std::int64_t>((Wide{bits} * static_cast<std::uint64_t>(draws.choices)) >>
                                       64);
    }
    const double u = static_cast<double>(bits >> 11) * 0x1p-53;
    // The last limit is 1 up to rounding; what is above it belongs to the last choice that has a
    // probability.
    const auto above = std::upper_bound(limits.begin(), limits.end(), u);
    if (above != limits.end()) return above - limits.begin();
    return std::lower_bound(limits.begin(), limits.end(), limits.back()) - limits.begin();
  }

  // The view of draw number n, in row-major order.
  static View element(View v, const Shape& draws, std::int64_t n) {
    for (int i = draws.rank() - 1; i >= 0; --i) {
      v = v.part(i, n % draws[i], 1).drop(i);
      n /= draws[i];
    }
    return v;
  }

  Arg<std::vector<double>> p_;
};

}  // namespace

VARO_OPERATORS(random, choice) {
  return {
      drawing(
          OperatorDef("random.choice", "Random choices, with replacement.")
              .input({.name = "a",
                      .doc = "A whole number n: choose from 0 ... n-1. An array: choose from its "
                             "elements, or its parts along the first axis."}),
          std::nullopt)
          .output("choices",
                  "Of a's type: the shape asked for, then that of one choice. No layout.")
          .arg({.name = "p",
                .type = ArgType::reals,
                .doc = "Probability of every choice; they add up to 1. Default: all equal.",
                .late = true,
                .least = 0.0,
                .most = 1.0})
          .traits({.random = true})
          .make<Choice>()};
}

}  // namespace varo
