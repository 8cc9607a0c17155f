// SPDX-License-Identifier: Apache-2.0
#include <deque>
#include <fmt/format.h>

#include "operators/api/operator.h"

namespace varo {

namespace {

// What the user's program hands in, a batch at a time. Python's callables and iterables are driven
// by the Python layer, which feeds what they return.
class ExternalSource final : public SourceOperator {
 public:
  explicit ExternalSource(const Args& args) {
    if (args.given("dtype")) dtype_ = args.dtype("dtype");
    if (args.given("ndim")) rank_ = static_cast<int>(args.integer("ndim"));
    if (args.given("layout")) layout_ = Layout(args.text("layout"));
    repeat_last_ = args.flag("repeat_last");
  }

  void feed(std::vector<Ticket> batch) override {
    std::optional<DType> dtype = dtype_;
    std::optional<int> rank = rank_;
    for (Ticket& ticket : batch) {
      Tensor& t = ticket.values.at(0);
      if (dtype && t.dtype() != *dtype)
        throw Error(ErrorKind::type, fed_before_ ? "the element type changed"
                                     : dtype_    ? "the element type is not the declared one"
                                                 : "the samples differ in element type")
            .got(std::string(varo::name_of(t.dtype())))
            .allowed(std::string(varo::name_of(*dtype)));
      if (rank && t.rank() != *rank)
        throw Error(ErrorKind::shape, fed_before_ ? "the number of axes changed"
                                      : rank_     ? "the number of axes is not the declared one"
                                                  : "the samples differ in number of axes")
            .got(fmt::format("{} axes, shape {}", t.rank(), to_string(t.shape())))
            .allowed(fmt::format("{} axes", *rank));
      if (!layout_.empty() && t.layout().empty()) t = t.relabelled(layout_);
      dtype = t.dtype();
      rank = t.rank();
    }
    dtype_ = dtype;
    rank_ = rank;
    fed_before_ = true;
    queue_.push_back(std::move(batch));
  }
  void skip(int) override {
    if (!queue_.empty()) queue_.pop_front();
  }
  void save(SourceState& state) const override { state.words.clear(); }
  void restore(const SourceState&) override { queue_.clear(); }
  void unfeed() override {
    if (!queue_.empty()) queue_.pop_back();
  }
  int fed() const override { return static_cast<int>(queue_.size()); }

  std::optional<int> next_batch_size() const override {
    if (!queue_.empty()) return static_cast<int>(queue_.front().size());
    if (repeat_last_ && !last_.empty()) return static_cast<int>(last_.size());
    throw Error(ErrorKind::state, "no data was fed for this iteration")
        .hint("feed_input before run");
  }
  std::vector<Ticket> tick(int) override {
    if (queue_.empty()) return last_;
    if (repeat_last_) last_ = queue_.front();
    std::vector<Ticket> batch = std::move(queue_.front());
    queue_.pop_front();
    return batch;
  }

  void infer(Inference& s) const override { s.set_output(0, s.ticket().values.at(0).spec()); }
  bool resolve(Views& v) const override {
    v.out[0] = v.facts.ticket().values.at(0);
    return true;
  }

 private:
  std::optional<DType> dtype_;
  std::optional<int> rank_;
  Layout layout_;
  bool repeat_last_ = false, fed_before_ = false;
  std::deque<std::vector<Ticket>> queue_;
  std::vector<Ticket> last_;
};

}  // namespace

VARO_OPERATORS(sources, external_source) {
  return {OperatorDef("external_source",
                      "Data from the user's program: callables, iterables, or feed_input.")
              .output("data", "What was fed; one array a sample.")
              .arg({.name = "dtype",
                    .type = ArgType::dtype,
                    .doc = "Element type to insist on.",
                    .constant = true})
              .arg({.name = "ndim",
                    .type = ArgType::integer,
                    .doc = "Number of axes to insist on.",
                    .constant = true,
                    .least = 0,
                    .most = kMaxRank})
              .arg({.name = "layout",
                    .type = ArgType::layout,
                    .doc = "Axis letters of the data.",
                    .constant = true})
              .arg({.name = "repeat_last",
                    .type = ArgType::boolean,
                    .default_value = false,
                    .doc = "Hand out the last batch again when nothing new was fed.",
                    .constant = true})
              .make<ExternalSource>()};
}

}  // namespace varo
