// SPDX-License-Identifier: Apache-2.0
// Values of a source are views of what it found: a source that says otherwise does not compile.
#include "operators/api/operator.h"

namespace varo {

class Busy final : public SourceOperator {
 public:
  void infer(Inference& s) const override { s.set_output(0, {}); }
  bool resolve(Views& v) const override { return false; }
  std::vector<Ticket> tick(int) override { return {}; }
  void skip(int) override {}
  void save(SourceState&) const override {}
  void restore(const SourceState&) override {}
#ifndef VARO_AS_IT_SHOULD_BE
  std::optional<int> view_of(const Inference&) const override { return std::nullopt; }
#endif
};

const Busy busy;

}  // namespace varo
