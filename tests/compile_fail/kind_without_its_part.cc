// SPDX-License-Identifier: Apache-2.0
// An operator that lacks what its kind is made of does not compile.
#include "operators/api/operator.h"

namespace varo {

class Unfinished final : public HostFunction {
 public:
  void infer(Inference& s) const override { s.set_output(0, s.spec(0)); }
#ifdef VARO_AS_IT_SHOULD_BE
  std::optional<Error> call(const FunctionRun&) const override { return std::nullopt; }
#endif
};

const Unfinished unfinished;

}  // namespace varo
