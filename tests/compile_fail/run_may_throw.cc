// SPDX-License-Identifier: Apache-2.0
// An operator whose run() may throw does not compile.
#include "operators/api/operator.h"

#ifdef VARO_AS_IT_SHOULD_BE
#define MAY_THROW noexcept
#else
#define MAY_THROW
#endif

namespace varo {

class Careless final : public HostOperator {
 public:
  void infer(Inference& s) const override { s.set_output(0, s.spec(0)); }
  void run(const HostRun&) const MAY_THROW override {}
};

const Careless careless;

}  // namespace varo
